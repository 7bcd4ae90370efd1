"""
mixed.py - eight processes on one file: booklet, libblt in Python, libblt in C

    BLT_LIB=libblt.so mixed.py MIXED_WORKER [--turns N] [--seed S]

Each opens the file for a turn, sees that its own keys are as it left them,
changes some, adds one to a shared number, prunes or reindexes now and then,
and closes. At the end each shared number is the sum of what was added, and the
file is sound. 0: so it is, 1: not, 77: cannot run here.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, os.pardir, "compat"))
KINDS = ["c", "booklet", "c", "libblt", "c", "booklet", "c", "libblt"]
N_OWN, N_SHARED = 12, 4
SECONDS = 600


class Theirs:
    """booklet, with the calls of a worker."""

    def __init__(self, path, flag, rng):
        import booklet
        self.store = booklet.VariableLengthValue(path, flag)
        self.get = self.store.get
        self.close = self.store.close

    def put(self, key, value):
        self.store[key] = value

    def delete(self, key):
        if key in self.store:
            del self.store[key]

    def prune(self):
        self.store.sync()
        self.store.prune()

    def reindex(self, n_buckets):
        self.prune()          # it reindexes by itself, when it has to


class Ours:
    def __init__(self, path, flag, rng):
        import bltlib
        self.db = bltlib.Blt(path, flag, sync=rng.randrange(3))
        for name in ("get", "put", "delete", "prune", "reindex", "close"):
            setattr(self, name, getattr(self.db, name))


class Worker:
    def __init__(self, make, path, number, seed):
        self.make, self.path, self.number = make, path, number
        self.rng = random.Random(seed * 1000 + number)
        self.own = {}
        self.n_added = [0] * N_SHARED

    def key(self, i):
        return b"own-%d-%d" % (self.number, i)

    def check_own(self, store):
        for i in range(N_OWN):
            found = store.get(self.key(i))
            if found != self.own.get(i):
                sys.exit("%s is %r, not %r" % (self.key(i), found,
                                               self.own.get(i)))

    def change_own(self, store, turn):
        i = self.rng.randrange(N_OWN)
        if self.rng.randrange(4):
            self.own[i] = b"%d" % turn
            store.put(self.key(i), self.own[i])
        else:
            self.own.pop(i, None)
            store.delete(self.key(i))

    def add_one(self, store):
        i = self.rng.randrange(N_SHARED)
        key = b"shared-%d" % i
        store.put(key, b"%d" % (int(store.get(key) or 0) + 1))
        self.n_added[i] += 1

    def take_turn(self, turn):
        reads = self.rng.randrange(4) == 0
        store = self.make(self.path, "r" if reads else "w", self.rng)
        self.check_own(store)
        if not reads:
            for _ in range(3):
                self.change_own(store, turn)
            self.add_one(store)
            self.check_own(store)
            choice = self.rng.randrange(20)
            if choice == 0:
                store.prune()
            elif choice == 1:
                store.reindex(200 + self.rng.randrange(2000))
        store.close()


def work(kind, path, number, turns, seed):
    worker = Worker(Theirs if kind == "booklet" else Ours, path, number, seed)
    for turn in range(1, turns + 1):
        worker.take_turn(turn)
    print(*worker.n_added)


def start(args, kind, path, number):
    words = [path, str(number), str(args.turns), str(args.seed)]
    if kind == "c":
        command = [args.program] + words
    else:
        command = [sys.executable, os.path.abspath(__file__), "--work", kind,
                   *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def gather(processes):
    """What all of them added, or None when one failed."""
    total = [0] * N_SHARED
    failed = False
    for number, (kind, process) in enumerate(processes):
        try:
            out, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            print("process %d (%s) hangs" % (number, kind))
            process.kill()
            out, _ = process.communicate()
        if process.returncode != 0:
            print("process %d (%s) failed: %d" % (number, kind,
                                                  process.returncode))
            failed = True
            continue
        total = [a + int(b) for a, b in zip(total, out.split())]
    return None if failed else total


def judge(path, total):
    """Both readers know the sums, and the file is sound."""
    import bltlib
    rng = random.Random(0)
    for make in (Theirs, Ours):
        store = make(path, "r", rng)
        sums = [int(store.get(b"shared-%d" % i) or 0) for i in range(N_SHARED)]
        store.close()
        if sums != total:
            print("%s: the sums are %r, not %r" % (make.__name__, sums, total))
            return False
    with bltlib.Blt(path) as db:
        report, faults = db.verify()
    if faults:
        print("not sound: %r" % faults[:3])
    return not faults


def run(args):
    import bltlib
    with tempfile.TemporaryDirectory(prefix="blt-mixed-") as folder:
        path = os.path.join(folder, "store.blt")
        bltlib.Blt(path, "n", n_buckets=500).close()
        processes = [(kind, start(args, kind, path, number))
                     for number, kind in enumerate(KINDS)]
        total = gather(processes)
        print("%d turns of each of %d processes, added %r" % (
            args.turns, len(KINDS), total))
        return 0 if total and judge(path, total) else 1


def main():
    if sys.argv[1:2] == ["--work"]:
        kind, path, number, turns, seed = sys.argv[2:]
        return work(kind, path, int(number), int(turns), int(seed))
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().getrandbits(31))
    args = parser.parse_args()
    try:
        import booklet  # noqa: F401  is it there?
    except ImportError as error:
        print("skipped: booklet cannot be imported (%s)" % error)
        return 77
    print("seed %d" % args.seed, flush=True)
    return run(args)


if __name__ == "__main__":
    sys.exit(main())
