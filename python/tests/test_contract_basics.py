"""What users of booklet rely on: get, set, delete, opening and closing.
On booklet and on blt alike."""

import pickle
from datetime import datetime, timezone

import pytest
from stores import expect, fill, new, old, value

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
