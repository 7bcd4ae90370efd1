"""Where output goes: never over a store, never instead of a device."""

import fcntl
import os
import resource
import signal
import stat
import subprocess
import time
import unittest

from support import Case


class Output(Case):
    def setUp(self):
        super().setUp()
        self.create()
        self.ok("put", self.file, "k", "v")

    def create(self):
        self.ok("create", self.file, "--key-type", "str", "--value-type",
                "str")

    def bytes_of(self, path):
        with open(path, "rb") as stream:
            return stream.read()

    def leftovers(self):
        return [name for name in os.listdir(self.folder) if ".tmp." in name]


class OverAStore(Output):
    """-o FILE where a store is, and other ways to say that."""

    def refused(self, code, *args, stdin=b""):
        before = self.bytes_of(self.file)
        result = self.blt(*args, stdin=stdin)
        self.assertEqual(result.code, code, result.err)
        self.assertEqual(self.bytes_of(self.file), before)
        self.assertEqual(self.leftovers(), [])
        return result.err

    def test_a_dump_does_not_replace_its_own_store(self):
        err = self.refused(2, "dump", self.file, "-o", self.file)
        self.assertIn(b"are one file", err)

    def test_a_link_to_the_store_is_the_store(self):
        os.symlink(self.file, self.path("link"))
        self.refused(2, "dump", self.file, "-o", self.path("link"))

    def test_a_value_and_a_picture_do_not_either(self):
        self.refused(2, "get", self.file, "k", "-o", self.file)
        self.refused(2, "inspect", self.file, "--svg=" + self.file)

    def test_another_store_is_not_replaced(self):
        other = self.path("other.blt")
        self.ok("copy", self.file, other)
        err = self.refused(3, "get", other, "k", "-o", self.file)
        self.assertIn(b"is a store", err)

    def test_rejected_rows_do_not_replace_the_store_or_an_input(self):
        rows = self.path("rows.csv")
        with open(rows, "w") as stream:
            stream.write("key,value\na,1\n")
        self.refused(2, "load", self.file, rows, "--bad-rows=" + self.file)
        self.refused(2, "load", self.file, rows, "--bad-rows=" + rows)
        self.assertEqual(self.bytes_of(rows), b"key,value\na,1\n")

    def test_what_is_called_a_store_is_taken_for_one(self):
        broken = self.path("broken.blt")
        with open(broken, "wb") as stream:
            stream.write(b"?" + self.bytes_of(self.file)[1:])
        before = self.bytes_of(broken)
        self.assertEqual(
            self.blt("dump", self.file, "-o", broken).code, 3)
        self.assertEqual(self.bytes_of(broken), before)

    def test_a_list_of_keys_a_schema_and_the_input_stay(self):
        keys, schema = self.path("keys.txt"), self.path("schema.json")
        with open(keys, "w") as stream:
            stream.write("k\n")
        with open(schema, "w") as stream:
            stream.write("{}")
        self.refused(2, "get", self.file, "--keys-from=" + keys, "-o", keys)
        self.refused(2, "load", self.file, "--schema=" + schema,
                     "--bad-rows=" + schema)
        rows = self.path("rows.jsonl")
        with open(rows, "w") as stream:
            stream.write('{"key":"a"}\n')
        with open(rows, "rb") as stream:
            process = self.start("load", self.file, "--bad-rows=" + rows,
                                 stdin=stream, stderr=subprocess.PIPE)
            self.assertIn(b"are one file", process.communicate(timeout=60)[1])
        self.assertEqual(self.bytes_of(rows), b'{"key":"a"}\n')

    def test_another_file_is_replaced(self):
        out = self.path("out.txt")
        with open(out, "w") as stream:
            stream.write("old")
        self.ok("get", self.file, "k", "-o", out)
        self.assertEqual(self.bytes_of(out), b"v")

    def test_a_link_stays_a_link(self):
        out, link = self.path("out.txt"), self.path("link")
        with open(out, "w") as stream:
            stream.write("old")
        os.symlink(out, link)
        self.ok("get", self.file, "k", "-o", link)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.bytes_of(out), b"v")


    def test_a_link_that_leads_nowhere_makes_what_it_leads_to(self):
        out, link = self.path("out.txt"), self.path("link")
        os.symlink(out, link)
        self.ok("get", self.file, "k", "-o", link)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.bytes_of(out), b"v")


