"""Commands on whole files and pairs of them: copy, merge, diff, hash, slot."""

import fcntl
import hashlib
import os
import subprocess

from support import Case


class Files(Case):
    """rain.blt with three keys, a dead block, metadata and a slot."""

    def setUp(self):
        super().setUp()
        self.create("--key-type", "str", "--value-type", "json")
        for i, key in enumerate("abbc"):
            self.put(key, b"%d" % i, "--timestamp", str(1000 + i))
        self.ok("meta", self.file, "set", '{"unit": "mm"}')
        self.ok("slot", self.file, "2", "set", "two")

    def content(self, file):
        return self.ok("dump", file).out

    def make(self, name, **rows):
        self.create("--key-type", "str", "--value-type", "json", file=name)
        for key, (value, time) in rows.items():
            self.ok("put", name, key, value, "--timestamp", str(time))

    def lines(self, *args, code=0):
        result = self.blt(*args)
        self.assertEqual(result.code, code, result.err)
        return result.out.decode().splitlines()


class Copy(Files):
    def test_a_copy_is_the_same_byte_for_byte(self):
        result = self.ok("copy", self.file, "new.blt")
        self.assertRegex(result.out, rb"^copied [\d.]+ KiB\n$|sharing")
        self.assertEqual(self.read("new.blt"), self.read("rain.blt"))
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["new.blt", "rain.blt"])

    def test_compact_leaves_out_what_is_dead_and_nothing_else(self):
        self.ok("copy", "--compact", self.file, "new.blt")
        self.assertEqual(self.content("new.blt"), self.content(self.file))
        self.ok("verify", "new.blt")
        old, new = (self.ok("-j", "inspect", f).json
                    for f in (self.file, "new.blt"))
        self.assertEqual((old["blocks"]["dead"] - old["blocks"]["records"],
                          new["blocks"]["dead"] - new["blocks"]["records"]),
                         (1, 0))
        for member in ("uuid", "file_timestamp", "n_buckets"):
            self.assertEqual(old["format"][member], new["format"][member])

    def test_compact_copies_every_kind_of_file(self):
        for i, options in enumerate((["--no-timestamps"], ["--fixed", "2"],
                                     ["--key-type", "uint4"])):
            file = "%d.blt" % i
            self.create(*options, file=file)
            self.ok("put", file, "1234", "vv")
            self.ok("copy", "--compact", file, "new-" + file)
            self.assertEqual(self.content("new-" + file), self.content(file))

    def test_compact_can_change_the_buckets(self):
        for word, n in (("77", 77), ("auto", 12007)):
            self.ok("copy", "--compact", "--buckets", word, self.file,
                    word + ".blt")
            found = self.ok("-j", "inspect", word + ".blt").json["format"]
            self.assertEqual(found["n_buckets"], n)
            self.assertEqual(self.ok("hash", word + ".blt").out[:68],
                             self.ok("hash", self.file).out[:68])
        self.fails(2, "copy", self.file, "x.blt", "--buckets", "5")

    def test_blocks_are_shared_where_the_file_system_can(self):
        self.write("a", b"x" * 5000)
        can = subprocess.run(["cp", "--reflink=always", "a", "b"],
                             cwd=self.folder, capture_output=True,
                             check=False).returncode == 0
        result = self.blt("-j", "copy", self.file, "n.blt",
                          "--reflink=always")
        self.assertEqual(result.code, 0 if can else 3, result.err)
        self.assertEqual(os.path.exists(self.path("n.blt")), can)
        for word, shared in (("auto", can), ("never", False)):
            found = self.ok("-j", "copy", self.file, word,
                            "--reflink=" + word).json
            self.assertEqual(found, {"bytes": os.path.getsize(self.file),
                                     "reflink": shared, "compact": False})

    def test_readers_go_on_and_a_writer_is_waited_for(self):
        with open(self.file, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            self.ok("copy", self.file, "new.blt")
            fcntl.flock(stream, fcntl.LOCK_EX)
            self.fails(5, "copy", "--no-wait", self.file, "new2.blt")
        self.fails(2, "copy", "--no-lock", self.file, "new3.blt")
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["new.blt", "rain.blt"])

    def test_a_file_in_use_is_not_replaced(self):
        self.make("new.blt", k=("1", 1))
        before = self.read("new.blt")
        with open(self.path("new.blt"), "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            self.fails(5, "copy", self.file, "new.blt")
        self.assertEqual(self.read("new.blt"), before)
        self.ok("copy", self.file, "new.blt")
        self.assertEqual(self.read("new.blt"), self.read("rain.blt"))

    def test_a_file_is_not_copied_onto_itself(self):
        os.symlink("rain.blt", self.path("link.blt"))
        self.fails(2, "copy", self.file, self.file)
        self.fails(2, "copy", self.file, "link.blt")

    def test_what_cannot_be_copied_leaves_nothing_behind(self):
        self.write("x.blt", b"x" * 300)
        self.fails(4, "copy", "x.blt", "new.blt")
        self.fails(3, "copy", "nothing.blt", "new.blt")
        self.fails(3, "copy", self.file, "no/such/new.blt")
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["rain.blt", "x.blt"])


