"""bench.py - operations per second of booklet and of blt, side by side

    python python/bench/bench.py                     50,000 keys, str and str
    python python/bench/bench.py --keys 1000000 --rounds 1
    python python/bench/bench.py --serializers str/pickle str/orjson

Twelve letters a key, 200 a value, in random order; misses are '!' + key. Both
packages take turns in each round, and the best round counts, for both: a busy
machine makes rounds slower, never faster. `bulk` is blt with set_many,
get_many and del_many. The factor is blt's figure over booklet's.
"""

import argparse
import os
import random
import string
import sys
import tempfile
import time

LOADS = {
    "str": lambda text: text,
    "bytes": str.encode,
    "pickle": lambda text: {"text": text},
    "orjson": lambda text: {"text": text},
}


def make_data(n, value_type, seed):
    rng = random.Random(seed)
    keys = set()
    while len(keys) < n:
        keys.add("".join(rng.choices(string.ascii_lowercase, k=12)))
    keys = sorted(keys)
    rng.shuffle(keys)
    alphabet = string.ascii_letters + string.digits
    row = "".join(rng.choices(alphabet, k=200 + 4096))
    make = LOADS[value_type]

    def values(shift):
        return [
            make(str(i + shift).zfill(9) + row[i % 4096 : i % 4096 + 191])
            for i in range(n)
        ]

    return keys, values(0), values(1)


def get_lots(db, keys):
    """In lots, each of which is dropped, as the loop drops each value."""
    for i in range(0, len(keys), 1000):
        db.get_many(keys[i : i + 1000])


