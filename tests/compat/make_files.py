"""
make_files.py - make the files in files/ with the real booklet

    python make_files.py DIR

writes NAME.blt and NAME.json into DIR for all files that the installed
version of booklet makes (see MAKERS). What the JSON says comes from the calls
that were made and from booklet's own reading, never from our readers. Each
run makes new uuids and file timestamps, so the files in the repository stay
as they are unless one is wrong. They were made with booklet 0.5.2, 0.6.0,
0.8.0, 0.9.3, 0.10.2 (each with portalocker < 3) and last with 0.12.10, which
also makes the "moved" ones out of the old ones in DIR.
"""
import inspect
import json
import pathlib
import random
import shutil
import sys

import booklet
from booklet import utils

try:
    from importlib.metadata import version
    VERSION = version("booklet")
except ImportError:
    VERSION = booklet.__version__

OUT = pathlib.Path(sys.argv[1])
TIME = 1700000000000000
MODERN = tuple(map(int, VERSION.split("."))) >= (0, 12)
VARIABLE = (getattr(booklet, "VariableLengthValue", None)
            or booklet.VariableValue)
FIXED = getattr(booklet, "FixedLengthValue", None) or booklet.FixedValue


def takes_time(store):
    return (hasattr(store, "set")
            and "timestamp" in inspect.signature(store.set).parameters)


def path_of(name):
    return str(OUT / (name + ".blt"))


def put(store, key, value, timestamp):
    if not isinstance(store, FIXED) and takes_time(store):
        store.set(key, value, timestamp=timestamp)
    else:
        store[key] = value


def header_of(name):
    data = pathlib.Path(path_of(name)).read_bytes()

    def number(off, length):
        return int.from_bytes(data[off:off + length], "little")

    return {
        "fixed": data[0] == 0x04, "version": number(16, 2),
        "n_buckets": number(21, 4), "value_serializer": number(29, 2),
        "key_serializer": number(31, 2), "n_keys": number(33, 4),
        "value_len": number(37, 4), "file_timestamp": number(42, 7),
        "uuid": data[49:65].hex(), "stored_index_off": number(65, 6),
        "stored_first_block": number(71, 6), "file_len": len(data)}


def describe(name, how, store=None, metadata=None, slots=None, **more):
    """Let booklet read the file (or take an open store), write the JSON."""
    header = header_of(name)
    fixed = header["fixed"]
    opened = store or (FIXED if fixed else booklet.open)(path_of(name), "r")
    raw_key = opened._key_serializer.dumps
    raw_value = opened._value_serializer.dumps
    with_times = bool(getattr(opened, "_ts_bytes_len", 0))
    times = dict(opened.timestamps()) if with_times else {}
    offsets = {}
    if MODERN and not fixed:
        offsets = {key: off for key, _, off, _ in opened.locations()}
    items = [[raw_key(key).hex(), raw_value(value).hex(), times.get(key, 0),
              offsets.get(key)] for key, value in opened.items()]
    lost = [raw_key(key).hex() for key in list(opened.keys())
            if key not in opened]
    note = {"made_by": "booklet " + VERSION, "how": how, "sound": not lost,
            "has_timestamps": with_times, "n_keys": len(opened),
            "header": header, "metadata": metadata, "slots": slots or {},
            "lost": lost, "items": items}
    note.update(more)
    opened.close()
    with open(str(OUT / (name + ".json")), "w") as file:
        file.write(json.dumps(note, indent=1) + "\n")


def values(seed, count, value_len=None):
    """(key, value) pairs of odd sizes, the empty ones among them."""
    rng = random.Random(seed)
    pairs = [(b"", b"the empty key"), (b"empty value", b"")]
    for i in range(count - len(pairs)):
        value = bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
        pairs.append((("key %d" % i).encode() * rng.randrange(1, 4), value))
    if value_len is not None:
        pairs = [(key, (value * 200 + bytes(200))[:value_len])
                 for key, value in pairs]
    return pairs


def fill(store, pairs, changes=True):
    """Put all; overwrite each fifth; delete each seventh."""
    for i, (key, value) in enumerate(pairs):
        put(store, key, value, TIME + i)
    store.sync()
    if changes:
        for i, (key, value) in enumerate(pairs[::5]):
            put(store, key, value[::-1], TIME + 1000 + i)
        store.sync()
        for key, _ in pairs[3::7]:
            del store[key]
    return store


