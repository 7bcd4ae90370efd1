"""Threads, forks, the garbage collector and close, all at once.

BLT_STRESS_SECONDS says for how long (3).
"""

import gc
import os
import random
import sys
import threading
import time

import pytest
from conftest import within

import blt

SECONDS = float(os.environ.get("BLT_STRESS_SECONDS", 3))


def value_of(key, version=0):
    return f"{key}:{version}:".encode() * 20


class Workers:
    """Threads that run until the time is over; the first error counts."""

    def __init__(self, seconds=SECONDS):
        self.end = time.monotonic() + seconds
        self.errors, self.threads = [], []

    def start(self, work):
        def run():
            rng = random.Random(len(self.threads))
            try:
                while time.monotonic() < self.end and not self.errors:
                    work(rng)
            except BaseException as error:
                self.errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

    def join(self):
        for thread in self.threads:
            thread.join(SECONDS + 60)
            assert not thread.is_alive(), "a thread hangs"
        if self.errors:
            raise self.errors[0]


def check_value(key, found):
    assert found is None or bytes(found[: len(key) + 1]) == key.encode() + b":"


def test_one_store_many_threads(path):
    with blt.open(path, "n", "str", "bytes", buffer_size=65536) as b:
        b.set_many((f"k{i}", value_of(f"k{i}")) for i in range(2000))
        workers = Workers()

        def key_of(rng):
            return f"k{rng.randrange(3000)}"

        def read(rng):
            for key in (key_of(rng) for _ in range(50)):
                check_value(key, b.get(key))
                key in b
            keys = [key_of(rng) for _ in range(700)]
            for key, found in zip(keys, b.get_many(keys)):
                check_value(key, found)

        def write(rng):
            for key in (key_of(rng) for _ in range(50)):
                b[key] = value_of(key, rng.randrange(9))
            b.set_many((k, value_of(k)) for k in (key_of(rng) for _ in range(600)))
            b.del_many([key_of(rng) for _ in range(20)])

        def walk(rng):
            try:
                for key, found in b.items():
                    check_value(key, found)
            except RuntimeError as error:
                assert "mutated" in str(error)

        def keep_up(rng):
            time.sleep(0.01)
            choice = rng.randrange(5)
            try:
                if choice == 0:
                    b.sync()
                elif choice == 1:
                    b.prune(progress=lambda *_: None)
                elif choice == 2:
                    assert b.verify()
                elif choice == 3:
                    with b._thread_lock:
                        b._file.seek(0)
                        assert len(b._file.read(200)) == 200
                else:
                    b.commit()
            except BufferError:
                pass

        def look(rng):
            key = key_of(rng)
            try:
                view = b.get_view(key)
            except RuntimeError:
                return
            check_value(key, view)

        for work in (read, read, write, write, walk, keep_up, look):
            workers.start(work)
        workers.join()
    with blt.open(path) as b:
        assert b.verify()
        for key, found in b.items():
            check_value(key, found)


@pytest.mark.parametrize("what", ["put", "delete"])
def test_a_commit_that_comes_by_itself_lets_others_run(path, what):
    keys = [f"{i}" for i in range(2048 * 40)]
    turns, ready, over = [0], threading.Event(), threading.Event()

    def take_turns():
        ready.set()
        while not over.is_set():
            turns[0] += 1
            time.sleep(0)

    # So long that nobody has to let go: a turn comes where it is given.
    interval = sys.getswitchinterval()
    with blt.open(path, "n", "str", "bytes", buffer_size=2**26) as b:
        if what == "delete":
            b.set_many((key, b"") for key in keys)
        other = threading.Thread(target=take_turns, daemon=True)
        other.start()
        ready.wait()
        try:
            sys.setswitchinterval(1000)
            before = turns[0]
            for key in keys:
                if what == "put":
                    b[key] = b""
                else:
                    del b[key]
            given = turns[0] - before
        finally:
            sys.setswitchinterval(interval)
        over.set()
        other.join()
    assert given > 0


