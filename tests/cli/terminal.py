"""A terminal that tests can type into, and see what is shown."""

import fcntl
import os
import pty
import select
import struct
import termios
import time

from support import Case


class Session:
    """A program on a terminal of its own."""

    def __init__(self, case, *command, width=80, env=None):
        self.case = case
        self.shown = b""
        self.master, slave = pty.openpty()
        self.resize(width)
        pid = os.fork()
        if pid == 0:
            os.login_tty(slave) if hasattr(os, "login_tty") else \
                self.become_leader(slave)
            os.chdir(case.folder)
            os.execvpe(command[0], command, env or case.environment())
        self.pid = pid
        self.status = None
        os.close(slave)

    def become_leader(self, slave):
        os.close(self.master)
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(slave, number)

    def resize(self, width):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, width, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, seconds):
        """False when nothing more can come."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return True
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += piece
        return bool(piece)

    def expect(self, words, seconds=30):
        """What is shown up to these words; it is forgotten then."""
        words = words.encode()
        end = time.monotonic() + seconds
        while words not in self.shown:
            if time.monotonic() > end or not self.read(1):
                break
        self.case.assertIn(words, self.shown)
        before, _, self.shown = self.shown.partition(words)
        return before

    def end(self, seconds=30):
        """The exit code, or minus a signal; all that was shown is kept."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(1):
            pass
        os.close(self.master)
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class OnTerminal(Case):
    def session(self, *args, **options):
        return Session(self, os.environ["BLT"], *args, **options)
