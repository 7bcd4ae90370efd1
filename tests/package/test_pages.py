"""What the pages for users show works, and what they name is there."""

import os
import pathlib
import re
import subprocess
import unittest

import console
from support import BUILD, Case, needs

# ```language ... ```
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r"^## (.*)$", re.MULTILINE)
# A program names its file in its first line.
FILE = re.compile(r"^(?:/\* |# )(\w+\.\w+)\b")


def tasks(text):
    """(title, text) of each section."""
    parts = TITLE.split(text)[1:]
    return list(zip(parts[::2], parts[1::2]))


def python_with_booklet():
    """The folder of a python3 that has booklet, or None."""
    python = os.environ.get("BOOKLET_PYTHON", "python3")
    found = subprocess.run([python, "-c", "import booklet, sys;"
                            "print(sys.executable)"],
                           capture_output=True, text=True)
    return pathlib.Path(found.stdout.strip()).parent if found.stdout else None


@unittest.skipUnless((BUILD / "tools/blt").exists()
                     and (BUILD / "examples/stations").exists(),
                     "the command or the examples are not built")
class WhatIsShown(Case):
    def setUp(self):
        super().setUp()
        self.booklet = python_with_booklet()
        self.env = console.environment()
        self.env["PATH"] = f"{BUILD / 'examples'}:{self.env['PATH']}"
        if self.booklet:
            self.env["PATH"] = f"{self.booklet}:{self.env['PATH']}"

    def run_text(self, text):
        if "import booklet" in text and not self.booklet:
            self.skipTest("there is no Python with booklet")
        for language, block in BLOCK.findall(text):
            if language == "console":
                console.run_block(self, block, self.folder, self.env)
            elif language in ("c", "python"):
                self.write(FILE.match(block).group(1), block)

    def follow_the_start(self):
        """What the tutorial says first is all that its tasks may need."""
        start = TITLE.split(console.source("docs/tutorial.md"))[0]
        block = BLOCK.search(start).group(2)
        env = {"HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8",
               "TMPDIR": str(self.folder), "PATH": "/usr/bin:/bin"}
        if self.booklet:
            block = block.replace("$PWD/build/venv/bin", str(self.booklet))
        told = self.run_it("bash", "-euc", block.replace(
            "$PWD/build", str(BUILD)) + "\nenv -0", env=env)
        self.env = dict(pair.split("=", 1) for pair in told.split("\0")
                        if "=" in pair)

    @needs("cc", "pkg-config")
    def test_each_task_of_the_tutorial_does_what_it_shows(self):
        self.follow_the_start()
        for title, text in tasks(console.source("docs/tutorial.md")):
            with self.subTest(title):
                self.run_text(text)

    def test_the_guide_from_booklet_does_what_it_shows(self):
        self.run_text(console.source("docs/from-booklet.md"))

    def test_the_quick_start_of_the_readme_works(self):
        text = console.source("README.md")
        lines = BLOCK.search(text).group(2).splitlines()
        self.assertEqual(len(lines), 5)
        if not self.booklet:
            self.skipTest("there is no Python with booklet")
        shown = "".join(self.run_it("bash", "-c", line, env=self.env)
                        for line in lines)
        self.assertTrue(shown.startswith('{"mm": 3.2}rain.blt   variable'))
        self.assertTrue(shown.endswith("\n{'mm': 3.2}\n"), shown)


class WhatIsSaid(Case):
    PAGES = ["README.md", "docs/tutorial.md", "docs/from-booklet.md",
             "docs/compare.md"]

    def test_the_tutorial_has_ten_tasks_and_each_shows_something(self):
        shown = [title.split(".")[0] for title, text
                 in tasks(console.source("docs/tutorial.md"))
                 if "```console" in text]
        self.assertEqual(shown, [str(number) for number in range(1, 11)])

    @unittest.skipUnless((BUILD / "tools/blt").exists(), "no command is built")
    def test_each_option_that_a_page_has_is_one_of_the_command(self):
        blt = BUILD / "tools" / "blt"
        names = re.findall(r"^  (\S+)  ", self.run_it(blt, "help").split(
            "global options")[0], re.MULTILINE)
        known = set(re.findall(r"--[\w-]+", "".join(
            self.run_it(blt, "help", name) for name in names)))
        for page in self.PAGES:
            text = re.sub(r"^```.*?^```$", "", console.source(page),
                          flags=re.MULTILINE | re.DOTALL)
            for span in re.findall(r"`([^`]+)`", text):
                if "pkg-config" not in span:
                    for option in re.findall(r"(?<!\S)--[\w-]+", span):
                        self.assertIn(option, known, page)

    def test_each_name_of_the_library_that_a_page_has_is_in_blt_h(self):
        header = console.source("include/blt.h")
        for page in self.PAGES:
            for name in re.findall(r"\b(?:blt|BLT)_\w+",
                                   console.source(page)):
                self.assertRegex(header, rf"\b{name}\b", page)
