"""What users of booklet rely on, tested on booklet and on blt alike."""

import io
import logging
import multiprocessing
import os
import pathlib
import pickle
import threading
import time
import tracemalloc
import weakref
from collections.abc import MutableMapping
from datetime import datetime, timedelta, timezone

import pytest
from conftest import within

VALUE_LEN = 8


def new(package, where, kind="variable", **more):
    more.setdefault("n_buckets", 101)
    if kind == "fixed":
        return package.FixedLengthValue(
            where, "n", "str", value_len=VALUE_LEN, **more
        )
    more.setdefault("value_serializer", "bytes")
    return package.open(where, "n", "str", **more)


def old(package, where, kind="variable", flag="r", **more):
    cls = package.FixedLengthValue if kind == "fixed" else package.open
    return cls(where, flag, **more)


def value(i):
    return b"%08d" % i


def fill(store, n, begin=0):
    for i in range(begin, begin + n):
        store[f"k{i}"] = value(i)


def expect(store, n):
    assert dict(store.items()) == {f"k{i}": value(i) for i in range(n)}
    assert len(store) == n


# ------------------------------------------------------------ the surface


def test_the_module_has_all_names(package):
    for name in package.__all__:
        assert hasattr(package, name), name
    assert package.available_serializers[0] is None
    assert len(package.available_serializers) == 32
    assert issubclass(package.LockTimeoutError, TimeoutError)
    assert isinstance(package.__version__, str)


def test_utils_has_the_names_that_others_use(package):
    utils = package.utils
    assert utils.int_to_bytes(513, 2) == b"\x01\x02"
    assert utils.bytes_to_int(b"\x01\x02") == 513
    assert utils.hash_key(utils.metadata_key_bytes) == utils.metadata_key_hash
    assert set(utils.reserved_slot_key_bytes) == {1, 2}
    assert utils.n_keys_pos == 33 and utils.sub_index_init_pos == 200
    assert utils.n_keys_crash == 2**32 - 1
    assert len(utils.uuid_variable_blt) == len(utils.uuid_fixed_blt) == 16


def test_codes_of_serializers_are_those_of_the_format(package):
    names = package.serializers.serial_name_dict
    assert [names[n] for n in (None, "str", "orjson", "uint8", "bytes")] == [
        1, 2, 5, 14, 32,
    ]
    for name, code in names.items():
        cls = package.serializers.serial_dict[name]
        assert package.serializers.serial_int_dict[code] is cls


def test_timestamps_of_all_forms(package):
    make = package.make_timestamp_int
    assert make(42) == 42
    assert abs(make() - time.time() * 1e6) < 5e6
    assert make("2024-01-01T00:00:00+00:00") == 1704067200000000
    zone = timezone(timedelta(hours=2))
    assert make(datetime(2024, 1, 1, 2, tzinfo=zone)) == 1704067200000000
    for wrong in ("2024-01-01T00:00:00", datetime(2024, 1, 1)):
        with pytest.raises(ValueError):
            make(wrong)
    with pytest.raises(TypeError):
        make(1.5)


def test_a_store_is_a_mutable_mapping(package, path):
    with new(package, path) as b:
        assert isinstance(b, MutableMapping)
        fill(b, 3)
        assert b == {f"k{i}": value(i) for i in range(3)}
        assert b.pop("k0") == value(0) and b.pop("zz", 7) == 7
        assert b.setdefault("k1", b"other") == value(1)
        assert b.setdefault("new", b"made") == b"made"
        key, _ = b.popitem()
        assert key not in b
        assert weakref.ref(b)() is b
        with pytest.raises(TypeError):
            hash(b)


def test_classes_can_be_patched_and_subclassed(package, path, monkeypatch):
    monkeypatch.setattr(package.FixedLengthValue, "prune", lambda self: "hi")

    class Mine(package.FixedLengthValue):
        def __getitem__(self, key):
            return super().__getitem__(key)[::-1]

    with Mine(path, "n", "str", VALUE_LEN) as b:
        b["a"] = b"12345678"
        assert b["a"] == b"87654321" and b.prune() == "hi"


