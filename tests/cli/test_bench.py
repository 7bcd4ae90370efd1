"""The command bench: that it measures, and leaves nothing behind."""

import os
import signal
import subprocess

from support import Case


class Bench(Case):
    def environment(self, **changes):
        return super().environment(TMPDIR=self.folder, **changes)

    def test_a_file_is_only_read(self):
        self.create("--key-type", "str")
        for key in "abc":
            self.put(key, b"value")
        before = self.read("rain.blt")
        rows = self.ok("-j", "bench", self.file).lines
        self.assertEqual([(row["task"], row["keys"]) for row in rows],
                         [("get", 3), ("miss", 3), ("iterate", 3)])
        for row in rows:
            self.assertLessEqual(row["min_s"], row["median_s"])
            self.assertLessEqual(row["median_s"], row["max_s"])
        self.assertEqual(rows[0]["bytes"], 18)
        self.assertEqual(self.read("rain.blt"), before)

    def test_an_empty_file_has_nothing_to_measure(self):
        self.create()
        self.ok("bench", self.file)

    def test_files_of_each_size_are_made_and_removed(self):
        rows = self.ok("-j", "bench", "--sizes", "10,300", "--value-len",
                       "7").lines
        self.assertEqual([row["keys"] for row in rows], [10] * 7 + [300] * 7)
        self.assertEqual([row["task"] for row in rows[:7]],
                         ["put", "get", "miss", "iterate", "replace", "prune",
                          "delete"])
        self.assertEqual(rows[1]["bytes"], 10 * (16 + 7))
        self.assertEqual(os.listdir(self.folder), [])

    def test_lines_are_for_people(self):
        lines = self.ok("bench", "--sizes", "100").out.decode().splitlines()
        self.assertEqual(len(lines), 7)
        self.assertRegex(lines[1], r"^get +100 +[\d ]+ /s +\d+ ns .* s$")

    def test_options_that_make_no_sense_exit_2(self):
        self.create()
        for options in (["--sizes", "0"], ["--sizes", "1,x"],
                        ["--sizes", ""], ["--sizes", "1,"],
                        ["--value-len", "99999999"],
                        [self.file, "--sizes", "5"]):
            self.fails(2, "bench", *options)
        self.assertEqual(os.listdir(self.folder), ["rain.blt"])

    def test_control_c_leaves_nothing_behind(self):
        process = self.start("bench", "--sizes", "50000,50000,50000,50000",
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not os.listdir(self.folder):
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn(b"interrupted; nothing is left behind", err)
        self.assertEqual(os.listdir(self.folder), [])
