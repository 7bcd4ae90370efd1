"""Commands on a whole file: create, meta, inspect, verify, prune, reindex."""

import os
import struct
import xml.dom.minidom

from support import Case

HEADER_LEN = 200
BUCKETS = 12007


def break_a_chain(path):
    """Lets the first used slot of the index point far behind the end."""
    with open(path, "r+b") as stream:
        stream.seek(HEADER_LEN)
        index = stream.read(BUCKETS * 6)
        for i in range(0, len(index), 6):
            if int.from_bytes(index[i:i + 6], "little") > 1:
                stream.seek(HEADER_LEN + i)
                stream.write(struct.pack("<Q", 1 << 40)[:6])
                return
    raise AssertionError("no slot of the index is in use")


class Create(Case):
    def format(self, file=None):
        return self.ok("-j", "inspect", file or self.file).json["format"]

    def test_the_defaults_are_those_of_booklet(self):
        self.create()
        found = self.format()
        self.assertEqual((found["kind"], found["version"],
                          found["n_buckets"], found["timestamps"]),
                         ("variable", 5, BUCKETS, True))

    def test_options_describe_the_file(self):
        self.create("--key-type", "uint4", "--value-type", "orjson",
                    "--buckets", "101", "--no-timestamps")
        found = self.format()
        self.assertEqual((found["key_serializer"], found["value_serializer"],
                          found["n_buckets"], found["timestamps"]),
                         ("uint4", "orjson", 101, False))

    def test_a_fixed_file_knows_its_length(self):
        self.create("--fixed", "16")
        found = self.format()
        self.assertEqual((found["kind"], found["value_len"]), ("fixed", 16))

    def test_an_existing_file_is_left_alone(self):
        self.create()
        self.put("k", b"v")
        result = self.fails(3, "create", self.file)
        self.assertIn(b"--force", result.err)
        self.ok("has", self.file, "k")

    def test_force_empties_it(self):
        self.create()
        self.put("k", b"v")
        self.create("--force")
        self.assertEqual(self.blt("has", self.file, "k").code, 1)

    def test_like_copies_types_and_uuid(self):
        self.create("--key-type", "int2", "--value-type", "msgpack")
        self.create("--like", self.file, file="new.blt")
        old, new = self.format(), self.format("new.blt")
        for member in ("uuid", "key_serializer", "value_serializer",
                       "n_buckets"):
            self.assertEqual(old[member], new[member])

    def test_conflicts_exit_2_and_make_no_file(self):
        for options in (["--like", "x", "--buckets", "5"],
                        ["--fixed", "4", "--value-type", "str"],
                        ["--fixed", "0"], ["--fixed", "4294967296"],
                        ["--buckets", "0"], ["--buckets", "auto"],
                        ["--key-type", "hex"], ["--value-type", "strr"]):
            self.fails(2, "create", self.file, *options)
        self.assertFalse(os.path.exists(self.file))

    def test_a_misspelt_serializer_brings_the_nearest(self):
        result = self.fails(2, "create", self.file, "--value-type", "orjsn")
        self.assertIn(b"did you mean orjson?", result.err)

    def test_the_page_and_the_message_have_all_types(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "../../docs/man/blt-create.1.scd")) as page:
            text = page.read().split("serializers:")[1].split(".\n")[0]
        types = text.replace("\\", "").replace("\n", "").split(",")
        types = sorted(name.strip() for name in types)
        result = self.fails(2, "create", self.file, "--value-type", "nonesuch")
        told = result.err.decode().split("give one of ")[1].strip()
        self.assertEqual(types, sorted(told.split(", ")))
        for name in types:
            self.create("--key-type", name, "--value-type", name, "--force")
            self.assertEqual(self.format()["value_serializer"], name)

    def test_none_is_another_word_for_no_type(self):
        self.create("--key-type", "none", "--value-type", "none")
        found = self.format()
        self.assertEqual((found["key_serializer"], found["value_serializer"]),
                         ("None", "None"))

    def test_it_is_silent_unless_asked(self):
        result = self.ok("create", self.file)
        self.assertEqual((result.out, result.err), (b"", b""))
        self.assertIn(b"created", self.ok("-v", "create", "b.blt").err)
        self.assertEqual(self.ok("-j", "create", "c.blt").json,
                         {"file": "c.blt", "created": True})

    def test_a_folder_that_is_not_there_exits_3(self):
        self.fails(3, "create", "no/such/folder.blt")


