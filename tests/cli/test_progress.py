"""Progress on a terminal and in logs, resizing, Ctrl-C, pipes cut short."""

import os
import re
import signal
import subprocess
import time

from terminal import OnTerminal, Session

LINE = re.compile(rb"\r\x1b\[K([^\r\n]+)")


class Progress(OnTerminal):
    def rows(self, n):
        return b"".join(b'{"key":"%d","value":"%s"}\n' % (i, b"v" * 40)
                        for i in range(n))

    def feed(self, session, fifo, enough):
        """Rows until what is shown is enough."""
        rows = self.rows(2000)
        end = time.monotonic() + 30
        while not enough() and time.monotonic() < end:
            os.write(fifo, rows)
            session.read(0.01)

    def start_loading(self, file, width=100):
        """load on a terminal, with rows that come from the test."""
        os.mkfifo(self.path("fifo"))
        session = Session(self, "sh", "-c",
                          'exec "$BLT" load %s fifo -f jsonl' % file,
                          width=width)
        return session, os.open(self.path("fifo"), os.O_WRONLY)

    def shown_lines(self, session):
        return LINE.findall(session.shown)


class OnScreen(Progress):
    def test_a_stream_of_unknown_length_has_amount_rate_and_rows(self):
        session, fifo = self.start_loading("new.blt")
        self.feed(session, fifo, lambda: self.shown_lines(session))
        os.close(fifo)
        line = self.shown_lines(session)[0].decode()
        self.assertRegex(line, r"^load new\.blt:  [\d.]+ [KM]iB  "
                               r"[\d.]+ [KM]iB/s  [\d ]+ rows$")
        self.assertEqual(session.end(), 0)
        # The line goes before the result is shown.
        self.assertRegex(session.shown, rb"\r\x1b\[Kloaded [\d ]+ rows\r\n$")

    def test_a_file_of_known_length_has_percent_bar_and_eta(self):
        self.write("rows", self.rows(150000))
        session = self.session("load", "new.blt", "rows", "-f", "jsonl",
                               width=120)
        # It is stopped in the middle, until it is time for the line.
        while not [name for name in os.listdir(self.folder)
                   if ".tmp." in name]:
            pass
        os.kill(session.pid, signal.SIGSTOP)
        end = time.monotonic() + 1.1
        while time.monotonic() < end:
            session.read(0.05)
        os.kill(session.pid, signal.SIGCONT)
        self.assertEqual(session.end(), 0)
        lines = [line.decode() for line in self.shown_lines(session)]
        self.assertRegex(lines[0], r"^load new\.blt:  +\d+ %  \[#* *\]  "
                                   r"[\d.]+ \w+ of [\d.]+ MiB  [\d.]+ \w+/s  "
                                   r"[\d ]+ rows")

    def test_a_line_is_never_wider_than_the_terminal_is_now(self):
        session, fifo = self.start_loading("new.blt", width=30)
        self.feed(session, fifo, lambda: self.shown_lines(session))
        self.assertEqual(max(map(len, self.shown_lines(session))), 29)
        session.resize(50)
        session.shown = b""
        self.feed(session, fifo, lambda: len(self.shown_lines(session)) > 1)
        self.assertGreater(len(self.shown_lines(session)[-1]), 29)
        self.assertLess(len(self.shown_lines(session)[-1]), 50)
        os.close(fifo)
        self.assertEqual(session.end(), 0)

    def test_control_c_says_what_became_of_a_new_file(self):
        session, fifo = self.start_loading("new.blt")
        self.feed(session, fifo, lambda: self.shown_lines(session))
        session.type("\x03")
        self.assertEqual(session.end(), 130)
        os.close(fifo)
        self.assertRegex(session.shown, rb"\r\x1b\[Kblt: new\.blt: "
                                        rb"interrupted; it is not made\r\n$")
        self.assertEqual(os.listdir(self.folder), ["fifo"])

    def test_control_c_says_what_became_of_an_old_file(self):
        self.create()
        session, fifo = self.start_loading("rain.blt")
        self.feed(session, fifo, lambda: self.shown_lines(session))
        session.type("\x03")
        self.assertEqual(session.end(), 130)
        os.close(fifo)
        found = re.search(rb"interrupted; (\d+) rows are loaded", session.shown)
        self.assertGreater(int(found[1]), 0)
        self.ok("verify", self.file)

    def test_never_and_quiet_show_nothing(self):
        for i, option in enumerate(("--progress=never", "--quiet")):
            os.mkfifo(self.path("fifo%d" % i))
            session = Session(self, "sh", "-c",
                              'exec "$BLT" load n%d.blt %s fifo%d -f jsonl' %
                              (i, option, i))
            fifo = os.open(self.path("fifo%d" % i), os.O_WRONLY)
            end = time.monotonic() + 1.3
            self.feed(session, fifo, lambda: time.monotonic() > end)
            os.close(fifo)
            self.assertEqual(session.end(), 0)
            self.assertEqual(self.shown_lines(session), [])


