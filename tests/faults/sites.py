#!/usr/bin/env python3
"""sites.py - run test_faults, and ask of each call in src/ whether it failed

    sites.py SOURCE_ROOT PROGRAM [ARGUMENT...]

A call site is a place in src/ that calls something in CALLS. It counts as hit
when it was on the stack while a failure was injected: tests/faults/sites.c
writes the return addresses down, addr2line makes lines of them. PROGRAM has
the library compiled without inlining and tail calls, so that an address stands
for one line of the source. Any call in src/ that was not hit fails the test.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# The table of file operations; close, unmap and advise cannot fail.
OPERATIONS = """
    read_at write_at size set_size reserve punch sync lock unlock map
"""

# What the library calls of the system, as its linker line wraps it.
SYSTEM = """
    clock_gettime close fallocate fdatasync flock fopen fstat fstatfs fsync
    ftruncate getrandom link malloc mmap open pread pwritev read realloc
    renameat2 sigaction stat unlink write
"""

# The library's own ways to them, and to memory.
FILES = """
    blt__file_read blt__file_write blt__file_open blt__file_create
    blt__file_publish blt__file_identify blt__file_is_at blt__file_remove
    blt__view_open blt__view_write blt__view_look blt__view_set_size
    blt__lock_take blt__lock_enter blt__log_put_header blt__log_sync_file
"""
MEMORY = """
    blt__alloc blt__resize blt__buf_reserve blt__buf_extend blt__buf_append
    blt__offsets_reserve blt__offsets_add blt__links_reserve
"""

OPERATION = re.compile(r"ops->(%s)\s*\(" % "|".join(OPERATIONS.split()))
CALL = re.compile(
    r"(?<![\w>.])(%s)\s*\(" % "|".join((SYSTEM + FILES + MEMORY).split())
)

# Calls that cannot fail: their file (or all), what their line contains, and
# the reason.
EXEMPT = [
    ("", "(void)blt__buf_append(", "room was reserved before"),
    ("src/change/commit.c", "memset(blt__buf_extend(row,",
     "room was reserved before"),
    ("", "(void)blt__view_look(", "the view gets shorter"),
    ("src/upkeep/replay.c", "return blt__view_look(", "it gets shorter"),
    ("src/api/examine.c", "blt__view_look(", "it gets shorter"),
    ("", "clock_gettime(CLOCK_MONOTONIC,", "this clock is always there"),
    ("", "(void)close(low)", "a program without streams: api/test_open.c"),
]


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def code_of(path):
    """The text with comments, strings and preprocessor lines blanked."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", blank, text, flags=re.DOTALL)
    text = re.sub(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text)
    return re.sub(r"^\s*#.*$", blank, text, flags=re.MULTILINE)


def is_exempt(name, line):
    return any(name.startswith(file) and words in line
               for file, words, _ in EXEMPT)


def sites_of(path, name):
    """(file, line, what) of the calls in a file; no two share a line."""
    text = code_of(path)
    lines = text.splitlines()
    depths = [0]
    for c in text:
        depths.append(depths[-1] + (c == "{") - (c == "}"))
    taken = set()
    for found in [*OPERATION.finditer(text), *CALL.finditer(text)]:
        line = text.count("\n", 0, found.start())
        if depths[found.start()] == 0:  # a declaration or a definition
            continue
        if is_exempt(name, lines[line]):
            continue
        if line in taken:
            sys.exit(f"{name}:{line + 1}: two calls that one line cannot tell")
        taken.add(line)
        yield name, line + 1, found.group(1)


def all_sites(root):
    sites = []
    for path in sorted((root / "src").rglob("*.[ch]")):
        sites += sites_of(path, str(path.relative_to(root)))
    return sites


def lines_hit(program, notes):
    """Pairs of file and line, for each address that was noted."""
    addresses = {int(word, 16) - 1 for word in notes.split()}
    said = subprocess.run(
        ["addr2line", "-e", program],
        input="\n".join(hex(a) for a in sorted(addresses)),
        check=True, capture_output=True, text=True,
    ).stdout
    hit = set()
    for line in said.splitlines():
        place, _, number = line.partition(" ")[0].rpartition(":")
        if not number.isdigit():
            continue
        place = os.path.normpath(os.path.join(Path(program).parent, place))
        match = re.search(r"(?:^|/)(src/\w+/\w+\.\w+)$", place)
        if match:
            hit.add((match.group(1), int(number)))
    return hit


def main(root, program, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "sites"
        notes.touch()
        result = subprocess.run(
            [program, *arguments], check=False,
            env={**os.environ, "BLT_SITES": str(notes)},
        ).returncode
        hit = lines_hit(program, notes.read_text())
    sites = all_sites(Path(root))
    missed = [site for site in sites if site[:2] not in hit]
    for name, line, what in sorted(missed):
        print(f"{name}:{line}: no failure was injected at {what}")
    print(f"{len(sites) - len(missed)} of {len(sites)} call sites")
    return result or bool(missed)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
