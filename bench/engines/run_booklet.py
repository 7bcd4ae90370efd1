"""run_booklet.py - Python booklet on the dataset of blt-bench

    run_booklet.py about
    run_booklet.py WORKLOAD DATASET FOLDER N VALUE_LEN REP

blt-bench runs it as a child process for each workload and repetition; the
lines that it prints are as those of core/row.c. What is timed is what a user
of booklet would write. Results are compared outside of the clock.
"""

import array
import importlib.metadata
import json
import pathlib
import sys
import time

import booklet

SLOT_LEN = 16
KEY_LEN = 12
POOL_LEN = 1 << 20
EACH = 5

SETTINGS = ("key and value serializers 'bytes', otherwise defaults: 12,007 "
            "buckets, which grow; bulk is update(); commit is sync()")


def clocks():
    """By the wall, and what a core worked for this process."""
    return time.perf_counter(), time.process_time()


def since(start):
    return tuple(late - early for late, early in zip(clocks(), start))


class Dataset:
    """What core/dataset.c made: slots, the random orders, the pool."""

    def __init__(self, path, n, value_len):
        self.n = n
        self.value_len = value_len
        data = pathlib.Path(path).read_bytes()
        self.keys = self.keys_in(data, 0)
        orders = []
        for which in range(2):
            order = array.array("I")
            start = n * SLOT_LEN + which * n * 4
            order.frombytes(data[start:start + n * 4])
            orders.append(order)
        self.first_order = orders[0]
        self.shuffled = [[self.keys[i] for i in order] for order in orders]
        self.pool = data[n * (SLOT_LEN + 8):]

    def keys_in(self, data, start):
        return [data[at - KEY_LEN:at] for at in
                range(start + SLOT_LEN, start + self.n * SLOT_LEN + 1,
                      SLOT_LEN)]

    def values(self, version, end=None):
        """The values of the first `end` keys, made before a clock starts."""
        pool, value_len = self.pool, self.value_len
        return [pool[at:at + value_len] for at in
                ((i * 211 + version * 104729) & (POOL_LEN - 1)
                 for i in range(self.n if end is None else end))]


class Run:
    def __init__(self, workload, dataset, folder, n, value_len, rep):
        self.workload = workload
        self.folder = pathlib.Path(folder)
        self.path = self.folder / "store.blt"
        self.n, self.value_len, self.rep = int(n), int(value_len), int(rep)
        self.set = Dataset(dataset, self.n, self.value_len)
        self.failed = False

    def line(self, op, **rest):
        print(json.dumps({"engine": "booklet", "workload": self.workload,
                          "op": op, "n": self.n, "value_len": self.value_len,
                          "rep": self.rep, **rest}), flush=True)

    def time(self, op, ops, lap, ok):
        seconds, cpu = lap
        self.line(op, ops=ops, seconds=seconds, cpu=cpu, ok=bool(ok))
        if not ok:
            self.failed = True
            print(f"run_booklet.py: {op} with {self.n} keys: wrong result",
                  file=sys.stderr)

    def timed(self, op, ops, work, check):
        start = clocks()
        result = work()
        self.time(op, ops, since(start), check(result))
        return result

    def open(self, flag):
        if flag == "n":
            self.path.unlink(missing_ok=True)
            return booklet.open(self.path, "n", "bytes", "bytes")
        return booklet.open(self.path, flag)

    def open_row(self, flag, op):
        start = clocks()
        db = self.open(flag)
        self.time(op, 1, since(start), True)
        return db

    def close_row(self, db, op):
        start = clocks()
        db.close()
        self.time(op, 1, since(start), True)

    def holds(self, expected):
        with self.open("r") as db:
            return dict(db.items()) == expected


# ------------------------------------------------------------- what is timed

def put_all(db, keys, values):
    for key, value in zip(keys, values):
        db[key] = value
    db.sync()


def get_all(db, keys):
    for key in keys:
        value = db[key]
    return value


def get_misses(db, keys):
    missing = 0
    for key in keys:
        if db.get(key) is None:
            missing += 1
    return missing


def ask_all(db, keys, misses):
    found = missing = 0
    for key, miss in zip(keys, misses):
        if key in db:
            found += 1
        if miss not in db:
            missing += 1
    return found, missing


def walk(items):
    count = 0
    for item in items:
        count += 1
    return count


def delete_all(db, keys):
    for key in keys:
        del db[key]
    db.sync()


