"""
test_turns.py - booklet and we take turns on one file

Random operations against a dict. A run is many sessions: one of the two opens
the file, does some operations, each checked against the model, and closes;
then all three readers judge. Prunes are done on the file by one and on a copy
by the other, and their counts compared.

Left out, because booklet gets it wrong (and said where it is worked around):
clear and set_timestamp with unsynced puts (support.Theirs), a reindex that
does not cover a small old index (support.open_booklet), a reopen after
another process reindexed, reserved keys as user's keys in fixed files.
"""
import random
import shutil
import unittest

import spec_reader
import support
from support import (
    N_OPS, NO_TIMES, SEED, TIME, TIMES, CompatCase, Kind, Model, Ours, Theirs,
    bltlib, is_fixed, needs_library, random_key, random_value)

FIXED_9 = Kind("fixed 9", False, 9)


def count_own(path):
    return len(spec_reader.Reader.open(path).own())


def count_dead(path):
    """Dead blocks that are no commit records or fillers of ours."""
    return sum(block.link == 0 and not spec_reader.is_own(block)
               for block in spec_reader.Reader.open(path).scan())


class Turns:
    """One run over one file."""

    def __init__(self, case, kind, n_buckets, grow, seed):
        self.case, self.kind, self.grow = case, kind, grow
        self.rng = random.Random(seed)
        self.path = case.path("turns.blt")
        self.model = Model(kind)
        self.n_buckets = n_buckets
        self.clock = TIME
        self.keys = [b"", b"k" * 65535]
        self.keys += [random_key(self.rng) for _ in range(90)]
        self.n_ops = 0
        self.trace = []
        self.writer = self.open(self.rng.choice((Ours, Theirs)), "n",
                                n_buckets=n_buckets)

    # ---------------------------------------------------------- sessions

    def open(self, tool, flag="w", **more):
        size = self.rng.choice((None, 600, 1 << 17))
        if size:
            more["buffer_len" if tool is Ours else "buffer_size"] = size
        self.trace = self.trace[-2:] + [[tool.__name__, flag]]
        writer = tool(self.path, flag, self.kind, self.grow, **more)
        if tool is Ours:
            self.judge_opening(writer)
        return writer

    def judge_opening(self, writer):
        """All files here were closed well, so there is nothing to repair."""
        what = bltlib.OPENED[writer.db.open_report().what]
        self.case.assertIn(what, ("clean", "created", "foreign"))

    def note(self, *what):
        self.n_ops += 1
        self.trace[-1].append(what)

    def what(self):
        return "%s, seed %d, operation %d" % (
            self.kind.name, SEED, self.n_ops)

    def run(self, n_ops):
        try:
            while self.n_ops < n_ops:
                for _ in range(self.rng.randrange(1, 40)):
                    self.operation()
                self.writer.close()
                self.case.judge(self.path, self.kind, self.model, self.what())
                if self.rng.random() < 0.1:
                    self.prune_both()
                self.writer = self.open(self.rng.choice((Ours, Theirs)))
            self.writer.close()
        except Exception as error:
            raise AssertionError("%s: %r\nlast sessions: %.3000s" % (
                self.what(), error, self.trace)) from error

    # -------------------------------------------------------- operations

    def operation(self):
        choices = [(self.put, 50), (self.delete, 14), (self.look, 20),
                   (self.sync, 3), (self.look_at_all, 2), (self.reopen, 1),
                   (self.clear, 0.4), (self.prune, 1)]
        if self.kind.times:
            choices.append((self.set_timestamp, 8))
        if not is_fixed(self.kind):
            choices += [(self.hide, 3), (self.unhide, 1)]
        if isinstance(self.writer, Ours):
            choices += [(self.batch, 3), (self.reindex, 0.3)]
        functions, weights = zip(*choices)
        self.rng.choices(functions, weights)[0]()

    def now(self):
        self.clock += self.rng.randrange(1, 5)
        return self.clock

    def key(self):
        return self.rng.choice(self.keys)

    def put(self):
        key, now = self.key(), self.now()
        value = random_value(self.rng, self.kind.value_len)
        self.note("put", key[:9], len(value), now)
        self.writer.put(key, value, now)
        self.model.put(key, value, now)

    def delete(self):
        key = self.key()
        self.note("delete", key[:9])
        self.case.assertEqual(self.writer.delete(key), key in self.model.keys)
        self.model.keys.pop(key, None)

    def set_timestamp(self):
        key, now = self.key(), self.now()
        self.note("set_timestamp", key[:9], now)
        found = self.writer.set_timestamp(key, now)
        self.case.assertEqual(found, key in self.model.keys)
        if found:
            self.model.keys[key] = (self.model.keys[key][0], now)

    def hide(self):
        number, now = self.rng.randrange(3), self.now()
        data = random_value(self.rng, None)
        if number == 0:
            data = b'{"n":%d}' % now
        self.note("hide", number, len(data), now)
        self.writer.hide(number, data, now)
        self.model.hide(number, data, now)

    def unhide(self):
        number = self.rng.randrange(3)
        self.note("unhide", number)
        self.case.assertEqual(self.writer.unhide(number),
                              number in self.model.hidden)
        self.model.hidden.pop(number, None)

    def look(self):
        key = self.key()
        self.note("get", key[:9])
        value = self.writer.get(key)
        wanted = self.model.keys.get(key, (None,))[0]
        self.case.same(value, wanted, "get")

    def look_at_all(self):
        self.note("items")
        self.case.same(self.writer.count(), len(self.model.keys), "count")
        self.case.same(sorted(self.writer.items()), sorted(
            (key, value) for key, (value, _) in self.model.keys.items()),
            "items")

    def sync(self):
        self.note("sync")
        self.writer.sync()

    def reopen(self):
        self.note("reopen")
        self.writer.reopen("r")
        self.look()
        self.writer.reopen("w")

    def clear(self):
        self.note("clear")
        self.writer.clear()
        self.model.clear()

    def reindex(self):
        n_buckets = self.rng.choice((self.n_buckets, self.n_buckets + 13))
        self.note("reindex", n_buckets)
        self.writer.db.reindex(n_buckets)

    def batch(self):
        before = self.model.copy()
        self.note("batch_begin")
        self.writer.db.batch_begin()
        for _ in range(self.rng.randrange(8)):
            self.rng.choice((self.put, self.put, self.delete, self.look))()
        if self.rng.random() < 0.3:
            self.note("batch_abort")
            self.writer.db.batch_abort()
            self.model = before
        else:
            self.note("batch_commit")
            self.writer.db.batch_commit()

    # ------------------------------------------------------------ prunes

    def age(self):
        """(older_than, keep), which only files with timestamps have"""
        if not self.kind.times or self.rng.random() < 0.5:
            return 0, []
        old = self.clock - self.rng.randrange(400)
        return old, self.rng.sample(self.keys, 5)

    def evict(self, older_than, keep):
        old = [key for key, (_, at) in self.model.keys.items()
               if at < older_than and key not in keep]
        for key in old:
            del self.model.keys[key]
        return len(old)

    def prune(self):
        """In a session; how many blocks are dead then is not known here."""
        older_than, keep = self.age()
        self.note("prune", older_than)
        n_dropped = self.writer.prune(older_than, keep)
        self.case.assertGreaterEqual(n_dropped, self.evict(older_than, keep))

    def prune_both(self):
        """Between sessions: on the file and on a copy, counts compared. Without
        growth: booklet would count the index that it covers just before."""
        other = self.case.path("copy.blt")
        shutil.copy(self.path, other)
        n_dead, n_own = count_dead(self.path), count_own(self.path)
        older_than, keep = self.age()
        paths = [self.path, other]
        self.rng.shuffle(paths)
        counts = []
        self.trace.append([("prune_both", older_than)])
        for tool, path in zip((Ours, Theirs), paths):
            writer = tool(path, "w", self.kind)
            if tool is Ours:
                self.judge_opening(writer)
            counts.append(writer.prune(older_than, keep))
            writer.close()
        n_old = self.evict(older_than, keep)
        self.case.same(counts, [n_dead + n_old, n_dead + n_old + n_own],
                       "counts of prune")
        views = [self.case.judge(path, self.kind, self.model, "pruned")
                 for path in paths]
        self.case.same(views[0].items, views[1].items, "order after prune")


@needs_library
class TakingTurns(CompatCase):
    def turns(self, kind):
        """Half of the operations on long chains, half with reindexes."""
        for n_buckets, grow in ((7, False), (40, True)):
            with self.subTest(n_buckets=n_buckets, grow=grow):
                Turns(self, kind, n_buckets, grow,
                      SEED * 64 + n_buckets).run(N_OPS // 2)

    def test_turns_on_a_file_with_timestamps(self):
        self.turns(TIMES)

    def test_turns_on_a_file_without_timestamps(self):
        self.turns(NO_TIMES)

    def test_turns_on_a_fixed_file(self):
        self.turns(FIXED_9)


if __name__ == "__main__":
    unittest.main()
