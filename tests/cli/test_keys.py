"""put, get, has and del: one key and its value."""

import os

from support import Case


class Put(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")

    def test_a_value_of_the_command_line_is_stored_as_it_is(self):
        self.ok("put", self.file, "site", "3.2 mm")
        self.assertEqual(self.ok("get", self.file, "site").out, b"3.2 mm")

    def test_a_value_comes_from_standard_input_with_a_dash(self):
        self.ok("put", self.file, "k", "-", stdin=b"\0\xff\n")
        self.assertEqual(self.ok("get", self.file, "k").out, b"\0\xff\n")

    def test_a_missing_value_is_read_from_standard_input(self):
        self.ok("put", self.file, "k", stdin=b"piped")
        self.assertEqual(self.ok("get", self.file, "k").out, b"piped")

    def test_an_at_sign_names_a_file(self):
        self.write("value.bin", bytes(range(256)) * 500)
        self.ok("put", self.file, "k", "@value.bin")
        self.assertEqual(self.ok("get", self.file, "k").out,
                         bytes(range(256)) * 500)

    def test_two_at_signs_are_one_of_the_value(self):
        self.ok("put", self.file, "k", "@@home")
        self.assertEqual(self.ok("get", self.file, "k").out, b"@home")

    def test_a_file_that_is_not_there_exits_3_with_its_name(self):
        self.assertIn(b"@@", self.fails(2, "put", self.file, "k", "@").err)
        result = self.fails(3, "put", self.file, "k", "@nothing.bin")
        self.assertIn(b"nothing.bin", result.err)

    def test_an_empty_key_and_an_empty_value_are_stored(self):
        self.ok("put", self.file, "", "")
        self.ok("has", self.file, "")
        self.assertEqual(self.ok("get", self.file, "").out, b"")

    def test_a_second_put_replaces_the_value(self):
        self.ok("put", self.file, "k", "one")
        self.ok("put", self.file, "k", "two")
        self.assertEqual(self.ok("get", self.file, "k").out, b"two")

    def test_if_absent_keeps_the_older_value_and_exits_1(self):
        self.ok("put", self.file, "k", "one", "--if-absent")
        self.fails(1, "put", self.file, "k", "two", "--if-absent")
        self.assertEqual(self.ok("get", self.file, "k").out, b"one")

    def test_a_missing_file_is_made_with_create_only(self):
        self.fails(3, "put", "new.blt", "k", "v")
        self.ok("put", "new.blt", "7", "v", "--create", "--key-type", "uint2")
        self.assertEqual(self.ok("list", "new.blt").out, b"7\n")

    def test_a_key_that_is_not_utf8_is_refused_by_a_str_file(self):
        result = self.fails(2, "put", self.file, b"\xff", "v")
        self.assertIn(b"UTF-8", result.err)
        self.ok("put", self.file, "ff", "v", "--key-type", "hex")

    def test_a_timestamp_is_kept(self):
        for given, shown in (
                ("1763694462000000", b"2025-11-21T03:07:42.000000Z\n"),
                ("2025-11-21", b"2025-11-21T00:00:00.000000Z\n"),
                ("2025-11-21T03:07:42.25Z", b"2025-11-21T03:07:42.250000Z\n"),
                ("2025-11-21 03:07:42", b"2025-11-21T03:07:42.000000Z\n"),
                ("2025-11-21T03:07:42", b"2025-11-21T03:07:42.000000Z\n"),
                ("2025-11-21 03:07-01:00", b"2025-11-21T04:07:00.000000Z\n"),
                ("2025-11-21T03:07+01:00", b"2025-11-21T02:07:00.000000Z\n")):
            self.ok("put", self.file, "k", "v", "--timestamp", given)
            self.assertEqual(
                self.ok("get", self.file, "k", "--timestamp").out, shown)

    def test_a_time_that_is_none_exits_2(self):
        for given in ("yesterday", "2025-13-01", "2025-02-30", "30y", "-1",
                      "2025-11-21T25:00", "99999999999999999999"):
            self.fails(2, "put", self.file, "k", "v", "--timestamp=" + given)

    def test_json_tells_key_and_size(self):
        result = self.ok("put", "-j", self.file, "k", "four")
        self.assertEqual(result.json, {"key": "k", "size": 4})

    def test_a_value_of_the_wrong_length_is_refused_by_a_fixed_file(self):
        self.create("--fixed", "4", file="f.blt")
        self.ok("put", "f.blt", "k", "four")
        self.fails(2, "put", "f.blt", "k", "five!")
        self.assertEqual(self.ok("get", "f.blt", "k").out, b"four")

    def test_a_key_that_is_too_long_is_refused(self):
        self.ok("put", self.file, "x" * 65535, "v")
        self.fails(2, "put", self.file, "x" * 65536, "v")


class Get(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str", "--value-type", "json")
        self.put("a", b'{"mm": 3.2}')
        self.put("b", b"\x80\xff")

    def test_a_missing_key_exits_1_and_prints_nothing(self):
        result = self.fails(1, "get", self.file, "nothing")
        self.assertEqual(result.out, b"")
        self.assertEqual(self.blt("-q", "get", self.file, "nothing").err, b"")

    def test_a_single_value_has_nothing_added(self):
        self.assertEqual(self.ok("get", self.file, "b").out, b"\x80\xff")

    def test_several_values_end_with_newlines_or_nul(self):
        self.assertEqual(self.ok("get", self.file, "a", "b").out,
                         b'{"mm": 3.2}\n\x80\xff\n')
        self.assertEqual(self.ok("get", "-0", self.file, "a", "b").out,
                         b'{"mm": 3.2}\0\x80\xff\0')

    def test_the_keys_that_exist_are_printed_beside_a_missing_one(self):
        result = self.blt("get", self.file, "a", "no", "b")
        self.assertEqual((result.code, result.out),
                         (1, b'{"mm": 3.2}\n\x80\xff\n'))

    def test_hex_and_base64_are_lines(self):
        self.assertEqual(self.ok("get", self.file, "b", "--hex").out,
                         b"80ff\n")
        self.assertEqual(self.ok("get", self.file, "b", "--base64").out,
                         b"gP8=\n")
        self.fails(2, "get", self.file, "b", "--base64", "--hex")

    def test_a_default_stands_for_a_missing_key(self):
        result = self.ok("get", self.file, "no", "--default", "none")
        self.assertEqual(result.out, b"none")

    def test_keys_come_from_a_file_and_from_standard_input(self):
        self.write("keys", b"a\nb")
        expected = b'{"mm": 3.2}\n\x80\xff\n'
        self.assertEqual(
            self.ok("get", self.file, "--keys-from", "keys").out, expected)
        self.assertEqual(
            self.ok("get", self.file, "--keys-from=-", stdin=b"a\nb\n").out,
            expected)
        self.assertEqual(
            self.ok("get", "-0", self.file, "--keys-from=-",
                    stdin=b"a\0b\0").out, expected.replace(b"\n", b"\0"))

    def test_a_line_with_a_lone_backslash_names_its_number(self):
        result = self.fails(2, "get", self.file, "--keys-from=-",
                            stdin=b"a\n\\q\n")
        self.assertIn(b"-:2:", result.err)

    def test_an_output_file_appears_when_it_is_complete(self):
        self.ok("get", self.file, "b", "-o", "out.bin")
        self.assertEqual(self.read("out.bin"), b"\x80\xff")
        self.fails(1, "get", self.file, "no", "-o", "other.bin")
        self.assertEqual(sorted(os.listdir(self.folder)),
                         ["out.bin", "rain.blt"])

    def test_an_output_that_cannot_be_made_exits_3(self):
        self.fails(3, "get", self.file, "b", "-o", "no/such/folder")

    def test_json_has_text_or_base64(self):
        self.assertEqual(
            self.ok("--json", "get", self.file, "a", "b").lines,
            [{"key": "a", "value": '{"mm": 3.2}'},
             {"key": "b", "value_b64": "gP8="}])
        missing = self.blt("--json", "get", self.file, "no")
        self.assertEqual((missing.code, missing.json),
                         (1, {"key": "no", "missing": True}))

    def test_json_keeps_a_nul_inside_a_value(self):
        self.put("n", b"a\0b")
        self.assertEqual(self.ok("-j", "get", self.file, "n").json,
                         {"key": "n", "value": "a\0b"})

    def test_decoded_json_keeps_its_digits(self):
        self.put("c", b'{"x": 3.2,\n "y": 123456789012345678901234567890}')
        result = self.ok("get", "-j", self.file, "c", "--decode")
        self.assertEqual(result.json["value_json"]["y"],
                         123456789012345678901234567890)
        self.assertIn(b"3.2,", result.out)
        self.assertEqual(result.out.count(b"\n"), 1)

    def test_a_value_that_is_not_of_its_type_exits_4(self):
        self.fails(4, "get", self.file, "b", "--decode")

    def test_no_key_at_all_exits_2(self):
        self.fails(2, "get", self.file)

    def test_timestamps_are_in_json_as_numbers(self):
        self.ok("put", self.file, "t", "1", "--timestamp", "1234567")
        self.assertEqual(
            self.ok("-j", "get", self.file, "t", "--timestamp").json["ts"],
            1234567)

    def test_a_file_without_timestamps_has_none_to_print(self):
        self.create("--no-timestamps", file="n.blt")
        self.ok("put", "n.blt", "k", "v")
        self.fails(2, "get", "n.blt", "k", "--timestamp")


class Decode(Case):
    def decoded(self, serializer, value):
        self.create("--value-type", serializer, "--force", "-y")
        self.put("k", value)
        return self.ok("get", self.file, "k", "--decode").out

    def test_text_and_json_are_printed_as_a_line(self):
        self.assertEqual(self.decoded("str", "mm é".encode()),
                         "mm é\n".encode())
        self.assertEqual(self.decoded("orjson", b"[1]"), b"[1]\n")

    def test_bytes_are_printed_as_they_are(self):
        self.assertEqual(self.decoded("bytes", b"\xff"), b"\xff")

    def test_numbers_are_little_endian_and_signed_by_name(self):
        self.assertEqual(self.decoded("uint2", b"\xfe\xff"), b"65534\n")
        self.assertEqual(self.decoded("int2", b"\xfe\xff"), b"-2\n")
        self.assertEqual(self.decoded("uint8", b"\xff" * 8),
                         b"18446744073709551615\n")
        self.assertEqual(self.decoded("int5", b"\x00\x00\x00\x00\x80"),
                         b"-549755813888\n")

    def test_arrays_of_numbers_are_json(self):
        self.assertEqual(self.decoded("numpy_int2", b"\x01\0\xff\xff"),
                         b"[1, -1]\n")

    def test_a_pickle_is_described(self):
        self.assertEqual(
            self.decoded("pickle", b"\x80\x05N."),
            b"pickle protocol 5, 4 B (decode with: python -m blt get ...)\n")

    def test_a_type_that_cannot_be_decoded_exits_2_with_its_name(self):
        self.create("--value-type", "pd_zstd")
        self.put("k", b"x")
        result = self.fails(2, "get", self.file, "k", "--decode")
        self.assertIn(b"pd_zstd", result.err)


class KeyTypes(Case):
    def test_numbers_are_stored_least_significant_byte_first(self):
        for name, key, stored in (("uint1", "255", b"ff"),
                                  ("int1", "-128", b"80"),
                                  ("uint2", "258", b"0201"),
                                  ("int4", "-2", b"feffffff"),
                                  ("uint5", "1", b"0100000000"),
                                  ("int8", "-1", b"ff" * 8),
                                  ("uint8", str(2**64 - 1), b"ff" * 8)):
            self.create("--key-type", name, "--force", "-y")
            self.put(key, b"v")
            self.ok("has", self.file, "--", key)
            self.assertEqual(
                self.ok("list", self.file, "--key-type", "hex").out.strip(),
                stored, name)
            self.assertEqual(self.ok("list", self.file).out.decode().strip(),
                             key)

    def test_numbers_beyond_the_type_exit_2(self):
        for name, key in (("uint1", "256"), ("uint1", "-1"), ("int1", "128"),
                          ("int1", "-129"), ("uint8", str(2**64)),
                          ("int8", str(2**63)), ("uint4", "12x"),
                          ("uint4", ""), ("int4", "-"), ("uint4", "0x10"),
                          ("uint4", "9" * 30)):
            self.create("--key-type", name, "--force", "-y")
            self.fails(2, "get", self.file, "--", key)

    def test_a_key_with_a_dash_needs_two_dashes_before_it(self):
        self.create("--key-type", "int2")
        result = self.fails(2, "put", self.file, "-5", "v")
        self.assertIn(b"--", result.err)

    def test_json_numbers_are_numbers_as_far_as_json_goes(self):
        self.create("--key-type", "uint8")
        self.put("7", b"v")
        self.put(str(2**64 - 1), b"v")
        keys = {row["key"] for row in self.ok("-j", "list", self.file).lines}
        self.assertEqual(keys, {7, str(2**64 - 1)})

    def test_hex_and_base64_name_any_key(self):
        self.create()
        self.ok("put", self.file, "00ff0a", "v", "--key-type", "hex")
        self.ok("has", self.file, "AP8K", "--key-type", "base64")
        self.fails(2, "has", self.file, "abc", "--key-type", "hex")
        self.fails(2, "has", self.file, "zz", "--key-type", "hex")
        self.fails(2, "has", self.file, "AP8", "--key-type", "base64")

    def test_an_unknown_key_type_exits_2(self):
        self.create()
        self.fails(2, "list", self.file, "--key-type", "octal")


class HasAndDel(Case):
    def setUp(self):
        super().setUp()
        self.create("--key-type", "str")
        for key in "abc":
            self.put(key, b"v")

    def test_has_prints_nothing(self):
        for args, code in ((["a", "b"], 0), (["a", "no"], 1)):
            result = self.blt("has", self.file, *args)
            self.assertEqual((result.code, result.out, result.err),
                             (code, b"", b""))

    def test_has_tells_of_each_key_in_json(self):
        result = self.blt("-j", "has", self.file, "a", "no")
        self.assertEqual(result.code, 1)
        self.assertEqual(result.lines, [{"key": "a", "found": True},
                                        {"key": "no", "found": False}])

    def test_deleted_keys_are_gone(self):
        self.ok("del", self.file, "a", "c")
        self.assertEqual(self.ok("list", self.file).out, b"b\n")

    def test_a_missing_key_exits_1_and_the_others_are_deleted(self):
        result = self.fails(1, "del", self.file, "a", "no")
        self.assertIn(b'"no"', result.err)
        self.assertEqual(self.blt("has", self.file, "a").code, 1)
        self.ok("del", self.file, "a", "b", "--ignore-missing")
        self.assertEqual(self.blt("has", self.file, "b").code, 1)

    def test_nothing_is_deleted_when_a_key_cannot_be_read(self):
        self.fails(2, "del", self.file, "--keys-from=-", stdin=b"a\n\\q\n")
        self.ok("has", self.file, "a")

    def test_keys_come_from_a_file(self):
        self.ok("del", self.file, "--keys-from=-", stdin=b"a\nb\n")
        self.assertEqual(self.ok("list", self.file).out, b"c\n")

    def test_json_counts(self):
        result = self.blt("-j", "del", self.file, "a", "no",
                          "--ignore-missing")
        self.assertEqual((result.code, result.json),
                         (0, {"deleted": 1, "missing": 1}))

    def test_no_key_at_all_exits_2(self):
        self.fails(2, "del", self.file)
        self.fails(2, "has", self.file)
