"""inspect on screens of any width, and what it guesses of long files."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import threading
import unicodedata
import unittest

from support import Case

WIDTHS = (20, 60, 80, 100, 200)
END = b"\0end"
COLOUR = re.compile(r"\x1b\[\d*m")


class Screen(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str", "--value-type", "json", "--buckets",
                    "150001")
        rows = b"\n".join(b'{"key":"%d","value":"%s"}' % (i, b"v" * (i % 300))
                          for i in range(20000))
        self.ok("load", self.file, stdin=rows)
        self.ok("load", self.file, stdin=rows[:len(rows) // 2].rpartition(
            b"\n")[0])
        self.name = os.path.basename(self.file)

    def shown(self, width, *args, **changes):
        """What a terminal of this width is sent, as lines."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, width, 0, 0))
        process = self.start(*args, stdout=slave, stdin=slave,
                             env=self.environment(**changes))
        # A screen that nobody writes to is gone at once, with what is on it.
        end = threading.Thread(target=lambda: (process.wait(timeout=30),
                                               os.write(slave, END)))
        end.start()
        data = b""
        while not data.endswith(END):
            data += os.read(master, 65536)
        end.join()
        os.close(slave)
        os.close(master)
        self.assertEqual(process.returncode, 0)
        return data.removesuffix(END).decode().replace("\r\n", "\n").splitlines()

    @staticmethod
    def columns(line):
        return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1
                   for c in COLOUR.sub("", line))


class Inspect(Screen):
    def test_no_line_is_wider_than_the_screen(self):
        for width in WIDTHS:
            for changes in ({}, {"LC_ALL": "C"}, {"NO_COLOR": "1"}):
                lines = self.shown(width, "inspect", self.name, **changes)
                for line in lines:
                    with self.subTest(width=width, line=line, **changes):
                        self.assertLessEqual(self.columns(line),
                                             max(width, 56))

    def test_colours_and_utf8_are_used_where_they_can_be(self):
        text = "\n".join(self.shown(80, "inspect", self.name))
        self.assertIn("\x1b[32m", text)
        self.assertIn("\u2588", text)
        text = "\n".join(self.shown(80, "inspect", self.name, NO_COLOR="1"))
        self.assertNotIn("\x1b", text)
        text = "\n".join(self.shown(80, "inspect", self.name, LC_ALL="C"))
        self.assertTrue(text.isascii())
        self.assertIn("#####", text)

    def test_wider_screens_have_longer_bars(self):
        lens = []
        for width in (60, 80, 200):
            lines = self.shown(width, "inspect", self.name)
            lens.append(max(line.count("\u2588") for line in lines))
        self.assertEqual(lens, sorted(set(lens)))

    def test_everything_is_there_at_every_width(self):
        words = None
        for width in (60, 80, 200):
            text = COLOUR.sub("", "\n".join(self.shown(width, "inspect",
                                                       self.name)))
            found = sorted(re.findall(r"[\w.]+", text))
            words = words or found
            self.assertEqual(found, words, width)

    def test_bars_are_as_long_as_what_they_show(self):
        text = self.ok("inspect", self.file).out.decode()
        rows = re.findall(r"^  (\w+ ?\w*) +(\u2588*)[\u2589-\u258f]? +"
                          r"([\d.]+) %", text, re.MULTILINE)
        self.assertEqual([row[0].strip() for row in rows[:4]],
                         ["live data", "dead data", "index", "other"])
        shares = [(len(row[1]), float(row[2])) for row in rows[:4]]
        most = max(shares, key=lambda share: share[1])
        for cells, percent in shares:
            self.assertAlmostEqual(cells, percent * most[0] / most[1],
                                   delta=1.5)

    @unittest.skipIf(not shutil.which("tmux"), "not installed: tmux")
    def test_a_real_terminal_shows_what_was_sent(self):
        for width in (60, 80, 200):
            socket = self.path("tmux%d" % width)
            command = "%s inspect %s; tmux -S %s wait-for -S done; cat" % (
                os.environ["BLT"], self.file, socket)
            tmux = ["tmux", "-S", socket, "-f", "/dev/null"]
            env = self.environment(TMPDIR=self.folder)
            subprocess.run([*tmux, "new-session", "-d", "-x", str(width),
                            "-y", "60", command], check=True, env=env)
            subprocess.run([*tmux, "wait-for", "done"], check=True,
                           timeout=60, env=env)
            pane = subprocess.run([*tmux, "capture-pane", "-p"], check=True,
                                  capture_output=True, env=env).stdout
            subprocess.run([*tmux, "kill-server"], check=True, env=env)
            shown = [line.rstrip() for line in pane.decode().splitlines()]
            sent = [COLOUR.sub("", line).rstrip() for line in
                    self.shown(width, "inspect", self.file)]
            self.assertEqual(shown[:len(sent)], sent)


class Sampled(Screen):
    def test_a_sample_is_marked_and_near_the_whole(self):
        whole = self.ok("-j", "inspect", self.file).json
        guess = self.ok("-j", "inspect", self.file, "--sample", "30000").json
        self.assertEqual(guess["sampled"], 30000)
        self.assertNotIn("sampled", whole)
        self.assertEqual(guess["keys"]["counted"], whole["keys"]["counted"])
        self.assertEqual(guess["space"]["index"], whole["space"]["index"])
        for part in ("live", "dead"):
            self.assertAlmostEqual(
                guess["space"][part] / whole["space"][part], 1, delta=0.15)
        self.assertAlmostEqual(guess["chains"]["mean_hit"],
                               whole["chains"]["mean_hit"], delta=0.1)

    def test_the_screen_says_that_it_is_one(self):
        text = self.ok("inspect", self.file, "--sample", "500").out.decode()
        self.assertIn("format 5, sampled", text)
        self.assertIn("guessed", text)

    def test_deep_reads_everything(self):
        found = self.ok("-j", "inspect", "--deep", self.file).json
        self.assertNotIn("sampled", found)
        self.fails(2, "inspect", "--deep", "--sample", "5", self.file)
        self.fails(2, "inspect", "--sample", "0", self.file)