def test_all_parameters_may_be_given_by_position(package, path):
    with package.open(
        path, "n", "str", "str", 77, 512, False, None, 5
    ) as b:
        assert b._n_buckets == 77 and b._write_buffer_size == 512
        b["a"] = "b"
    with package.open(path, "r") as b:
        assert b["a"] == "b"
    fixed = path.with_name("f")
    with package.FixedLengthValue(fixed, "n", "str", 4, 77, 512, None, 5) as b:
        assert b._value_len == 4


# ----------------------------------------------------------- serializers


@pytest.mark.parametrize("name, good, bad", [
    ("uint1", [0, 255], [-1, 256]),
    ("int1", [-128, 127], [-129, 128]),
    ("uint2", [0, 65535], [65536]),
    ("int2", [-32768, 32767], [32768]),
    ("uint4", [0, 2**32 - 1], [2**32]),
    ("int4", [-(2**31), 2**31 - 1], [2**31]),
    ("uint5", [0, 2**40 - 1], [2**40]),
    ("int5", [-(2**39), 2**39 - 1], [2**39]),
    ("uint8", [0, 2**63, 2**64 - 1], [-1, 2**64]),
    ("int8", [-(2**63), 2**63 - 1], [2**63]),
])
def test_integers(package, path, name, good, bad):
    with package.open(path, "n", name, name) as b:
        for number in good:
            b[number] = number
        b[str(good[0])] = float(good[-1]) if abs(good[-1]) < 2**50 else good[-1]
        for number in bad:
            with pytest.raises(OverflowError):
                b[number] = 0
            with pytest.raises(OverflowError):
                b[0] = number
        with pytest.raises((TypeError, ValueError)):
            b["word"]
    with package.open(path) as b:
        assert set(b) == set(good)
        for number in good[1:]:
            assert b[number] == number


@pytest.mark.parametrize("name, values", [
    ("str", ["", "a", "é", "日本", "\U0001f600", "x" * 70000]),
    ("bytes", [b"", b"\0", b"x" * 300000]),
    (None, [b"", b"abc"]),
    ("pickle", [{"a": (1, 2)}, [], 0, False, "x" * 300000]),
    ("json", [{"a": [1, 2.5, "é"]}, 0, ""]),
    ("orjson", [{"a": [1, 2.5, "é"]}, 0, ""]),
])
def test_values_come_back(package, path, name, values):
    with package.open(path, "n", "uint4", name) as b:
        for i, item in enumerate(values):
            b[i] = item
        assert [b[i] for i in range(len(values))] == values
    with package.open(path) as b:
        assert [b[i] for i in range(len(values))] == values
        assert dict(b.items()) == dict(enumerate(values))


def test_wrong_types_of_keys_and_values(package, path):
    with package.open(path, "n", "str", "str") as b:
        with pytest.raises(AttributeError):
            b[1]
        with pytest.raises(AttributeError):
            b["a"] = 1
        with pytest.raises(UnicodeEncodeError):
            b["\ud800"] = "a"
        assert len(list(b)) == 0
    with package.open(path, "n") as b:
        with pytest.raises(TypeError):
            b["a"]
        with pytest.raises(TypeError):
            b[b"a"] = "text"
        b[b"a"] = bytearray(b"xyz")
        assert b[b"a"] == b"xyz"


class Reversed:
    def dumps(obj):
        return obj[::-1].encode()

    def loads(data):
        assert type(data) is bytes
        return data.decode()[::-1]


def test_a_class_of_the_users_own_is_given_at_each_open(package, path):
    with package.open(path, "n", Reversed, Reversed) as b:
        b["ab"] = "cd"
        assert list(b.items()) == [("ab", "cd")]
    with package.open(path, "r", Reversed, Reversed) as b:
        assert b["ab"] == "cd"
    with pytest.raises(ValueError):
        package.open(path)

    class Half:
        def dumps(obj):
            return obj

    with pytest.raises(ValueError):
        package.open(path, "n", Half)


