"""list: which keys, and in what form."""

from support import Case


class List(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        self.times = {"a/1": 1000, "a/2": 2000, "b/1": 3000}
        for key, time in self.times.items():
            self.ok("put", self.file, key, "v-" + key, "--timestamp",
                    str(time))

    def keys(self, *options):
        return sorted(self.ok("list", self.file, *options).out.split())

    def test_each_key_is_a_line(self):
        self.assertEqual(self.keys(), [b"a/1", b"a/2", b"b/1"])

    def test_ls_is_the_same(self):
        self.assertEqual(self.ok("ls", self.file).out,
                         self.ok("list", self.file).out)

    def test_an_empty_file_is_no_failure(self):
        self.create(file="empty.blt")
        result = self.ok("list", "empty.blt")
        self.assertEqual((result.out, result.err), (b"", b""))

    def test_prefix_and_glob_choose(self):
        self.assertEqual(self.keys("--prefix", "a/"), [b"a/1", b"a/2"])
        self.assertEqual(self.keys("--match", "*/1"), [b"a/1", b"b/1"])
        self.assertEqual(self.keys("--match", "[ab]/?", "--prefix=b"),
                         [b"b/1"])

    def test_times_choose_since_included_until_excluded(self):
        self.assertEqual(self.keys("--since", "2000"), [b"a/2", b"b/1"])
        self.assertEqual(self.keys("--until", "2000"), [b"a/1"])
        self.assertEqual(self.keys("--until=30d"), [b"a/1", b"a/2", b"b/1"])

    def test_a_filter_that_leaves_nothing_exits_1(self):
        result = self.blt("list", self.file, "--prefix", "zz")
        self.assertEqual((result.code, result.out, result.err), (1, b"", b""))

    def test_times_of_a_file_without_them_exit_2(self):
        self.create("--no-timestamps", file="n.blt")
        self.fails(2, "list", "n.blt", "--since", "1")

    def test_limit_stops(self):
        self.assertEqual(len(self.keys("--limit", "2")), 2)
        self.assertEqual(self.keys("--limit", "0"), [])
        self.fails(2, "list", self.file, "--limit", "few")

    def test_values_stand_behind_a_tab(self):
        self.assertEqual(
            self.ok("list", self.file, "--values", "--prefix=b").out,
            b"b/1\tv-b/1\n")

    def test_null_ends_keys_and_values(self):
        self.assertEqual(self.ok("list", self.file, "-0", "--prefix=b").out,
                         b"b/1\0")
        self.assertEqual(
            self.ok("list", self.file, "-0", "--values", "--prefix=b").out,
            b"b/1\0v-b/1\0")

    def test_locations_lead_to_the_values(self):
        data = self.read("rain.blt")
        for line in self.ok("list", self.file, "--locations").out.splitlines():
            offset, length, key = line.split(b"\t")
            start = int(offset)
            self.assertEqual(data[start:start + int(length)], b"v-" + key)

    def test_long_is_a_table_with_a_head(self):
        lines = self.ok("list", "-l", self.file, "--prefix=b").out.splitlines()
        self.assertEqual(lines[0].split(), [b"SIZE", b"TIME", b"OFFSET",
                                            b"KEY"])
        cells = lines[1].split()
        self.assertEqual(cells[:2], [b"5", b"1970-01-01T00:00:00.003000Z"])
        self.assertEqual(cells[3], b"b/1")

    def test_the_table_takes_keys_of_any_look(self):
        self.ok("put", self.file, "tab\there \\ and é", "v")
        self.assertIn(rb"tab\x09here \\ and ".decode() + "é",
                      self.ok("list", "-l", self.file).out.decode())

    def test_a_file_without_timestamps_has_a_dash_for_them(self):
        self.create("--no-timestamps", file="n.blt")
        self.ok("put", "n.blt", "k", "v")
        row = self.ok("list", "-l", "n.blt").out.splitlines()[1].split()
        self.assertEqual(row[1], b"-")
        self.assertNotIn("ts", self.ok("-j", "list", "n.blt").json)

    def test_json_is_one_object_a_line(self):
        rows = self.ok("list", "--json", "-l", "--values", self.file).lines
        by_key = {row["key"]: row for row in rows}
        self.assertEqual(set(by_key), set(self.times))
        row = by_key["a/2"]
        self.assertEqual((row["ts"], row["size"], row["value"]),
                         (2000, 5, "v-a/2"))
        self.assertGreater(row["offset"], 200)

    def test_hidden_keys_are_shown_with_all_only(self):
        self.ok("meta", self.file, "set", "{}")
        self.assertEqual(len(self.keys()), 3)
        self.assertEqual(len(self.keys("--all")), 4)

    def test_forms_exclude_each_other(self):
        self.fails(2, "list", self.file, "-l", "--locations")
        self.fails(2, "list", self.file, "-l", "--values")


class OddKeys(Case):
    KEYS = [b"", b"\n", b"a\tb", b"\\", b"\\x41", b"\xff\xfe", b"\x1b[31m",
            "\u009b2J".encode(), "é".encode(), b"a\0b", b"x" * 300]

    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        for key in self.KEYS:
            self.ok("put", self.file, key.hex(), "v", "--key-type", "hex")

    def test_a_listing_is_utf8_without_controls(self):
        out = self.ok("list", self.file).out
        self.assertEqual(out.count(b"\n"), len(self.KEYS))
        for char in out.decode():
            self.assertTrue(char == "\n" or char.isprintable(), repr(char))
        self.assertIn(b"\\xff\\xfe\n", out)
        self.assertIn(b"\\\\x41\n", out)

    def test_a_listing_can_be_read_back(self):
        out = self.ok("list", self.file).out
        self.ok("get", self.file, "--keys-from=-", stdin=out)
        self.ok("del", self.file, "--keys-from=-", stdin=out)
        self.assertEqual(self.ok("list", self.file).out, b"")

    def test_null_prints_raw_keys_that_can_be_read_back(self):
        self.ok("del", self.file, "610062", "--key-type", "hex")
        out = self.ok("list", "-0", self.file).out
        self.assertEqual(set(out.split(b"\0")[:-1]),
                         set(self.KEYS) - {b"a\0b"})
        self.ok("get", "-0", self.file, "--keys-from=-", stdin=out)

    def test_json_keys_are_text_or_base64(self):
        rows = self.ok("-j", "list", self.file).lines
        self.assertEqual({row["key"] for row in rows if "key" in row},
                         {key.decode() for key in self.KEYS
                          if key != b"\xff\xfe"})
        self.assertEqual([row["key_b64"] for row in rows if "key_b64" in row],
                         ["//4="])

    def test_hex_and_base64_list_every_key(self):
        listed = self.ok("list", self.file, "--key-type", "hex").out
        self.assertEqual({bytes.fromhex(line) for line in
                          listed.decode().splitlines()}, set(self.KEYS))

    def test_a_key_of_the_wrong_width_is_shown_as_bytes(self):
        self.create("--key-type", "uint2", file="n.blt")
        self.ok("put", "n.blt", "010203", "v", "--key-type", "hex")
        self.ok("put", "n.blt", "7", "v")
        out = self.ok("list", "n.blt").out
        self.assertEqual(sorted(out.splitlines()),
                         [b"7", b"\\x01\\x02\\x03"])
        self.ok("get", "n.blt", "--keys-from=-", stdin=out)

    def test_a_glob_sees_a_key_with_nul_as_a_whole(self):
        out = self.ok("list", self.file, "--match", "a*b").out
        self.assertEqual(sorted(out.splitlines()), [b"a\\x00b", b"a\\x09b"])
        self.assertEqual(
            self.blt("list", self.file, "--match", "a").code, 1)
