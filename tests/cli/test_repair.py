"""The command repair: its texts, JSON, exit codes and questions."""

import fcntl
import os
import shutil
import subprocess

import test_terminal
from support import Case
from test_files import break_a_chain


def shown(text):
    return text.decode().splitlines()


class Damaged(Case):
    """Three keys in the order a, b, c; b has an older block."""

    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        for key, value in (("a", b"first"), ("b", b"old"), ("b", b"second"),
                           ("c", b"third")):
            self.put(key, value)

    def break_header(self):
        with open(self.file, "r+b") as stream:
            stream.write(os.urandom(16))

    def break_key(self, value):
        """Changes the key of the block with this value, one byte before."""
        data = self.read("rain.blt")
        at = data.rindex(value) - 1
        self.write("rain.blt", data[:at] + b"?" + data[at + 1:])
        return at - 32

    def values(self, file=None):
        out = self.ok("list", "--values", file or self.file).out
        return dict(line.split(b"\t") for line in out.splitlines())


ALL = {b"a": b"first", b"b": b"second", b"c": b"third"}


class Repair(Damaged):
    def test_a_sound_file_is_kept(self):
        result = self.ok("repair", self.file)
        self.assertRegex(result.out,
                         rb"^kept 3 blocks, [\d.]+ KiB -> [\d.]+ KiB\n$")
        self.assertEqual(result.err, b"")
        self.assertEqual(self.values(), ALL)
        self.ok("verify", self.file)

    def test_quiet_says_nothing(self):
        self.assertEqual(self.ok("-q", "repair", self.file).out, b"")

    def test_a_broken_chain_is_mended(self):
        break_a_chain(self.file)
        self.assertEqual(self.blt("verify", self.file).code, 4)
        self.ok("repair", self.file)
        self.ok("verify", self.file)
        self.assertEqual(self.values(), ALL)

    def test_a_lost_block_is_told_with_its_place(self):
        place = self.break_key(b"first")
        lines = shown(self.ok("repair", self.file).out)
        self.assertRegex(lines[0], r"^kept 2 blocks, ")
        self.assertEqual(lines[1:], [
            "1 place with 38 B held no blocks, the first at offset %d" % place])
        self.assertEqual(self.values(), {b"b": b"second", b"c": b"third"})

    def test_a_guessed_header_is_told(self):
        self.break_header()
        self.fails(4, "list", self.file)
        out = self.ok("repair", self.file).out
        self.assertIn(b"the header was of no use", out)
        self.assertEqual(self.values(), ALL)

    def test_json_has_every_number(self):
        before = os.path.getsize(self.file)
        place = self.break_key(b"first")
        found = self.ok("-j", "repair", self.file).json
        self.assertEqual(found, {
            "file": self.file, "kept": 2, "superseded": 0, "deleted": 0,
            "uncommitted": 0, "lost": 1, "lost_bytes": 38,
            "first_lost": place, "header_guessed": False,
            "bytes_before": before,
            "bytes_after": os.path.getsize(self.file), "dry_run": False})
        found = self.ok("-j", "repair", self.file).json
        self.assertEqual((found["lost"], found["first_lost"]), (0, None))

    def test_a_dry_run_changes_nothing(self):
        self.break_header()
        before = self.read("rain.blt")
        result = self.ok("repair", self.file, "--dry-run")
        self.assertIn(b"would keep 3 blocks\n", result.out)
        found = self.ok("-j", "repair", "--dry-run", self.file).json
        self.assertEqual((found["kept"], found["bytes_after"],
                          found["dry_run"]), (3, None, True))
        self.assertEqual(self.read("rain.blt"), before)

    def test_progress_always_is_lines_on_standard_error(self):
        result = self.ok("repair", "--progress=always", self.file)
        for line in result.err.splitlines():
            self.assertRegex(line, rb"^repair .*rain\.blt: .* +\d+ %")