def test_errors_of_a_serializer_pass_through(package, path):
    class Picky:
        def dumps(obj):
            if obj == "no":
                raise LookupError("not that one")
            return obj.encode()

        def loads(data):
            return data.decode()

    with package.open(path, "n", "str", Picky) as b:
        with pytest.raises(LookupError):
            b["a"] = "no"
        with pytest.raises(LookupError):
            b.update({"b": "yes", "c": "no", "d": "yes"})
        b.sync()
        assert dict(b) == {"b": "yes"}


# ----------------------------------------------------------- the basics


def test_set_get_delete_contains(package, path, kind):
    with new(package, path, kind) as b:
        fill(b, 30)
        b["k1"] = value(100)
        assert b["k1"] == value(100) and b.get("k2") == value(2)
        assert b.get("zz") is None and b.get("zz", 5) == 5
        assert "k3" in b and "zz" not in b
        del b["k3"]
        assert "k3" not in b
        for call in (lambda: b["k3"], lambda: b.__delitem__("k3")):
            with pytest.raises(KeyError) as error:
                call()
            assert error.value.args == ("k3",)
        b.sync()
        assert len(b) == 29
        assert dict(b.get_items(["k0", "zz"], 1)) == {"k0": value(0), "zz": 1}
    with old(package, path, kind) as b:
        assert len(b) == 29 and b["k1"] == value(100)


def test_update_takes_any_mapping(package, path, kind):
    class Odd:
        def items(self):
            return iter([("a", value(1)), ("b", value(2))])

    with new(package, path, kind) as b:
        b.update({f"k{i}": value(i) for i in range(3000)})
        b.update(Odd())
        b.update({})
        b.sync()
        assert len(b) == 3002 and b["a"] == value(1) and b["k2999"] == value(2999)


def test_set_with_timestamp_and_raw_bytes(package, path):
    with package.open(path, "n", "str", "pickle") as b:
        b.set("a", [1], 1000)
        b.set("b", pickle.dumps("raw"), timestamp=2000, encode_value=False)
        b.set(key="c", value=3, timestamp="1970-01-01T00:00:01+00:00")
        assert b["b"] == "raw"
        assert b.get_timestamp("a", True) == (1000, [1])
        assert b.get_timestamp("b", True, False) == (2000, pickle.dumps("raw"))
        assert b.get_timestamp("c") == 1000000
        assert b.get_timestamp("zz", default=9) == 9
        assert sorted(b.timestamps()) == [("a", 1000), ("b", 2000), ("c", 1000000)]
        assert ("a", 1000, [1]) in list(b.timestamps(True))
        assert ("a", 1000, pickle.dumps([1], 5)) in list(b.timestamps(True, False))
        b.sync()
        b.set_timestamp("a", datetime(1970, 1, 1, tzinfo=timezone.utc))
        assert b.get_timestamp("a") == 0
        with pytest.raises(KeyError):
            b.set_timestamp("zz", 5)
        with pytest.raises(TypeError):
            b.set("a", "text", encode_value=False)
        for wrong in (-1, 2**56):
            with pytest.raises(OverflowError):
                b.set("a", 1, wrong)
        with pytest.raises(OverflowError):
            b["x" * 65536] = 1
        b["x" * 65535] = 1
        assert b["x" * 65535] == 1


def test_a_file_without_timestamps(package, path):
    with new(package, path, init_timestamps=False) as b:
        b.set("a", b"1", 5)
        for call in (
            lambda: b.get_timestamp("a"),
            lambda: b.set_timestamp("a", 5),
            lambda: list(b.timestamps()),
        ):
            with pytest.raises(ValueError, match="timestamps"):
                call()
        (location,) = b.locations()
        assert location[:2] == ("a", None)
        b.set_metadata([1])
        assert b.get_metadata() == [1]


def test_a_stored_none_reads_as_missing(package, path):
    with package.open(path, "n", "str", "pickle") as b:
        b["a"] = None
        assert "a" in b and b.get("a", "d") is None
        with pytest.raises(KeyError):
            b["a"]


# -------------------------------------------------------------- opening