class Run:
    """One round of one package: all operations, on files of its own."""

    def __init__(self, package, bulk, serializers, data, folder, times,
                 clock):
        self.package, self.bulk, self.times = package, bulk, times
        self.clock = clock
        self.serializers = serializers
        self.keys, self.values, self.new_values = data
        self.path = os.path.join(folder, f"{package.__name__}{bulk}.blt")
        self.rng = random.Random(7)

    def new(self):
        key_type, value_type = self.serializers
        return self.package.open(
            self.path, "n", key_type, value_type, init_timestamps=False
        )

    def shuffled(self, items):
        items = list(items)
        self.rng.shuffle(items)
        return items

    def timed(self, name, n, work):
        begin = self.clock()
        work()
        took = self.clock() - begin
        best = self.times.get(name)
        if best is None or took / n < best:
            self.times[name] = took / n

    def filled(self):
        db = self.new()
        db.update(dict(zip(self.keys, self.values)))
        db.sync()
        return db

    # Each operation as booklet's own benchmark has it.

    def seq_write(self):
        keys, values = self.keys, self.values

        def work():
            db = self.new()
            if self.bulk:
                db.set_many(zip(keys, values))
            else:
                for k, v in zip(keys, values):
                    db[k] = v
            db.sync()
            db.close()

        self.timed("seq_write", len(keys), work)

    def bulk_update(self):
        data = dict(zip(self.keys, self.values))

        def work():
            db = self.new()
            db.update(data)
            db.sync()
            db.close()

        self.timed("bulk_update", len(data), work)

    def reads(self):
        self.filled().close()
        keys = self.shuffled(self.keys)
        misses = self.shuffled("!" + k for k in keys)
        both = self.shuffled(keys + misses)
        db = self.package.open(self.path)

        def random_read():
            if self.bulk:
                get_lots(db, keys)
                return
            for k in keys:
                db[k]

        def miss():
            if self.bulk:
                get_lots(db, misses)
                return
            for k in misses:
                db.get(k)

        def contains():
            for k in both:
                k in db

        def iterate(walk):
            def work():
                for _ in walk():
                    pass

            return work

        self.timed("random_read", len(keys), random_read)
        self.timed("random_read_miss", len(keys), miss)
        if not self.bulk:
            self.timed("contains", len(both), contains)
            self.timed("iter_keys", len(keys), iterate(db.keys))
            self.timed("iter_values", len(keys), iterate(db.values))
            self.timed("iter_items", len(keys), iterate(db.items))
        db.close()

    def overwrite(self):
        db = self.filled()

        def work():
            if self.bulk:
                db.set_many(zip(self.keys, self.new_values))
            else:
                for k, v in zip(self.keys, self.new_values):
                    db[k] = v
            db.sync()

        self.timed("overwrite", len(self.keys), work)
        db.close()

    def delete(self):
        db = self.filled()
        keys = self.shuffled(self.keys)

        def work():
            if self.bulk:
                db.del_many(keys)
            else:
                for k in keys:
                    del db[k]

        self.timed("delete", len(keys), work)
        db.close()

    def mixed(self):
        half = len(self.keys) // 2
        db = self.new()
        db.update(dict(zip(self.keys[:half], self.values)))
        db.sync()
        new = iter(zip(self.keys[half:], self.values))
        ops = [
            (self.keys[self.rng.randrange(half)], None)
            if self.rng.random() < 0.8
            else next(new)
            for _ in self.keys
        ]

        def work():
            for k, v in ops:
                if v is None:
                    db.get(k)
                else:
                    db[k] = v
            db.sync()

        self.timed("mixed_rw_80r", len(ops), work)
        db.close()

    def prune(self):
        db = self.filled()
        half = self.keys[: len(self.keys) // 2]
        db.update(dict(zip(half, self.new_values)))
        db.sync()
        for k in half[: len(half) // 2]:
            del db[k]
        self.timed("prune", len(self.keys), db.prune)
        db.close()

    def all(self):
        self.seq_write()
        if not self.bulk:
            self.bulk_update()
        self.reads()
        self.overwrite()
        self.delete()
        if not self.bulk:
            self.mixed()
            self.prune()


NAMES = [
    "seq_write", "bulk_update", "random_read", "random_read_miss", "contains",
    "iter_keys", "iter_values", "iter_items", "overwrite", "delete",
    "mixed_rw_80r", "prune",
]


def short(per_second):
    for limit, unit in ((1e6, "M"), (1e3, "K")):
        if per_second >= limit:
            return f"{per_second / limit:.3g}{unit}"
    return f"{per_second:.0f}"


def table(times):
    print(f"{'operation':18}{'booklet':>10}{'blt':>10}{'factor':>8}"
          f"{'bulk':>10}{'factor':>8}")
    for name in NAMES:
        old, new = times["booklet"].get(name), times["blt"].get(name)
        bulk = times["bulk"].get(name)
        line = f"{name:18}"
        line += f"{short(1 / old) if old else '-':>10}{short(1 / new):>10}"
        line += f"{old / new:>7.1f}x" if old else " " * 8
        if bulk:
            line += f"{short(1 / bulk):>10}"
            line += f"{old / bulk:>7.1f}x" if old else ""
        print(line)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serializers", nargs="*", default=["str/str"])
    parser.add_argument("--folder", help="where the files go")
    parser.add_argument(
        "--cpu", action="store_true",
        help="count the time of the processor, not that of the clock:\n"
             "for a machine on which others work, and blind to the disk",
    )
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter

    import blt

    packages = [("blt", blt, 0), ("bulk", blt, 1)]
    try:
        import booklet

        packages.insert(0, ("booklet", booklet, 0))
    except ImportError:
        print("booklet is not installed; blt alone", file=sys.stderr)
    for pair in options.serializers:
        serializers = pair.split("/")
        data = make_data(options.keys, serializers[1], 1)
        times = {"booklet": {}, "blt": {}, "bulk": {}}
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            for _ in range(options.rounds):
                for name, package, bulk in packages:
                    Run(
                        package, bulk, serializers, data, folder,
                        times[name], clock,
                    ).all()
        print(f"\n{options.keys} keys, {pair}, best of {options.rounds} rounds,"
              f" {'processor' if options.cpu else 'clock'} time, load {os.getloadavg()[0]:.1f}")
        table(times)


if __name__ == "__main__":
    main()
