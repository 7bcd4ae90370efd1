"""headers.py - headers that are compiled by themselves"""

import shutil
import subprocess

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
C = ["c99", "c11", "c17"]
CXX = ["c++11", "c++17"]

USE = """\
#include <blt.h>
int main(void)
{
  blt_options options = BLT_OPTIONS_INIT;
  blt_prune_options prune_options = BLT_PRUNE_OPTIONS_INIT;
  blt_verify_options verify_options = BLT_VERIFY_OPTIONS_INIT;
  options.mode = BLT_CREATE;
  return prune_options.n_buckets + verify_options.max_faults +
         (unsigned)options.mode == 1u;
}
"""


def compile_text(tree, compiler, language, text, *options):
    """What the compiler has against this text; empty when it likes it."""
    return subprocess.run(
        [compiler, *STRICT, *options, "-I", str(tree.root / "include"),
         "-x", language, "-"],
        input=text, capture_output=True, text=True,
    ).stderr


def public_header_faults(tree):
    """blt.h, included and used, as each dialect with each compiler."""
    compilers = [("gcc", "c", C), ("clang", "c", C),
                 ("g++", "c++", CXX), ("clang++", "c++", CXX)]
    for compiler, language, dialects in compilers:
        if not shutil.which(compiler):
            continue
        for dialect in dialects:
            said = compile_text(tree, compiler, language, USE,
                                f"-std={dialect}")
            if said:
                yield f"{compiler} -std={dialect}: {said}"


def inner_header_faults(tree):
    """Each header of the library, alone in a file."""
    source = tree.root / "src"
    for path in tree.files(["src"], ".h"):
        name = path.relative_to(source).as_posix()
        said = compile_text(tree, "gcc", "c", f'#include "{name}"\n',
                            "-std=gnu11", "-D_GNU_SOURCE", "-Wno-pedantic",
                            "-I", str(source))
        if said:
            yield f"{tree.name(path)}: {said}"