def test_flags(package, path):
    for flag in "rw":
        with pytest.raises(FileNotFoundError):
            package.open(path, flag)
    with pytest.raises(ValueError, match="Invalid flag"):
        package.open(path, "x")
    with package.open(path, "c", "str", "str") as b:
        b["a"] = "1"
    with package.open(str(path), "c") as b:
        assert b["a"] == "1" and b.writable
    with package.open(path, "n", "str", "bytes") as b:
        assert len(b) == 0
        b["a"] = b"2"
    with package.open(path) as b:
        assert b["a"] == b"2" and not b.writable


def test_what_is_no_store(package, path, kind):
    other = path.with_name("other")
    new(package, other, "fixed" if kind == "variable" else "variable").close()
    path.write_bytes(b"")
    strange = path.with_name("strange")
    strange.write_bytes(b"x" * 500)
    for where in (other, path, strange):
        for flag in "rw":
            with pytest.raises(TypeError, match="not the correct file type"):
                old(package, where, kind, flag)
    with new(package, strange, kind) as b:
        b["a"] = value(1)
    with old(package, strange, kind) as b:
        assert b["a"] == value(1)


def test_reading_only(package, path, kind):
    new(package, path, kind).close()
    with old(package, path, kind) as b:
        for call in (
            lambda: b.__setitem__("a", value(1)),
            lambda: b.set("a", value(1)),
            lambda: b.update({}),
            lambda: b.__delitem__("a"),
            lambda: b.clear(),
            lambda: b.prune(),
        ):
            with pytest.raises(ValueError, match="read only"):
                call()
        b.sync()
        if kind == "variable":
            with pytest.raises(ValueError, match="read only"):
                b.set_metadata(1)


def test_a_file_that_was_not_closed(package, path, kind):
    with new(package, path, kind) as b:
        fill(b, 20)
    with open(path, "r+b") as raw:
        raw.seek(package.utils.n_keys_pos)
        raw.write(package.utils.int_to_bytes(package.utils.n_keys_crash, 4))
    with pytest.raises(ValueError, match="closed incorrectly"):
        old(package, path, kind)
    with old(package, path, kind, "w") as b:
        expect(b, 20)
        b["one more"] = value(1)
        assert b.prune() == 0
    with old(package, path, kind) as b:
        assert len(b) == 21


def test_init_bytes_make_a_file_of_the_same_kind(package, path, kind):
    with new(package, path, kind, n_buckets=7) as b:
        fill(b, 50)
        uuid, stamp = b.uuid, b._file_timestamp if hasattr(
            b, "_file_timestamp") else None
    head = path.read_bytes()[:200]
    other = path.with_name("other")
    with old(package, other, kind, "n", init_bytes=head) as b:
        n_buckets = b._n_buckets
        assert b.uuid == uuid and len(b) == 0
        if stamp is not None:
            assert b._file_timestamp == stamp
        b["a"] = value(1)
    made = other.read_bytes()
    number = package.utils.bytes_to_int
    assert made[:31] == head[:31] and number(made[33:37]) == 1
    assert number(made[65:71]) == 200
    assert number(made[71:77]) == 200 + 6 * n_buckets
    with old(package, other, kind) as b:
        assert dict(b) == {"a": value(1)}


def test_reopen(package, path, kind):
    with new(package, path, kind) as b:
        fill(b, 5)
        b.reopen("r")
        assert not b.writable and b._mmap is not None
        expect(b, 5)
        b.reopen("w")
        assert b.writable and b._mmap is None
        b["k5"] = value(5)
        expect(b, 6)
        with pytest.raises(ValueError):
            b.reopen("x")


def test_after_close(package, path, kind):
    b = new(package, path, kind)
    fill(b, 3)
    b.sync()
    b.close()
    b.close()
    b.sync()
    assert len(b) == 3
    for call in (
        lambda: b["k1"],
        lambda: "k1" in b,
        lambda: list(b),
        lambda: b.__delitem__("k1"),
    ):
        with pytest.raises(ValueError):
            call()


# ------------------------------------------------------------- iteration