class ToADevice(Output):
    def test_a_pipe_gets_the_output_and_stays_a_pipe(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        process = self.start("get", self.file, "k", "-o", pipe)
        with open(pipe, "rb") as stream:
            self.assertEqual(stream.read(), b"v")
        self.assertEqual(process.wait(60), 0)
        self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))
        self.assertEqual(self.leftovers(), [])

    def test_a_device_takes_a_dump_and_stays_one(self):
        null = self.path("null")
        try:
            os.mknod(null, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
            with open(null, "wb"):
                pass
        except OSError:
            self.skipTest("nobody may make devices here")
        self.ok("dump", self.file, "-o", null)
        self.assertTrue(stat.S_ISCHR(os.stat(null).st_mode))

    def test_standard_output_has_a_name_too(self):
        self.assertEqual(
            self.ok("get", self.file, "k", "-o", "/dev/stdout").out, b"v")

    def test_standard_output_goes_on_where_it_is(self):
        for flags in os.O_APPEND, 0:
            log = self.path("log")
            with open(log, "wb") as stream:
                stream.write(b"old")
            fd = os.open(log, os.O_WRONLY | flags)
            if not flags:
                os.lseek(fd, 0, os.SEEK_END)
            for _ in range(2):
                process = self.start("get", self.file, "k", "-o",
                                     "/dev/stdout", stdout=fd)
                self.assertEqual(process.wait(60), 0)
            os.close(fd)
            self.assertEqual(self.bytes_of(log), b"oldvv")

    def test_a_copy_is_a_file(self):
        pipe = self.path("pipe")
        os.mkfifo(pipe)
        result = self.blt("copy", self.file, pipe)
        self.assertEqual(result.code, 3)
        self.assertIn(b"is no regular file", result.err)
        self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))


class Permissions(Output):
    def mode(self, name):
        return stat.S_IMODE(os.stat(self.path(name)).st_mode)

    def test_what_is_made_of_a_private_store_is_private(self):
        os.chmod(self.file, 0o600)
        self.ok("copy", self.file, self.path("one.blt"))
        self.ok("copy", "--compact", self.file, self.path("two.blt"))
        self.ok("repair", self.file, "-o", self.path("three.blt"))
        self.assertEqual([self.mode("one.blt"), self.mode("two.blt"),
                          self.mode("three.blt")], [0o600] * 3)


    def test_what_is_made_of_a_read_only_store_is_read_only(self):
        os.chmod(self.file, 0o444)
        self.ok("copy", "--compact", self.file, self.path("two.blt"))
        self.ok("repair", self.file, "-o", self.path("three.blt"))
        self.assertEqual([self.mode("two.blt"), self.mode("three.blt")],
                         [0o444] * 2)


class WithoutStreams(Output):
    """A program may be started with closed standard streams."""

    def run_without(self, stream, *args):
        return subprocess.run(
            ["sh", "-c", '"$0" "$@" ' + stream, os.environ["BLT"], *args],
            cwd=self.folder, env=self.environment(), capture_output=True,
            timeout=60)

    def test_messages_are_not_written_into_the_store(self):
        self.assertEqual(
            self.run_without("2>&-", "del", self.file, "none").returncode, 1)
        self.ok("verify", self.file)
        self.assertEqual(self.ok("get", self.file, "k").out, b"v")

    def test_the_store_is_not_read_as_standard_input(self):
        self.ok("put", self.file, "a", "x\ndel k\n")
        self.run_without("<&-", "shell", "-w", self.file)
        self.assertEqual(self.ok("get", self.file, "k").out, b"v")

    def test_output_to_a_closed_stream_is_a_failure(self):
        result = self.run_without(">&-", "get", self.file, "k")
        self.assertEqual(result.returncode, 3)
        self.assertIn(b"standard output", result.stderr)


