"""What the tests of the program share: a folder for each and a way to run it."""

import json
import os
import subprocess
import tempfile
import unittest


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self):
        return json.loads(self.err)["error"]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="blt-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = self.path("rain.blt")

    def path(self, name):
        return os.path.join(self.folder, name)

    def environment(self, **changes):
        env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        env.pop("NO_COLOR", None)
        env.update(changes)
        return env

    def start(self, *args, **options):
        options.setdefault("env", self.environment())
        return subprocess.Popen(
            [os.environ["BLT"], *args], cwd=self.folder, **options)

    def blt(self, *args, stdin=b"", env=None):
        """Runs the program; the result has code, out and err as bytes."""
        process = self.start(
            *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=env or self.environment())
        out, err = process.communicate(stdin, timeout=60)
        return Result(process.returncode, out, err)

    def ok(self, *args, stdin=b""):
        """The same for a run that has to succeed."""
        result = self.blt(*args, stdin=stdin)
        self.assertEqual(result.code, 0, (args, result.out, result.err))
        return result

    def fails(self, code, *args, stdin=b""):
        """The same for one that has to end with a code and one line."""
        result = self.blt(*args, stdin=stdin)
        self.assertEqual(result.code, code, (args, result.out, result.err))
        self.assertEqual(result.err.count(b"\n"), 1, result.err)
        return result

    def create(self, *options, file=None):
        self.ok("create", file or self.file, *options)

    def put(self, key, value, *options):
        self.ok("put", self.file, *options, "--", key, "-", stdin=value)

    def write(self, name, data):
        with open(self.path(name), "wb") as stream:
            stream.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as stream:
            return stream.read()
