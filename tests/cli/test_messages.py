"""Messages, exit codes, help, and what happens to streams and locks."""

import fcntl
import json
import os
import signal
import subprocess

from support import Case


class Usage(Case):
    def test_no_command_exits_2(self):
        self.assertIn(b"blt help", self.fails(2).err)

    def test_a_misspelt_command_brings_the_nearest(self):
        result = self.fails(2, "prun", "x.blt")
        self.assertEqual(
            result.err, b'blt: unknown command "prun"; did you mean prune?\n')
        self.assertIn(b"see blt help", self.fails(2, "qqqqqqqqqq").err)

    def test_a_misspelt_option_brings_the_nearest(self):
        result = self.fails(2, "list", "x.blt", "--prefex=a")
        self.assertEqual(
            result.err,
            b"blt: list: unknown option --prefex; did you mean --prefix?\n")
        self.assertIn(b"--json", self.fails(2, "--jsn", "list").err)
        self.fails(2, "list", "x.blt", "-Z")

    def test_missing_and_superfluous_words_exit_2(self):
        self.assertIn(b"FILE", self.fails(2, "list").err)
        self.assertIn(b"KEY", self.fails(2, "put", "x.blt").err)
        self.assertIn(b'"b.blt"', self.fails(2, "list", "a", "b.blt").err)
        self.fails(2, "create", "a", "b")

    def test_options_that_need_a_value_say_so(self):
        self.assertIn(b"needs a value", self.fails(2, "list", "--limit").err)
        self.assertIn(b"takes no value",
                      self.fails(2, "list", "x", "--json=1").err)
        for option in ("--io=fast", "--color=blue", "--progress=maybe",
                       "--timeout=-1", "--timeout=soon", "-tx"):
            self.fails(2, "list", "x.blt", option)

    def test_options_and_words_may_be_mixed(self):
        self.create("--key-type", "str")
        self.put("-k", b"v")
        self.assertEqual(
            self.ok("get", "--hex", self.file, "-q", "--", "-k").out, b"76\n")
        self.ok("-q", "list", self.file)

    def test_quiet_and_verbose_exclude_each_other(self):
        self.fails(2, "-q", "-v", "list", "x.blt")

    def test_help_names_every_command_and_option(self):
        overview = self.ok("help").out.decode()
        self.assertEqual(self.ok("--help").out.decode(), overview)
        for name in ("create", "get", "has", "put", "del", "list", "meta",
                     "inspect", "verify", "repair", "prune", "reindex"):
            self.assertIn("\n  " + name, overview)
            page = self.ok("help", name).out
            self.assertEqual(self.ok(name, "--help").out, page)
            self.assertIn(b"--json", page)
            self.assertLessEqual(
                max(len(line) for line in page.splitlines()), 80)
        self.assertEqual(self.ok("help", "ls").out, self.ok("help",
                                                            "list").out)
        self.assertIn(b"did you mean", self.fails(2, "help", "gte").err)

    def test_version_names_program_library_and_format(self):
        self.assertRegex(self.ok("--version").out,
                         rb"^blt \d.*\nlibrary \d.*\nbooklet format 5\n$")
        self.assertEqual(set(self.ok("-V", "-j").json),
                         {"program", "library", "format"})

    def test_version_needs_nothing_else_of_a_command(self):
        told = self.ok("--version").out
        for name in ("get", "put", "create", "diff", "shell", "help"):
            self.assertEqual(self.ok(name, "-V").out, told)
        self.create()
        result = self.blt("shell", self.file, stdin=b"put -V\nmeta -V\n")
        self.assertEqual((result.code, result.out), (0, 2 * told))


