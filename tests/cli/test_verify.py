"""The command verify on many files, with threads and with a memory."""

import os
import subprocess
import time

from support import Case
from test_files import break_a_chain


class Threads(Case):
    def setUp(self):
        super().setUp()
        rows = b"\n".join(b'{"key":"%d","value":"%d"}' % (i, i)
                          for i in range(5000))
        self.ok("load", self.file, stdin=rows)

    def test_any_number_gives_the_same_verdict(self):
        told = {self.ok("verify", self.file, "--jobs", n).out
                for n in ("1", "2", "7", "64")}
        told.add(self.ok("verify", self.file).out)
        self.assertEqual(len(told), 1)
        break_a_chain(self.file)
        faults = set()
        for n in ("1", "2", "7"):
            result = self.blt("verify", self.file, "-J", n)
            self.assertEqual(result.code, 4)
            faults.add(tuple(sorted(result.out.splitlines())))
        self.assertEqual(len(faults), 1)

    def test_one_thread_tells_the_same_each_time(self):
        data = bytearray(self.read("rain.blt"))
        for at in range(80000, len(data), 20000):
            data[at:at + 40] = b"\xff" * 40
        self.write("rain.blt", data)
        for options in (["-J1"], ["-J1", "--max-errors=3"]):
            told = [self.blt("verify", self.file, *options) for _ in range(5)]
            self.assertEqual(told[0].code, 4)
            self.assertEqual({result.out for result in told}, {told[0].out})

    def test_numbers_that_make_no_sense_exit_2(self):
        for n in ("0", "65", "all", "-1"):
            self.fails(2, "verify", self.file, "--jobs", n)

    def test_many_files_are_judged_one_after_the_other(self):
        files = []
        for i in range(20):
            files.append("%d.blt" % i)
            self.create(file=files[-1])
        break_a_chain(self.file)
        result = self.blt("verify", *files, self.file, "none.blt", files[0])
        self.assertEqual(result.code, 4)
        self.assertEqual(result.out.count(b": sound"), 21)
        self.assertIn(b"none.blt", result.err)

    def test_progress_is_told_in_lines(self):
        result = self.ok("verify", self.file, "--progress=always")
        for line in result.err.splitlines():
            self.assertRegex(line, rb"^verify .*rain\.blt: .* +\d+ %")


class AfterACrash(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.put("old", b"value")
        with self.start("shell", "--write", self.file, stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE) as shell:
            shell.stdin.write(b"put k v\nget k\n")
            shell.stdin.flush()
            self.assertEqual(shell.stdout.read(1), b"v")
            shell.kill()

    def test_a_file_that_was_not_closed_is_not_damaged(self):
        before = self.read("rain.blt")
        for options in ([], ["--max-errors=1"], ["-J1"], ["--cached"]):
            result = self.ok("verify", self.file, *options)
            self.assertIn(b"rain.blt: sound, 2 live blocks", result.out)
            self.assertEqual(result.err.count(b"did not close it"), 1)
        told = self.ok("-j", "verify", self.file).json
        self.assertEqual((told["state"], told["faults"], told["unclosed"]),
                         ("sound", 0, True))
        self.assertEqual(
            self.ok("-j", "inspect", "--deep", self.file).json["state"],
            "dirty")
        self.assertEqual(self.read("rain.blt"), before)
        self.ok("put", self.file, "k", "w")
        self.assertEqual(self.ok("verify", self.file).err, b"")

    def test_damage_in_such_a_file_is_found_all_the_same(self):
        data = self.read("rain.blt")
        self.write("rain.blt", data.replace(b"oldvalue", b"odlvalue"))
        for options in ([], ["--max-errors=1"], ["--max-errors=2"]):
            result = self.blt("verify", self.file, *options)
            self.assertEqual(result.code, 4)
            self.assertNotIn(b"unclean", result.out)
            self.assertIn(b"wrong-hash", result.out)
            self.assertIn(b"damaged, 1 fault;", result.out)
        self.assertEqual(self.blt("inspect", "--deep", self.file).code, 4)

    def test_an_unclosed_file_of_booklet_is_not_damaged_either(self):
        files = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                             "compat", "files")
        told = self.ok("-j", "verify",
                       os.path.join(files, "variable-unclean.blt")).json
        self.assertEqual((told["state"], told["unclosed"]), ("sound", True))


class Cached(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.put("k", b"v")

    def environment(self, **changes):
        return super().environment(XDG_CACHE_HOME=self.path("cache"),
                                   **changes)

    def settle(self):
        """Until the clock cannot hide a further change."""
        while time.time() < os.stat(self.file).st_ctime + 0.15:
            os.stat(self.file)

    def verify(self, code=0):
        result = self.blt("-j", "verify", "--cached", self.file)
        self.assertEqual(result.code, code, result.err)
        return result.lines[-1]

    def test_an_unchanged_file_is_not_read_again(self):
        self.settle()
        first = self.verify()
        self.assertEqual((first["cached"], first["live"]), (False, 1))
        again = self.verify()
        self.assertEqual(again, {**first, "cached": True})
        self.assertIn(b"unchanged since it was verified",
                      self.ok("verify", "--cached", self.file).out)
        self.assertNotIn("cached", self.ok("-j", "verify", self.file).json)

    def test_a_changed_file_is(self):
        self.settle()
        self.verify()
        self.put("k", b"w")
        self.settle()
        self.assertFalse(self.verify()["cached"])
        self.assertTrue(self.verify()["cached"])
        break_a_chain(self.file)
        self.assertEqual(self.verify(code=4)["state"], "damaged")

    def test_damage_is_found_even_with_the_old_times(self):
        self.settle()
        self.verify()
        facts = os.stat(self.file)
        break_a_chain(self.file)
        os.utime(self.file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        self.verify(code=4)

    def test_a_damaged_file_is_never_remembered(self):
        break_a_chain(self.file)
        self.settle()
        for _ in range(2):
            self.assertFalse(self.verify(code=4)["cached"])

    def test_a_file_that_was_changed_just_now_is_not_remembered(self):
        os.utime(self.file)
        self.verify()
        self.put("k", b"w")
        self.assertFalse(self.verify()["cached"])

    def test_another_file_of_that_name_is_judged(self):
        self.settle()
        self.verify()
        self.ok("copy", self.file, "new.blt")
        os.replace(self.path("new.blt"), self.file)
        self.assertFalse(self.verify()["cached"])

    def test_a_memory_that_cannot_be_is_no_failure(self):
        self.settle()
        self.write("cache", b"a file, not a folder")
        for _ in range(2):
            self.assertFalse(self.verify()["cached"])
        os.unlink(self.path("cache"))
        os.makedirs(self.path("cache/blt"))
        self.write("cache/blt/verified.blt", b"x" * 1000)
        self.assertFalse(self.verify()["cached"])
