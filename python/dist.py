"""Run by `meson dist`, which makes the sdist: the library's sources go where
the link in subprojects/ leads to in a checkout."""

import os
import pathlib
import shutil

here = pathlib.Path(__file__).resolve().parent
library = here / "subprojects" / "blt"
there = pathlib.Path(os.environ["MESON_DIST_ROOT"]) / "subprojects" / "blt"

if there.is_symlink():
    there.unlink()
there.mkdir(parents=True)
for name in ("include", "src"):
    shutil.copytree(library / name, there / name)
for name in ("LICENSE", "meson.build", "meson_options.txt"):
    shutil.copy(library / name, there / name)
