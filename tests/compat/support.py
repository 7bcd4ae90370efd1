"""
support.py - what the tests share: kinds of files, three readers, one judge

A *view* is what a reader says of a file: items in their order, timestamps,
locations, count, metadata and slots. judge() takes the views of booklet, of
libblt and of spec_reader, and what the file should hold, and wants them equal.
"""
import json
import os
import random
import shutil
import tempfile
import unittest
from collections import namedtuple
from itertools import zip_longest

import booklet
from booklet import utils

import spec_check
import spec_reader

if os.environ.get("BLT_LIB"):
    import bltlib
else:
    bltlib = None

needs_library = unittest.skipUnless(bltlib, "BLT_LIB is not set")
SEED = int(os.environ.get("BLT_SEED") or random.SystemRandom().getrandbits(32))
N_OPS = int(os.environ.get("BLT_COMPAT_OPS") or 3000)
FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
TIME = 1700000000000000

# value_len is None for variable files.
Kind = namedtuple("Kind", "name times value_len")
TIMES = Kind("variable with timestamps", True, None)
NO_TIMES = Kind("variable without timestamps", False, None)
FIXED = [Kind("fixed %d" % n, False, n) for n in (0, 1, 4, 100)]
KINDS = [TIMES, NO_TIMES] + FIXED

View = namedtuple("View", "items times places count metadata slots")


def is_fixed(kind):
    return kind.value_len is not None


def open_booklet(path, flag, kind, grow=False, **more):
    """grow=False keeps booklet from reindexing. It leaves gaps in a file when
    it reindexes one whose index was moved and is small (docs/format.md,
    section 11), and the tests are not about that."""
    if is_fixed(kind):
        make = booklet.FixedLengthValue
        if flag == "n":
            more["value_len"] = kind.value_len
    else:
        make = booklet.VariableLengthValue
        if flag == "n":
            more["init_timestamps"] = kind.times
    store = make(path, flag, **more)
    store._defer_reindex = not grow
    return store


def open_ours(path, mode, kind=None, grow=False, **more):
    if mode == "n":
        if is_fixed(kind):
            more.update(kind=bltlib.FIXED, fixed_value_len=kind.value_len)
        else:
            more.update(kind=bltlib.VARIABLE, timestamps=kind.times)
    return bltlib.Blt(path, mode, auto_reindex=grow, **more)


# ----------------------------------------------------------------- model

class Model:
    """What the file should hold. A hidden entry is (bytes, timestamp)."""

    def __init__(self, kind):
        self.kind = kind
        self.keys = {}
        self.hidden = {}            # 0 is the metadata, 1 and 2 the slots

    def stamp(self, timestamp):
        return timestamp if self.kind.times else 0

    def put(self, key, value, timestamp):
        self.keys.pop(key, None)
        self.keys[key] = (value, self.stamp(timestamp))

    def hide(self, number, data, timestamp):
        self.hidden[number] = (data, self.stamp(timestamp))

    def clear(self):
        self.keys.clear()
        self.hidden.clear()

    def copy(self):
        other = Model(self.kind)
        other.keys, other.hidden = dict(self.keys), dict(self.hidden)
        return other


# ----------------------------------------------------------------- views

def view_by_booklet(path, kind):
    with open_booklet(path, "r", kind) as store:
        raw_key = store._key_serializer.dumps
        raw_value = store._value_serializer.dumps
        items = [(raw_key(key), raw_value(value))
                 for key, value in store.items()]
        for key, value in store.items():
            assert raw_value(store.get(key)) == raw_value(value), key
            assert key in store
        times = places = None
        metadata, slots = None, {}
        if kind.times:
            times = [(raw_key(key), at) for key, at in store.timestamps()]
            for key, at in store.timestamps():
                assert store.get_timestamp(key) == at
        if not is_fixed(kind):
            places = [(raw_key(key), off, length)
                      for key, _, off, length in store.locations()]
            metadata = store.get_metadata(include_timestamp=True)
            for number in (1, 2):
                found = store.get_reserved(number, include_timestamp=True)
                if found is not None:
                    slots[number] = tuple(found)
        return View(items, times, places, len(store),
                    tuple(metadata) if metadata else None, slots)


def view_by_ours(path, kind):
    with bltlib.Blt(path, "r") as db:
        entries = list(db.iterate())
        items = [(entry.key, entry.value) for entry in entries]
        for entry in entries:
            assert db.get(entry.key) == entry.value, entry.key
            assert db.has(entry.key)
            assert entry.value_len == len(entry.value)
        for key in spec_reader.HIDDEN_KEYS:
            if not is_fixed(kind):
                assert not db.has(key)
        times = None
        if kind.times:
            times = [(entry.key, entry.timestamp) for entry in entries]
            for entry in entries:
                assert db.timestamp(entry.key) == entry.timestamp
        metadata, slots = None, {}
        if not is_fixed(kind):
            metadata = db.metadata()
            slots = {n: db.slot(n) for n in (1, 2) if db.slot(n) is not None}
        places = [(entry.key, entry.value_off, entry.value_len)
                  for entry in entries]
        return View(items, times, places, len(db), metadata, slots)


def view_by_spec(path, kind):
    reader = spec_reader.Reader.open(path)
    for key, value in reader.items():
        assert reader.get(key) == value, key

    def entry(block):
        return (block.value, block.timestamp) if block else None

    slots = {n: entry(reader.slot(n)) for n in (1, 2) if reader.slot(n)}
    return View(reader.items(),
                reader.timestamps() if kind.times else None,
                [(key, off, n) for key, _, off, n in reader.locations()],
                reader.count(), entry(reader.metadata()), slots)


def faults_by_spec(path):
    with open(path, "rb") as file:
        return spec_check.check(file.read())


