"""booklet and blt do the same random operations, on two files that they hand
back and forth: what one wrote in this turn the other has in the next. A
dictionary says what should be there.

BLT_TURNS_OPS=100000 BLT_SEED=7 pytest python/tests/test_turns.py
"""

import os
import random

import pytest
from conftest import original

import blt.booklet

OPS = int(os.environ.get("BLT_TURNS_OPS", 4000))
SEED = int(os.environ.get("BLT_SEED", random.randrange(2**32)))
KINDS = {
    "str to pickle": ("str", "pickle", True),
    "uint4 to bytes": ("uint4", "bytes", True),
    "bytes to orjson, no times": (None, "orjson", False),
    "fixed": ("str", None, False),
}
FIXED_LEN = 12


class Pair:
    """The two stores, and the dictionary."""

    def __init__(self, packages, paths, kind, rng):
        self.packages, self.paths, self.rng = packages, paths, rng
        self.fixed = kind == "fixed"
        self.key_type, self.value_type, self.times = KINDS[kind]
        self.model, self.stamps, self.meta, self.slot = {}, {}, None, None
        self.stores = None
        self.clock = 10**15

    def open(self, flag):
        self.stores = []
        for package, path in zip(self.packages, self.paths):
            if self.fixed:
                store = package.FixedLengthValue(
                    path, flag, self.key_type, FIXED_LEN, n_buckets=101
                )
            else:
                store = package.open(
                    path, flag, self.key_type, self.value_type, 101,
                    self.rng.choice([600, 4096, 2**22]), self.times,
                )
            self.stores.append(store)

    def hand_over(self):
        for store in self.stores:
            store.close()
        self.paths.reverse()
        self.open("w")

    def key(self):
        number = min(int(self.rng.expovariate(0.005)), 2000)
        return {"str": str, "uint4": int, None: lambda i: b"%d" % i}[
            self.key_type
        ](number)

    def value(self):
        rng = self.rng
        if self.fixed:
            return rng.randbytes(FIXED_LEN)
        if self.value_type == "bytes":
            return rng.randbytes(rng.choice([0, 1, 30, 700]))
        return [rng.randrange(1000), "x" * rng.choice([0, 3, 500])]

    def on_both(self, work):
        results = [work(store) for store in self.stores]
        assert results[0] == results[1]
        return results[0]

    # ------------------------------------------------------- operations

    def do_set(self):
        key, value = self.key(), self.value()
        self.clock += 1
        if self.fixed:
            self.on_both(lambda s: s.__setitem__(key, value))
        else:
            self.on_both(lambda s: s.set(key, value, self.clock))
            self.stamps[key] = self.clock
        self.model[key] = value

    def do_update(self):
        data = {self.key(): self.value() for _ in range(20)}
        self.on_both(lambda s: s.update(data))
        self.model.update(data)
        for key in data:  # whose clocks differ
            self.stamps.pop(key, None)

    def do_get(self):
        key = self.key()
        assert self.on_both(lambda s: s.get(key)) == self.model.get(key)
        assert self.on_both(lambda s: key in s) == (key in self.model)

    def do_delete(self):
        key = self.key()

        def delete(store):
            try:
                del store[key]
            except KeyError:
                return False
            return True

        assert self.on_both(delete) == (key in self.model)
        self.model.pop(key, None)
        self.stamps.pop(key, None)

    def do_pop(self):
        key = self.key()
        assert self.on_both(lambda s: s.pop(key, 5)) == self.model.pop(key, 5)
        self.stamps.pop(key, None)

    def do_time(self):
        key = self.key()
        if not self.times or key not in self.model:
            return
        self.clock += 1
        self.on_both(lambda s: s.sync())
        self.on_both(lambda s: s.set_timestamp(key, self.clock))
        self.stamps[key] = self.clock
        got = self.on_both(lambda s: s.get_timestamp(key, True))
        assert got == (self.clock, self.model[key])

    def do_hidden(self):
        if self.fixed:
            return
        if self.rng.random() < 0.5:
            self.meta = {"n": self.rng.randrange(99)}
            self.on_both(lambda s: s.set_metadata(self.meta))
        else:
            self.slot = self.rng.randbytes(20)
            self.on_both(lambda s: s.set_reserved(1, self.slot))

    def do_sync(self):
        self.on_both(lambda s: s.sync())
        # booklet counts what is buffered when it is written.
        assert self.on_both(len) == len(self.model)

    def do_prune(self):
        # What was overwritten in the buffer counts for one and not for the
        # other, so the numbers may differ.
        for store in self.stores:
            store.sync()
            store.prune()

    def do_clear(self):
        self.on_both(lambda s: s.sync())
        self.on_both(lambda s: s.clear())
        self.model.clear()
        self.stamps.clear()
        self.meta = self.slot = None

    def do_compare(self):
        assert self.on_both(lambda s: dict(s.items())) == self.model
        assert self.on_both(lambda s: set(s.keys())) == set(self.model)
        if self.times:
            for stamps in (dict(store.timestamps()) for store in self.stores):
                assert self.stamps.items() <= stamps.items()
        if not self.fixed:
            assert self.on_both(lambda s: s.get_metadata()) == self.meta
            assert self.on_both(lambda s: s.get_reserved(1)) == self.slot

    CHOICES = {
        do_set: 500, do_update: 20, do_get: 250, do_delete: 120, do_pop: 20,
        do_time: 10, do_hidden: 5, do_sync: 10, do_prune: 2, do_clear: 0.2,
        do_compare: 2, hand_over: 5,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_both_do_the_same(tmp_path, kind):
    print(f"BLT_SEED={SEED} BLT_TURNS_OPS={OPS}")
    rng = random.Random(f"{SEED} {kind}")
    pair = Pair(
        [original(), blt.booklet], [tmp_path / "a", tmp_path / "b"], kind, rng
    )
    pair.open("n")
    choices, weights = zip(*Pair.CHOICES.items())
    for work in rng.choices(choices, weights, k=OPS // len(KINDS)):
        work(pair)
    for _ in range(2):
        pair.do_compare()
        pair.hand_over()
    for store in pair.stores:
        store.close()
    for path in pair.paths:
        with blt.open_any(path) as store:
            assert store.verify()