class Failures(Case):
    def test_a_missing_file_exits_3_with_its_name(self):
        result = self.fails(3, "get", "nothing.blt", "k")
        self.assertTrue(result.err.startswith(b"blt: nothing.blt: "))

    def test_a_folder_exits_3_in_reading_and_in_writing(self):
        os.mkdir(self.path("folder.blt"))
        for command in (["get", "k"], ["list"], ["verify"], ["inspect"],
                        ["put", "k", "v"], ["prune"], ["del", "k"], ["load"]):
            result = self.fails(3, command[0], "folder.blt", *command[1:])
            self.assertIn(b"Is a directory", result.err)

    def test_another_kind_of_file_exits_4(self):
        self.write("picture.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 300)
        for command in (["get", "k"], ["list"], ["verify"], ["inspect"],
                        ["put", "k", "v"], ["prune"], ["del", "k"]):
            result = self.fails(4, command[0], "picture.png", *command[1:])
            self.assertIn(b"not a booklet", result.err)
            self.assertIn(b"picture.png", result.err)

    def test_an_empty_and_a_cut_file_exit_4(self):
        self.create()
        self.write("cut.blt", self.read("rain.blt")[:150])
        self.write("empty.blt", b"")
        self.fails(4, "list", "cut.blt")
        self.fails(4, "list", "empty.blt")

    def test_a_file_that_may_not_be_written_exits_3(self):
        if os.geteuid() == 0:
            self.skipTest("root may write everything")
        self.create()
        os.chmod(self.file, 0o444)
        self.fails(3, "put", self.file, "k", "v")

    def test_json_errors_are_objects(self):
        error = self.fails(3, "--json", "get", "nothing.blt", "k").error
        self.assertEqual((error["code"], error["file"]),
                         ("no_file", "nothing.blt"))
        self.assertIn("message", error)
        self.write("x.blt", b"x" * 300)
        error = self.fails(4, "get", "x.blt", "k", "-j").error
        self.assertEqual(error["code"], "not_booklet")
        error = self.fails(2, "lst", "--json").error
        self.assertEqual(error["code"], "usage")
        self.assertIn("did you mean list?", error["message"])

    def test_a_name_with_controls_is_shown_safely(self):
        result = self.fails(3, "get", "no\x1b[31m\n.blt", "k")
        self.assertIn(b"\\x1b[31m\\x0a", result.err)
        json.loads(self.blt("-j", "get", b"\xff.blt", "k").err)

    def test_each_way_of_reading_works(self):
        self.create("--key-type", "str")
        self.put("k", b"v")
        for io in ("auto", "mmap", "pread"):
            self.assertEqual(
                self.ok("get", "--io", io, self.file, "k").out, b"v")


class Streams(Case):
    def test_a_reader_that_leaves_ends_it_quietly_with_141(self):
        self.create("--key-type", "str")
        self.put("big", b"x" * 2_000_000)
        for i in range(9):
            self.put("%d" % i + "k" * 40_000, b"")
        for args in (["get", self.file, "big"], ["list", self.file],
                     ["list", "-l", self.file], ["list", "-j", self.file]):
            process = self.start(*args, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            process.stdout.read(10)
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual((process.wait(), err), (141, b""), args)

    def test_a_full_disk_exits_3(self):
        self.create("--key-type", "str")
        self.put("k", b"v")
        for args in (["get", self.file, "k"], ["list", self.file],
                     ["inspect", self.file], ["help"]):
            with open("/dev/full", "wb") as full:
                process = self.start(*args, stdout=full,
                                     stderr=subprocess.PIPE)
                _, err = process.communicate()
            self.assertEqual(process.returncode, 3, args)
            self.assertTrue(err.startswith(b"blt: standard output: "), err)


class Locks(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.put("k", b"v")

    def hold(self, kind):
        stream = open(self.file, "r+b")
        self.addCleanup(stream.close)
        fcntl.flock(stream, kind)

    def test_a_writer_makes_readers_exit_5_and_is_named(self):
        self.hold(fcntl.LOCK_EX)
        result = self.fails(5, "get", self.file, "k", "--timeout", "0.1")
        self.assertIn(b"locked for writing by pid %d (" % os.getpid(),
                      result.err)
        self.assertIn(b"waited 0.1 s; use --timeout, or --no-lock",
                      result.err)

    def test_readers_make_a_writer_exit_5(self):
        self.hold(fcntl.LOCK_SH)
        result = self.fails(5, "put", self.file, "k", "w", "--no-wait")
        self.assertIn(b"pid %d" % os.getpid(), result.err)
        self.assertNotIn(b"--no-lock", result.err)
        self.assertNotIn(b"waited", result.err)
        self.assertEqual(self.ok("get", self.file, "k", "--no-wait").out,
                         b"v")

    def test_json_has_the_pid(self):
        self.hold(fcntl.LOCK_EX)
        error = self.fails(5, "-j", "get", self.file, "k", "--no-wait").error
        self.assertEqual((error["code"], error["pid"]),
                         ("locked", os.getpid()))

    def test_no_lock_reads_beside_a_writer_and_says_so(self):
        self.hold(fcntl.LOCK_EX)
        result = self.ok("get", self.file, "k", "--no-lock")
        self.assertEqual(result.out, b"v")
        self.assertIn(b"unlocked read", result.err)
        self.assertIn(b"unlocked read",
                      self.ok("-q", "inspect", self.file, "--no-lock").out)
        self.assertEqual(self.ok("-q", "get", self.file, "k", "--no-lock").err,
                         b"")
        self.assertTrue(self.ok("-j", "inspect", self.file, "--no-lock")
                        .json["unlocked"])

    def test_no_lock_is_not_for_writing(self):
        for args in (["put", "k", "w"], ["del", "k"], ["prune"], ["reindex"],
                     ["create", "--force"]):
            self.fails(2, args[0], self.file, *args[1:], "--no-lock")

    def test_a_lock_that_is_given_up_in_time_is_no_failure(self):
        stream = open(self.file, "r+b")
        fcntl.flock(stream, fcntl.LOCK_EX)
        process = self.start("get", self.file, "k", stdout=subprocess.PIPE)
        stream.close()
        out, _ = process.communicate(timeout=30)
        self.assertEqual((process.returncode, out), (0, b"v"))

    def test_keys_are_read_before_the_lock_is_taken(self):
        # As in blt list F | blt del F --keys-from -. A pipe takes so much only
        # where somebody reads, and the lock is not free before it did.
        keys = b"k\n" * 500000
        for args in (["del", "--keys-from=-"],
                     ["prune", "--older-than=1d", "--keep-keys=-"]):
            stream = open(self.file, "r+b")
            fcntl.flock(stream, fcntl.LOCK_EX)
            process = self.start(args[0], self.file, *args[1:],
                                 stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
            process.stdin.write(keys)
            process.stdin.flush()
            stream.close()
            process.communicate(timeout=30)
            self.assertIn(process.returncode, (0, 1))

    def test_ctrl_c_ends_the_wait_for_a_lock(self):
        self.hold(fcntl.LOCK_EX)
        process = self.start("get", self.file, "k", stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=5)
        self.assertIn(process.returncode, (130, -signal.SIGINT))