def test_walks_are_lazy_and_end_when_the_store_changes(package, path, kind):
    changes = [
        lambda b: b.set("more", value(9)),
        lambda b: b.set("k2", value(9)),
        lambda b: b.update({"more": value(9)}),
        lambda b: b.__delitem__("k1"),
        lambda b: b.prune(),
        lambda b: b.clear(),
    ]
    if kind == "variable":
        changes += [
            lambda b: b.set_metadata(1),
            lambda b: b.set_reserved(1, b"x"),
        ]
    for change in changes:
        with new(package, path, kind) as b:
            fill(b, 30)
            for walk in (b.keys(), b.values(), b.items()):
                b["k0"] = value(0)  # before the first step: fine
                within(15, lambda: next(walk))
                within(15, lambda: change(b))
                with pytest.raises(RuntimeError, match="mutated during iter"):
                    within(15, lambda: next(walk))
                with pytest.raises(StopIteration):
                    next(walk)
                fill(b, 30)


def test_reads_are_allowed_while_walking(package, path, kind):
    with new(package, path, kind, n_buckets=7) as b:
        fill(b, 40)

        def work():
            seen = {}
            for key in b:
                seen[key] = b[key]
                assert "k0" in b and len(list(b.items())) == 40
            return seen

        assert within(15, work) == {f"k{i}": value(i) for i in range(40)}
        assert sum(1 for _ in b for _ in b.values()) == 1600


def test_timestamps_may_be_set_while_walking(package, path):
    with new(package, path) as b:
        fill(b, 40)
        for key, stamp in b.timestamps():
            b.set_timestamp(key, stamp + 1)
        for key, stamp in b.timestamps():
            assert b.get_timestamp(key) == stamp


def test_a_writer_in_another_thread_ends_a_walk(package, path):
    with new(package, path) as b:
        fill(b, 30)
        walk = b.keys()
        next(walk)
        within(15, lambda: b.set("more", b"1"))
        with pytest.raises(RuntimeError, match="mutated"):
            list(walk)


def test_the_scan_under_map_outlives_writes_but_no_prune(package, path, kind):
    with new(package, path, kind) as b:
        fill(b, 50)
        del b["k49"]
        b.sync()
        scan = b._iter_items_unlocked()
        next(scan)
        b["k1"] = value(1)
        next(scan)
        b.prune()
        with pytest.raises(RuntimeError, match="compacted"):
            next(scan)


# ------------------------------------------------------------- locations


def read_at(path, offset, length):
    with open(path, "rb") as raw:
        raw.seek(offset)
        return raw.read(length)


def test_locations_are_in_the_file_and_stay(package, path):
    with new(package, path, n_buckets=13) as b:
        fill(b, 30)
        b["empty"] = b""
        b.set_metadata({"m": 1})
        b.set_reserved(1, b"hidden")
        before = {key: rest for key, *rest in b.locations()}
        assert len(before) == 31
        count = b.compaction_count
        for key, (stamp, offset, length) in before.items():
            assert read_at(path, offset, length) == b[key]
            assert stamp == b.get_timestamp(key)
        b["k1"] = b"something else"
        del b["k2"]
        fill(b, 3000, 100)
        b.sync()
        assert b._index_offset != 200 and b._n_buckets == 12007
        for key, (_, offset, length) in before.items():
            wanted = b"" if key == "empty" else value(int(key[1:]))
            assert read_at(path, offset, length) == wanted
        assert b.compaction_count == count
        after = {key: rest for key, *rest in b.locations()}
        assert after["k1"][1] != before["k1"][1] and "k2" not in after
        b.prune()
        assert b.compaction_count == count + 1
        for key, (_, offset, length) in (
            (key, rest) for key, *rest in b.locations()
        ):
            assert read_at(path, offset, length) == b[key]
        walk = b.locations()
        next(walk)
        b.set_timestamp("k0", 5)
        next(walk)
        b["x"] = b"y"
        with pytest.raises(RuntimeError):
            next(walk)
        b.sync()
        b.clear()
        assert b.compaction_count == count + 2 and not list(b.locations())


# ------------------------------------------- metadata and reserved slots


