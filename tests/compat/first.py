"""
first.py - what a killed process left, opened by booklet before us

The crash explorer writes images and what they should hold (tests/crash,
export.h). For each of them exactly one of two things is right:

  refused   booklet raises TypeError, since the file's kind is inverted, and
            changes nothing; our open then has everything
  opened    `get` of every key says what was acknowledged, or begun, before
            booklet has written anything; and after booklet's puts, deletes,
            prune and close our open has all of that and what booklet did

Opening for reading is refused while the file is marked as being written.

After a power cut the same holds for `get` and for what booklet writes. An
iteration or a prune meets the torn end of the file, so they are not tried.
"""
import json
import os
import random
import signal
from collections import Counter, namedtuple

import spec_reader
import support
from support import Kind, open_booklet, open_ours

Entry = namedtuple("Entry", "value time")
State = namedtuple("State", "story image model number low high")
UNCLEAN = b"\xff\xff\xff\xff"
COUNT = slice(33, 37)
NEW_TIME = 1800000000000000


class Wrong(Exception):
    """The sentence says what; the driver adds which state it was."""


class Story:
    def __init__(self, line):
        self.name = "--only %s --seed %d" % (line["plan"], line["seed"])
        self.level = line["level"]
        length = line["value_len"]
        self.kind = Kind(line["plan"], line["times"], length)
        self.keys = [bytes.fromhex(key) for key in line["keys"]]
        self.plain = self.keys[:line["n_keys"]]
        self.hidden = self.keys[line["n_keys"]:]
        self.has_time_sets = line["has_time_sets"]
        self.moments = [
            {self.keys[i]: Entry(bytes([fill]) * n, time)
             for i, n, fill, time in moment} for moment in line["moments"]]

    def allowed(self, key, low, high):
        """What the key may be: entries, or None where it may be gone."""
        return [moment.get(key) for moment in self.moments[low:high + 1]]


def read_states(folder):
    with open(os.path.join(folder, "states.jsonl")) as lines:
        story = None
        for line in map(json.loads, lines):
            if "plan" in line:
                story = Story(line)
            else:
                yield State(story, os.path.join(folder, line["image"]),
                            line["model"], line["state"], line["low"],
                            line["high"])


def header_of(path):
    with open(path, "rb") as file:
        return file.read(200)


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


# ------------------------------------------------------------ time is short

class Hang(Exception):
    pass


def give_up(number, frame):
    raise Hang("it hangs")


