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

    def test_an_option_is_not_taken_for_a_folder(self):
        run = subprocess.run(
            [sys.executable, "-B", SOURCE / "scripts/amalgamate.py", "--help"],
            cwd=self.folder, capture_output=True, text=True)
        self.assertIn("FOLDER", run.stderr)
        self.assertFalse((self.folder / "--help").exists())

    def compile(self, compiler):
        self.run_it(compiler, *FLAGS, "-fPIC", "-c", "blt.c")
        self.run_it(compiler, *FLAGS, "-I.", "-o", "first",
                    SOURCE / "examples/first.c", "blt.o", *LIBRARIES)
        self.assertEqual(self.run_it("./first"), '{"mm": 3.2}\n')

    def exported(self, library):
        words = self.run_it("nm", "-D", "--defined-only", library).split()
        return {word.split("@")[0] for word in words
                if word.startswith("blt_")}

    def test_there_are_no_others(self):
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()),
                         ["blt.c", "blt.h"])

    @needs("gcc")
    def test_gcc_compiles_them_and_they_export_what_the_library_does(self):
        self.compile("gcc")
        self.run_it("gcc", "-shared", "-o", "blt.so", "blt.o", *LIBRARIES)
        self.assertEqual(self.exported("blt.so"),
                         self.exported(BUILD / "src/libblt.so.0"))

    @needs("clang")
    def test_clang_compiles_them(self):
        self.compile("clang")