class Merge(Files):
    def test_the_newest_wins_by_default(self):
        self.make("other.blt", a=("new", 2000), b=("old", 1), d=("4", 1))
        self.assertEqual(self.lines("merge", self.file, "other.blt"),
                         ["merged 2 keys, 1 stayed as it was"])
        self.assertEqual(sorted(self.lines("list", "--values", self.file)),
                         ["a\tnew", "b\t2", "c\t3", "d\t4"])
        times = {row["key"]: row["ts"] for row in
                 self.ok("-j", "list", self.file).lines}
        self.assertEqual(times, {"a": 2000, "b": 1002, "c": 1003, "d": 1})
        self.ok("verify", self.file)

    def test_first_keeps_what_is_there(self):
        self.make("other.blt", a=("new", 2000), d=("4", 1))
        found = self.ok("-j", "merge", self.file, "other.blt",
                        "--on-duplicate=first").json
        self.assertEqual(found, {"merged": 1, "kept": 1})
        self.assertEqual(self.ok("get", self.file, "a").out, b"0")

    def test_error_stops_at_the_first_key_of_both(self):
        self.make("other.blt", a=("new", 2000))
        result = self.blt("merge", self.file, "other.blt",
                          "--on-duplicate=error")
        self.assertEqual(result.code, 6)
        self.assertIn(b'other.blt: the key "a" is in ', result.err)
        self.assertEqual(self.ok("get", self.file, "a").out, b"0")

    def test_a_missing_target_is_made_like_the_first_source(self):
        self.make("other.blt", d=("4", 1))
        self.ok("merge", "new.blt", self.file, "other.blt")
        found = self.ok("-j", "inspect", "new.blt").json
        self.assertEqual((found["keys"]["counted"],
                          found["format"]["value_serializer"]), (4, "json"))
        self.assertEqual(self.ok("meta", "new.blt").out, b'{"unit": "mm"}\n')
        self.assertEqual(self.ok("slot", "new.blt", "2").out, b"two")

    def test_a_target_that_cannot_be_whole_is_not_made(self):
        self.fails(3, "merge", "new.blt", self.file, "nothing.blt")
        self.assertEqual(os.listdir(self.folder), ["rain.blt"])

    def test_other_kinds_and_types_are_refused(self):
        self.create("--fixed", "4", "--key-type", "str", file="fixed.blt")
        self.create("--key-type", "int4", file="int.blt")
        self.create("--key-type", "str", "--value-type", "json",
                    "--no-timestamps", file="timeless.blt")
        before = self.read("rain.blt")
        for other in ("fixed.blt", "int.blt", "timeless.blt"):
            self.assertEqual(self.blt("merge", self.file, other).code, 2)
        self.assertEqual(self.content(self.file), self.content(self.file))
        self.ok("merge", self.file, "timeless.blt", "--on-duplicate=first")
        self.assertEqual(len(self.read("rain.blt")), len(before))

    def test_a_file_is_not_merged_with_itself(self):
        os.symlink("rain.blt", self.path("link.blt"))
        for name in (self.file, "link.blt"):
            result = self.fails(2, "merge", self.file, name)
            self.assertIn(b" are one file", result.err)
        self.ok("verify", self.file)


