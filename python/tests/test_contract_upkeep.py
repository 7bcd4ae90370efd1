"""What users of booklet rely on: metadata, slots, prune, memory, threads.
On booklet and on blt alike."""

import io
import os
import pathlib
import threading
import tracemalloc

import pytest
from stores import expect, fill, new, old, value

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


@pytest.mark.parametrize("time", [0, 1, 2**62, "2100-01-01T00:00:00+00:00"])
def test_no_value_without_a_time_is_older_than_any(package, path, time):
    with new(package, path, init_timestamps=False) as b:
        fill(b, 5)
        b["k0"] = value(0)
        b.sync()
        del b["k4"]
        b.sync()
        assert b.prune(timestamp=time) == 2
        expect(b, 4)
        with pytest.raises(TypeError):
            b.prune(timestamp=1.5)
        assert b.prune(time, keep_keys=["k1"]) == 0


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


def test_who_holds_the_lock_reads_a_whole_header(package, path):
    """ebooklet takes the first 200 bytes for the head of its own files."""
    with new(package, path) as b:
        fill(b, 20)
        b.sync()
        fill(b, 20)
        b.set_reserved(1, b"1")
        b.set_timestamp("k1", 5)
        walk = b.keys()
        next(walk)
        with b._thread_lock:
            b._file.seek(0)
            head = b._file.read(200)
        assert head[:16] == package.utils.uuid_variable_blt
        next(walk)
        with b._thread_lock:
            pass
        b["more"] = value(1)
        assert len(list(b)) == 21
    with package.open(path.with_name("b.blt"), "n", init_bytes=head) as b:
        fill(b, 3)
        expect(b, 3)


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
