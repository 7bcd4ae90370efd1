"""The scripts of the command completion, in the shells that they are for."""

import os
import re
import shutil
import subprocess
import unittest

from support import Case
from terminal import Session


def needs(program):
    return unittest.skipIf(not shutil.which(program),
                           "not installed: " + program)


class Completion(Case):
    def setUp(self):
        super().setUp()
        self.bin = os.path.dirname(os.environ["BLT"])
        for shell in ("bash", "zsh", "fish"):
            self.write("c." + shell, self.ok("completion", shell).out)

    def environment(self, **changes):
        env = super().environment(**changes)
        env["PATH"] = self.bin + ":" + env["PATH"]
        env["HOME"] = self.folder
        return env

    def run_shell(self, *args):
        result = subprocess.run(args, capture_output=True, cwd=self.folder,
                                env=self.environment(), timeout=60,
                                check=False)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        return result.stdout.decode().splitlines()

    def test_other_shells_exit_2(self):
        self.assertIn(b"bash, zsh or fish",
                      self.fails(2, "completion", "csh").err)
        self.assertIn(b"bash|zsh|fish is missing",
                      self.fails(2, "completion").err)

    def test_every_option_is_in_every_script(self):
        commands = re.findall(r"^  ([a-z]+)  ", self.ok("help").out.decode(),
                              re.MULTILINE)
        self.assertGreater(len(commands), 15)
        for command in commands:
            options = re.findall(r"--([a-z][a-z-]+)", self.ok(
                "help", command).out.decode().partition("global options")[0])
            for shell in ("bash", "zsh", "fish"):
                script = self.read("c." + shell).decode()
                self.assertIn(command, script)
                for option in options:
                    self.assertIn(option, script, (shell, command))

    def bash(self, *words):
        script = ("source ./c.bash; compopt() { :; }; COMP_WORDS=(%s);"
                  "COMP_CWORD=%d; _blt; printf '%%s\\n' \"${COMPREPLY[@]}\"" %
                  (" ".join("'%s'" % word for word in words), len(words) - 1))
        return [line for line in self.run_shell("bash", "-c", script) if line]

    @needs("bash")
    def test_bash(self):
        self.create()
        self.assertEqual(self.bash("blt", "ver"), ["verify"])
        self.assertEqual(self.bash("blt", "-q", "re"), ["repair", "reindex"])
        self.assertEqual(self.bash("blt", "verify", "--ca"), ["--cached"])
        self.assertEqual(self.bash("blt", "stat", "--sam"), ["--sample"])
        self.assertIn("--json", self.bash("blt", "verify", "-"))
        self.assertEqual(self.bash("blt", "dump", "-f", "js"), ["jsonl"])
        self.assertEqual(self.bash("blt", "dump", "--format", "=", "l"),
                         ["lmdb"])
        self.assertEqual(self.bash("blt", "copy", "--reflink", "="),
                         ["auto", "always", "never"])
        self.assertEqual(self.bash("blt", "list", "--progress", "al"),
                         ["always"])
        self.assertEqual(self.bash("blt", "inspect", "r"), ["rain.blt"])
        self.assertEqual(self.bash("blt", "load", "n.blt", "--bad-rows", "s"),
                         ["stop", "skip"])
        self.assertEqual(self.bash("blt", "help", "mer"), ["merge"])
        self.assertEqual(self.bash("blt", "completion", "z"), ["zsh"])

    @needs("fish")
    def test_fish(self):
        self.create()

        def fish(line):
            return [word.split("\t")[0] for word in self.run_shell(
                "fish", "--no-config", "-c",
                "source c.fish; complete -C '%s'" % line)]
        self.assertEqual(fish("blt ver"), ["verify"])
        self.assertEqual(fish("blt verify --ca"), ["--cached"])
        self.assertEqual(fish("blt dump -f js"), ["jsonl"])
        self.assertEqual(fish("blt copy --reflink=al"), ["--reflink=always"])
        self.assertIn("rain.blt", fish("blt inspect ra"))
        self.assertEqual(fish("blt completion z"), ["zsh"])

    @needs("zsh")
    def test_zsh(self):
        self.create()
        session = Session(self, "zsh", "-f", "-i", width=200)
        session.type("PS1=ready; autoload -Uz compinit; compinit -u -D; "
                     "unsetopt list_beep; source ./c.zsh; echo on''ward\n")
        session.expect("onward")
        for typed, completed in (("blt verif\t", "verify"),
                                 ("blt verify --cac\t", "--cached"),
                                 ("blt dump -f js\t", "jsonl"),
                                 ("blt copy --reflink=alw\t", "always"),
                                 ("blt inspect ra\t", "rain.blt")):
            session.type(typed)
            session.expect(completed)
            session.type("\x15")
        session.type("exit\n")
        session.end()
