"""targets.py - the ratios to reach, and whether they were

A target compares what blt does with the fastest of some others, in one run.
"""

import collections

from reporting import words
from reporting.results import BUILT_ONCE, OPERATIONS, READS

# A Judgement without `got` was not measured.
Judgement = collections.namedtuple("Judgement", "what n got wanted against")

SIZES = [50000, 1000000]
WRITES = [op for op in OPERATIONS if op not in READS]

# op of blt, op of the others, ratio, who: all peers, or those that update
RATIOS = [
    ("seq_write", "seq_write", 1.3, "peer"),
    ("seq_write", "seq_write", 3.5, "updating"),
    ("bulk_update", "bulk_update", 1.3, "peer"),
    ("bulk_update", "bulk_update", 3.5, "updating"),
    ("random_read", "random_read", 2, "peer"),
    ("contains", "contains", 2, "peer"),
    ("get_many", "random_read", 5, "peer"),
    ("random_read_miss", "random_read_miss", 1.5, "peer"),
    ("iter_keys", "iter_keys", 4, "peer"),
    ("iter_values", "iter_values", 4, "peer"),
    ("iter_items", "iter_items", 4, "peer"),
    ("overwrite", "overwrite", 1.5, "peer"),
    ("delete", "delete", 1.5, "peer"),
    ("mixed_rw_80r", "mixed_rw_80r", 1.5, "peer"),
    ("prune", "prune", 1, "peer"),
]

OURS = {"blt", "blt-batch", "blt-full", "blt-pread", "blt-drop", "blt-fitted",
        "blt-plain"}
NO_PEERS = OURS | {"booklet", "raw"}


def peers(results, op, n, who):
    found = [engine for engine in results.engines_of(op, n)
             if engine not in NO_PEERS]
    if who == "peer":
        return found
    changing = [engine for change in BUILT_ONCE
                for engine in results.engines_of(change, n)]
    return [engine for engine in found if engine in changing]


def fastest(results, op, n, who):
    """(rate, engine), or None."""
    rates = [(results.rate(op, n, engine), engine)
             for engine in peers(results, op, n, who)]
    return max(rates, default=None)


def ratios_to_peers(results):
    for n in SIZES:
        for op, their_op, wanted, who in RATIOS:
            ours = results.rate(op, n, "blt")
            best = fastest(results, their_op, n, who)
            if ours is None or best is None:
                continue
            what = op if op == their_op else f"{op} to their {their_op}"
            name = best[1] if who == "peer" else f"{best[1]} (can update)"
            yield Judgement(what, n, ours / best[0], wanted, name)


def ratios_without_a_side_table(results):
    for n in SIZES:
        for op in ["random_read", "contains"]:
            ours = results.rate(op, n, "blt-plain")
            best = fastest(results, op, n, "updating")
            if ours is not None and best is not None:
                yield Judgement(f"{op}, blt-plain", n, ours / best[0], 1,
                                f"{best[1]} (can update)")


def ratios_to_booklet(results):
    for n, ops, wanted in [(50000, OPERATIONS, 20), (1000000, WRITES, 60)]:
        for op in ops:
            ours = results.rate(op, n, "blt")
            theirs = results.rate(op, n, "booklet")
            if ours is not None and theirs is not None:
                yield Judgement(op, n, ours / theirs, wanted, "booklet")


def ratios_of_durable_puts(results):
    for op, wanted in [("durable_1", 0.85), ("durable_100", 0.6)]:
        for n in results.sizes_of(op):
            ours = results.rate(op, n, "blt")
            for other, ratio in [("raw", wanted), ("leveldb", 1)]:
                theirs = results.rate(op, n, other)
                if ours is not None and theirs is not None:
                    yield Judgement(op, n, ours / theirs, ratio, other)


# What of memory one operation at a random place cannot do without.
MISSES = {"random_read": "line and block", "random_read_miss": "line",
          "contains": "line and block", "overwrite": "line and block",
          "delete": "line and block"}


def more_by_memory(results, op):
    """How much longer memory alone takes at 10M, as blt-micro has it."""
    times = [results.seconds("miss", n, MISSES.get(op), value_len=0)
             for n in [50000, 10000000]]
    return 0 if None in times else times[1] - times[0]


def growth_of_cost(results):
    """Inverse, so that more is better as everywhere: 3x the cost is 0.33."""
    for op in OPERATIONS:
        small = results.seconds(op, 50000, "blt")
        large = results.seconds(op, 10000000, "blt")
        if small is not None and large is not None:
            beyond = max(min(small, large),
                         large - more_by_memory(results, op))
            yield Judgement(op, 10000000, small / beyond, 1 / 3,
                            "itself at 50K")


def limits(results):
    """(what, n, got, wanted, met) of what has a ceiling and no peer."""
    for n in results.sizes_of("open_again"):
        seconds = results.seconds("open_again", n, "blt")
        if seconds is not None:
            yield ("open and close a clean file", n, words.time(seconds),
                   "100 us", seconds < 100e-6)
    for n in results.sizes_of("memory"):
        memory = results.amount("memory", n, "blt")
        if memory is not None and n == 1000000:
            yield ("memory beyond the page cache while loading", n,
                   f"{words.three(memory)} MiB", "64 MiB", memory < 64)


def judgements(results):
    yield from ratios_to_peers(results)
    yield from ratios_without_a_side_table(results)
    yield from ratios_to_booklet(results)
    yield from ratios_of_durable_puts(results)
    yield from growth_of_cost(results)


def rows(results):
    """Cells of a table: what, n, measured, wanted, against, verdict."""
    for what, n, got, wanted, against in judgements(results):
        yield [what, words.count(n), f"{got:.2f}", f"{wanted:.2f}", against,
               "met" if got >= wanted else "**missed**"]
    for what, n, got, wanted, met in limits(results):
        yield [what, words.count(n), got, f"< {wanted}", "-",
               "met" if met else "**missed**"]
