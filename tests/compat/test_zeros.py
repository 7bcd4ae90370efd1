"""
test_zeros.py - booklet first, where a killed writer's file ends in zeros

A process loads keys with libblt and is killed (SIGKILL), by itself at a place
that a test names, or by the test at any moment. Booklet then opens the file: it
refuses and changes nothing, or it has exactly what the last blt_sync that was
acknowledged (or one that had begun) made of it. After that our open has every
commit, or what booklet left.

BLT_ZEROS_KEYS is how many keys are loaded, BLT_ZEROS_RUNS how many of the 18
kinds of load are tried for each place, BLT_ZEROS_KILLS how many writers are killed
at any moment, BLT_SEED repeats the loads.
"""
import os
import random
import signal
import subprocess
import sys
import unittest
from collections import Counter

import support
from support import (NO_TIMES, TIMES, CompatCase, Kind, bltlib, needs_library,
                     open_booklet, open_ours)

N_KEYS = int(os.environ.get("BLT_ZEROS_KEYS") or 4000)
N_RUNS = int(os.environ.get("BLT_ZEROS_RUNS") or 4)
N_KILLS = int(os.environ.get("BLT_ZEROS_KILLS") or 6)
LEVELS = ("batch", "full", "off")
ROUND_LEN = 1200
VALUE_LEN = 300
KINDS = [TIMES, NO_TIMES, Kind("fixed 300", False, VALUE_LEN)]
LOADS = [(kind, level, in_batches) for kind in KINDS for level in LEVELS
         for in_batches in (False, True)]


# ------------------------------------------------- what a writer has written

def key_of(i):
    return b"key-%06d" % i


def value_of(i, turn):
    return bytes([1 + (i + turn) % 255]) * VALUE_LEN


def loaded(n):
    return {key_of(i): value_of(i, 0) for i in range(n)}


