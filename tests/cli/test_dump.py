"""The command dump, and what load makes of each format."""

import csv
import io
import json
import os
import subprocess

from streams import BINARY, FORMATS, ROWS, Streams


class RoundTrip(Streams):
    def test_every_format_brings_every_row_back(self):
        self.fill(ROWS, "--key-type", "str", "--value-type", "json")
        for name in FORMATS:
            with self.subTest(name):
                out = self.ok("dump", self.file, "-f", name).out
                self.ok("load", name + ".blt", "-f", name, stdin=out)
                self.assertEqual(self.rows(name + ".blt"), ROWS)
                self.ok("verify", name + ".blt")

    def test_binary_rows_come_back_where_a_format_can_hold_them(self):
        self.fill({**ROWS, **BINARY})
        for name in FORMATS:
            with self.subTest(name):
                options = ["--hex"] if name in ("csv", "tsv") else []
                self.ok("dump", self.file, "-o", "x." + name, *options)
                self.ok("load", name + ".blt", "x." + name)
                self.assertEqual(self.values(name + ".blt", BINARY), BINARY)

    def test_jsonl_and_raw_keep_types_times_metadata_and_slots(self):
        self.create("--key-type", "uint4", "--value-type", "orjson",
                    "--buckets", "101")
        self.put("7", b"[1]", "--timestamp", "5000")
        self.ok("meta", self.file, "set", '{"big": 123456789012345678901}')
        before = self.ok("dump", self.file).out
        for name in ("jsonl", "raw"):
            out = self.ok("dump", self.file, "-f", name).out
            self.ok("load", name + ".blt", "-f", name, stdin=out)
            self.assertEqual(self.ok("dump", name + ".blt").out, before)

    def test_numbers_are_keys_of_their_width(self):
        self.create("--key-type", "int8")
        for key in ("-9223372036854775808", "0", "9223372036854775807"):
            self.put(key, b"v")
        before = self.ok("dump", self.file).out
        self.assertIn(b'"key":-9223372036854775808,', before)
        self.ok("load", "n.blt", stdin=before)
        self.assertEqual(self.ok("dump", "n.blt").out, before)
        self.ok("load", "c.blt", "--key-type", "int8", "-f", "csv",
                stdin=self.ok("dump", self.file, "-f", "csv").out)
        self.assertEqual(self.ok("list", "c.blt").out,
                         self.ok("list", self.file).out)

    def test_a_key_of_another_width_is_not_taken_for_a_number(self):
        self.create("--key-type", "uint4")
        self.ok("put", self.file, "--key-type", "bytes", "12", "v")
        out = self.ok("dump", self.file, "--no-header").out
        self.assertEqual(json.loads(out)["key_b64"], "MTI=")

    def test_fixed_files_come_back_fixed(self):
        self.create("--fixed", "3")
        self.put("k", b"abc")
        self.ok("load", "f.blt", stdin=self.ok("dump", self.file).out)
        found = self.ok("-j", "inspect", "f.blt").json["format"]
        self.assertEqual((found["kind"], found["value_len"]), ("fixed", 3))

    def test_decoded_values_become_their_bytes_again(self):
        for kind, value in (("json", b'{"a": 3.20, "b": [1, 2]}'),
                            ("uint4", b"\x01\x02\0\0"),
                            ("int2", b"\xff\xff"),
                            ("numpy_int2", b"\x01\0\xff\xff"),
                            ("str", b"text")):
            file = kind + ".blt"
            self.create("--key-type", "str", "--value-type", kind, file=file)
            self.ok("put", file, "k", "-", stdin=value)
            out = self.ok("dump", "--decode", file).out
            self.assertNotIn(b"b64", out)
            self.ok("load", "new-" + file, stdin=out)
            self.assertEqual(self.ok("get", "new-" + file, "k").out, value)

    def test_zstd_packs_any_format_and_is_recognised(self):
        self.fill(ROWS)
        plain = self.ok("dump", self.file).out
        for options in (["--zstd"], ["--zstd=19"], ["--zstd=1"]):
            packed = self.ok("dump", self.file, *options).out
            self.assertEqual(packed[:4], b"\x28\xb5\x2f\xfd")
            self.assertLess(len(packed), len(plain) / 2)
            self.ok("load", "z.blt", "-", stdin=packed)
            self.assertEqual(self.rows("z.blt"), ROWS)
        self.ok("dump", self.file, "-o", "x.csv.zst")
        self.ok("load", "c.blt", "x.csv.zst")
        self.assertEqual(self.rows("c.blt"), ROWS)
        for level in ("0", "-1", "20", "99", "x", "3x"):
            self.fails(2, "dump", self.file, "--zstd=" + level, "-o", "y")

    def test_cut_or_damaged_zstd_exits_4(self):
        self.fill(ROWS)
        packed = self.ok("dump", self.file, "--zstd").out
        self.fails(4, "load", "z.blt", stdin=packed[:-9])
        self.fails(4, "load", "z.blt",
                   stdin=packed[:40] + b"\xff\xff" + packed[42:])
        self.assertFalse(os.path.exists(self.path("z.blt")))


