"""text.py - sizes, lines and words"""

import re

from tree import read

MAX_FILE = 500
MAX_FUNCTION = 70
MAX_COLUMN = 80

# Why a file is longer stands in its first lines, in these words.
EXCUSE = "longer than the others because"
EXCUSE_LINES = 40

# A row of a table or of a drawing keeps its shape even when it is too long.
ROW = re.compile(r'\s*(?:\{|"|X\(|\*.*\|.*\|)')

# In pieces, or this file would be the first to fail.
LEFTOVERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")

SIZED = ["src", "tools", "bench", "examples", "tests"]
WRITTEN = SIZED + ["include", "docs", "scripts"]


def long_files(tree):
    for path in tree.files(SIZED, ".c", ".h", ".py"):
        lines = read(path).splitlines()
        head = re.sub(r"[\s*#]+", " ", "\n".join(lines[:EXCUSE_LINES]))
        if len(lines) > MAX_FILE and EXCUSE not in head:
            yield f"{tree.name(path)}: {len(lines)} lines"


def functions(text):
    """(line of the name, lines of the body) of each function. The brace of
    a function is the only one that stands in the first column."""
    start = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line == "{" and number > 0 and lines[number - 1].endswith(")"):
            start = number
        elif line.startswith("}") and start is not None:
            yield start, number - start + 1
            start = None


def long_functions(tree):
    for path in tree.files(SIZED, ".c", ".h"):
        for line, length in functions(read(path)):
            if length > MAX_FUNCTION:
                yield f"{tree.name(path)}:{line}: {length} lines"


def prefetches_elsewhere(tree):
    """gcc leaves out calls of a function that only prefetches: base/ask.h."""
    for path in tree.files(["src"], ".c", ".h"):
        for number, line in enumerate(read(path).split("\n"), 1):
            name = tree.name(path)
            if "__builtin_prefetch" in line and name != "src/base/ask.h":
                yield f"{name}:{number}: a prefetch that is not blt__ask"


def odd_lines(tree):
    for path in tree.c_files():
        for number, line in enumerate(read(path).split("\n"), 1):
            place = f"{tree.name(path)}:{number}"
            if "\t" in line:
                yield f"{place}: a tab"
            if line != line.rstrip():
                yield f"{place}: blanks at the end"
            if len(line) > MAX_COLUMN and not ROW.match(line):
                yield f"{place}: {len(line)} columns"


def leftovers(tree):
    files = list(tree.files(WRITTEN, ".c", ".h", ".py", ".sh", ".md",
                            ".build", ".map", ".scd"))
    for path in files + sorted(tree.root.glob("*.md")):
        for number, line in enumerate(read(path).split("\n"), 1):
            if LEFTOVERS.search(line):
                yield f"{tree.name(path)}:{number}: {line.strip()}"