def hide(store):
    """Metadata and slots, and what describe() is to say of them."""
    store.set_metadata({"name": "rain", "n": 3}, TIME + 5000)
    store.set_reserved(1, b"\x00slot one", TIME + 5001)
    store.set_reserved(2, b"", TIME + 5002)
    with_times = bool(store._ts_bytes_len)
    times = [TIME + 5000 + i if with_times else 0 for i in range(3)]
    return {"metadata": [b'{"name":"rain","n":3}'.hex(), times[0]],
            "slots": {"1": [b"\x00slot one".hex(), times[1]],
                      "2": ["", times[2]]}}


def grow_through(steps):
    """Let booklet's reindex take small steps, to keep files small."""
    utils.n_buckets_reindex.clear()
    utils.n_buckets_reindex.update(steps)
    utils.n_buckets_chain[:] = sorted(steps)


# ------------------------------------------------- files of every version

def make_basic():
    """An overwrite or delete of 0.5.2 cuts off the rest of the chain: that is
    a file of its own, with keys that are iterated and not found."""
    stem = "b" + VERSION.replace(".", "_")
    cuts_chains = VERSION.startswith("0.5.")
    pairs = values(1, 40)
    name = stem + "-variable"
    with VARIABLE(path_of(name), "n", n_buckets=11) as store:
        fill(store, pairs, changes=False)
    if cuts_chains:
        describe(name, "put")
        shutil.copy(path_of(name), path_of(stem + "-orphans"))
        name = stem + "-orphans"
    with VARIABLE(path_of(name), "w") as store:
        put(store, pairs[3][0], b"new", TIME + 900)
        store.sync()
        del store[pairs[5][0]]
    describe(name, "put, overwrite, delete")
    pairs = values(2, 30, 9)
    name = stem + "-fixed"
    with FIXED(path_of(name), "n", value_len=9, n_buckets=11) as store:
        fill(store, pairs, changes=False)
        if not cuts_chains:
            del store[pairs[5][0]]
    describe(name, "put, delete")


def keep_small(make):
    """Old versions do not reindex; new ones must not here."""
    def check(store):
        return False
    booklet.main.Booklet._check_auto_reindex = check
    make()


# ------------------------------------------------------- files of 0.12 only

def make_variable():
    for times, name in ((True, "times"), (False, "notimes")):
        path = path_of("variable-" + name)
        with VARIABLE(path, "n", n_buckets=7, init_timestamps=times) as store:
            hidden = hide(store)
            fill(store, values(3, 60))
        describe("variable-" + name, "put, overwrite, delete, metadata, slots",
                 **hidden)
        shutil.copy(path, path_of("variable-pruned-" + name))
        with VARIABLE(path_of("variable-pruned-" + name), "w") as store:
            n_removed = store.prune()
            put(store, b"after", b"the prune", TIME + 9000)
        describe("variable-pruned-" + name, "pruned, one more put",
                 n_removed=n_removed, **hidden)
        shutil.copy(path, path_of("variable-cleared-" + name))
        with VARIABLE(path_of("variable-cleared-" + name), "w") as store:
            store.clear()
        describe("variable-cleared-" + name, "cleared")
    with VARIABLE(path_of("variable-empty"), "n", n_buckets=1):
        pass
    describe("variable-empty", "created")
    with VARIABLE(path_of("variable-chain"), "n", n_buckets=1) as store:
        fill(store, values(4, 80))
    describe("variable-chain", "all keys in one bucket")


def make_copied():
    donor = pathlib.Path(path_of("variable-pruned-times")).read_bytes()[:200]
    donor = donor[:77] + b"init_bytes keeps this".ljust(123, b".")
    path = path_of("variable-copied")
    with VARIABLE(path, "n", init_bytes=donor) as store:
        put(store, b"a", b"1", TIME)
    describe("variable-copied", "header from another file by init_bytes")


def make_fixed():
    for value_len in (0, 1, 9, 100):
        name = "fixed-%d" % value_len
        with FIXED(path_of(name), "n", value_len=value_len,
                   n_buckets=13) as store:
            fill(store, values(value_len, 40, value_len))
            store[utils.metadata_key_bytes] = b"u" * value_len
        describe(name, "put, overwrite, delete, a key named like the metadata")
    shutil.copy(path_of("fixed-9"), path_of("fixed-pruned"))
    with FIXED(path_of("fixed-pruned"), "w") as store:
        del store[utils.metadata_key_bytes]    # prune would not count it
        store.prune()
        store[b"after"] = b"the prune"
    describe("fixed-pruned", "pruned, one more put")


