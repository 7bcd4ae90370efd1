"""What users of booklet rely on: iterators, locations, map.
On booklet and on blt alike."""

import pytest
from conftest import within
from stores import fill, new, old, value

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
