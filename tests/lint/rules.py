"""rules.py - numbered rules and the tests that defend them

A rule stands in the head of a file in src/, a test names it:

    " *   V1  mapped never exceeds file_size"       /* V1 */
"""

import re

from tree import read

RULE = re.compile(r"^ \*\s{1,4}([A-Z]\d+)  \S", re.MULTILINE)
NUMBERS = r"[A-Z]\d+(?:, ?[A-Z]\d+)*"
NAMED_IN_C = re.compile(rf"/\*\s*({NUMBERS})\b")
NAMED_IN_PYTHON = re.compile(rf"#\s*({NUMBERS})\b")


def head(text):
    """The comment that a file begins with."""
    end = text.find("*/")
    return text[:end] if text.startswith("/*") and end > 0 else ""


def rules(tree):
    """Pairs of the number and the file that states it."""
    for path in tree.c_files(["src"]):
        for number in RULE.findall(head(read(path))):
            yield number, path


def named(tree):
    numbers = set()
    for path in tree.files(["tests"], ".c", ".h", ".py"):
        pattern = NAMED_IN_PYTHON if path.suffix == ".py" else NAMED_IN_C
        for found in pattern.findall(read(path)):
            numbers.update(re.split(r", ?", found))
    return numbers


def untested_rules(tree):
    tested = named(tree)
    for number, path in rules(tree):
        if number not in tested:
            yield f"{tree.name(path)}: no test names {number}"


def ambiguous_rules(tree):
    """One number in two modules: the test could mean either."""
    homes = {}
    for number, path in rules(tree):
        home = homes.setdefault(number, path)
        if home.with_suffix("") != path.with_suffix(""):
            yield f"{number}: in {tree.name(home)} and in {tree.name(path)}"