def test_metadata_and_slots_are_hidden(package, path):
    with new(package, path) as b:
        assert b.get_metadata() is None and b.get_reserved(1) is None
        fill(b, 3)
        b.set_metadata({1: "a"}, timestamp=77)
        b.set_reserved(1, b"one", timestamp=88)
        b.set_reserved(2, b"two")
        b.set_reserved(2, b"two again")
        assert b.get_metadata() == {"1": "a"}
        assert b.get_metadata(include_timestamp=True) == ({"1": "a"}, 77)
        assert b.get_reserved(1, include_timestamp=True) == (b"one", 88)
        expect(b, 3)
        assert len(list(b.timestamps())) == 3
        assert b.prune() >= 1
        expect(b, 3)
        assert b.get_reserved(2) == b"two again"
        for slot in (0, 3):
            with pytest.raises(ValueError):
                b.get_reserved(slot)
            with pytest.raises(ValueError):
                b.set_reserved(slot, b"")
        with pytest.raises(TypeError):
            b.set_reserved(1, "text")
    with old(package, path, flag="w") as b:
        expect(b, 3)
        for key in (
            package.utils.metadata_key_bytes,
            package.utils.reserved_slot_key_bytes[1],
        ):
            del b[key.decode()]
            assert len(b) == 3
        assert b.get_metadata() is None and b.get_reserved(1) is None
        b.clear()
        assert b.get_reserved(2) is None and len(b) == 0


def test_a_fixed_store_has_neither(package, path):
    with new(package, path, "fixed") as b:
        for call in (
            lambda: b.set_metadata(1),
            lambda: b.set_reserved(1, b""),
            lambda: list(b.locations()),
        ):
            with pytest.raises(NotImplementedError):
                call()
        assert b.get_reserved(1) is None and b.get_metadata() is None


def test_a_fixed_value_has_its_length(package, path):
    with new(package, path, "fixed") as b:
        fill(b, 2)
        for wrong in (b"short", b"far too long"):
            for call in (
                lambda: b.__setitem__("a", wrong),
                lambda: b.set("a", wrong),
                lambda: b.set("a", wrong, encode_value=False),
                lambda: b.update({"a": wrong}),
            ):
                with pytest.raises(ValueError, match="bytes"):
                    call()
        with pytest.raises(ValueError, match="timestamp"):
            b.set("a", value(1), timestamp=1)
        b.sync()
        expect(b, 2)
        b["zero"] = bytes(8)
        assert b["zero"] == bytes(8)
    with pytest.raises(ValueError):
        package.FixedLengthValue(path, "n", "str")


# ------------------------------------------------------- prune, reindex


def test_prune(package, path, kind):
    with new(package, path, kind, n_buckets=12007) as b:
        fill(b, 100)
        b.sync()
        fill(b, 50, 0)
        b.sync()
        for i in range(25):
            del b[f"k{i}"]
        size = os.path.getsize(path)
        assert b.prune() == 75
        assert b._index_offset != 200 and b._first_data_block_pos == 200
        assert os.path.getsize(path) < size and len(b) == 75
        assert b.prune() == 0
    with old(package, path, kind, "w") as b:
        assert len(b) == 75 and b["k30"] == value(30)
        for key in list(b):
            del b[key]
        b.prune()
        assert b._index_offset == 200 and not list(b)
        b["a"] = value(1)
    with old(package, path, kind) as b:
        assert dict(b) == {"a": value(1)}


def test_prune_counts_what_was_overwritten_before_it_was_written(
    package, path, kind
):
    with new(package, path, kind) as b:
        b["a"] = value(1)
        b["a"] = value(2)
        b["b"] = value(3)
        b["gone"] = value(4)
        del b["gone"]
        if kind != "fixed":
            b.set_reserved(1, b"1")
            b.set_reserved(1, b"2")
        assert b.prune() == (2 if kind == "fixed" else 3)
        assert dict(b) == {"a": value(2), "b": value(3)}
        b["a"] = value(5)
        b["a"] = value(6)
        b.clear()
        assert b.prune() == 0