class IntoNew(Damaged):
    def test_the_damaged_file_is_only_read(self):
        self.break_header()
        before = self.read("rain.blt")
        for i, option in enumerate((["-o", "0.blt"], ["--output=1.blt"])):
            self.ok("repair", self.file, *option)
            self.assertEqual(self.values("%d.blt" % i), ALL)
            self.ok("verify", "%d.blt" % i)
        self.assertEqual(self.read("rain.blt"), before)
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["0.blt", "1.blt", "rain.blt"])

    def test_a_read_only_file_will_do(self):
        os.chmod(self.file, 0o444)
        self.ok("repair", self.file, "-o", "new.blt")

    def test_json_names_the_new_file(self):
        found = self.ok("-j", "repair", self.file, "-o", "new.blt").json
        self.assertEqual((found["output"], found["bytes_after"]),
                         ("new.blt", os.path.getsize(self.path("new.blt"))))

    def test_a_file_that_exists_is_left_alone(self):
        self.write("new.blt", b"mine")
        for more in ([], ["--dry-run"], ["-y"]):
            result = self.fails(3, "repair", self.file, "-o", "new.blt", *more)
            self.assertEqual(result.err, b"blt: new.blt: exists already; "
                             b"give the name of a new file\n")
        self.assertEqual(self.read("new.blt"), b"mine")
        self.fails(3, "repair", self.file, "-o", self.file)

    def test_a_link_to_nowhere_exists_too(self):
        os.symlink("nowhere", self.path("new.blt"))
        self.fails(3, "repair", self.file, "-o", "new.blt")

    def test_a_folder_that_is_not_there_exits_3(self):
        self.fails(3, "repair", self.file, "-o", "no/such/new.blt")

    def test_standard_output_is_no_file(self):
        self.fails(2, "repair", self.file, "-o", "-")

    def test_nothing_is_left_when_it_fails(self):
        self.write("x.blt", b"x" * 500)
        self.fails(4, "repair", "x.blt", "-o", "new.blt")
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["rain.blt", "x.blt"])

    def test_a_dry_run_makes_no_file(self):
        self.ok("repair", self.file, "-o", "new.blt", "--dry-run")
        self.assertEqual(os.listdir(self.folder), ["rain.blt"])


class Refusals(Damaged):
    def test_nothing_to_keep_exits_4_and_changes_nothing(self):
        self.write("x.blt", b"x" * 500)
        result = self.fails(4, "repair", "x.blt")
        self.assertIn(b"nothing was changed", result.err)
        self.assertNotIn(b"run", result.err)
        self.assertEqual(self.read("x.blt"), b"x" * 500)
        self.assertEqual(self.fails(4, "-j", "repair", "x.blt").error["code"],
                         "corrupt")

    def test_too_short_a_file_exits_4(self):
        for data in (b"", b"x" * 199):
            self.write("x.blt", data)
            self.fails(4, "repair", "x.blt")

    def test_a_missing_file_exits_3(self):
        self.fails(3, "repair", "nothing.blt")
        self.fails(3, "repair", "nothing.blt", "-o", "new.blt")

    def test_words_are_counted(self):
        self.fails(2, "repair")
        self.fails(2, "repair", self.file, "b.blt")

    def test_a_locked_file_exits_5(self):
        stream = open(self.file, "r+b")
        self.addCleanup(stream.close)
        fcntl.flock(stream, fcntl.LOCK_SH)
        result = self.fails(5, "repair", self.file, "--no-wait")
        self.assertIn(b"pid %d" % os.getpid(), result.err)
        self.ok("repair", self.file, "--no-wait", "--dry-run")
        self.ok("repair", self.file, "--no-wait", "-o", "new.blt")
        fcntl.flock(stream, fcntl.LOCK_EX)
        self.fails(5, "repair", self.file, "--timeout=0.1", "--dry-run")
        result = self.ok("repair", self.file, "--no-lock", "--dry-run")
        self.assertIn(b"unlocked read", result.err)

    def test_in_place_needs_the_lock(self):
        self.fails(2, "repair", self.file, "--no-lock")