class Dump(Streams):
    def setUp(self):
        super().setUp()
        self.fill(ROWS, "--key-type", "str")

    def test_the_first_line_describes_the_file(self):
        head = self.ok("dump", self.file).lines[0]
        self.assertEqual((head["blt"], head["kind"], head["key_serializer"]),
                         (1, "variable", "str"))

    def test_no_header_and_no_timestamps_leave_them_out(self):
        rows = self.ok("dump", self.file, "--no-header",
                       "--no-timestamps").lines
        self.assertEqual(len(rows), len(ROWS))
        self.assertEqual(set(rows[0]), {"key", "value"})

    def test_filters_are_those_of_list(self):
        out = self.ok("dump", self.file, "--no-header", "--prefix", "l").lines
        self.assertEqual([row["key"] for row in out], ["line\nend", "long"])
        out = self.ok("dump", self.file, "--no-header", "--limit", "2").lines
        self.assertEqual(len(out), 2)
        self.assertEqual(self.blt("dump", self.file, "--match", "?").code, 1)

    def test_keys_only_has_no_values(self):
        rows = self.ok("dump", self.file, "--keys-only", "--no-header").lines
        self.assertEqual(set(rows[0]), {"key", "ts"})
        out = self.ok("dump", self.file, "--keys-only", "-f", "csv").out
        self.assertTrue(out.startswith(b"key,timestamp\n"))
        self.fails(2, "dump", self.file, "--keys-only", "-f", "cdb")

    def test_csv_is_what_python_reads_as_csv(self):
        for name, mark in (("csv", ","), ("tsv", "\t")):
            out = self.ok("dump", self.file, "-f", name).out.decode()
            rows = list(csv.reader(io.StringIO(out, newline=""),
                                   delimiter=mark))
            self.assertEqual(rows[0], ["key", "value", "timestamp"])
            self.assertEqual({r[0].encode(): r[1].encode() for r in rows[1:]},
                             ROWS)

    def test_what_csv_cannot_hold_is_left_out_with_exit_6(self):
        self.fill(BINARY)
        result = self.blt("dump", self.file, "-f", "csv", "-o", "x.csv")
        self.assertEqual(result.code, 6)
        self.assertIn(b"2 of the keys are left out", result.err)
        self.assertIn(b"--hex", result.err)
        self.ok("load", "c.blt", "x.csv")
        self.assertEqual(self.rows("c.blt"), ROWS)

    def test_keys_too_long_for_lmdb_are_found_before_it_begins(self):
        self.put("k" * 512, b"v")
        result = self.fails(6, "dump", self.file, "-f", "lmdb")
        self.assertEqual(result.out, b"")
        self.assertIn(b"511", result.err)

    def test_an_unknown_format_brings_the_nearest(self):
        self.assertIn(b"did you mean jsonl?",
                      self.fails(2, "dump", self.file, "-f", "josnl").err)
        self.assertIn(b"give one of",
                      self.fails(2, "dump", self.file, "-f", "parquet").err)

    def test_a_pipe_closed_early_ends_quietly(self):
        self.ok("load", "big.blt", stdin=b"\n".join(
            b'{"key":"%d","value":"%d"}' % (i, i) for i in range(20000)))
        for options in ([], ["--zstd"], ["-f", "raw"], ["-f", "csv"]):
            process = self.start("dump", "big.blt", *options,
                                 stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            process.stdout.read(10)
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual((process.wait(timeout=30), err), (141, b""))
