"""plots.py - pictures by gnuplot, as SVG"""

import shutil
import subprocess
import sys

from reporting.results import OPERATIONS
from reporting.targets import OURS

# Twelve that can be told apart, the first for blt.
COLOURS = ["#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b",
           "#17becf", "#e377c2", "#bcbd22", "#7f7f7f", "#003f5c", "#a0c4ff"]
STYLES = "\n".join(
    f"set linetype {i} lc rgb '{colour}' lw 2 pt {i + 3}"
    for i, colour in enumerate(COLOURS, 1))

HEAD = """
set terminal svg size {width},{height} font 'sans,12' background 'white' \\
    noenhanced
set output '{path}'
set key outside right
set grid ytics
set logscale y
set ylabel '{ylabel}'
""" + STYLES + """
"""

BARS = HEAD + """
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9
set xtics rotate by -35 scale 0
set format y '%.0s%c'
set title '{title}'
plot for [i=2:{columns}] $data using i:xtic(1) title columnhead(i)
"""

LINES = HEAD + """
set style data linespoints
set logscale x
set xrange [{xrange}]
set format x '%.0s%c'
set format y '{format}'
set xlabel '{xlabel}'
set title '{title}'
plot for [i=2:{columns}] $data using 1:i title columnhead(i)
"""


def data(head, rows):
    """A block of gnuplot's; what is missing is a question mark."""
    lines = [" ".join(f'"{word}"' for word in head)]
    for row in rows:
        lines.append(" ".join("?" if cell is None else
                              f'"{cell}"' if isinstance(cell, str) else
                              f"{cell:.6g}" for cell in row))
    return ("set datafile missing '?'\n$data << END\n"
            + "\n".join(lines) + "\nEND\n")


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def bars(results, folder, n):
    names = [name for name in results.engines_of("seq_write", n)
             if name == "blt" or name not in OURS]
    rows = [[op, *(results.rate(op, n, name) for name in names)]
            for op in OPERATIONS]
    gnuplot(data(["op", *names], rows) + BARS.format(
        path=folder / f"operations-{n}.svg", columns=len(names) + 1,
        title=f"Operations per second, {n:,} keys", ylabel="operations per second", width=1200, height=520))


def cost(results, folder):
    sizes = results.sizes_of("seq_write")
    rows = []
    for n in sizes:
        times = [results.seconds(op, n, "blt") for op in OPERATIONS]
        rows.append([n, *(time and time * 1e9 for time in times)])
    gnuplot(data(["n", *OPERATIONS], rows) + LINES.format(
        path=folder / "scaling.svg", columns=len(OPERATIONS) + 1,
        title="blt: nanoseconds for one operation", format="%g",
        xlabel="keys", ylabel="ns", xrange=f"{min(sizes)}:{max(sizes)}",
        width=900, height=520))


def durable(results, folder):
    sizes = results.sizes_of("durable_1")
    if not sizes:
        return
    n = sizes[-1]
    names = results.engines_of("durable_1", n)
    rows = [[group, *(results.rate(f"durable_{group}", n, name)
                      for name in names)] for group in [1, 10, 100, 1000]]
    gnuplot(data(["group", *names], rows) + LINES.format(
        path=folder / "durable.svg", columns=len(names) + 1,
        title="Durable puts per second", format="%.0s%c",
        xlabel="puts in a commit", ylabel="puts per second", xrange="1:1000",
        width=900, height=520))


def draw(results, folder):
    if shutil.which("gnuplot") is None:
        print("report: there is no gnuplot; no pictures are drawn",
              file=sys.stderr)
        return
    folder.mkdir(exist_ok=True)
    for n in [50000, 1000000]:
        if results.engines_of("seq_write", n):
            bars(results, folder, n)
    cost(results, folder)
    durable(results, folder)