class Meta(Case):
    def setUp(self):
        super().setUp()
        self.create()

    def test_what_is_set_is_shown(self):
        self.ok("meta", self.file, "set", '{"unit": "mm"}')
        for args in ([], ["get"]):
            self.assertEqual(self.ok("meta", self.file, *args).out,
                             b'{"unit": "mm"}\n')

    def test_none_exits_1(self):
        self.fails(1, "meta", self.file)
        self.fails(1, "meta", self.file, "del")

    def test_it_comes_from_a_file_or_standard_input(self):
        self.write("meta.json", b"[1]")
        self.ok("meta", self.file, "set", "@meta.json")
        self.assertEqual(self.ok("meta", self.file).out, b"[1]\n")
        self.ok("meta", self.file, "set", "-", stdin=b"[2]")
        self.assertEqual(self.ok("meta", self.file).out, b"[2]\n")

    def test_what_is_not_json_is_refused(self):
        self.fails(2, "meta", self.file, "set", "{unit}")
        self.fails(1, "meta", self.file)

    def test_deleted_metadata_is_gone(self):
        self.ok("meta", self.file, "set", "1")
        self.ok("meta", self.file, "del")
        self.fails(1, "meta", self.file)

    def test_json_and_timestamp_tell_when(self):
        self.ok("meta", self.file, "set", '{"big": 123456789012345678901}')
        found = self.ok("meta", self.file, "--json").json
        self.assertEqual(found["metadata"], {"big": 123456789012345678901})
        self.assertGreater(found["ts"], 1_600_000_000_000_000)
        self.assertRegex(self.ok("meta", self.file, "--timestamp").out,
                         rb"^20\d\d-\d\d-\d\dT")

    def test_other_words_exit_2(self):
        self.fails(2, "meta", self.file, "put", "1")
        self.fails(2, "meta", self.file, "push")
        self.fails(2, "meta", self.file, "del", "1")
        self.fails(2, "meta", self.file, "set", "1", "--timestamp")
        self.fails(2, "meta", self.file, "set", "1", "--no-lock")

    def test_a_fixed_file_has_no_metadata(self):
        self.create("--fixed", "4", file="f.blt")
        self.fails(2, "meta", "f.blt", "set", "1")