def test_prune_by_time(package, path):
    with new(package, path) as b:
        b.set("old", b"1", 1000)
        b.set("kept", b"2", 1000)
        b.set("new", b"3", 3000)
        b.set_metadata("stays", 1)
        assert b.prune(2000, keep_keys=["kept"]) == 1
        assert sorted(b) == ["kept", "new"] and b.get_metadata() == "stays"
        assert b.prune(timestamp="2100-01-01T00:00:00+00:00") == 2
        assert len(b) == 0


def test_the_memory_of_a_prune_does_not_grow_with_the_file(package, tmp_path):
    def peak(n):
        with package.open(
            tmp_path / f"{n}", "n", "uint4", None, buffer_size=65536
        ) as b:
            for _ in range(2):
                for i in range(n):
                    b[i] = bytes([i % 251]) * 8192
                b.sync()
            tracemalloc.start()
            try:
                assert b.prune() == n
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    small, big = peak(200), peak(800)
    assert big < 800 * 8192 // 4 and big < small * 2


def test_the_index_grows_with_the_keys(package, path, kind):
    with new(package, path, kind, n_buckets=10, buffer_size=512) as b:
        fill(b, 52)
        b.sync()
        assert b._n_buckets == 12007 and b._index_offset != 200
        expect(b, 52)
        fill(b, 20, 52)
        expect(b, 72)
        b.clear()
        assert len(b) == 0 and not list(b) and b._index_offset == 200
        fill(b, 5)
    with old(package, path, kind) as b:
        expect(b, 5)


# -------------------------------------------------------------- BytesIO


def test_a_store_in_memory(package, kind):
    file = io.BytesIO()
    b = new(package, file, kind, n_buckets=7)
    file.seek(0)
    head = file.read(200)
    assert len(head) == 200 and not b._is_file and b._mmap is None
    fill(b, 30)
    b["k1"] = value(1)
    b.sync()
    image = file.getvalue()
    other = old(package, io.BytesIO(image), kind)
    expect(other, 30)
    if kind == "variable":
        b["late"] = b"abc"
        places = {key: rest for key, *rest in b.locations()}
        _, offset, length = places["late"]
        assert file.getvalue()[offset : offset + length] == b"abc"
    b.close()
    assert file.closed
    with pytest.raises(FileNotFoundError):
        old(package, io.BytesIO(), kind)
    with pytest.raises(TypeError):
        old(package, io.BytesIO(b"x" * 300), kind)


# -------------------------------------------------------------- the lock


def warnings_of(caplog):
    return [r for r in caplog.records if r.name == "booklet"]


def test_a_timeout_names_the_file(package, path, kind):
    with new(package, path, kind) as holder:
        fill(holder, 3)
        for wait in (0, 0.2):
            with pytest.raises(package.LockTimeoutError, match="a.blt"):
                within(15, lambda: old(package, path, kind, "w", timeout=wait))
        with pytest.raises(package.LockTimeoutError):
            within(15, lambda: new(package, path, kind, timeout=0))
    with old(package, path, kind, "w", timeout=1) as b:
        expect(b, 3)


def test_a_long_wait_is_logged_once(package, path, caplog, monkeypatch):
    monkeypatch.setattr(package.utils, "_LOCK_WARN_AFTER", 0.05)
    holder = new(package, path)
    timer = threading.Timer(0.4, holder.close)
    timer.start()
    with caplog.at_level(logging.WARNING, logger="booklet"):
        within(15, lambda: package.open(path, "w")).close()
    timer.join()
    (warning,) = warnings_of(caplog)
    assert "a.blt" in warning.getMessage()


def test_a_lock_that_is_taken_is_tried_again(package, monkeypatch):
    import portalocker

    monkeypatch.setattr(package.utils, "_LOCK_POLL_INTERVAL", 0.001)
    calls = []

    def taken_twice(file, flags):
        calls.append(flags)
        if len(calls) < 3:
            raise portalocker.exceptions.AlreadyLocked("made up")

    monkeypatch.setattr(portalocker, "lock", taken_twice)
    package.utils._acquire_lock(object(), portalocker.LOCK_EX, 5, "x")
    assert len(calls) == 3


