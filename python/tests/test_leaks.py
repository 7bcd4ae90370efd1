"""Each call, many times over: no reference and no memory is left behind.

A debug interpreter (python3-dbg) counts references, any other one blocks.
"""

import contextlib
import gc
import os
import sys

import pytest

import blt

COUNT = getattr(sys, "gettotalrefcount", sys.getallocatedblocks)
ROUNDS = 60


class Odd:
    def dumps(obj):
        if obj == "bad":
            raise LookupError
        return obj.encode()

    def loads(data):
        return data.decode()


def fails(call):
    try:
        call()
    except Exception:
        return
    raise AssertionError("it did not fail")


def stop_it(b):
    """The callback is asked now and then; a short prune may not ask."""
    with contextlib.suppress(ZeroDivisionError):
        b.prune(progress=lambda *_: 1 / 0)


def calls(b, fixed):
    """Everything a store can do, right and wrong."""
    data = {f"k{i}": f"{i:08}" for i in range(600)}
    if fixed:
        data = {k: v.encode() for k, v in data.items()}
    one = next(iter(data.values()))

    def broken():
        yield "k1", one
        raise LookupError

    yield "set", lambda: b.__setitem__("k1", one)
    yield "get", lambda: (b["k1"], b.get("k1"), b.get("zz", 1))
    yield "miss", lambda: fails(lambda: b["zz"])
    yield "in", lambda: ("k1" in b, "zz" in b)
    yield "delete", lambda: (b.__setitem__("d", one), b.__delitem__("d"))
    yield "delete missing", lambda: fails(lambda: b.__delitem__("zz"))
    yield "wrong key", lambda: fails(lambda: b[5])
    yield "wrong value", lambda: fails(lambda: b.set("a", 5))
    yield "wrong arguments", lambda: (
        fails(lambda: b.get()), fails(lambda: b.get("a", x=1)),
        fails(lambda: b.get("a", key="b")), fails(lambda: b.get(1, 2, 3)),
    )
    yield "update", lambda: b.update(data)
    yield "pairs", lambda: b.set_many(data.items())
    yield "broken pairs", lambda: fails(lambda: b.set_many(broken()))
    yield "wrong pairs", lambda: fails(lambda: b.set_many([("a",)]))
    yield "get_many", lambda: b.get_many([*data, "zz"])
    yield "wrong many", lambda: fails(lambda: b.get_many(["k1", 5]))
    yield "del_many", lambda: b.del_many(["k1", "zz"])
    yield "walks", lambda: (list(b), list(b.items()), list(b.values()))
    yield "half a walk", lambda: next(b.items())
    yield "mutated walk", lambda: fails(
        lambda: [b.__setitem__("k2", one) for _ in b]
    )
    yield "view", lambda: bytes(b.get_view("k3"))
    yield "len", lambda: len(b)
    yield "header", lambda: (b._n_buckets, b._file_timestamp, b._header())
    yield "batch", lambda: (b._batch_begin(), b._batch_abort())
    yield "sync", lambda: b.sync()
    yield "verify", lambda: b.verify()
    yield "stats", lambda: b.stats()
    yield "lock", lambda: b._thread_lock.__enter__() and b._thread_lock.release()
    yield "prune", lambda: b.prune(progress=lambda *_: None)
    yield "stopped prune", lambda: (
        b.update(data), b.commit(), stop_it(b),
    )
    yield "reopen", lambda: b.reopen("w")
    if fixed:
        yield "packed", lambda: b.get_packed(["k1", "zz"])
        yield "wrong packed", lambda: fails(lambda: b.get_packed(["k1", 5]))
        yield "wrong length", lambda: fails(lambda: b.update({"a": b"x"}))
    else:
        yield "times", lambda: (
            b.set("t", one, 5), b.get_timestamp("t", True), list(b.timestamps())
        )
        yield "set time", lambda: b.set_timestamp("t", "2020-01-01T00:00Z")
        yield "wrong time", lambda: fails(lambda: b.set("t", one, "soon"))
        yield "places", lambda: list(b.locations())
        yield "metadata", lambda: (b.set_metadata([1]), b.get_metadata(True))
        yield "slot", lambda: (b.set_reserved(1, b"x"), b.get_reserved(1, True))


def growth(work, rounds, generation):
    """The least of four times in a row: caches may grow once, a leak does each
    time."""
    counts = []
    for _ in range(5):
        for _ in range(rounds):
            work()
        gc.collect(generation)
        counts.append(COUNT())
    return min(now - before for before, now in zip(counts, counts[1:]))


def leak(work, rounds):
    """What grows with a full collection each time, and without as well: that one
    empties the interpreter's free lists, which then fill again, a block a round.
    """
    left = growth(work, rounds, 2)
    return left if left < rounds // 2 else min(left, growth(work, rounds, 1))


@pytest.mark.parametrize("kind", ["str", "custom", "fixed"])
def test_no_call_leaves_anything_behind(path, kind):
    if kind == "fixed":
        b = blt.FixedLengthValue(path, "n", "str", 8)
    else:
        codec = "str" if kind == "str" else Odd
        b = blt.open(path, "n", "str", codec)
    wrong = {}
    with b:
        for name, work in calls(b, kind == "fixed"):
            dear = name in (
                "prune", "stopped prune", "sync", "verify", "reopen", "set time",
                "metadata", "slot", "times",
            )
            rounds = ROUNDS // 10 if dear else ROUNDS
            left = leak(work, rounds)
            if left >= rounds // 2:
                wrong[name] = left
    assert not wrong


def test_stores_that_come_and_go_leave_nothing(tmp_path):
    def work():
        with blt.open(tmp_path / "a", "n", "str", "str") as b:
            b["a"] = "b"
            walk = b.items()
            next(walk)
            view = b.get_view("a")
        del walk, view
        fails(lambda: blt.open(tmp_path / "none"))
        fails(lambda: blt.open(tmp_path, "w"))
        fails(lambda: blt.FixedLengthValue(tmp_path / "a"))
        with blt.open(tmp_path / "a"):
            pass
        fails(lambda: blt.repair(tmp_path / "none"))

    n_files = len(os.listdir("/proc/self/fd"))
    assert leak(work, 20) < 10
    assert len(os.listdir("/proc/self/fd")) <= n_files
