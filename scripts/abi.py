"""abi.py - what a program that was compiled against blt.h relies on

    abi.py [--write]

Prints the list of it, or writes it to src/libblt.abi: every declaration of
include/blt.h on a line, with the places of the members of each structure,
and the version that each symbol has in src/libblt.map. The list is C, so
that a compiler and abidiff can read it. tests/package compares it with the
header and with the library. What Debian's tools want to know of it,
debian/libblt0.symbols, is written as well.

A line may be added while a version is being made. One that was in a release
stays as it is for as long as the library is libblt.so.0, but for names that
come into the place of `reserved` (docs/decisions/0013).
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "blt.h"
MAP = ROOT / "src" / "libblt.map"
LIST = ROOT / "src" / "libblt.abi"
DEBIAN = ROOT / "debian" / "libblt0.symbols"

HEAD = """\
/*
 * libblt.abi - what programs that were compiled against blt.h rely on
 *
 * Made by scripts/abi.py --write, which says what may change. Sizes and
 * offsets are those of a machine with eight-byte pointers.
 */
#include <stddef.h>
#include <stdint.h>

"""

# The version of the library that brought each version of symbols.
RELEASE_OF = {"BLT_0": "0.1.0"}

# Not a promise: how the header is written, and which version it is of.
OWN_MACROS = re.compile(r"BLT_(H|API|INIT_|VERSION_\w+|STATUS_\w+|\w+_INIT)\b")


def run(*command, stdin=""):
    return subprocess.run(command, input=stdin, check=True, text=True,
                          capture_output=True).stdout


def compiler():
    return os.environ.get("CC", "cc").split()


def preprocessed():
    """The lines of blt.h itself, without those of the headers it includes."""
    text = run(*compiler(), "-E", "-x", "c", str(HEADER))
    own, lines = False, []
    for line in text.splitlines():
        marker = re.match(r'# \d+ "(.*?)"', line)
        if marker:
            own = pathlib.Path(marker.group(1)).name == HEADER.name
        elif own:
            lines.append(line)
    return "\n".join(lines)


def declarations():
    """Each declaration of the header on one line, in its order."""
    text = re.sub(r'__attribute__\(\(visibility\("default"\)\)\)', "",
                  preprocessed())
    text = re.sub(r"\s+", " ", text)
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == ";" and depth == 0:
            line = text[start:place + 1].strip()
            yield re.sub(r",(?=\S)", ", ", re.sub(r", }", " }", line))
            start = place + 1


def macros():
    """The numbers that the header defines, as they stand in it."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"),
                  flags=re.DOTALL)
    for name, value in re.findall(r"^#define (BLT_\w+) +(\S.*)$", text,
                                  re.MULTILINE):
        if not OWN_MACROS.match(name):
            yield f"#define {name} {value.strip()}"


def members(body):
    """The names that the body of a structure declares."""
    for part in body.split(";"):
        pointer = re.search(r"\(\*(\w+)\)\(", part)
        if pointer:
            yield pointer.group(1)
        elif part.strip():
            for declarator in part.split(","):
                yield re.search(r"(\w+)\s*(?:\[.*\])?\s*$",
                                declarator).group(1)


def function_name(declaration):
    """The function that a line declares, or None."""
    if declaration.startswith("typedef") or "{" in declaration:
        return None
    match = re.search(r"\b(blt_\w+) ?\(", declaration)
    return match.group(1) if match else None


def layouts(lines):
    """(line, comment) of each structure, as the compiler lays it out."""
    structures = {}
    for line in lines:
        match = re.match(r"typedef struct (\w+) \{(.*)\}", line)
        if match:
            structures[line] = match.group(1), list(members(match.group(2)))
    program = ["#include <stdio.h>", "#include <blt.h>", "int main(void) {"]
    for name, fields in structures.values():
        program.append(f'printf("%zu bytes:", sizeof({name}));')
        for field in fields:
            program.append(
                f'printf(" {field} %zu,", offsetof({name}, {field}));')
        program.append('puts("");')
    program.append("return 0; }")
    with tempfile.TemporaryDirectory() as folder:
        built = os.path.join(folder, "layouts")
        run(*compiler(), f"-I{HEADER.parent}", "-x", "c", "-", "-o", built,
            stdin="\n".join(program))
        answers = run(built).splitlines()
    return {line: answer.rstrip(",:")
            for line, answer in zip(structures, answers)}


def versions():
    """Symbol -> the version it has in the linker's map."""
    text = re.sub(r"/\*.*?\*/", "", MAP.read_text(encoding="utf-8"),
                  flags=re.DOTALL)
    found = {}
    for node, body in re.findall(r"(\w+) \{(.*?)\}", text, re.DOTALL):
        for name in re.findall(r"\b(blt_\w+);", body):
            found[name] = node
    return found


def the_list():
    lines = list(declarations())
    version_of, layout_of = versions(), layouts(lines)
    text = [HEAD, *(f"{line}\n" for line in macros()), "\n"]
    for line in lines:
        note = layout_of.get(line)
        if function_name(line):
            note = version_of.get(function_name(line), "in no version")
        text.append(f"{line}{f' /* {note} */' if note else ''}\n")
    return "".join(text)


def debian_symbols():
    """The same for Debian's tools: the package version that brought each."""
    lines = ["libblt.so.0 libblt0 #MINVER#",
             "* Build-Depends-Package: libblt-dev"]
    names = versions()
    for node in sorted(set(names.values())):
        lines.append(f" {node}@{node} {RELEASE_OF[node]}")
    for name in sorted(names):
        lines.append(f" {name}@{names[name]} {RELEASE_OF[names[name]]}")
    return "\n".join(lines) + "\n"


def main(arguments):
    if arguments == ["--write"]:
        LIST.write_text(the_list(), encoding="utf-8")
        DEBIAN.write_text(debian_symbols(), encoding="utf-8")
    elif not arguments:
        sys.stdout.write(the_list())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
