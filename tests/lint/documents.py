"""documents.py - what the documents show and where they lead"""

import re

from tree import read

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
C_BLOCK = re.compile(r"^```c\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documents(tree):
    yield from sorted(tree.root.glob("*.md"))
    yield from tree.files(["docs", "src", "tests", "bench"], ".md")


def broken_links(tree):
    for path in documents(tree):
        for target in LINK.findall(read(path)):
            outside = re.match(r"[a-z]+:", target)
            if not outside and not (path.parent / target).exists():
                yield f"{tree.name(path)}: there is no {target}"


def unproven_examples(tree):
    """A C example of README.md is part of a file in examples/, which the
    build compiles."""
    readme = tree.root / "README.md"
    if not readme.exists():
        return
    compiled = [read(path) for path in tree.files(["examples"], ".c")]
    for block in C_BLOCK.findall(read(readme)):
        if not any(block in text for text in compiled):
            yield f"README.md: no file in examples/ has {block[:60]!r}"