class CutShort(Output):
    def test_a_load_that_cannot_begin_leaves_nothing(self):
        bad = self.path("bad.jsonl")
        self.assertNotEqual(
            self.blt("load", self.file, self.path("none.csv"),
                     "--bad-rows=" + bad).code, 0)
        self.assertFalse(os.path.exists(bad))
        self.assertEqual(self.leftovers(), [])

    def test_a_request_to_end_leaves_nothing(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            process = self.start(
                "load", self.path("new.blt"), "-", stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            process.stdin.write(b'{"key":"a","value":"1"}\n')
            process.stdin.flush()
            for _ in range(600):
                if self.leftovers():
                    break
                time.sleep(0.1)
            self.assertNotEqual(self.leftovers(), [])
            process.send_signal(number)
            self.assertEqual(process.wait(60), -number)
            process.stdin.close()
            self.assertEqual(self.leftovers(), [])

    def test_a_script_ends_when_it_is_asked_to(self):
        lines = self.path("lines")
        with open(lines, "w") as stream:
            for i in range(1000000):
                stream.write("put x%d y\n" % i)
        size = os.path.getsize(self.file)
        with open(lines, "rb") as stream:
            process = self.start("shell", "-w", self.file, stdin=stream,
                                 stdout=subprocess.DEVNULL)
            for _ in range(600):
                if os.path.getsize(self.file) > size + 1000:
                    break
                time.sleep(0.05)
            process.terminate()
            self.assertEqual(process.wait(60), -signal.SIGTERM)
        self.assertLess(len(self.ok("list", self.file).out.splitlines()),
                        1000000)

    def test_waiting_for_a_lock_ends_when_it_is_asked_to(self):
        rows = self.path("rows.csv")
        with open(rows, "w") as stream:
            stream.write("key,value\nb,1\n")
        self.ok("copy", self.file, self.path("other.blt"))
        with open(self.file, "rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            for command in (["load", self.file, rows],
                            ["repair", self.file, "-y"],
                            ["merge", self.file, self.path("other.blt")]):
                waiting = self.start("-t", "50", *command,
                                     stderr=subprocess.DEVNULL)
                time.sleep(0.5)
                waiting.terminate()
                self.assertEqual(waiting.wait(30), -signal.SIGTERM, command)

    def test_a_limit_on_the_length_of_files_is_no_signal(self):
        value = self.path("value")
        with open(value, "wb") as stream:
            stream.write(b"x" * 100000)
        self.ok("put", self.file, "big", "@" + value)
        process = self.start(
            "dump", self.file, "-o", self.path("out"),
            stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (50000, 50000)))
        err = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 3, err)
        self.assertIn(b"File too large", err)
        self.assertEqual(self.leftovers(), [])

    def test_messages_name_the_file_that_was_given(self):
        result = self.blt("load", self.path("none/x.blt"), "-",
                          stdin=b'{"key":"a","value":"1"}\n')
        self.assertEqual(result.code, 3)
        self.assertNotIn(b".tmp.", result.err)
        result = self.blt("dump", self.file, "-o", self.path("none/x"))
        self.assertEqual(result.code, 3)
        self.assertNotIn(b".tmp.", result.err)


class NoSpace(Output):
    """A limit on the file's length is as good as a full disk."""

    def run_limited(self, *args):
        limit = os.path.getsize(self.file) + 3000000
        process = self.start(
            *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (limit, limit)))
        err = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 3, err)
        return err

    def count(self):
        return len(self.ok("list", self.file).out.splitlines())

    def told(self, err):
        words = [line for line in err.decode().splitlines()
                 if "the rest is not" in line]
        return int(words[0].split(": ")[-1].split()[0])

    def test_a_load_counts_the_rows_that_are_in_the_file(self):
        rows = self.path("rows.csv")
        with open(rows, "w") as stream:
            stream.write("key,value\n")
            for i in range(30000):
                stream.write("key-%05d,%s\n" % (i, "v" * 200))
        before = self.count()
        err = self.run_limited("load", self.file, rows)
        loaded = self.told(err)
        self.assertEqual(self.count() - before, loaded)
        self.assertGreater(loaded, 2000)
        last = "key-%05d" % (loaded - 1)
        self.ok("get", self.file, last)
        self.assertEqual(
            self.blt("get", self.file, "key-%05d" % loaded).code, 1)

    def test_so_does_a_merge(self):
        other, rows = self.path("other.blt"), self.path("rows.csv")
        with open(rows, "w") as stream:
            stream.write("key,value\n")
            for i in range(30000):
                stream.write("key-%05d,%s\n" % (i, "v" * 200))
        self.ok("load", other, rows, "--key-type", "str", "--value-type",
                "str")
        before = self.count()
        err = self.run_limited("merge", self.file, other)
        self.assertEqual(self.count() - before, self.told(err))


if __name__ == "__main__":
    unittest.main()