def test_readers_share(package, path, caplog):
    new(package, path).close()
    with caplog.at_level(logging.WARNING, logger="booklet"):
        with package.open(path), within(15, lambda: package.open(path)):
            pass
    assert not warnings_of(caplog)


def test_a_failed_reopen_leaves_it_closeable(package, path, monkeypatch):
    b = new(package, path)

    def fail(*_):
        raise package.LockTimeoutError("made up")

    with monkeypatch.context() as patch:
        patch.setattr(package.utils, "_acquire_lock", fail)
        with pytest.raises(package.LockTimeoutError):
            b.reopen("w")
    b.close()
    package.open(path, "w", timeout=0).close()


def test_a_failed_lock_leaks_no_descriptor(package, path, monkeypatch):
    import portalocker

    new(package, path).close()

    def fail(*_):
        raise portalocker.exceptions.LockException("made up")

    monkeypatch.setattr(portalocker, "lock", fail)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(portalocker.exceptions.LockException):
            package.open(path, "w")
    assert len(os.listdir("/proc/self/fd")) <= before


def add_one(name, path, key):
    import importlib

    with importlib.import_module(name).open(path, "w") as b:
        b[key] = b"x"


def test_writers_in_processes_wait_for_one_another(package, path):
    new(package, path).close()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=add_one, args=(package.__name__, path, f"w{i}"))
        for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    with package.open(path) as b:
        assert sorted(b) == ["w0", "w1", "w2"]


# ------------------------------------------------------------------ map


def double(key, data):
    return None if key == "k3" else (key + "!", data * 2)


def test_map(package, path, kind):
    with new(package, path, kind) as b:
        fill(b, 10)
        if kind == "variable":
            b.set_reserved(1, b"hidden")
    wanted = {f"k{i}!": value(i) * 2 for i in range(10) if i != 3}
    for flag in "rw":
        with old(package, path, kind, flag) as b:
            assert dict(b.map(double, n_workers=2)) == wanted
            some = dict(b.map(double, keys=["k1", "k3", "zz"], n_workers=1))
            assert some == {"k1!": value(1) * 2}


def test_the_index_does_not_grow_during_map(package, path):
    with new(package, path, n_buckets=20) as b:
        fill(b, 20)
        b.sync()
        results = b.map(double, n_workers=1)
        next(results)
        fill(b, 50, 20)
        b.sync()
        assert b._n_buckets == 20
        assert len(list(results)) >= 18
        b["more"] = b"1"
        b.sync()
        assert b._n_buckets == 12007 and len(b) == 71


# ---------------------------------------------------------------- threads


def test_threads_share_a_store(package, path, kind):
    with new(package, path, kind, buffer_size=4096) as b:
        def work(t):
            for i in range(200):
                b[f"k{t * 200 + i}"] = value(t * 200 + i)
                assert b[f"k{t * 200}"] == value(t * 200)

        threads = [
            threading.Thread(target=work, args=(t,)) for t in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        b.sync()
        expect(b, 800)


def test_the_whole_file_can_be_read_through_it(package, path):
    with new(package, path, n_buckets=13) as b:
        fill(b, 40)
        b["k1"] = value(1)
        b.sync()
        with b._thread_lock:
            b._file.seek(0)
            image = b._file.read()
        assert b._file_path == pathlib.Path(path)
        with old(package, io.BytesIO(image)) as other:
            expect(other, 40)
        copy = path.with_name("copy")
        copy.write_bytes(image)
        with old(package, copy) as other:
            expect(other, 40)


def test_a_sync_leaves_a_file_that_booklet_reads(path):
    """Ours writes, the original reads the copy, while ours is open."""
    import blt
    from conftest import original

    booklet = original()
    with new(blt.booklet, path, n_buckets=13) as b:
        for n in (10, 40):
            fill(b, n)
            b.sync()
            copy = path.with_name(f"copy{n}")
            copy.write_bytes(path.read_bytes())
            with booklet.open(copy) as other:
                expect(other, n)