@pytest.mark.parametrize("what", ["put", "delete", "get", "in", "len"])
def test_who_waited_for_a_store_that_was_closed_is_told_so(path, what):
    calls = {
        "put": lambda b: b.set("x", b""),
        "delete": lambda b: b.__delitem__("1"),
        "get": lambda b: b.get("3"),
        "in": lambda b: "3" in b,
        "len": lambda b: counts.add(len(b)),  # as after a close
    }
    counts = set()
    told = []

    def call(b):
        try:
            calls[what](b)
        except KeyError:
            pass
        except Exception as error:
            told.append(str(error))

    for _ in range(15):
        with blt.open(path, "n", "str", "bytes") as b:
            b.set_many((f"{i}", b"") for i in range(100))
            workers = [threading.Thread(target=call, args=[b]) for _ in range(6)]
            workers.insert(1, threading.Thread(target=b.close))

            def begin(*_, workers=workers):
                for worker in workers:
                    if worker.ident is None:
                        worker.start()
                time.sleep(0.001)

            b.prune(progress=begin)
            for worker in workers:
                worker.join()
    assert set(told) <= {"I/O operation on closed file."}
    if what == "len":
        assert not told and counts == {100}


def test_an_iterator_that_threads_share_gives_each_key_once(path):
    keys = sorted(f"{i}" for i in range(1500))

    for _ in range(10):
        with blt.open(path, "n", "str", "bytes", buffer_size=2**24) as b:
            for key in keys:
                b[key] = b""
            walk, met, ready = iter(b), [], threading.Barrier(4)

            def take(walk=walk, met=met, ready=ready):
                ready.wait()
                met.extend(walk)

            workers = [threading.Thread(target=take) for _ in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            del walk, take
        assert sorted(met) == keys


@pytest.mark.parametrize("value_len", [0, 100, 1000, 5000])
@pytest.mark.parametrize("how", ["one by one", "many first"])
def test_progress_inside_a_put_is_told_while_others_are_kept_out(
    path, value_len, how
):
    kept_out = []

    def progress(phase, done, total):
        kept_out.append(b._thread_lock.locked())

    value = bytes(value_len)
    with blt.open(path, "n", "str", "bytes", n_buckets=10) as b:
        b["first"] = value
        b.sync()
        b._set_progress(progress)
        for i in range(6000):
            if how == "many first" and i % 100 == 0:
                b.set_many((f"{i}-{j:040}", value) for j in range(70))
            b[f"{i:040}"] = value
        b._set_progress(None)
    assert kept_out and all(kept_out)


def test_readers_share_a_store_that_is_read_only(path):
    with blt.open(path, "n", "str", "pickle") as b:
        b.set_many((f"k{i}", i) for i in range(5000))
    with blt.open(path) as b:
        workers = Workers(SECONDS / 2)

        def read(rng):
            keys = [rng.randrange(6000) for _ in range(300)]
            found = b.get_many([f"k{i}" for i in keys])
            assert found == [i if i < 5000 else None for i in keys]
            assert sum(1 for _ in b) == 5000

        for _ in range(4):
            workers.start(read)
        workers.join()


def test_close_beside_everything(tmp_path):
    """A call beside a close works or says that the file is closed."""
    end = time.monotonic() + SECONDS
    n = 0
    while time.monotonic() < end:
        n += 1
        b = blt.open(tmp_path / "a.blt", "n", "str", "bytes")
        b.set_many((f"k{i}", value_of(f"k{i}")) for i in range(600))
        start = threading.Barrier(5)
        views = []

        def work(call):
            start.wait()
            try:
                for _ in range(50):
                    call()
            except (ValueError, RuntimeError):
                pass

        calls = [
            lambda: b.get_many([f"k{i}" for i in range(600)]),
            lambda: b.set_many({f"k{i}": b"new" for i in range(600)}),
            lambda: list(b.items()),
            lambda: views.append(b.get_view("k1")),
        ]
        threads = [
            threading.Thread(target=work, args=(call,)) for call in calls
        ]
        for thread in threads:
            thread.start()
        start.wait()
        time.sleep(random.random() * 0.01)
        b.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert all(bytes(v)[:2] in (b"k1", b"ne") for v in views)
        views.clear()
        b.close()
        with blt.open(tmp_path / "a.blt", timeout=5) as b:
            assert len(b) == 600 and b.verify()
    assert n > 1


def test_the_collector_takes_stores_in_circles(tmp_path):
    for i in range(30):
        b = blt.open(tmp_path / "a.blt", "c", "str", "bytes", timeout=5)
        b[f"k{i}"] = b"x"
        b.myself = b
        b.walk = b.items()
        if i % 3:
            next(b.walk)
        if i % 2:
            b.view = b.get_view(f"k{i}")
        b.set_progress = b._set_progress(lambda *_, b=b: None)
        del b
        gc.collect()
    with blt.open(tmp_path / "a.blt", timeout=0) as b:
        assert len(b) == 30 and b.verify()


# ------------------------------------------------------------------- fork


def in_child(work):
    """Run work in a forked child; its exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_reader_goes_on_in_a_forked_child(path):
    with blt.open(path, "n", "str", "bytes") as b:
        b["a"] = b"1"
    with blt.open(path) as b:
        walk = iter(b)

        def work():
            assert b["a"] == b"1" and list(walk) == ["a"] and len(b) == 1
            b.close()

        assert in_child(work) == 0
        assert b["a"] == b"1"
        with pytest.raises(blt.LockTimeoutError):
            blt.open(path, "w", timeout=0)


def test_a_writer_is_of_no_use_in_a_forked_child(path):
    b = blt.open(path, "n", "str", "bytes")
    b["a"] = b"1"

    def work():
        for call in (
            lambda: b["a"],
            lambda: b.set("a", b"2"),
            lambda: b.sync(),
            lambda: list(b),
            lambda: b.set_many({"a": b"2"}),
        ):
            with pytest.raises(blt.ForkedError):
                call()
        b.close()

    assert in_child(work) == 0
    with pytest.raises(blt.LockTimeoutError):
        blt.open(path, "w", timeout=0)
    b["c"] = b"3"
    b.close()
    with blt.open(path, timeout=0) as other:
        assert dict(other) == {"a": b"1", "c": b"3"} and other.verify()


def test_a_child_that_ends_leaves_the_parent_alone(path):
    b = blt.open(path, "n", "str", "bytes")
    b["a"] = b"1"
    pid = os.fork()
    if pid == 0:
        import sys

        try:
            sys.exit(0)
        finally:
            gc.collect()
            # What runs at exit, and then the end without pytest's own.
            import atexit

            atexit._run_exitfuncs()
            os._exit(0)
    os.waitpid(pid, 0)
    b["b"] = b"2"
    b.close()
    with blt.open(path, timeout=0) as other:
        assert len(other) == 2 and other.verify()


def test_forks_while_threads_work(path):
    with blt.open(path, "n", "str", "bytes") as b:
        b.set_many((f"k{i}", value_of(f"k{i}")) for i in range(1000))
    with blt.open(path) as b:
        workers = Workers(SECONDS / 2)
        for _ in range(2):
            workers.start(lambda rng: b.get_many([f"k{i}" for i in range(900)]))
        while time.monotonic() < workers.end:

            def work():
                assert len(b.get_many([f"k{i}" for i in range(900)])) == 900
                assert sum(1 for _ in b) == 1000

            assert in_child(work) == 0
        workers.join()


def test_a_thread_does_not_wait_for_itself(path):
    with blt.open(path, "n", "str", "bytes") as b:
        b["a"] = b"1"

        def work():
            with b._thread_lock:
                with pytest.raises(RuntimeError, match="inside a call"):
                    b["a"]
            return b["a"]

        assert within(10, work) == b"1"
        lock = b._thread_lock
        with pytest.raises(RuntimeError):
            lock.release()
        assert lock.acquire() and lock.locked()
        lock.release()
        assert not lock.locked()
