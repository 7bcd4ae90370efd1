"""text.py - medians for the terminal"""

import statistics

OPERATIONS = ["seq_write", "bulk_update", "random_read", "random_read_miss",
              "contains", "iter_keys", "iter_values", "iter_items",
              "overwrite", "delete", "mixed_rw_80r", "prune"]


def short(rate):
    """1234567 -> 1.23M"""
    for size, letter in [(1e9, "G"), (1e6, "M"), (1e3, "K")]:
        if rate >= size * 0.9995:
            digits = max(0, 2 - len(str(int(rate / size + 0.005))) + 1)
            return f"{rate / size:.{digits}f}{letter}"
    return f"{rate:.3g}"


def spread(times):
    """Half of what lies between the slowest and the fastest, in per cent of
    the median."""
    middle = statistics.median(times)
    return 50 * (max(times) - min(times)) / middle


def order(ops):
    """The 12 operations first."""
    rest = [op for op in ops if op not in OPERATIONS]
    return [op for op in OPERATIONS if op in ops] + rest


def cell_text(times):
    if times is None:
        return "-"
    rate = short(1 / statistics.median(times))
    return f"{rate} {spread(times):3.0f}%"


def table(results, n, value_len):
    cells = {(cell.op, cell.engine): times
             for cell, times in results.times.items()
             if cell.n == n and cell.value_len == value_len}
    engines = list(dict.fromkeys(engine for _, engine in cells))
    print(f"\n{n:,} keys, values of {value_len:,} bytes: operations per "
          f"second, and spread")
    print(" " * 20 + "".join(f"{engine:>13}" for engine in engines))
    for op in order(dict.fromkeys(op for op, _ in cells)):
        row = [cell_text(cells.get((op, engine))) for engine in engines]
        print(f"{op:<20}" + "".join(f"{text:>13}" for text in row))


def show(results):
    for head in results.heads:
        print(f"{head['date']}, {head['cores']} cores of {head['cpu']}, "
              f"load {head['load']}, {head['build']}: {head['command']}")
    for value_len in results.names("value_len"):
        for n in sorted(results.names("n")):
            table(results, n, value_len)
    for line in results.wrong:
        print(f"WRONG RESULT: {line}")
