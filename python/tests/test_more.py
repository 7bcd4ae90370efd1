"""What blt has and booklet does not."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys

import pytest
from conftest import within

import blt


def value(i):
    return b"%08d" % i


@pytest.fixture
def store(path):
    with blt.open(path, "n", "str", "bytes", n_buckets=101) as b:
        b.update({f"k{i}": value(i) for i in range(100)})
        yield b


@pytest.fixture
def fixed(path):
    with blt.FixedLengthValue(path, "n", "uint4", 8) as b:
        b.update({i: value(i) for i in range(2000)})
        yield b


# ------------------------------------------------------------ many at once


@pytest.mark.parametrize("names", [
    ("str", "str"), ("bytes", "bytes"), ("uint4", "int8"), ("str", "pickle"),
    ("pickle", "orjson"),
])
@pytest.mark.parametrize("n", [0, 1, 511, 512, 513, 3000])
def test_many_at_once_is_the_same_as_one_by_one(path, names, n):
    make = {
        "str": str,
        "bytes": lambda i: str(i).encode(),
        "uint4": int,
        "int8": lambda i: -i,
        "pickle": lambda i: (i, "p"),
        "orjson": lambda i: {"o": i},
    }
    data = {make[names[0]](i): make[names[1]](i) for i in range(n)}
    with blt.open(path, "n", *names) as b:
        b.set_many(data.items())
        assert dict(b) == data and len(b) == n
        keys = list(data)[::-1]
        assert b.get_many(iter(keys)) == [data[k] for k in keys]
        missing = make[names[0]](9999)
        assert b.get_many([missing, *keys[:3]], "no") == [
            "no", *(data[k] for k in keys[:3])
        ]
        assert b.del_many([missing, *keys[::2]]) == len(keys[::2])
        assert b.del_many(keys=keys) == len(keys[1::2]) and len(b) == 0


def test_set_many_takes_times_and_pairs(path):
    with blt.open(path, "n", "str", "str") as b:
        b.set_many({"a": "1"}, timestamp=5)
        b.set_many([("b", "2"), ["c", "3"]], "1970-01-01T00:00:00+00:00")
        assert sorted(b.timestamps()) == [("a", 5), ("b", 0), ("c", 0)]
        for wrong in (5, ["abc"], [("a",)], [5]):
            with pytest.raises((TypeError, ValueError)):
                b.set_many(wrong)
        b.update([("d", "4")], e="5")
        assert b["d"] == "4" and b["e"] == "5"


def test_what_comes_before_a_failure_is_stored(path):
    def pairs():
        yield "a", "1"
        yield "b", "2"
        raise LookupError("made up")

    with blt.open(path, "n", "str", "str") as b:
        with pytest.raises(LookupError):
            b.set_many(pairs())
        assert dict(b) == {"a": "1", "b": "2"}


def test_a_pair_that_its_serializer_takes_apart_is_stored(path):
    pairs = [[f"{i}", bytes([i]) * 1000] for i in range(100)]
    left = list(pairs)

    class Taking:
        @staticmethod
        def dumps(key):
            left.pop(0).clear()
            return key.encode()

        @staticmethod
        def loads(data):
            return data.decode()

    with blt.open(path, "n", Taking, "bytes") as b:
        b.set_many(iter(pairs))
        found = dict(b.items())
    assert found == {f"{i}": bytes([i]) * 1000 for i in range(100)}


def test_a_dict_that_changes_under_set_many_is_noticed(path):
    data = {i: i for i in range(10)}

    class Growing:
        def dumps(obj):
            data[len(data)] = 0
            return str(obj).encode()

        def loads(obj):
            return obj

    with blt.open(path, "n", "uint4", Growing) as b:
        with pytest.raises(RuntimeError, match="changed size"):
            b.set_many(data)


# ------------------------------------------------------------------ views


def test_a_view_is_the_value_without_a_copy(store):
    view = store.get_view("k5")
    assert isinstance(view, memoryview) and view.readonly
    assert bytes(view) == value(5) and store.get_view("zz", 7) == 7
    store.update({f"more{i}": b"x" * 1000 for i in range(9000)})
    store["k5"] = b"other"
    store.sync()
    assert bytes(view) == value(5) and bytes(store.get_view("k5")) == b"other"


def test_what_moves_values_waits_for_views(store):
    view = store.get_view("k5")
    for call in (store.prune, store.clear, lambda: store.reopen("r")):
        with pytest.raises(BufferError):
            call()
    view.release()
    store.prune()


def test_a_view_of_what_came_behind_a_commit_stays_as_it_is(path):
    with blt.open(path, "n", "str", "bytes") as b:
        for turn in range(3):
            b.sync()
            b[f"first {turn}"] = b""
            # The commit comes with the last but one.
            b.set_many((f"{turn}-{i}", b"a" * 100) for i in range(2048))
            view = b.get_view(f"{turn}-2047")
            b.set_many((f"+{i}", b"+" * 100) for i in range(5000))
            assert bytes(view) == b"a" * 100
            view.release()


def test_a_view_of_metadata_inside_a_batch_is_refused(path):
    with blt.open(path, "n", "str", "bytes") as b, b.batch():
        b.set_metadata({"a": 1})
        with pytest.raises(RuntimeError):
            b.get_view("adb01ebc1ba3433eb043527")


@pytest.mark.parametrize("flag", ["r", "w"])
def test_a_view_keeps_map_and_lock_after_close(store, path, flag):
    store.reopen(flag)
    view = store.get_view("k7")
    if flag == "w":
        store["k8"] = b"changed"
    store.close()
    store.close()
    with pytest.raises(ValueError):
        store["k7"]
    assert bytes(view) == value(7) and len(store) == 100
    with pytest.raises(blt.LockTimeoutError):
        blt.open(path, "w", timeout=0)
    del view
    with blt.open(path, "w", timeout=0) as b:
        assert b["k8"] == (b"changed" if flag == "w" else value(8))


def test_a_view_outlives_its_store_object(path):
    b = blt.open(path, "n", "str", "bytes")
    b["a"] = b"x" * 1000
    view = b.get_view("a")
    del b
    assert bytes(view) == b"x" * 1000
    view.release()
    with blt.open(path, "w", timeout=0) as b:
        assert b["a"] == b"x" * 1000


def test_no_views_of_what_is_not_in_the_file(store):
    with store.batch():
        store["new"] = b"1"
        with pytest.raises(RuntimeError):
            store.get_view("new")
    assert bytes(store.get_view("new")) == b"1"


# ---------------------------------------------------------------- batches


def test_a_batch_is_all_or_nothing(store):
    with store.batch():
        store["new"] = b"1"
        del store["k1"]
        assert store["new"] == b"1" and "k1" not in store
        assert "new" in list(store)
    assert store["new"] == b"1" and "k1" not in store
    with pytest.raises(KeyError):
        with store.batch():
            store["k2"] = b"changed"
            del store["zz"]
    assert store["k2"] == value(2)


def test_batches_do_not_nest_and_refuse_what_would_end_them(store):
    with store.batch():
        for call in (store.sync, store.prune, store.clear, store.commit):
            with pytest.raises(RuntimeError):
                call()
        with pytest.raises(RuntimeError):
            with store.batch():
                pass
        store["a"] = b"1"
    assert store["a"] == b"1"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("how", ["r", "w", "repair"])
def test_nothing_opens_the_store_again_inside_a_batch(path, how, closed):
    with blt.open(path, "n", "str", "str") as b:
        again = b.repair if how == "repair" else lambda: b.reopen(how)
        with contextlib.suppress(KeyError, ValueError), b.batch():
            b["a"] = "1"
            if closed:
                b.close()
            with pytest.raises(RuntimeError):
                again()
            assert b._is_open != closed
            if not closed:
                b["b"] = "1"
                raise KeyError
        b.reopen("w")
        assert dict(b) == {}
        with b.batch():
            b["a"] = "1"
            with pytest.raises(RuntimeError):
                again()
            b["b"] = "1"
        assert dict(b) == {"a": "1", "b": "1"}
        again()


CHILD = """
import os, signal, sys, blt
path, sync, how = sys.argv[1:]
b = blt.open(path, "w", sync=sync)
b.set_many({f"n{i}": b"x" * 100 for i in range(1000)})
if how == "sync":
    b.sync()