class Diff(Files):
    def test_equal_files_have_no_difference(self):
        self.ok("copy", "--compact", self.file, "new.blt")
        result = self.ok("diff", "--all", "--timestamps", self.file,
                         "new.blt")
        self.assertEqual(result.out, b"")

    def test_each_difference_is_a_line(self):
        self.make("other.blt", a=("0", 9), b=("x", 1002), d=("4", 1))
        self.assertEqual(
            self.lines("diff", self.file, "other.blt", code=1),
            ["~ b", "- c", "+ d",
             "1 only in the first, 1 only in the second, 1 differ"])
        self.assertEqual(
            self.lines("diff", "--timestamps", self.file, "other.blt",
                       code=1)[0], "~ a")

    def test_json_is_an_object_a_line(self):
        self.make("other.blt", a=("0", 9), b=("2", 1), d=("4", 1))
        rows = self.blt("-j", "diff", self.file, "other.blt").lines
        self.assertEqual(rows, [{"change": "removed", "key": "c"},
                                {"change": "added", "key": "d"}])

    def test_quiet_only_has_a_code(self):
        self.make("other.blt", a=("0", 9))
        self.assertEqual(self.lines("-q", "diff", self.file, "other.blt",
                                    code=1), [])

    def test_metadata_and_slots_count_when_asked(self):
        self.ok("copy", self.file, "new.blt")
        self.ok("meta", "new.blt", "set", "1")
        self.ok("slot", "new.blt", "2", "del")
        self.ok("slot", "new.blt", "1", "set", "x")
        self.ok("diff", self.file, "new.blt")
        self.assertEqual(self.lines("diff", "--all", self.file, "new.blt",
                                    code=1)[:3],
                         ["~ [metadata]", "+ [slot 1]", "- [slot 2]"])


class Hash(Files):
    @staticmethod
    def by_hand(rows):
        """What digest.h says, in Python."""
        total = 0
        for parts in rows:
            state = hashlib.blake2b(digest_size=64)
            for part in parts:
                if isinstance(part, bytes):
                    state.update(len(part).to_bytes(8, "little") + part)
                else:
                    state.update(part.to_bytes(8, "little"))
            total += int.from_bytes(state.digest(), "little")
        data = (b"blt hash 1" + len(rows).to_bytes(8, "little") +
                (total % (1 << 512)).to_bytes(64, "little"))
        return "b2b:" + hashlib.blake2b(data, digest_size=32).hexdigest()

    def digest(self, file, *options):
        return self.lines("hash", file, *options)[0].split("  ")[0]

    def test_it_is_what_it_is_said_to_be(self):
        rows = [(b"a", b"0"), (b"b", b"2"), (b"c", b"3")]
        self.assertEqual(self.digest(self.file), self.by_hand(rows))
        self.assertEqual(
            self.digest(self.file, "--timestamps"),
            self.by_hand([(*row, time) for row, time in
                          zip(rows, (1000, 1002, 1003))]))
        self.create(file="empty.blt")
        self.assertEqual(self.digest("empty.blt"), self.by_hand([]))

    def test_the_order_does_not_matter_and_the_rest_does(self):
        self.make("other.blt", c=("3", 1), a=("0", 1), b=("2", 1))
        same = self.digest(self.file)
        self.assertEqual(self.digest("other.blt"), same)
        self.assertNotEqual(self.digest("other.blt", "--timestamps"),
                            self.digest(self.file, "--timestamps"))
        self.ok("put", "other.blt", "a", "1")
        self.assertNotEqual(self.digest("other.blt"), same)

    def test_hidden_keys_count_when_asked(self):
        before = self.digest(self.file, "--all")
        self.ok("slot", self.file, "1", "set", "x")
        self.assertNotEqual(self.digest(self.file, "--all"), before)

    def test_json_has_the_count(self):
        found = self.ok("-j", "hash", self.file).json
        self.assertEqual((found["keys"], found["hash"][:4]), (3, "b2b:"))

    def test_several_files_and_the_worst_code(self):
        result = self.blt("hash", self.file, "nothing.blt", self.file)
        self.assertEqual((result.code, result.out.count(b"\n")), (3, 2))


class Slot(Files):
    def test_what_is_set_is_shown_as_it_is(self):
        data = bytes(range(256))
        self.ok("slot", self.file, "1", "set", "-", stdin=data)
        self.assertEqual(self.ok("slot", self.file, "1").out, data)
        self.assertEqual(self.ok("slot", self.file, "2", "get").out, b"two")
        self.ok("slot", self.file, "1", "get", "-o", "out")
        self.assertEqual(self.read("out"), data)

    def test_an_empty_slot_exits_1(self):
        self.fails(1, "slot", self.file, "1")
        self.ok("slot", self.file, "2", "del")
        self.fails(1, "slot", self.file, "2")
        self.fails(1, "slot", self.file, "2", "del")

    def test_json_and_time(self):
        found = self.ok("-j", "slot", self.file, "2").json
        self.assertEqual(found["value"], "two")
        self.assertRegex(self.ok("slot", self.file, "2", "--timestamp").out,
                         rb"^20\d\d-")

    def test_other_words_exit_2(self):
        for words in (["3"], ["1", "put", "x"], ["1", "get", "x"], []):
            self.fails(2, "slot", self.file, *words)
        self.create("--fixed", "4", file="f.blt")
        self.fails(2, "slot", "f.blt", "1", "set", "x")
