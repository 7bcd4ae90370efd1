"""The command shell: typed at a terminal, and from a pipe."""

import os
import subprocess

from terminal import OnTerminal


class Shell(OnTerminal):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.put("site-42", b"rain")

    def lines(self, text, *options, code=0):
        result = self.blt("shell", self.file, *options, stdin=text.encode())
        self.assertEqual(result.code, code, result.err)
        return result


class FromAPipe(Shell):
    def test_each_line_is_a_command_for_the_file(self):
        result = self.lines("get site-42\n\n# a comment\nlist --values\nhash\n")
        out = result.out.decode().splitlines()
        self.assertEqual(out[0], "rainsite-42\train")
        self.assertTrue(out[1].startswith("b2b:"))
        self.assertEqual(result.err, b"")

    def test_words_are_quoted_as_in_a_shell(self):
        self.lines("put 'a key' \"two words\"\nput b\\ c x\n", "-w")
        self.assertEqual(self.ok("get", self.file, "a key").out, b"two words")
        self.ok("has", self.file, "b c")

    def test_a_backslash_between_double_quotes_is_that_of_a_shell(self):
        words = ('"a\\"b\\\\c\\d"', "'a\\b'", "x''\"\"y", "''", "a'b c'd\\'e")
        for i, word in enumerate(words):
            asked = subprocess.run(["sh", "-c", "printf %s " + word],
                                   stdout=subprocess.PIPE, check=True)
            self.lines("put k%d %s\n" % (i, word), "-w")
            self.assertEqual(self.ok("get", self.file, "k%d" % i).out,
                             asked.stdout)

    def test_a_line_that_cannot_be_taken_apart_stores_nothing(self):
        for line in ('put k "abc', "put j 'x y", "put i x\\", "put h\0 x",
                     'put g "abc\\'):
            result = self.lines(line + "\n", "-w", code=2)
            self.assertIn(b"blt: line 1: shell: the line cannot be", result.err)
        self.assertEqual(self.ok("list", self.file).out, b"site-42\n")

    def test_messages_name_the_line(self):
        result = self.lines("get site-42\n\n# none\nfrob\nget --frob k\n"
                            "get x\nquit x\n", code=2)
        self.assertEqual(
            [line.split(b": ")[1] for line in result.err.splitlines()],
            [b"line 4", b"line 5", b"line 6"])
        result = self.lines("\nput x y\n", "--json", code=2)
        self.assertEqual(result.error["line"], 2)

    def test_writing_has_to_be_asked_for(self):
        before = self.read("rain.blt")
        result = self.lines("put a b\nget site-42\n", code=2)
        self.assertIn(b"start the shell with --write", result.err)
        self.assertEqual(result.out, b"rain")
        self.assertEqual(self.read("rain.blt"), before)

    def test_every_command_that_is_known_works(self):
        self.write("rows", b'{"key":"c","value":"3"}\n')
        self.ok("copy", self.file, "other.blt")
        self.ok("put", "other.blt", "d", "4")
        result = self.lines(
            "put a 1\nhas a\ndel a\nlist -l\nmeta set 1\nmeta\nslot 1 set x\n"
            "slot 1\ninspect\nverify\nprune\nreindex --buckets 7\ndump\n"
            "load rows\nmerge other.blt\ndiff other.blt\nhash\nstat\n",
            "--write", code=1)
        self.assertEqual(result.err, b"")
        self.assertEqual(sorted(self.ok("list", self.file).out.split()),
                         [b"c", b"d", b"site-42"])
        self.ok("verify", self.file)

    def test_other_commands_are_not_for_it(self):
        result = self.lines("create x\nfrobnicate\nshell x\nhelp\nhelp get\n",
                            code=2)
        self.assertEqual(result.err.count(b"\n"), 3)
        self.assertIn(b"Print the value of each key.", result.out)

    def test_the_code_is_the_greatest_and_quit_ends_it(self):
        self.lines("has nothing\nget site-42\n", code=1)
        self.lines("has nothing\nlist --frob\nhas x\n", code=2)
        result = self.lines("quit\nlist --frob\n")
        self.assertEqual(result.err, b"")

    def test_options_of_the_shell_hold_for_its_commands(self):
        rows = self.lines("list\nget site-42\n", "--json").lines
        self.assertEqual([row["key"] for row in rows], ["site-42"] * 2)

    def test_what_a_command_wrote_is_there_after_a_kill(self):
        session = self.session("shell", self.file, "--write")
        session.expect("blt> ")
        session.type("put killed 1\n")
        session.expect("blt> ")
        os.kill(session.pid, 9)
        self.assertEqual(session.end(), -9)
        self.assertEqual(self.ok("get", self.file, "killed").out, b"1")

    def test_one_lock_is_held_to_the_end(self):
        session = self.session("shell", self.file, "--write")
        session.expect("blt> ")
        self.fails(5, "get", "--no-wait", self.file, "site-42")
        session.type("quit\n")
        self.assertEqual(session.end(), 0)
        self.ok("get", "--no-wait", self.file, "site-42")


class Typed(Shell):
    def setUp(self):
        super().setUp()
        self.shell = self.session("shell", self.file)
        self.shell.expect("blt> ")

    def wait_for_editor(self):
        """What is completed shows that the editor has the terminal."""
        self.shell.type("hel\t")
        self.shell.expect("p ")

    def test_lines_are_edited_and_remembered(self):
        self.shell.type("get site-43\x7f2\n")
        self.shell.expect("rain")
        self.shell.expect("blt> ")
        self.shell.type("\x1b[A\n")
        self.shell.expect("rain")
        self.shell.expect("blt> ")
        self.wait_for_editor()
        self.shell.type("\x15\x04")
        self.assertEqual(self.shell.end(), 0)

    def test_tab_completes_commands_and_options(self):
        self.shell.type("dum\t--no-hea\t\n")
        self.shell.expect('{"key":"site-42",')
        self.shell.expect("blt> ")
        self.shell.type("hel\tget\n")
        self.shell.expect("Print the value of each key.")
        self.shell.type("h\t")
        self.shell.expect("has hash help")
        self.shell.type("\x03quit\n")
        self.assertEqual(self.shell.end(), 0)

    def test_control_c_gives_up_the_line_and_not_the_shell(self):
        self.wait_for_editor()
        self.shell.type("\x03")
        self.shell.expect("blt> ")
        self.shell.type("get site-42\n")
        self.shell.expect("rain")
        self.shell.expect("blt> ")
        self.shell.type("quit\n")
        self.assertEqual(self.shell.end(), 0)

    def test_failures_are_told_and_the_shell_goes_on(self):
        self.shell.type("get nothing\n")
        self.shell.expect('no key "nothing"')
        self.shell.type("get site-42\nquit\n")
        self.shell.expect("rain")
        self.assertEqual(self.shell.end(), 0)