# ----------------------------------------------------------------- judge

class CompatCase(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="blt-compat-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name="store.blt"):
        return os.path.join(self.folder, name)

    def same(self, left, right, what):
        """Equality with a message that stays short."""
        if left != right:
            text = "%s: %.300r is not %.300r" % (what, left, right)
            if isinstance(left, list) and isinstance(right, list):
                pair = next((pair for pair in zip_longest(left, right)
                             if pair[0] != pair[1]))
                text = "%s: first difference %.200r, %.200r" % (
                    what, pair[0], pair[1])
            self.fail(text)

    def judge(self, path, kind, model=None, what=""):
        """All readers agree with one another and with the model, and the
        file is sound. Returns the view."""
        faults = faults_by_spec(path)
        self.same(faults, [], what + ", faults by the specification")
        theirs = view_by_booklet(path, kind)
        self.compare(view_by_spec(path, kind), theirs, what + ", spec_reader")
        if bltlib:
            self.compare(view_by_ours(path, kind), theirs, what + ", libblt")
            with bltlib.Blt(path, "r") as db:
                report, faults = db.verify()
                self.same(faults, [], what + ", blt_verify")
                self.same(report.n_faults, 0, what + ", n_faults")
        if model is not None:
            self.compare_model(theirs, model, what)
        return theirs

    def compare(self, view, theirs, what):
        self.same(view.items, theirs.items, what + ", items")
        self.same(view.count, theirs.count, what + ", count")
        self.same(view.times, theirs.times, what + ", timestamps")
        if theirs.places is not None:
            self.same(view.places, theirs.places, what + ", locations")
        self.same(view.slots, theirs.slots, what + ", slots")
        ours = view.metadata
        if ours is not None:
            ours = (json.loads(ours[0]), ours[1])
        self.same(ours, theirs.metadata, what + ", metadata")

    def compare_model(self, view, model, what):
        self.same(sorted(view.items), sorted(
            (key, value) for key, (value, _) in model.keys.items()),
            what + ", items of the model")
        self.same(view.count, len(model.keys), what + ", count of the model")
        if model.kind.times:
            self.same(sorted(view.times), sorted(
                (key, at) for key, (_, at) in model.keys.items()),
                what + ", timestamps of the model")
        metadata = model.hidden.get(0)
        if metadata is not None:
            metadata = (json.loads(metadata[0]), metadata[1])
        self.same(view.metadata, metadata, what + ", metadata of the model")
        self.same(view.slots, {n: model.hidden[n] for n in (1, 2)
                               if n in model.hidden},
                  what + ", slots of the model")


# ------------------------------------------------------------- writers

class Theirs:
    """booklet with the calls that the tests make."""

    def __init__(self, path, flag, kind, grow=False, **more):
        self.kind = kind
        self.store = open_booklet(path, flag, kind, grow, **more)

    def put(self, key, value, timestamp):
        if self.kind.times:
            self.store.set(key, value, timestamp=timestamp)
        else:
            self.store.set(key, value)

    def get(self, key):
        return self.store.get(key)

    def delete(self, key):
        try:
            del self.store[key]
            return True
        except KeyError:
            return False

    def set_timestamp(self, key, timestamp):
        self.store.sync()         # booklet does not look into its buffer here
        try:
            self.store.set_timestamp(key, timestamp)
            return True
        except KeyError:
            return False

    def hide(self, number, data, timestamp):
        if number:
            self.store.set_reserved(number, data, timestamp)
        else:
            self.store.set_metadata(json.loads(data), timestamp)

    def unhide(self, number):
        return self.delete(utils.reserved_slot_key_bytes[number] if number
                           else utils.metadata_key_bytes)

    def prune(self, older_than=0, keep=()):
        if older_than:
            return self.store.prune(older_than, keep)
        return self.store.prune()

    def clear(self):
        self.store.sync()         # booklet keeps its buffer over a clear
        self.store.clear()

    def count(self):
        self.store.sync()         # booklet does not count its buffer
        return len(self.store)

    def items(self):
        return list(self.store.items())

    def sync(self):
        self.store.sync()

    def reopen(self, flag):
        deferred = self.store._defer_reindex
        self.store.reopen(flag)
        self.store._defer_reindex = deferred

    def close(self):
        self.store.close()


class Ours:
    """libblt with the same calls."""

    def __init__(self, path, mode, kind, grow=False, **more):
        self.kind = kind
        self.db = open_ours(path, mode, kind, grow, **more)
        for name in ("get", "delete", "set_timestamp", "prune", "clear",
                     "count", "items", "sync", "reopen", "close"):
            setattr(self, name, getattr(self.db, name))

    def put(self, key, value, timestamp):
        self.db.put_at(key, value, timestamp)

    def hide(self, number, data, timestamp):
        if number:
            self.db.set_slot(number, data, timestamp)
        else:
            self.db.set_metadata(data, timestamp)

    def unhide(self, number):
        if number:
            return self.db.delete_slot(number)
        return self.db.delete_metadata()


# ------------------------------------------------------------- material

def some_pairs(rng, count, value_len, long_key=True):
    """Distinct keys, the empty key, an empty value and a longest key."""
    pairs = {b"": random_value(rng, value_len)}
    if long_key:
        pairs[b"k" * 65535] = random_value(rng, value_len)
    while len(pairs) < count:
        pairs[random_key(rng)] = random_value(rng, value_len)
    return list(pairs.items())


def random_key(rng):
    return rng.getrandbits(64).to_bytes(8, "little")[:rng.randrange(2, 9)]


def random_value(rng, value_len):
    if value_len is None:
        value_len = rng.choice((0, 1, 10, 60, 300))
    return bytes(rng.getrandbits(8) for _ in range(value_len))
