"""text.py - medians for the terminal"""

from reporting import words
from reporting.results import OPERATIONS


def order(ops):
    """The 12 operations first."""
    rest = [op for op in ops if op not in OPERATIONS]
    return [op for op in OPERATIONS if op in ops] + rest


def show_table(results, n, value_len):
    cells = {(cell.op, cell.engine): times
             for cell, times in results.times.items()
             if cell.n == n and cell.value_len == value_len}
    if not cells:
        return
    engines = list(dict.fromkeys(engine for _, engine in cells))
    print(f"\n{n:,} keys, values of {value_len:,} bytes: operations per "
          f"second, and spread in per cent")
    print(" " * 20 + "".join(f"{engine:>13}" for engine in engines))
    for op in order(dict.fromkeys(op for op, _ in cells)):
        row = [words.rate(cells.get((op, engine))) for engine in engines]
        print(f"{op:<20}" + "".join(f"{text:>13}" for text in row))


def show_amounts(results):
    for cell, figures in sorted(results.amounts.items()):
        print(f"{cell.engine:<13}{cell.op:<20}{cell.n:>10,} keys"
              f"{cell.value_len:>9,} B{min(figures):>16,.3f}"
              f" to {max(figures):,.3f}")


def show(results):
    for head in results.heads:
        print(f"{head['date']}, {head['cores']} cores of {head['cpu']}, "
              f"load {head['load']}, {head['build']}: {head['command']}")
    for value_len in results.names("value_len"):
        for n in sorted(results.names("n")):
            show_table(results, n, value_len)
    print()
    show_amounts(results)
    for line in results.wrong:
        print(f"WRONG RESULT: {line}")


def show_quick(results):
    """The 12 operations beside booklet, for the end of ./run."""
    for n in results.sizes_of("seq_write"):
        print(f"  {n:,} keys, operations per second:")
        for op in OPERATIONS:
            ours = results.rate(op, n, "blt")
            theirs = results.rate(op, n, "booklet")
            if ours is None or theirs is None:
                continue
            print(f"  {op:<18} blt {words.short(ours):>6}   "
                  f"booklet {words.short(theirs):>6}   "
                  f"{words.three(ours / theirs):>5} times")