class InLogs(Progress):
    def test_always_prints_plain_lines(self):
        self.write("rows", self.rows(1000))
        result = self.ok("load", "new.blt", "rows", "-f", "jsonl",
                         "--progress=always")
        lines = result.err.decode().splitlines()
        self.assertGreater(len(lines), 0)
        for line in lines:
            self.assertRegex(line, r"^load new\.blt:  +\d+ %  .* of .* rows")
            self.assertNotIn("\x1b", line)

    def test_every_long_command_tells(self):
        self.ok("load", self.file, stdin=self.rows(3000))
        for args in (["dump", "-o", "d"], ["copy", "c.blt"],
                     ["copy", "--compact", "e.blt"], ["hash"],
                     ["diff", "c.blt"], ["verify"], ["prune"]):
            result = self.ok(args[0], self.file, *args[1:],
                             "--progress=always")
            self.assertIn(b"rain.blt: ", result.err, args)
            self.assertRegex(result.err.decode(),
                             r": .*%  .* of .*  [\d. ]+ (\w*B|keys)/s")
        result = self.ok("merge", "m.blt", "c.blt", "--progress=always")
        self.assertIn(b"merge c.blt: ", result.err)


class CutShort(Progress):
    def setUp(self):
        super().setUp()
        self.ok("load", self.file, stdin=self.rows(20000))

    def test_a_pipe_that_closes_early_ends_quietly(self):
        self.ok("copy", self.file, "other.blt")
        self.ok("prune", "other.blt", "--older-than", "now", "-y")
        for args in (["list", self.file], ["list", "-l", self.file],
                     ["dump", self.file], ["diff", self.file, "other.blt"],
                     ["-j", "list", self.file]):
            process = self.start(*args, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            process.stdout.read(1)
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual((process.wait(timeout=30), err), (141, b""),
                             args)

    def test_a_full_disk_is_an_error(self):
        for args in (["dump", self.file], ["list", self.file],
                     ["dump", "--zstd", self.file]):
            with open("/dev/full", "wb") as full:
                process = self.start(*args, stdout=full,
                                     stderr=subprocess.PIPE)
                err = process.stderr.read()
                process.stderr.close()
            self.assertEqual(process.wait(timeout=30), 3)
            self.assertIn(b"No space left", err)

    def test_control_c_removes_what_was_not_finished(self):
        self.ok("load", "big.blt", stdin=self.rows(150000))
        for args in (["dump", "big.blt", "-o", "out.csv.zst", "--zstd=19"],
                     ["copy", "--compact", "big.blt", "copy.blt"]):
            before = sorted(os.listdir(self.folder))
            process = self.start(*args, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            while not [name for name in os.listdir(self.folder)
                       if ".tmp." in name]:
                self.assertIsNone(process.poll())
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn(b"it is not made", err)
            self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_control_c_ends_the_wait_for_keys(self):
        before = sorted(os.listdir(self.folder))
        process = self.start("get", self.file, "-o", "out", "--keys-from=-",
                             stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        while not [name for name in os.listdir(self.folder)
                   if ".tmp." in name]:
            self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=30), 130)
        _, err = process.communicate()
        self.assertEqual(err, b"blt: out: interrupted; it is not made\n")
        self.assertEqual(sorted(os.listdir(self.folder)), before)