class Advice(Damaged):
    """Who meets damage says what to do about it."""

    def test_verify_names_the_command(self):
        break_a_chain(self.file)
        result = self.blt("verify", self.file)
        self.assertTrue(result.out.endswith(
            b'; run "blt repair %s"\n' % self.file.encode()), result.out)
        self.ok("repair", self.file)
        self.assertNotIn(b"repair", self.ok("verify", self.file).out)

    def test_so_does_a_command_that_cannot_go_on(self):
        with open(self.file, "r+b") as stream:
            stream.seek(21)
            stream.write(b"\0\0\0\0")
        result = self.fails(4, "list", self.file)
        self.assertTrue(result.err.endswith(
            b'; run "blt repair %s"\n' % self.file.encode()), result.err)
        error = self.fails(4, "-j", "get", self.file, "a").error
        self.assertIn('run "blt repair', error["message"])


    def test_what_they_advise_can_be_pasted(self):
        for name in ("sp ace's $x.blt", "-n.blt", "a\"b`c.blt", "é.blt"):
            shutil.copy(self.file, self.path(name))
            break_a_chain(self.path(name))
            told = self.blt("verify", "--", name).out.decode()
            command = told.split('run "blt ')[1][:-2]
            subprocess.run('"$BLT" ' + command, shell=True, check=True,
                           cwd=self.folder, stdout=subprocess.DEVNULL)
            self.ok("verify", "--", name)

    def test_a_cut_file_is_one_sentence_with_one_advice(self):
        os.truncate(self.file, 300)
        result = self.fails(4, "list", self.file)
        self.assertIn(b": the file was cut, or the header is wrong; run ",
                      result.err)


class Gaps(Case):
    """What a reindex leaves in front of the first block."""

    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.put("a", b"1")
        self.ok("reindex", self.file, "--buckets", "20000")

    def advised(self):
        return {row["action"]: row["bytes"] for row in
                self.ok("-j", "inspect", self.file).json["advice"]}

    def test_inspect_and_a_dry_run_foretell_what_prune_frees(self):
        found = self.ok("-j", "inspect", self.file).json
        self.assertGreater(found["space"]["other"], 65536)
        self.assertIn(b"advice  prune would free",
                      self.ok("inspect", self.file).out)
        told = self.ok("-j", "prune", self.file, "--dry-run").json
        freed = told["bytes_before"] - told["bytes_after"]
        self.assertEqual(self.advised()["prune"], freed)
        done = self.ok("-j", "prune", self.file).json
        self.assertEqual(told["bytes_after"], done["bytes_after"])
        self.assertEqual(done["bytes_after"], os.path.getsize(self.file))
        self.assertNotIn("prune", self.advised())

    def test_a_dry_run_knows_the_new_index(self):
        for buckets in ("auto", "500"):
            options = ["--buckets", buckets]
            told = self.ok("-j", "prune", self.file, "--dry-run",
                           *options).json
            done = self.ok("-j", "prune", self.file, *options).json
            self.assertEqual(told["bytes_after"], done["bytes_after"])

    def test_a_small_gap_is_not_worth_a_line(self):
        self.ok("prune", self.file)
        self.assertNotIn(b"advice  prune would free",
                         self.ok("inspect", self.file).out)


class Question(test_terminal.OnTerminal):
    def test_repair_asks_and_no_leaves_the_file_alone(self):
        before = self.read("rain.blt")
        code, seen = self.on_terminal("repair", self.file, typed=b"n\n")
        self.assertEqual(code, 1)
        self.assertIn(b"[y/N]", seen)
        self.assertIn(b"left as it is", seen)
        self.assertEqual(self.read("rain.blt"), before)

    def test_repair_asks_and_yes_goes_on(self):
        code, seen = self.on_terminal("repair", self.file, typed=b"y\n")
        self.assertEqual(code, 0)
        self.assertIn(b"kept 1 block", seen)

    def test_nothing_is_asked_where_nothing_is_lost(self):
        for options in (["-y"], ["--yes"], ["--dry-run"], ["-o", "new.blt"]):
            code, seen = self.on_terminal("repair", self.file, *options)
            self.assertEqual(code, 0)
            self.assertNotIn(b"[y/N]", seen)
