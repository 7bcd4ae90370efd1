"""What is different on a terminal: colours, questions, progress."""

import os
import pty
import subprocess

from support import Case


class OnTerminal(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.put("k", b"one")
        self.put("k", b"two")

    def on_terminal(self, *args, typed=b"", env=None):
        """Runs the program on a terminal: exit code and what was shown."""
        master, slave = pty.openpty()
        process = self.start(*args, stdin=slave, stdout=slave, stderr=slave,
                             env=env or self.environment())
        os.close(slave)
        os.write(master, typed)
        shown = b""
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        os.close(master)
        return process.wait(timeout=30), shown


class Terminal(OnTerminal):
    def test_colours_are_for_terminals(self):
        self.assertIn(b"\x1b[32m", self.on_terminal("inspect", self.file)[1])
        self.assertNotIn(b"\x1b", self.ok("inspect", self.file).out)

    def test_colours_can_be_chosen(self):
        self.assertNotIn(b"\x1b", self.on_terminal("inspect", self.file,
                                                   "--color=never")[1])
        self.assertIn(b"\x1b[32m", self.ok("inspect", self.file,
                                           "--color=always").out)

    def test_the_environment_can_ask_for_no_colours(self):
        for change in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            _, shown = self.on_terminal("inspect", self.file,
                                        env=self.environment(**change))
            self.assertNotIn(b"\x1b", shown)

    def test_prune_asks_and_no_leaves_the_file_alone(self):
        before = self.read("rain.blt")
        code, shown = self.on_terminal("prune", self.file, typed=b"n\n")
        self.assertEqual(code, 1)
        self.assertIn(b"[y/N]", shown)
        self.assertEqual(self.read("rain.blt"), before)

    def test_prune_asks_and_yes_goes_on(self):
        size = os.path.getsize(self.file)
        code, shown = self.on_terminal("prune", self.file, typed=b"y\n")
        self.assertEqual(code, 0)
        self.assertIn(b"dropped 1 block", shown)
        self.assertLess(os.path.getsize(self.file), size)

    def test_old_keys_are_mentioned_in_the_question(self):
        _, shown = self.on_terminal("prune", self.file, "--older-than",
                                    "2025-11-21", typed=b"n\n")
        self.assertIn(b"2025-11-21 00:00:00Z", shown)

    def test_y_skips_the_question(self):
        for options in (["-y"], ["--yes"], ["--dry-run"]):
            code, shown = self.on_terminal("prune", self.file, *options)
            self.assertEqual(code, 0)
            self.assertNotIn(b"[y/N]", shown)

    def test_create_asks_before_it_empties(self):
        code, _ = self.on_terminal("create", self.file, "--force",
                                   typed=b"\n")
        self.assertEqual(code, 1)
        self.ok("has", self.file, "k")
        code, _ = self.on_terminal("create", self.file, "--force",
                                   typed=b"y\n")
        self.assertEqual(code, 0)
        self.assertEqual(self.blt("has", self.file, "k").code, 1)

    def test_a_value_is_not_awaited_from_a_terminal(self):
        code, shown = self.on_terminal("put", self.file, "k")
        self.assertEqual(code, 2)
        self.assertIn(b"VALUE is missing", shown)

    def test_short_work_shows_no_progress(self):
        code, shown = self.on_terminal("verify", self.file)
        self.assertEqual(code, 0)
        self.assertNotIn(b"%", shown)

    def test_no_question_is_asked_of_a_pipe(self):
        process = self.start("prune", self.file, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=30)
        self.assertEqual((process.returncode, err), (0, b""))
