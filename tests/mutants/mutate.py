#!/usr/bin/env python3
"""
mutate.py - does a test notice when a rule of the protocol is broken?

    mutate.py [--slice N] [--only WORD] [--seconds S] [--states N]
              [--python PYTHON] [--folder FOLDER] [--list]

Copies the source tree, and for each mutation of protocol.txt replaces the
text, builds, and runs those who have to notice it, with fixed seeds: the crash
explorer until the first failure or until --states or --seconds are over; with
--python, a Python that has booklet, the states of killed processes that booklet
opens first; the tests of failing system calls, of damaged files, or those of modules. Then it puts the text back.
Prints who killed each mutation and how, and the ones that survived.

0: all were killed, 1: some survived or their text is not there, 77: cannot run.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
WANTED = ("src", "include", "tests", "docs", "meson.build",
          "meson_options.txt")
TARGETS = {"crash": "tests/crash/test_crash", "first": "src/libblt.so.0.1.0",
           "faults": "tests/faults/test_faults", "unit": "tests/unit/test_unit",
           "model": "tests/test_model", "hostile": "tests/test_hostile"}
# Rules of three kinds, each killed within a second: what ./check looks at.
SLICE = ("no sync of commits", "the blocks are not judged",
         "recovery writes no tombs")
SEED = "20261121"


class Mutation:
    def __init__(self, text):
        self.name, rest = text.split("\n", 1)
        head, rest = rest.split("--- old\n", 1)
        old, new = rest.split("--- new\n", 1)
        self.old, self.new = old.rstrip("\n"), new.rstrip("\n")
        fields = dict(line.split(" ", 1) for line in head.splitlines())
        self.rule, self.file = fields["rule"], fields["file"]
        self.by = fields["by"].split()
        self.plans = fields.get("plan", "").split()


def read_mutations():
    with open(os.path.join(HERE, "protocol.txt")) as file:
        return [Mutation(text) for text in re.split(
            r"^=== ", file.read(), flags=re.MULTILINE)[1:]]


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


class Tree:
    """A copy of the sources, and its build folder."""

    def __init__(self, folder, options):
        self.root = os.path.join(folder, "tree")
        self.build = os.path.join(self.root, "build")
        self.options = options
        os.mkdir(self.root)
        for name in WANTED:
            there, here = os.path.join(ROOT, name), os.path.join(
                self.root, name)
            if os.path.isdir(there):
                shutil.copytree(there, here)
            else:
                shutil.copy(there, here)
        self.run("setup", ["meson", "setup", "build", "-Dwerror=false",
                           "-Dtools=false", "-Dbench=false",
                           "-Dexamples=false", "-Doptimization=1",
                           "-Ddebug=false", "-Db_ndebug=true"])

    def run(self, what, command):
        done = subprocess.run(command, cwd=self.root, text=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        if done.returncode != 0:
            raise SystemExit("%s: %s" % (what, done.stdout[-2000:]))

    def compile(self, what, targets):
        self.run(what, ["ninja", "-C", "build"] + list(targets))

    def path(self, *names):
        return os.path.join(self.build, *names)

    # ---------------------------------------------------------- who notices

    def by_crash(self, plans):
        """How it was noticed, or None; also of the plans, a part of all."""
        command = [self.path("tests/crash/test_crash"), "--failures", "1"]
        for name in ("states", "seconds"):
            command += ["--" + name, str(getattr(self.options, name))]
        for more in [["--only", plan] for plan in plans] or [[]]:
            text = self.output(command + more, BLT_SEED=SEED)
            how = first_line(text, r"^FAIL (.*)") or killed(text)
            if how:
                return how
        return None

    def by_check(self, program):
        text = self.output([self.path(program)], BLT_SEED=SEED,
                           CK_TIMEOUT_MULTIPLIER="20")
        return first_line(text, r"^\S+:\d+:[FE]:(.*)") or killed(text)

    def by_faults(self, plans):
        return self.by_check(TARGETS["faults"])

    def by_model(self, plans):
        return self.by_check(TARGETS["model"])

    def by_hostile(self, plans):
        return self.by_check(TARGETS["hostile"])

    def by_unit(self, plans):
        return self.by_check(TARGETS["unit"])

    def by_first(self, plans):
        if not self.options.python:
            return None
        text = self.output(
            [self.options.python, os.path.join(
                self.root, "tests/compat/run.py"), "test_first"],
            BLT_SEED=SEED, BLT_LIB=self.path(TARGETS["first"]),
            BLT_CRASH=self.path(TARGETS["crash"]),
            BLT_FIRST_PLANS=" ".join(plans), BLT_FIRST_STATES="600")
        return first_line(text, r"^(--only .*)") or first_line(
            text, r"^(FAILED.*)")

    def output(self, command, **more):
        try:
            done = subprocess.run(
                command, env=dict(os.environ, **more), text=True,
                errors="replace", stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=600)
        except subprocess.TimeoutExpired:
            return "hangs"
        return done.stdout + ("" if done.returncode >= 0 else "signal %d\n"
                              % -done.returncode)


def first_line(text, pattern):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1)[:300] if found else None


def killed(text):
    return first_line(text, r"^(signal .*|hangs)$")


def try_mutation(tree, mutation):
    """(who, how), or (None, a reason)."""
    path = os.path.join(tree.root, mutation.file)
    text = read(path)
    if text.count(mutation.old) != 1:
        return None, "its text stands %d times in %s" % (
            text.count(mutation.old), mutation.file)
    write(path, text.replace(mutation.old, mutation.new))
    try:
        targets = {TARGETS[who] for who in mutation.by}
        if "first" in mutation.by:
            targets.add(TARGETS["crash"])
        tree.compile(mutation.name, sorted(targets))
        for who in mutation.by:
            how = getattr(tree, "by_" + who)(mutation.plans)
            if how:
                return who, how
        return None, "survived %s" % ", ".join(mutation.by)
    finally:
        write(path, text)


def parse_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--slice", action="store_true")
    parser.add_argument("--only", action="append")
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--states", type=int, default=2000000)
    parser.add_argument("--python")
    parser.add_argument("--folder", help="where the copy of the sources goes")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def choose(options):
    mutations = read_mutations()
    names = [mutation.name for mutation in mutations]
    assert len(set(names)) == len(names), "a name stands twice"
    if options.slice:
        assert set(SLICE) <= set(names), "a name of the slice is not there"
        return [each for each in mutations if each.name in SLICE]
    return [each for each in mutations
            if not options.only
            or any(word in each.name for word in options.only)]


def check_texts(mutations):
    """Also of those that are not tried: the list is to be kept current."""
    return [each for each in mutations
            if read(os.path.join(ROOT, each.file)).count(each.old) != 1]


def main():
    options = parse_options()
    mutations = choose(options)
    if options.list:
        for each in mutations:
            print("%-50s %s" % (each.name, each.rule))
        return 0
    stale = check_texts(read_mutations())
    for each in stale:
        print("NOT FOUND  %s: the text is not once in %s" % (
            each.name, each.file))
    survivors = []
    if options.folder:
        os.makedirs(options.folder, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="blt-mutants-",
                                     dir=options.folder) as folder:
        tree = Tree(folder, options)
        tree.compile("the tree as it is", [TARGETS["crash"]])
        how = None if options.slice else tree.by_crash([])
        if how:
            raise SystemExit("without a mutation: %s" % how)
        for each in mutations:
            begin = time.monotonic()
            who, how = try_mutation(tree, each)
            if who is None:
                survivors.append(each)
            print("%s  %s (%s), %.0f s\n    %s" % (
                "killed by %s" % who if who else "SURVIVED", each.name,
                each.rule, time.monotonic() - begin, how), flush=True)
    print("%d passed, %d failed" % (len(mutations) - len(survivors),
                                    len(survivors) + len(stale)))
    return 1 if survivors or stale else 0


if __name__ == "__main__":
    sys.exit(main())
