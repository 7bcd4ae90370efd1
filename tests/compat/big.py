"""
big.py - files past 4 GiB and the longest values, both ways

    BLT_LIB=path/to/libblt.so python big.py [FOLDER]

Not part of the ordinary run: it writes about 14 GiB below FOLDER (default: the
place for temporary files) and removes them again.
"""
import mmap
import os
import shutil
import sys
import tempfile

import bltlib
import booklet

GIB = 1 << 30


def say(what):
    print(what, flush=True)


def make_value(length):
    """Sparse memory with marks at both ends."""
    value = mmap.mmap(-1, length)
    value[0] = 1
    value[length - 1] = 2
    return value


def check_ends(db, key, length):
    value = db.get(key)
    assert len(value) == length, (key, len(value), length)
    assert value[0] == 1 and value[-1] == 2, key


def grow(path, buffer):
    """booklet, then we, until the file is past 4 GiB, small keys between."""
    with booklet.open(path, "n", "bytes", "bytes", n_buckets=3) as store:
        store[b"first"] = buffer
    writer = bltlib.Blt(path, "w")
    for i in range(4):
        writer.put(b"big-%d" % i, buffer)
        writer.put(b"small-%d" % i, b"%d" % i)
    writer.sync()
    writer.put(b"first", b"short now")
    writer.delete(b"big-0")
    writer.close()
    assert os.path.getsize(path) > 5 * GIB
    with booklet.open(path, "w") as store:
        store[b"behind"] = b"written past 4 GiB"


def expect(path, length):
    with booklet.open(path) as store:
        assert len(store) == 9, len(store)
        assert store[b"behind"] == b"written past 4 GiB"
        assert len(store[b"big-3"]) == length
        assert sorted(store.keys())[0] == b"behind"
    reader = bltlib.Blt(path, "r")
    assert reader.count() == 9
    check_ends(reader, b"big-3", length)
    assert reader.get(b"first") == b"short now"
    assert reader.verify()[1] == []
    reader.close()


def longest(path):
    """2^32 - 1 bytes: a block that no dead block can cover."""
    length = (1 << 32) - 1
    writer = bltlib.Blt(path, "n")
    writer.put(b"before", b"1")
    writer.put(b"longest", bytes(make_value(length)))
    writer.put(b"after", b"2")
    writer.close()
    reader = bltlib.Blt(path, "r")
    assert reader.verify()[1] == []
    assert reader.count() == 3
    check_ends(reader, b"longest", length)
    assert reader.get(b"after") == b"2"
    reader.close()
    writer = bltlib.Blt(path, "w")
    writer.put(b"longest", b"no more")
    dropped = writer.prune()
    assert dropped == 1, dropped
    writer.close()
    assert os.path.getsize(path) < GIB
    reader = bltlib.Blt(path, "r")
    assert reader.get(b"longest") == b"no more" and not reader.verify()[1]
    reader.close()


def main(folder=None):
    work = tempfile.mkdtemp(dir=folder)
    path = os.path.join(work, "big.blt")
    try:
        length = GIB + 12345
        grow(path, bytes(make_value(length)))
        say("grown past 4 GiB by booklet and us")
        expect(path, length)
        say("read alike")
        writer = bltlib.Blt(path, "w")
        assert writer.prune() == 2
        writer.close()
        expect(path, length)
        say("pruned to %d bytes and read alike" % os.path.getsize(path))
        longest(path)
        say("a value of 4294967295 bytes comes, is read and goes")
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
