"""What the tests of the package share: where things are, a folder for each
test, and a way to run a program."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["SOURCE_ROOT"])
BUILD = pathlib.Path(os.environ["BUILD_ROOT"])


def needs(*programs):
    """Skips a test where one of these is not installed."""
    missing = [name for name in programs if not shutil.which(name)]
    return unittest.skipIf(missing, f"{', '.join(missing)} is not installed")


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="blt-package-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_it(self, *command, code=0, **options):
        """What a program prints, errors included; it has to end with code."""
        options.setdefault("cwd", self.folder)
        done = subprocess.run([str(word) for word in command], text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=250,
                              **options)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}")
        return done.stdout

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path