elif how == "commit":
    b.commit()
elif how == "batch":
    with b.batch():
        b["in"] = b"1"
elif how == "slot":
    b.set_reserved(1, b"journal")
if how == "open batch":
    b._batch_begin()
b["late"] = b"1"
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("sync", ["batch", "full", "off"])
@pytest.mark.parametrize(
    "how", ["sync", "commit", "batch", "slot", "open batch"]
)
def test_what_was_committed_outlives_a_kill(store, path, sync, how):
    store.close()
    done = subprocess.run([sys.executable, "-c", CHILD, path, sync, how])
    assert done.returncode == -signal.SIGKILL
    for flag in "rwr":
        with blt.open(path, flag, timeout=5) as b:
            assert len(b) == 1100 + (how == "batch") and "late" not in b
            assert b["k1"] == value(1) and b["n999"] == b"x" * 100
            # Only a writer mends the file; a reader knows better in memory.
            assert b.verify() or flag == "r"
            if how == "slot":
                assert b.get_reserved(1) == b"journal"


def test_what_is_open_at_exit_is_stored(path):
    code = (
        "import sys, blt\n"
        "b = blt.open(sys.argv[1], 'n', 'str', 'str')\n"
        "b['a'] = 'kept'\n"
        "keep = [b]; keep.append(keep)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)
    with blt.open(path) as b:
        assert b["a"] == "kept" and b.opened == "clean"


# ----------------------------------------------------------------- upkeep


def test_verify_stats_repair(store, path):
    assert store.verify() and store.verify().n_live == 100
    del store["k1"]
    stats = store.stats()
    assert stats.n_keys == 99 and stats.n_dead >= 1
    assert stats.file_len == os.path.getsize(path)
    assert sum(stats.chain_bins) == 101
    store.close()
    with open(path, "r+b") as raw:
        raw.seek(200)
        raw.write(b"\xff" * 60)  # ten wild pointers
    with blt.open(path) as b:
        found = b.verify(max_faults=3)
        assert not found and len(found.faults) == 3
        assert found.faults[0].offset is not None and found.faults[0].message
    assert not blt.verify(path)
    fixed = path.with_name("fixed")
    assert blt.repair(path, fixed)["n_kept"] == 99
    assert blt.repair(path, dry_run=True)["n_kept"] == 99
    with blt.open(fixed) as b:
        assert len(b) == 99 and b.verify()
    assert blt.repair(path)["n_kept"] == 99
    with blt.open(path, "w") as b:
        assert b.verify() and b["k5"] == value(5)
        assert b.repair()["n_kept"] == 99 and b.writable
        assert b["k5"] == value(5)


def test_repair_waits_for_the_lock_and_no_longer(store, path):
    with pytest.raises(blt.LockTimeoutError):
        within(15, lambda: blt.repair(path, timeout=0.1))


def test_damage_is_an_error_of_its_own(store, path):
    store.close()
    with open(path, "r+b") as raw:
        raw.seek(200)
        raw.write(b"\xff" * 606)
    with blt.open(path) as b:
        with pytest.raises(blt.CorruptError) as error:
            b["k1"]
        assert isinstance(error.value, (ValueError, blt.Error))


def test_progress_is_told_and_can_stop(path):
    calls = []
    with blt.open(path, "n", "uint4", "bytes") as b:
        b.set_many((i, b"x" * 1000) for i in range(20000))
        b.commit()
        b.del_many(range(0, 20000, 2))

        def stop(phase, done, total):
            raise LookupError("enough")

        with pytest.raises(LookupError):
            b.prune(progress=stop)
        assert len(b) == 10000 and b.verify()
        assert b.prune(progress=lambda *a: calls.append(a)) == 10000
        assert b.verify(progress=lambda *a: calls.append(a))
    assert {phase for phase, _, _ in calls} >= {"prune"}
    assert all(0 <= done <= total for _, done, total in calls)


def test_a_callback_may_not_call_its_store(path):
    with blt.open(path, "n", "uint4", "bytes") as b:
        b.set_many((i, b"x" * 1000) for i in range(20000))
        b.del_many(range(0, 20000, 2))
        with pytest.raises(RuntimeError, match="inside a call"):
            within(20, lambda: b.prune(progress=lambda *_: b[1]))
        assert b[1] == b"x" * 1000


def test_prune_can_choose_the_index(store):
    store.prune(n_buckets=1009)
    assert store._n_buckets == 1009
    store.prune(n_buckets="auto")
    assert store._n_buckets == 12007
    store.reindex(77)
    assert store._n_buckets == 77 and store["k3"] == value(3)


# ------------------------------------------------------- elsewhere, numpy


def test_a_reader_pickles_by_its_path(store, path):
    with pytest.raises(TypeError):
        pickle.dumps(store)
    store.reopen("r")
    other = pickle.loads(pickle.dumps(store))
    assert other["k1"] == value(1) and other.writable is False
    other.close()


def test_a_fixed_reader_pickles_too(fixed):
    fixed.reopen("r")
    with pickle.loads(pickle.dumps(fixed)) as other:
        assert other[5] == value(5)


def test_fixed_values_as_arrays(fixed):
    np = pytest.importorskip("numpy")
    rows, found = fixed.get_packed([3, 99999, 1])
    assert bytes(rows) == value(3) + bytes(8) + value(1)
    assert list(found) == [1, 0, 1]
    array, found = fixed.get_array(range(1500), dtype="S8")
    assert array.shape == (1500,) and array[7] == value(7) and found.all()
    array, found = fixed.get_array(iter([1, 99999]), dtype=np.uint16)
    assert array.shape == (2, 4) and not array[1].any()
    assert list(found) == [True, False]
    keys, array = fixed.to_arrays()
    assert len(keys) == 2000 and array.shape == (2000, 8)
    assert bytes(array[keys.index(9)]) == value(9)
    fixed.reopen("r")
    assert fixed.get_array([])[0].shape == (0, 8)


def test_only_fixed_values_lie_side_by_side(store):
    with pytest.raises(TypeError):
        store.get_packed(["k1"])


# --------------------------------------------------------------- options


def test_options_are_judged(path):
    for wrong in ({"sync": "often"}, {"io": "magic"}, {"what": 1}):
        with pytest.raises((ValueError, TypeError)):
            blt.open(path, "n", **wrong)
    with pytest.raises(ValueError, match="uint9"):
        blt.open(path, "n", "uint9")
    with pytest.raises((TypeError, ValueError)):
        blt.open(path, "n", init_bytes=b"short" * 50)


@pytest.mark.parametrize("io", ["auto", "mmap", "pread"])
def test_each_way_to_read(store, path, io):
    store.close()
    with blt.open(path, io=io) as b:
        assert b["k1"] == value(1) and len(list(b.items())) == 100
        assert bytes(b.get_view("k2")) == value(2)


def test_open_any_finds_the_kind(fixed, path):
    fixed.close()
    with blt.open_any(path) as b:
        assert type(b) is blt.FixedLengthValue and b[5] == value(5)


def test_a_store_in_memory_can_do_all(path):
    import io

    file = io.BytesIO()
    b = blt.open(file, "n", "str", "bytes")
    b.update({f"k{i}": value(i) for i in range(50)})
    del b["k1"]
    assert b.prune() >= 0 and b.verify() and len(b) == 49
    b.reopen("r")
    assert b["k2"] == value(2) and not b.writable
    b.reopen("w")
    b.clear()
    b["a"] = b"1"
    b.sync()
    with blt.open(io.BytesIO(file.getvalue())) as other:
        assert dict(other) == {"a": b"1"}


def test_install_as_booklet_in_a_fresh_process(tmp_path):
    code = (
        "import blt; blt.install_as_booklet()\n"
        "import booklet, booklet.utils\n"
        "from booklet import FixedLengthValue\n"
        "from booklet.main import VariableLengthValue\n"
        "assert booklet.open.__module__ == 'blt.main'\n"
        "assert booklet.__version__ == '0.12.10'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    code = "import blt.as_booklet, booklet; assert booklet.main.open"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_serializers_without_their_package_say_so():
    with pytest.raises(NameError, match="needs this package"):
        blt.serializers._Later("no_such_package", "x").anything
