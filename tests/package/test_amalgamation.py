"""The library in two files, for programs that carry it along."""

import subprocess
import sys

from support import BUILD, SOURCE, Case, needs

FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]
LIBRARIES = ["-lb2", "-lxxhash", "-pthread"]


class TheTwoFiles(Case):
    def setUp(self):
        super().setUp()
        self.run_it(sys.executable, "-B", SOURCE / "scripts/amalgamate.py",
                    self.folder)

    def compile(self, compiler):
        self.run_it(compiler, *FLAGS, "-c", "blt.c")
        self.run_it(compiler, *FLAGS, "-I.", "-o", "first",
                    SOURCE / "examples/first.c", "blt.o", *LIBRARIES)

    def test_there_are_no_others(self):
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["blt.c", "blt.h"])

    @needs("gcc")
    def test_gcc_compiles_them_and_the_first_example_runs(self):
        self.compile("gcc")
        self.assertEqual(self.run_it("./first"), '{"mm": 3.2}\n')

    @needs("clang")
    def test_clang_compiles_them_and_the_first_example_runs(self):
        self.compile("clang")
        self.assertEqual(self.run_it("./first"), '{"mm": 3.2}\n')

    @needs("gcc")
    def test_they_define_what_the_library_exports(self):
        def names(*command):
            words = subprocess.run(command, check=True, text=True,
                                   capture_output=True).stdout.split()
            return {word.split("@")[0] for word in words
                    if word.startswith("blt_") and word[4] != "_"}

        self.run_it("gcc", "-shared", "-fPIC", "-o", "blt.so", "blt.c",
                    *LIBRARIES)
        exported = names("nm", "-D", "--defined-only", self.folder / "blt.so")
        self.assertEqual(exported, names("nm", "-D", "--defined-only",
                                         BUILD / "src/libblt.so.0"))
