"""What the shells complete behind blt, asked of the shells themselves."""

import subprocess
import unittest

from support import BUILD, Case, needs

MADE = BUILD / "completions"


def listed(blt_help):
    """The commands that help lists."""
    block = blt_help.split("\ncommands\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in block.splitlines()]


@unittest.skipUnless((MADE / "blt").exists(), "there are no completions")
class Completions(Case):
    def setUp(self):
        super().setUp()
        for name in "rain.blt", "sun.blt", "keys.txt":
            self.write(name, "")

    def help(self, *words):
        return self.run_it(BUILD / "tools/blt", "help", *words)


class Bash(Completions):
    def complete(self, *words):
        """What is offered for the last word, as bash parts the line."""
        script = (f'source "{MADE}/blt"; COMP_WORDS=("$@"); '
                  'COMP_CWORD=$(($# - 1)); _blt 2>/dev/null; '
                  '[ "${#COMPREPLY[@]}" -eq 0 ] || '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        return self.run_it("bash", "-c", script, "bash", "blt",
                           *words).splitlines()

    def test_each_command_is_offered(self):
        self.assertTrue(set(listed(self.help())) <= set(self.complete("")))
        self.assertEqual(self.complete("rein"), ["reindex"])
        self.assertEqual(self.complete("help", "rein"), ["reindex"])

    def test_each_option_of_a_command_is_offered_behind_it(self):
        for command in listed(self.help()):
            page = self.help(command)
            for option in self.complete(command, "-"):
                self.assertIn(option, page)
            self.assertIn("--json", self.complete(command, "rain.blt", "-"))
        self.assertEqual(self.complete("prune", "--dr"), ["--dry-run"])

    def test_words_that_an_option_takes_are_offered(self):
        self.assertEqual(self.complete("get", "--io", "=", "m"), ["mmap"])
        self.assertEqual(self.complete("get", "--io", "="),
                         ["auto", "mmap", "pread"])
        self.assertEqual(self.complete("--color", "ne"), ["never"])
        self.assertEqual(self.complete("prune", "--buckets", "=", "a"),
                         ["auto"])
        self.assertIn("json", self.complete("create", "--value-type", "j"))

    def test_files_are_offered(self):
        self.assertEqual(self.complete("list", "r"), ["rain.blt"])
        self.assertEqual(self.complete("-t", "3", "list", "r"), ["rain.blt"])
        self.assertEqual(self.complete("get", "rain.blt", "--keys-from", "k"),
                         ["keys.txt"])


@needs("fish")
class Fish(Completions):
    def complete(self, line):
        done = subprocess.run(
            ["fish", "--no-config", "-c",
             f'source "{MADE}/blt.fish"; complete -C $argv[1]', line],
            cwd=self.folder, capture_output=True, text=True, check=True,
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin"})
        self.assertEqual(done.stderr, "")
        return [row.split("\t")[0] for row in done.stdout.splitlines()]

    def test_commands_options_words_and_files_are_offered(self):
        self.assertTrue(set(listed(self.help())) <=
                        set(self.complete("blt ")))
        self.assertEqual(self.complete("blt prune --dr"), ["--dry-run"])
        self.assertEqual(self.complete("blt get --io=m"), ["--io=mmap"])
        self.assertEqual(self.complete("blt list ra"), ["rain.blt"])


# A zsh of its own types a line and the Tab key; then the words have to come,
# or the test is ended from outside.
ZSH_TYPES = """\
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=ready; fpath=($MADE $fpath); autoload -Uz compinit; \\
  compinit -u -D; print set" "up'
zpty -r shell line '*set up*ready*'
zpty -w -n shell "$1"$'\\t'
shift
for word in "$@"; do
  zpty -r shell line "*$word*"
done
print -r -- $line
zpty -d shell
"""


@needs("zsh")
class Zsh(Completions):
    def expect(self, typed, *words):
        """Words, in the order in which zsh is to show them."""
        done = subprocess.run(
            ["zsh", "-f", "-c", ZSH_TYPES, "zsh", typed, *words],
            env={"HOME": str(self.folder), "PATH": "/usr/bin:/bin",
                 "MADE": str(MADE), "TERM": "dumb", "LC_ALL": "C.UTF-8"},
            cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_what_is_typed_is_completed(self):
        self.expect("blt rein", "dex")
        self.expect("blt help rein", "dex")
        self.expect("blt list --pre", "fix")
        self.expect("blt dump --format=js", "onl")
        self.expect("blt get --io m", "map")
        self.expect("blt get ra", "in.blt")
        self.expect("blt dump --zs", "td")

    def test_words_that_an_option_takes_are_offered(self):
        self.expect("blt copy --reflink=", "always", "auto", "never")
        self.expect("blt meta rain.blt ", "del", "get", "set")

    def test_zsh_takes_the_script_for_blt(self):
        script = (f'fpath=("{MADE}" $fpath); autoload -Uz compinit; '
                  'compinit -u -D; print -r -- $_comps[blt]; '
                  'autoload -Uz +X _blt && print loaded')
        self.assertEqual(self.run_it("zsh", "-f", "-c", script,
                                     env={"HOME": str(self.folder),
                                          "PATH": "/usr/bin:/bin"}),
                         "_blt\nloaded\n")
