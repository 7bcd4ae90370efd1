"""layers.py - who includes whom

    api -> upkeep -> change -> lookup -> {os, format, hash} -> base
"""

from tree import LAYERS, OUTSIDE, TOP, includes

PUBLIC = "blt.h"

# It measures the parts of the library one at a time.
MAY_LOOK = "bench/micro/"


def step_of(folder):
    for step, folders in enumerate(LAYERS):
        if folder in folders:
            return step
    return None


def may_include(folder, other):
    if folder == other:
        return True
    return step_of(other) < step_of(folder)


def strangers(names):
    """What stands at the top level and is none of the rooms, of the names
    of all files that belong to the project."""
    first = {name.split("/")[0] for name in names}
    for name in sorted(first - TOP):
        if not name.startswith("."):
            yield f"{name}: no such room in the plan (tree.py)"


def wrong_direction(tree):
    """Includes inside src/ that do not point to the own folder or below."""
    for path in tree.c_files(["src"]):
        folder = path.relative_to(tree.root / "src").parts[0]
        if step_of(folder) is None:
            yield f"{tree.name(path)}: src/{folder} is not one of the layers"
            continue
        for bracket, name in includes(path):
            if bracket == "<" or name == PUBLIC:
                continue
            other = name.split("/")[0]
            if "/" not in name or step_of(other) is None:
                yield f'{tree.name(path)}: "{name}" is not written from src/'
            elif not may_include(folder, other):
                yield f'{tree.name(path)}: {folder} may not include "{name}"'


def own_header_not_first(tree):
    for path in tree.files(["src"], ".c"):
        own = path.with_suffix(".h")
        if not own.exists():
            continue
        own_name = own.relative_to(tree.root / "src").as_posix()
        found = [name for _, name in includes(path)]
        if not found or found[0] != own_name:
            yield f'{tree.name(path)}: "{own_name}" is not the first include'


def inside_seen_from_outside(tree):
    """Headers of the library, other than blt.h, where it is only used."""
    for folder in OUTSIDE:
        for path in tree.c_files([folder]):
            if MAY_LOOK in path.as_posix():
                continue
            for _, name in includes(path):
                inside = step_of(name.split("/")[0]) is not None
                if inside and (tree.root / "src" / name).exists():
                    yield f"{tree.name(path)}: {name} is inside the library"
                elif name.startswith(".."):
                    yield f"{tree.name(path)}: {name} leaves the folder"
