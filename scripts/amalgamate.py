"""amalgamate.py - the library as two files, for programs that carry it along

    amalgamate.py FOLDER       writes FOLDER/blt.c and FOLDER/blt.h

blt.h is include/blt.h. blt.c is every source of src/meson.build, in its
order, with each header of ours at its first use. What is private to one file
and has the name of something private in another gets the name of its file
behind it. The result is one module to the compiler:

    cc -c blt.c
    cc program.c blt.o -lb2 -lxxhash -pthread
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src"

INCLUDE = re.compile(r'^#include (?:"([^"]+)"|<([^>]+)>)[^\n]*\n',
                     re.MULTILINE)
# Text in which no name is looked for.
SKIPPED = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"'
                     r"|'(?:\\.|[^'\\\n])+'", re.DOTALL)

HEAD = """\
/*
 * blt.c - libblt {version} in one file, made by scripts/amalgamate.py
 *
 *     cc -c blt.c
 *     cc program.c blt.o -lb2 -lxxhash -pthread
 *
 * It needs a C11 compiler that knows the extensions of GNU (gcc, clang), the
 * headers and libraries of libb2 and xxHash, and Linux. blt.h, which is the
 * manual, lies beside it.
 *
{licence}
 */
"""


def read(path):
    return path.read_text(encoding="utf-8")


def listed_sources():
    """The sources of the library, from the bottom layer to the top."""
    text = read(SOURCES / "meson.build")
    block = re.search(r"^libblt_sources = files\((.*?)^\)", text,
                      re.MULTILINE | re.DOTALL).group(1)
    return re.findall(r"'([^']+)'", block)


def version():
    return re.search(r"version: '([^']+)'", read(ROOT / "meson.build")).group(1)


def without_skipped(text):
    return SKIPPED.sub(" ", text)


def outermost(text):
    """The text without what stands between braces."""
    depth, kept = 0, []
    for character in without_skipped(text):
        if character == "{":
            kept.append("{" if depth == 0 else "")
            depth += 1
        elif character == "}":
            depth -= 1
            kept.append("}" if depth == 0 else "")
        elif depth == 0:
            kept.append(character)
    return "".join(kept)


def macros(text):
    return re.findall(r"^#define (\w+)", text, re.MULTILINE)


def private_names(text):
    """What a source defines for itself: functions, variables, types, numbers."""
    names = set()
    plain = without_skipped(text)
    code = re.sub(r"^#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    top = outermost(code)
    for kind, name in re.findall(r"\b(struct|enum|union) (\w+) ?\{", top):
        names.add(name)
    for body in re.findall(r"\benum(?: \w+)? ?\{(.*?)\}", plain, re.DOTALL):
        names.update(re.findall(r"(?:^|,)\s*(\w+)", body))
    for statement in re.split(r"[;}]", top):
        match = re.search(r"\bstatic\b([^({=]*?)(\w+) ?(?:\[\w*\])*\s*"
                          r"(?:[({=]|$)", statement)
        if match:
            names.add(match.group(2))
        match = re.search(r"^\s*typedef\b.*?\b(\w+)\s*(?:__attr|$)", statement,
                          re.DOTALL)
        if match:
            names.add(match.group(1))
    return names


def renamed(text, names, ending):
    """The text with `ending` behind each of these names, outside strings and
    where it is no member of a structure."""
    if not names:
        return text
    name = re.compile(rf"(?<![\w.])(?<!->)({'|'.join(sorted(names))})\b")
    parts, last = [], 0
    for skipped in SKIPPED.finditer(text):
        parts.append(name.sub(rf"\1__{ending}", text[last:skipped.start()]))
        parts.append(skipped.group())
        last = skipped.end()
    parts.append(name.sub(rf"\1__{ending}", text[last:]))
    return "".join(parts)


class Amalgamation:
    def __init__(self):
        self.sources = listed_sources()
        self.system = set()
        self.included = {"blt.h"}
        self.parts = []
        owners = collections.defaultdict(set)
        for source in self.sources:
            for name in private_names(self.whole(source)):
                owners[name].add(source)
        self.shared = {name for name, files in owners.items()
                       if len(files) > 1}

    def whole(self, source):
        """A source with what it includes again each time (.inc files)."""
        def text_of(match):
            name = match.group(1)
            if name and name.endswith(".inc"):
                return self.whole(name)
            return match.group(0)
        return INCLUDE.sub(text_of, read(SOURCES / source))

    def add_header(self, name):
        if name in self.included:
            return
        self.included.add(name)
        text = self.take_includes(read(SOURCES / name))
        self.parts.append(f"/* ==== {name} */\n\n{text}")

    def take_includes(self, text):
        """The text without includes; those of ours come first."""
        for match in INCLUDE.finditer(text):
            if match.group(1):
                self.add_header(match.group(1))
            else:
                self.system.add(match.group(2))
        return INCLUDE.sub("", text)

    def add_source(self, name):
        text = self.take_includes(self.whole(name))
        ending = re.sub(r"\W", "_", name.removesuffix(".c").rpartition("/")[2])
        mine = private_names(text) & self.shared
        text = renamed(text, mine, ending)
        ends = "".join(f"#undef {macro}\n" for macro in
                       dict.fromkeys(macros(text)))
        self.parts.append(f"/* ==== {name} */\n\n{text}{ends}")

    def text(self):
        for source in self.sources:
            self.add_source(source)
        licence = read(ROOT / "LICENSE").strip()
        lines = [f" * {line}".rstrip() for line in licence.splitlines()]
        # Ahead of the includes, as on the compiler's command line.
        start = ["#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n",
                 "#define XXH_STATIC_LINKING_ONLY\n"]
        start += [f"#include <{name}>\n" for name in sorted(self.system)]
        start += ['\n#include "blt.h"\n']
        # Names of the inside stay inside a shared library of the user's.
        start += ["\n#pragma GCC visibility push(hidden)\n"]
        return "\n".join([
            HEAD.format(version=version(), licence="\n".join(lines)),
            "".join(start), *self.parts])


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "blt.c").write_text(Amalgamation().text(), encoding="utf-8")
    (folder / "blt.h").write_text(read(ROOT / "include" / "blt.h"),
                                  encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