class Deadline:
    """booklet follows some damaged chains for ever."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        self.before = signal.signal(signal.SIGALRM, give_up)
        signal.alarm(self.seconds)

    def __exit__(self, *ignored):
        signal.alarm(0)
        signal.signal(signal.SIGALRM, self.before)


# ------------------------------------------------------------------ a trial

class Trial:
    def __init__(self, path, state, rng, counts):
        self.path, self.state, self.rng = path, state, rng
        self.story, self.kind = state.story, state.story.kind
        self.counts = counts
        self.puts = {}            # key -> value or None: what booklet did
        self.times = {}           # key -> timestamp that booklet set
        with open(path, "wb") as file:
            file.write(bytes_of(state.image))

    def run(self):
        try:
            with Deadline(30):
                self.try_reader()
                store = self.open_for_writing()
                if store is None:
                    self.counts["refused"] += 1
                    self.judge_ours(exact=True)
                    return
                self.counts["opened"] += 1
                try:
                    self.look(store, "booklet opens")
                    if self.state.model == "kill":
                        self.look_at_all(store)
                    self.write(store)
                    self.look(store, "booklet has written")
                finally:
                    store.close()
                self.judge_ours(exact=False)
        except Hang as error:
            raise Wrong(str(error)) from error

    # ------------------------------------------------------- booklet opens

    def try_reader(self):
        is_unclean = header_of(self.path)[COUNT] == UNCLEAN
        before = bytes_of(self.path)
        try:
            store = open_booklet(self.path, "r", self.kind)
        except (ValueError, TypeError):
            if not is_unclean:
                raise Wrong("booklet r: a closed file is refused")
            if bytes_of(self.path) != before:
                raise Wrong("booklet r: it changes what it refuses")
            return
        try:
            if is_unclean:
                raise Wrong("booklet r: reads a file that is being written")
            self.look(store, "booklet r")
        finally:
            store.close()

    def open_for_writing(self):
        before = bytes_of(self.path)
        try:
            return open_booklet(self.path, "w", self.kind)
        except TypeError:
            if bytes_of(self.path) != before:
                raise Wrong("booklet w: it changes what it refuses")
            return None

    # --------------------------------------------------------- what it says

    def is_right(self, key, value, time):
        """time is None where it is not known."""
        if key in self.puts:
            wanted = self.puts[key]
            if value == wanted:
                return (value is None or time is None
                        or time == self.times[key])
            return False
        for entry in self.story.allowed(
                key, self.state.low, self.state.high):
            if entry is None or value is None:
                if entry is value:
                    return True
            elif entry.value == value:
                if time is None or time == self.times.get(key, entry.time):
                    return True
        return False

    def is_begun(self, key, value):
        """A commit that was not acknowledged. After a power cut a block of it may
        be there without its record, and nobody knows that booklet has deleted
        its key."""
        return self.state.model == "power" and any(
            moment[key].value == value for moment in
            self.story.moments[self.state.low + 1:self.state.high + 1]
            if key in moment)

    def tell_allowed(self, key):
        if key in self.puts:
            return short(self.puts[key])
        entries = self.story.allowed(key, self.state.low, self.state.high)
        return " or ".join(sorted({
            "%s at %s" % (short(entry.value), entry.time) if entry
            else "nothing" for entry in entries}))

    def expect(self, key, value, time, what):
        if self.story.has_time_sets and key not in self.times:
            time = None
        if self.is_right(key, value, time):
            return
        if (what == "we open" and self.puts.get(key) is None
                and self.is_begun(key, value)):
            self.counts["not acknowledged, and back"] += 1
        else:
            raise Wrong("%s: key %.20r is %s at %s, and should be %s" % (
                what, key, short(value), time, self.tell_allowed(key)))

    def look(self, store, what):
        """Every key by itself."""
        hidden = [] if support.is_fixed(self.kind) else self.story.hidden
        for key in self.story.plain + hidden:
            value = store.get(key)
            time = None
            if self.kind.times and value is not None:
                time = store.get_timestamp(key)
            self.expect(key, value, time, what)

    def look_at_all(self, store):
        """All keys in a row."""
        for key, value in store.items():
            if key not in self.story.plain:
                raise Wrong("iteration: %.20r was never put" % key)
            self.expect(key, value, None, "iteration")

    # ------------------------------------------------------- booklet writes

    def put(self, store, key):
        n = self.kind.value_len
        if n is None:
            n = self.rng.choice((0, 3, 60, 700))
        value = bytes([self.rng.randrange(256)]) * n
        time = NEW_TIME + self.rng.randrange(1000)
        if self.kind.times:
            store.set(key, value, timestamp=time)
        else:
            store.set(key, value)
        self.puts[key], self.times[key] = value, time

    def delete(self, store, key):
        store.sync()
        there = store.get(key) is not None
        try:
            del store[key]
        except KeyError:
            if there:
                raise Wrong("booklet deletes: %.20r is not found" % key)
        self.puts[key] = None

    def set_time(self, store, key):
        store.sync()              # booklet does not look into its buffer here
        if store.get(key) is None:
            return
        time = NEW_TIME + 5000 + self.rng.randrange(1000)
        store.set_timestamp(key, time)
        self.times[key] = time

    def write(self, store):
        rng = self.rng
        keys = self.story.plain + [b"booklet %d" % i for i in range(3)]
        for _ in range(rng.randrange(8)):
            choice = rng.random()
            if choice < 0.6:
                self.put(store, rng.choice(keys))
            elif choice < 0.85 or not self.kind.times:
                self.delete(store, rng.choice(keys))
            else:
                self.set_time(store, rng.choice(keys))
        if rng.random() < 0.25:
            self.grow(store)
        store.sync()
        if self.state.model == "kill" and rng.random() < 0.3:
            store.prune()
            self.counts["pruned"] += 1

    def grow(self, store):
        """So many keys that booklet reindexes; not where it leaves gaps
        (docs/format.md, section 11)."""
        reader = spec_reader.Reader.open(self.path).header
        if reader.index_off != 200 or reader.n_buckets > 50:
            return
        store._defer_reindex = False
        for i in range(reader.n_buckets + 2):
            self.put(store, b"grown %d" % i)
        store.sync()
        store._defer_reindex = True
        self.counts["grown"] += 1

    # ------------------------------------------------------------- we open

    def judge_ours(self, exact):
        with open_ours(self.path, "w") as db:
            opened = db.open_report().what
            self.counts["we: " + support.bltlib.OPENED[opened]] += 1
            seen = {entry.key: Entry(entry.value, entry.timestamp)
                    for entry in db.iterate(
                        support.bltlib.ITER_VALUES
                        | support.bltlib.ITER_TIMESTAMPS
                        | support.bltlib.ITER_HIDDEN)}
            for key in set(self.story.keys) | set(self.puts):
                entry = seen.pop(key, Entry(None, None))
                time = entry.time if self.kind.times else None
                self.expect(key, entry.value, time, "we open")
            if seen:
                raise Wrong("we open: %.20r was never put" % min(seen))
            report, faults = db.verify(20)
            if faults:
                raise Wrong("we open: verify finds %s" % (faults[0],))
            if exact:
                self.expect_moment(db)

    def expect_moment(self, db):
        """Nobody else wrote, so a batch is there as a whole or not."""
        values = {entry.key: entry.value for entry in db.iterate(
            support.bltlib.ITER_VALUES | support.bltlib.ITER_HIDDEN)}
        for moment in self.story.moments[self.state.low:self.state.high + 1]:
            if values == {key: e.value for key, e in moment.items()}:
                return
        raise Wrong("we open: a batch is there in parts")


def short(value):
    if value is None:
        return "nothing"
    return "%d times %r" % (len(value), value[:1])


def try_states(folder, states, seed):
    """(counts, sentences about what went wrong)"""
    counts, wrong = Counter(), []
    for i, state in enumerate(states):
        path = os.path.join(folder, "trial.blt")
        trial = Trial(path, state, random.Random(seed + i), counts)
        counts["states"] += 1
        try:
            trial.run()
        except Exception as error:      # booklet raises what it likes
            name = "" if isinstance(error, Wrong) else type(error).__name__
            wrong.append("%s --model %s --state %d (moments %d to %d): "
                         "%s %s" % (state.story.name, state.model,
                                    state.number, state.low, state.high, name,
                                    error))
    return counts, wrong
