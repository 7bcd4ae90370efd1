"""tree.py - the source tree as the checks see it

A folder that does not exist has no files: each check holds for the part of
the tree that is there.
"""

import functools
import pathlib
import re
import subprocess

# From the bottom to the top. Those on one step do not know each other.
LAYERS = [
    {"base"},
    {"os", "format", "hash"},
    {"lookup"},
    {"change"},
    {"upkeep"},
    {"api"},
]
# What a newcomer sees first.
TOP = {"LICENSE", "README.md", "bench", "check", "completions", "debian",
       "docs", "examples", "include", "meson.build", "meson_options.txt",
       "python", "run", "scripts", "src", "tests", "tools"}
OUTSIDE = ["tools", "bench", "examples"]  # they know blt.h only
C_FOLDERS = ["include", "src", "tools", "bench", "examples", "tests"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


@functools.cache
def read(path):
    return path.read_text(encoding="utf-8")


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)

    def files(self, folders, *suffixes):
        """The files below these folders whose names end so, in order."""
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in suffixes and path.is_file():
                    yield path

    def c_files(self, folders=None):
        return self.files(folders or C_FOLDERS, ".c", ".h")

    def committed(self):
        """The names of what belongs to the project; None without git."""
        git = ["git", "-C", self.root, "-c", "safe.directory=*", "ls-files"]
        try:
            run = subprocess.run(git, capture_output=True, text=True)
        except FileNotFoundError:
            return None
        return run.stdout.splitlines() if run.returncode == 0 else None

    def name(self, path):
        return path.relative_to(self.root).as_posix()

    def header(self):
        return self.root / "include" / "blt.h"


def includes(path):
    """Pairs of the bracket and the name, in the order of the file."""
    return INCLUDE.findall(read(path))


def without_comments(text):
    """C without comments; the lines stay where they are."""
    return re.sub(
        r"/\*.*?\*/",
        lambda comment: "\n" * comment.group().count("\n"),
        text,
        flags=re.DOTALL,
    )