def make_serialized():
    sets = {
        "str-json": ("str", "json", {"räin": [1, {"a": None}], "b": "é"}),
        "uint4-int5": ("uint4", "int5", {1: -2, 4294967295: 2**39 - 1}),
        "int1-uint8": ("int1", "uint8", {-128: 2**64 - 1, 127: 0}),
        "orjson-orjson": ("orjson", "orjson", {"x": {"y": [1.5]}, 3: True}),
        "bytes-pickle": ("bytes", "pickle", {b"k": (1, "two", b"3")}),
    }
    for name, (key, value, content) in sets.items():
        with VARIABLE(path_of("serial-" + name), "n", key, value,
                      n_buckets=3) as store:
            for i, (k, v) in enumerate(content.items()):
                store.set(k, v, timestamp=TIME + i)
        describe("serial-" + name, "keys %s, values %s" % (key, value))


def make_reindexed():
    """The standard index stays in front, the relocated one gets covered."""
    grow_through({11: 31, 31: 97, 97: None})
    for fixed in (False, True):
        kind = "fixed" if fixed else "variable"
        make = FIXED if fixed else VARIABLE
        more = {"value_len": 9} if fixed else {}
        pairs = values(6, 70, 9 if fixed else None)
        with make(path_of(kind + "-reindexed"), "n", n_buckets=11,
                  **more) as store:
            fill(store, pairs[:20], changes=False)
        describe(kind + "-reindexed", "11 to 31 buckets")
        shutil.copy(path_of(kind + "-reindexed"), path_of(kind + "-again"))
        with make(path_of(kind + "-again"), "w") as store:
            fill(store, pairs)
        describe(kind + "-again", "31 to 97 buckets, old index covered")
    with VARIABLE(path_of("variable-12007"), "n", n_buckets=2) as store:
        grow_through({12007: None})
        fill(store, values(7, 40))
    describe("variable-12007", "reindexed to 12007 buckets")


def make_moved():
    """Old files whose index a new booklet moved: the version stays."""
    for old in ("b0_5_2", "b0_6_0", "b0_9_3"):
        for kind, make in (("variable", VARIABLE), ("fixed", FIXED)):
            name = "%s-%s-moved" % (old, kind)
            shutil.copy(path_of("%s-%s" % (old, kind)), path_of(name))
            with make(path_of(name), "w") as store:
                store._defer_reindex = True
                store.prune()
                store[b"after"] = b"the prune"
            describe(name, "an old file, pruned by 0.12")


def make_unclean():
    name = "variable-unclean"
    shutil.copy(path_of("variable-times"), path_of(name))
    with VARIABLE(path_of("variable-times"), "r") as store:
        hidden = json.loads((OUT / "variable-times.json").read_text())
        with open(path_of(name), "r+b") as file:
            file.seek(33)
            file.write(b"\xff\xff\xff\xff")
        describe(name, "the crash marker is set", store=store, sound=False,
                 metadata=hidden["metadata"], slots=hidden["slots"],
                 faults=["unclean"])


def make_gaps():
    """booklet leaves an old index of few buckets uncovered: the scan loses
    its way there, while lookups find every key."""
    grow_through({3: 31, 31: None})
    for kind, make, more in (("variable", VARIABLE, {}),
                             ("fixed", FIXED, {"value_len": 100})):
        name = kind + "-gap"
        pairs = values(8, 8, 100 if kind == "fixed" else None)
        store = make(path_of(name), "n", n_buckets=3, **more)
        store._defer_reindex = True
        fill(store, pairs, changes=False)
        store.prune()
        store._defer_reindex = False
        put(store, b"one", (b"more" * 25)[:100], TIME + 50)
        store.close()
        pairs.append((b"one", (b"more" * 25)[:100]))
        times = iter([TIME + i for i in range(8)] + [TIME + 50])
        note = {"made_by": "booklet " + VERSION, "sound": False,
                "how": "reindexed twice from 3 buckets, gap not covered",
                "has_timestamps": kind == "variable", "n_keys": len(pairs),
                "header": header_of(name), "metadata": None, "slots": {},
                "lost": [],
                "items": [[k.hex(), v.hex(),
                           next(times) if kind == "variable" else 0, None]
                          for k, v in pairs]}
        (OUT / (name + ".json")).write_text(json.dumps(note, indent=1) + "\n")


def make_walkthrough():
    """The file of docs/format.md, section 19; made once."""
    if (OUT / "walkthrough.json").exists():
        return
    describe("walkthrough", "b = two, a = one, sync, a = ONE!")


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    if not MODERN:
        keep_small(make_basic)
    else:
        make_serialized()
        make_reindexed()
        make_gaps()
        booklet.main.Booklet._check_auto_reindex = lambda store: None
        for make in (make_walkthrough, make_variable, make_copied,
                     make_fixed, make_moved, make_unclean):
            make()