class Inspect(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str", "--value-type", "json")
        for i in range(5):
            self.put("key-%d" % i, b"value" * (i + 1))
        self.put("key-0", b"again")

    def test_the_screen_has_its_parts(self):
        out = self.ok("inspect", self.file).out.decode()
        for part in ("variable-length booklet, format 5", "keys       5",
                     "key type  str", "values    json", "timestamps  yes",
                     "max 25 B", "state  clean", "\nspace\n", "live data",
                     "12 007 buckets", "\nchains  ("):
            self.assertIn(part, out)
        self.assertLess(max(map(len, out.splitlines()[1:])), 100)

    def test_stat_is_the_same(self):
        self.assertEqual(self.ok("stat", self.file).out,
                         self.ok("inspect", self.file).out)

    def test_without_utf8_the_screen_is_ascii(self):
        result = self.blt("inspect", self.file,
                          env=self.environment(LC_ALL="C"))
        self.assertEqual(result.code, 0)
        result.out.decode("ascii")
        self.assertIn(b"##", result.out)

    def test_json_adds_up(self):
        found = self.ok("-j", "inspect", self.file).json
        space = found["space"]
        self.assertEqual(found["size"], os.path.getsize(self.file))
        self.assertEqual(space["live"] + space["dead"] + space["index"] +
                         space["other"], found["size"])
        self.assertEqual(sum(found["chains"]["histogram"]), BUCKETS)
        self.assertEqual(found["keys"]["counted"], 5)
        self.assertEqual(found["value_len"]["max"], 25)
        self.assertEqual(found["state"], "clean")
        self.assertEqual(len(found["format"]["uuid"]), 32)

    def test_buckets_are_lines_of_two_numbers(self):
        rows = [list(map(int, line.split(b"\t"))) for line in
                self.ok("inspect", self.file, "--buckets").out.splitlines()]
        self.assertEqual([row[0] for row in rows], list(range(len(rows))))
        self.assertEqual(sum(row[1] for row in rows), BUCKETS)

    def test_svg_is_a_drawing(self):
        self.ok("inspect", self.file, "--svg", "out.svg")
        drawing = xml.dom.minidom.parseString(self.read("out.svg"))
        self.assertGreater(len(drawing.getElementsByTagName("rect")), 4)
        self.fails(2, "inspect", self.file, self.file, "--svg", "out.svg")

    def test_several_files_are_one_object_a_line(self):
        rows = self.ok("-j", "inspect", self.file, self.file).lines
        self.assertEqual(len(rows), 2)

    def test_deep_finds_damage(self):
        self.ok("inspect", "--deep", self.file)
        break_a_chain(self.file)
        result = self.blt("-j", "inspect", "--deep", self.file)
        self.assertEqual(result.code, 4)

    def test_a_file_is_not_changed(self):
        before = self.read("rain.blt")
        self.ok("inspect", "--deep", self.file)
        self.ok("verify", self.file)
        self.assertEqual(self.read("rain.blt"), before)


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.create()
        for key in "abc":
            self.put(key, b"v")

    def test_a_sound_file_exits_0(self):
        result = self.ok("verify", self.file)
        self.assertIn(b"rain.blt: sound, 3 live blocks", result.out)
        self.assertEqual(self.ok("-q", "verify", self.file).out, b"")

    def test_a_damaged_file_exits_4_with_offset_and_kind(self):
        break_a_chain(self.file)
        result = self.blt("verify", self.file)
        self.assertEqual(result.code, 4)
        lines = result.out.decode().splitlines()
        self.assertRegex(lines[0], r"rain\.blt: (\d+|-): [a-z-]+: .+")
        self.assertRegex(lines[-1], r"rain\.blt: damaged, \d+ fault")

    def test_max_errors_stops(self):
        break_a_chain(self.file)
        result = self.blt("verify", self.file, "--max-errors", "1")
        self.assertEqual((result.code, result.out.count(b"\n")), (4, 2))
        self.fails(2, "verify", self.file, "--max-errors", "0")

    def test_json_has_faults_and_a_verdict(self):
        self.assertEqual(self.ok("-j", "verify", self.file).json["state"],
                         "sound")
        break_a_chain(self.file)
        result = self.blt("-j", "verify", self.file)
        self.assertEqual(result.code, 4)
        rows = result.lines
        self.assertIn("kind", rows[0]["fault"])
        self.assertIn("message", rows[0]["fault"])
        self.assertEqual(rows[-1]["state"], "damaged")
        self.assertEqual(rows[-1]["faults"], len(rows) - 1)

    def test_the_worst_of_several_files_decides(self):
        self.create(file="good.blt")
        break_a_chain(self.file)
        result = self.blt("verify", "good.blt", self.file, "good.blt")
        self.assertEqual((result.code, result.out.count(b"sound")), (4, 2))


class Prune(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        for time in (1000, 2000, 3000):
            self.ok("put", self.file, "k%d" % time, "x" * 500, "--timestamp",
                    str(time))
        self.ok("put", self.file, "k3000", "y" * 500, "--timestamp", "3000")

    def keys(self):
        return sorted(self.ok("list", self.file).out.split())

    def test_dead_data_goes_and_keys_stay(self):
        before = os.path.getsize(self.file)
        result = self.ok("prune", self.file)
        self.assertRegex(result.out, rb"^dropped 1 block, .* -> .*\n$")
        self.assertLess(os.path.getsize(self.file), before)
        self.assertEqual(self.keys(), [b"k1000", b"k2000", b"k3000"])
        self.ok("verify", self.file)

    def test_json_tells_the_sizes(self):
        before = os.path.getsize(self.file)
        found = self.ok("-j", "prune", self.file).json
        self.assertEqual(found, {
            "dropped": 1, "bytes_before": before,
            "bytes_after": os.path.getsize(self.file), "dry_run": False})

    def test_old_keys_go_when_asked(self):
        self.assertEqual(
            self.ok("-j", "prune", self.file, "--older-than", "2500")
            .json["dropped"], 3)
        self.assertEqual(self.keys(), [b"k3000"])

    def test_kept_keys_stay_however_old(self):
        self.write("keep", b"k1000\nnothing\n")
        self.ok("prune", self.file, "--older-than=1d", "--keep-keys", "keep")
        self.assertEqual(self.keys(), [b"k1000"])
        self.fails(2, "prune", self.file, "--keep-keys", "keep")

    def test_a_dry_run_changes_nothing_and_foretells_the_count(self):
        self.write("keep", b"k1000\n")
        options = ["--older-than", "2500", "--keep-keys", "keep"]
        before = self.read("rain.blt")
        told = self.ok("-j", "prune", self.file, "--dry-run", *options).json
        self.assertEqual(self.read("rain.blt"), before)
        done = self.ok("-j", "prune", self.file, *options).json
        self.assertEqual((told["dropped"], told["dry_run"]),
                         (done["dropped"], True))

    def test_the_index_is_fitted_when_asked(self):
        self.ok("prune", self.file, "--buckets", "50")
        buckets = self.ok("-j", "inspect", self.file).json["format"]
        self.assertEqual(buckets["n_buckets"], 50)
        self.ok("prune", self.file, "--buckets", "auto")
        buckets = self.ok("-j", "inspect", self.file).json["format"]
        self.assertEqual(buckets["n_buckets"], BUCKETS)
        self.fails(2, "prune", self.file, "--buckets", "many")

    def test_a_file_without_timestamps_has_no_old_keys(self):
        self.create("--no-timestamps", file="n.blt")
        self.fails(2, "prune", "n.blt", "--older-than", "1d")

    def test_progress_always_is_lines_on_standard_error(self):
        result = self.ok("prune", "--progress=always", self.file)
        for line in result.err.splitlines():
            self.assertRegex(line, rb"^prune .*rain\.blt: .* +\d+ %")


class Reindex(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str", "--buckets", "3")
        for key in ("a", "b", "c"):
            self.put(key, b"v-" + key.encode())

    def test_the_number_of_buckets_changes_and_values_stay(self):
        result = self.ok("reindex", self.file, "--buckets", "1000")
        self.assertEqual(result.out, b"buckets from 3 to 1 000\n")
        self.assertEqual(self.ok("get", self.file, "b").out, b"v-b")
        self.ok("verify", self.file)

    def test_auto_is_the_default(self):
        for options in ([], ["--buckets", "auto"]):
            self.ok("reindex", self.file, *options)
            self.assertEqual(
                self.ok("-j", "inspect", self.file).json["format"]
                ["n_buckets"], BUCKETS)

    def test_a_dry_run_changes_nothing(self):
        found = self.ok("-j", "reindex", self.file, "--dry-run").json
        self.assertEqual(found, {"buckets_before": 3, "buckets_after": BUCKETS,
                                 "dry_run": True})
        self.assertEqual(self.ok("-j", "reindex", self.file, "--buckets=3")
                         .json["buckets_before"], 3)