def mix(db, gets, fresh, values):
    """Each fifth operation puts, the others get."""
    at = 0
    for i, key in enumerate(gets):
        if i % EACH == 0:
            db[fresh[at]] = values[at]
            at += 1
        else:
            value = db[key]
    db.sync()
    return value


# ----------------------------------------------------------------- workloads

def load(run):
    data = run.set
    values = data.values(0)
    stored = dict(zip(data.keys, values))
    db = run.open_row("n", "create")
    start = clocks()
    put_all(db, data.keys, values)
    lap = since(start)
    run.close_row(db, "close_written")
    run.time("seq_write", run.n, lap, run.holds(stored))
    run.line("file_len", amount=run.path.stat().st_size, unit="bytes")
    run.line("disk_len", amount=run.path.stat().st_blocks * 512, unit="bytes")
    read(run, stored)
    overwrite(run)


def read(run, stored):
    n, data = run.n, run.set
    misses = [b"!" + key for key in data.shuffled[0]]
    db = run.open_row("r", "open_read")
    for op, keys in [("random_read_cold", data.shuffled[0]),
                     ("random_read", data.shuffled[1])]:
        run.timed(op, n, lambda: get_all(db, keys),
                  lambda value: value == stored[keys[-1]])
    run.timed("random_read_miss", n, lambda: get_misses(db, misses),
              lambda missing: missing == n)
    run.timed("contains", 2 * n,
              lambda: ask_all(db, data.shuffled[0], misses),
              lambda counts: counts == (n, n))
    for op, items in [("iter_keys", db.keys), ("iter_values", db.values),
                      ("iter_items", db.items)]:
        run.timed(op, n, lambda: walk(items()), lambda count: count == n)
    run.close_row(db, "close_read")


def overwrite(run):
    data = run.set
    values = data.values(1)
    db = run.open_row("w", "open_write")
    start = clocks()
    put_all(db, data.keys, values)
    lap = since(start)
    run.close_row(db, "close_overwritten")
    run.time("overwrite", run.n, lap,
             run.holds(dict(zip(data.keys, values))))


def update(run):
    data = run.set
    stored = dict(zip(data.keys, data.values(0)))
    db = run.open("n")

    def work():
        db.update(stored)
        db.sync()

    run.timed("bulk_update", run.n, work, lambda _: len(db) == run.n)
    run.close_row(db, "close_updated")
    db = run.open("w")
    run.timed("delete", run.n, lambda: delete_all(db, data.shuffled[0]),
              lambda _: len(db) == 0)
    run.close_row(db, "close_deleted")


def mixed(run):
    data, half = run.set, run.n // 2
    values = data.values(0)
    gets = [data.keys[i % half] for i in data.first_order]
    db = run.open("n")
    put_all(db, data.keys[:half], values[:half])
    run.timed("mixed_rw_80r", run.n,
              lambda: mix(db, gets, data.keys[half:], values[half:]),
              lambda _: len(db) == half + (run.n + EACH - 1) // EACH)
    run.close_row(db, "close_mixed")


def prune(run):
    data, half, quarter = run.set, run.n // 2, run.n // 4
    values, newer = data.values(0), data.values(1, half)
    with run.open("n") as db:
        put_all(db, data.keys, values)
        put_all(db, data.keys[:half], newer)
        delete_all(db, data.keys[:quarter])
    db = run.open("w")
    run.timed("prune", run.n, db.prune,
              lambda _: len(db) == run.n - quarter)
    run.close_row(db, "close_pruned")
    expected = dict(zip(data.keys[half:], values[half:]))
    expected.update(zip(data.keys[quarter:half], newer[quarter:]))
    if not run.holds(expected):
        run.time("prune_content", run.n, (1, 1), False)
    run.line("file_len_pruned", amount=run.path.stat().st_size, unit="bytes")


WORKLOADS = {"load": load, "update": update, "mixed": mixed, "prune": prune}


def about():
    version = importlib.metadata.version("booklet")
    python = ".".join(map(str, sys.version_info[:3]))
    print(json.dumps({"about": 1, "engine": "booklet",
                      "version": f"{version}, Python {python}",
                      "settings": SETTINGS}))


def main(arguments):
    if arguments == ["about"]:
        about()
        return 0
    if arguments[0] not in WORKLOADS:
        return 0
    run = Run(*arguments)
    WORKLOADS[run.workload](run)
    return int(run.failed)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