def change(number, n):
    """A round's puts, some of keys that are there, and its deletes."""
    rng = random.Random("%d %d" % (support.SEED, number))
    puts = {key_of(rng.randrange(2 * n)): value_of(rng.randrange(n), number)
            for _ in range(ROUND_LEN)}
    gone = {key_of(rng.randrange(2 * n)) for _ in range(ROUND_LEN // 5)}
    return puts, gone - set(puts)


def after_rounds(n, n_rounds):
    content = loaded(n)
    for number in range(n_rounds):
        puts, gone = change(number, n)
        content.update(puts)
        for key in gone:
            content.pop(key, None)
    return content


# --------------------------------------------------------------- the writer

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def write_batch(db, puts, gone=()):
    db.batch_begin()
    db.put_many(list(puts.items()))
    db.delete_many(list(gone))
    db.batch_commit()


def load(db, n, in_batches):
    pairs = list(loaded(n).items())
    for first in range(0, n, n // 4):
        part = pairs[first:first + n // 4]
        if in_batches:
            write_batch(db, dict(part))
        else:
            db.put_many(part)


def write(path, kind, level, in_batches, stop):
    """Never returns: killed where `stop` says, or by somebody else."""
    kind = KINDS[int(kind)]
    sync = {"batch": bltlib.SYNC_BATCH, "full": bltlib.SYNC_FULL,
            "off": bltlib.SYNC_OFF}[level]
    db = open_ours(path, "n", kind, grow=True, sync=sync)
    load(db, N_KEYS, in_batches == "1")
    if stop == "loaded":
        db.batch_begin()          # commits what waits
        os.kill(os.getpid(), signal.SIGKILL)
    tell("begun", 0)
    db.sync()
    tell("synced", 0)
    if stop == "synced":
        os.kill(os.getpid(), signal.SIGKILL)
    if stop == "waiting":
        db.put(b"it waits", value_of(0, 0))
        os.kill(os.getpid(), signal.SIGKILL)
    for number in range(1000000):
        write_batch(db, *change(number, N_KEYS))
        tell("committed", number + 1)
        if stop == "further" and number == 9:
            os.kill(os.getpid(), signal.SIGKILL)
        if stop == "anywhere" and number % 5 == 4:
            tell("begun", number + 1)
            db.sync()
            tell("synced", number + 1)


# ---------------------------------------------------------------- the tests

def n_zeros(path):
    with open(path, "rb") as file:
        data = file.read()
    return len(data) - len(data.rstrip(b"\0"))


class Writer:
    """A writer that was killed, and what it had said."""

    def __init__(self, path, kind, level, in_batches, stop, after=None):
        self.process = subprocess.Popen(
            [sys.executable, "-B", os.path.abspath(__file__), path,
             str(KINDS.index(kind)), level, str(int(in_batches)), stop],
            stdout=subprocess.PIPE,
            env=dict(os.environ, BLT_SEED=str(support.SEED)))
        self.said = {"begun": None, "synced": None, "committed": 0}
        n_lines = 0
        for line in self.process.stdout:
            word, number = line.split()
            self.said[word.decode()] = int(number)
            n_lines += 1
            if n_lines == after:
                self.process.kill()
        self.process.wait()
        assert self.process.returncode == -signal.SIGKILL, self.process


@needs_library
class Zeros(CompatCase):
    def look(self, store, kind, contents):
        """It has one of these contents, exactly."""
        raw_key = store._key_serializer.dumps
        raw_value = store._value_serializer.dumps
        items = [(raw_key(key), raw_value(value))
                 for key, value in store.items()]
        seen = dict(items)
        self.assertEqual(len(items), len(seen))
        self.assertEqual(len(store), len(seen))
        self.assertTrue(seen in contents, "%d keys are not as they were at the "
                        "sync" % len(seen))
        for key in list(seen)[::97] + [b"not there"]:
            value = store.get(key)
            self.assertEqual(
                value if value is None else raw_value(value), seen.get(key))
        return seen

    def by_booklet(self, path, kind, contents):
        """What our open has to have after booklet, or None when it refused."""
        with open(path, "rb") as file:
            before = file.read()
        with self.assertRaises((TypeError, ValueError)):
            open_booklet(path, "r", kind)
        try:
            store = open_booklet(path, "w", kind)
        except TypeError:
            with open(path, "rb") as file:
                self.assertTrue(file.read() == before, "it was changed")
            return None
        try:
            content = self.look(store, kind, contents)
            store[b"theirs"] = content[b"theirs"] = value_of(7, 7)
            key = next(iter(content))
            del store[key], content[key]
            store.prune()
            self.look(store, kind, [content])
        finally:
            store.close()
        return content

    def by_ours(self, path, contents):
        with bltlib.Blt(path, "w") as db:
            items = dict(db.items())
            self.assertTrue(items in contents, "%d keys are not what was "
                            "committed" % len(items))
            _, faults = db.verify()
            self.assertEqual(faults, [])
        with bltlib.Blt(path, "r") as db:
            self.assertEqual(db.header_info().file_len, os.path.getsize(path))

    def kill_at(self, stop, is_refused):
        content = after_rounds(N_KEYS, 10 if stop == "further" else 0)
        path = self.path("%s.blt" % stop)
        loads = random.Random(support.SEED).sample(LOADS, N_RUNS)
        for kind, level, in_batches in loads:
            with self.subTest(kind=kind.name, level=level,
                              in_batches=in_batches):
                Writer(path, kind, level, in_batches, stop)
                self.assertEqual(n_zeros(path) > 400,
                                 is_refused and level == "full")
                left = self.by_booklet(path, kind, [content])
                self.assertEqual(left is None, is_refused)
                self.by_ours(path, [left or content])

    def test_a_load_that_was_killed_is_refused(self):
        self.kill_at("loaded", True)

    def test_a_load_that_was_synced_is_there_without_zeros(self):
        self.kill_at("synced", False)

    def test_what_waits_for_a_commit_brings_no_zeros(self):
        self.kill_at("waiting", False)

    def test_commits_after_a_sync_are_refused(self):
        self.kill_at("further", True)

    def test_a_writer_that_was_killed_anywhere(self):
        rng = random.Random(support.SEED)
        counts = Counter()
        for i in range(N_KILLS):
            kind, level = KINDS[i % 3], LEVELS[i // 3 % 3]
            path = self.path("anywhere.blt")
            writer = Writer(path, kind, level, rng.random() < 0.5, "anywhere",
                            after=rng.randrange(1, 60))
            said = writer.said
            counts["with zeros"] += n_zeros(path) > 400
            low, high = said["committed"], said["committed"] + 1
            synced = {said["synced"], said["begun"]} - {None}
            if said["begun"] == said["synced"]:
                synced |= {number for number in (low, high)
                           if number % 5 == 0}
            with self.subTest(kind=kind.name, level=level, said=said):
                left = self.by_booklet(
                    path, kind, [after_rounds(N_KEYS, n) for n in synced])
                counts["refused" if left is None else "opened"] += 1
                self.by_ours(path, [left] if left is not None else
                             [after_rounds(N_KEYS, n) for n in (low, high)])
        print(", ".join("%s: %d" % pair for pair in sorted(counts.items())))


if __name__ == "__main__":
    if len(sys.argv) == 6:
        write(*sys.argv[1:])
    unittest.main()
