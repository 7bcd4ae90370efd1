"""The command load: rows, good and bad, into files, old and new."""

import fcntl
import json
import os
import signal
import subprocess

from streams import FORMATS, Streams


class Load(Streams):
    def load(self, *lines, options=(), code=0):
        result = self.blt("load", self.file, *options,
                          stdin="\n".join(lines).encode())
        self.assertEqual(result.code, code, result.err)
        return result

    def test_rows_go_into_a_file_that_is_there(self):
        self.create("--key-type", "str")
        self.put("a", b"old")
        self.load('{"key":"a","value":"new"}', '{"key":"b","value":"2"}')
        self.assertEqual(self.rows(), {b"a": b"new", b"b": b"2"})

    def test_counts_are_told(self):
        found = self.load('{"key":"a","value":"1"}', options=["-j"]).json
        self.assertEqual(found, {"loaded": 1, "kept": 0, "elsewhere": 0,
                                 "rejected": 0})

    def test_several_inputs_each_by_its_suffix(self):
        self.write("a.jsonl", b'{"key":"a","value":"1"}\n')
        self.write("b.csv", b"key,value\r\nb,2\r\n")
        self.write("c.cdb", b"+1,1:c->3\n\n")
        self.ok("load", self.file, "a.jsonl", "b.csv", "c.cdb")
        self.assertEqual(self.rows(), {b"a": b"1", b"b": b"2", b"c": b"3"})

    def test_duplicates_are_a_matter_of_choice(self):
        row = '{"key":"a","value":"%s","ts":%d}'
        self.load(row % ("old", 1000))
        self.load(row % ("skipped", 2000), options=["--on-duplicate=skip"])
        self.assertEqual(self.rows(), {b"a": b"old"})
        self.load(row % ("older", 999), options=["--on-duplicate=newest"])
        self.assertEqual(self.rows(), {b"a": b"old"})
        self.load(row % ("newer", 1001), options=["--on-duplicate=newest"])
        self.assertEqual(self.rows(), {b"a": b"newer"})
        result = self.load(row % ("x", 1), options=["--on-duplicate=error"],
                           code=6)
        self.assertIn(b"standard input:1: the key exists already", result.err)

    def test_a_bad_row_stops_and_no_new_file_is_made(self):
        result = self.load('{"key":"a","value":"1"}', "{", code=6)
        self.assertIn(b"standard input:2: the line is not JSON", result.err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_bad_row_stops_and_says_what_an_old_file_has(self):
        self.create()
        result = self.load('{"key":"a","value":"1"}', "{", code=6)
        self.assertIn(b"1 row is loaded, the rest is not", result.err)
        self.ok("verify", self.file)

    def test_bad_rows_can_go_to_a_file_with_their_lines(self):
        bad = ["[]", '{"key":"x"}', '{"value":"x"}', '{"key":"x","value":1}',
               '{"key":"x","value":"1","colour":"red"}', '{"key":"x","ts":-1}',
               '{"key_b64":"?","value":""}', "no json"]
        good = '{"key":"%d","value":"1"}'
        lines = []
        for i, row in enumerate(bad):
            lines += [good % i, row]
        result = self.load(*lines, options=["--bad-rows=bad.jsonl"], code=6)
        self.assertIn(b"8 rows were rejected; the first is standard input:2:",
                      result.err)
        self.assertEqual(len(self.rows()), 8)
        told = [json.loads(line) for line in
                self.read("bad.jsonl").splitlines()]
        self.assertEqual([row["line"] for row in told], list(range(2, 17, 2)))
        self.assertEqual([row["row"] for row in told], bad)
        self.assertEqual(self.load(*lines, options=["--bad-rows=skip"],
                                   code=6).out, b"loaded 8 rows\n")

    def test_too_long_a_key_is_a_bad_row(self):
        result = self.load('{"key":"%s","value":""}' % ("k" * 65536), code=6)
        self.assertIn(b"standard input:1:", result.err)
        self.assertIn(b"65", result.err)

    def test_values_of_another_length_are_bad_rows_of_fixed_files(self):
        self.load('{"key":"a","value":"123"}', '{"key":"b","value":"1234"}',
                  options=["--fixed", "3", "--bad-rows=skip"], code=6)
        self.assertEqual(self.rows(), {b"a": b"123"})

    def test_a_schema_is_kept_row_by_row(self):
        self.write("schema.json", json.dumps({
            "key": {"min_len": 2, "max_len": 4},
            "value": {"type": "object", "other_fields": False, "fields": {
                "mm": {"type": "number", "required": True},
                "note": {"type": "string", "max_len": 3}}},
            "timestamp": {"required": True}}).encode())
        row = '{"key":"%s","value":%s,"ts":1}'
        cases = [("ok", {"mm": 1.5, "note": "abc"}, None),
                 ("k", {"mm": 1}, "the key has the length 1"),
                 ("kkkkk", {"mm": 1}, "the key has the length 5"),
                 ("k1", {"note": "x"}, "the field mm is missing"),
                 ("k2", {"mm": "1"}, "mm is not of the type number"),
                 ("k3", {"mm": 1, "note": "abcd"}, "note has the length 4"),
                 ("k4", {"mm": 1, "x": 1}, "the field x is not one"),
                 ("k5", [1], "the value is not of the type object")]
        lines = [row % (key, json.dumps(json.dumps(value)))
                 for key, value, _ in cases]
        lines += ['{"key":"k6","value":"{\\"mm\\": 1}"}', row % ("k7", '"{"')]
        self.load(*lines, options=["--schema", "schema.json",
                                   "--bad-rows=bad"], code=6)
        told = [json.loads(line)["reason"] for line in
                self.read("bad").splitlines()]
        for reason, expected in zip(told, [c[2] for c in cases[1:]] + [
                "the timestamp is missing", "the value is not JSON"]):
            self.assertIn(expected, reason)
        self.assertEqual((len(told), list(self.rows())), (9, [b"ok"]))

    def test_a_schema_with_other_rules_is_refused(self):
        for rules in (b"{", b"[]", b'{"values":{}}', b'{"key":{"length":1}}',
                      b'{"value":{"type":"float"}}', b'{"key":{"min_len":-1}}'):
            self.write("schema.json", rules)
            self.fails(2, "load", self.file, "--schema", "schema.json")

    def test_shards_are_those_of_the_written_vectors(self):
        keys = ["a", "key1", "station-00000042", "temperature!0.0.0", ""]
        lines = ['{"key":"%s","value":"1"}' % key for key in keys]
        for n, shards in ((2, [0, 1, 1, 0, 1]), (16, [1, 14, 9, 5, 12]),
                          (1000, [70, 925, 580, 368, 756])):
            for key, shard in zip(keys, shards):
                self.load(*lines, options=["--shard", "%d/%d" % (shard, n)])
                self.assertIn(key.encode(), self.rows())
                os.unlink(self.file)
        for word in ("1", "2/2", "x/2", "0/0", "-1/2"):
            self.fails(2, "load", self.file, "--shard", word)

    def test_a_head_does_not_change_the_kind_of_a_file_that_is_there(self):
        self.create("--key-type", "str")
        self.put("a", b"1")
        out = self.ok("dump", self.file).out
        self.create("--key-type", "bytes", file="b.blt")
        result = self.ok("load", "b.blt", stdin=out)
        self.assertIn(b"other serializers", result.err)
        self.fails(2, "load", "b.blt", "--buckets", "5", stdin=out)

    def test_options_are_stronger_than_the_head(self):
        self.create("--key-type", "str", "--value-type", "json")
        self.ok("load", "n.blt", "--value-type", "str", "--buckets", "77",
                "--no-timestamps", stdin=self.ok("dump", self.file).out)
        found = self.ok("-j", "inspect", "n.blt").json["format"]
        self.assertEqual((found["key_serializer"], found["value_serializer"],
                          found["n_buckets"], found["timestamps"]),
                         ("str", "str", 77, False))

    def test_columns_of_csv_are_found_by_name_or_by_place(self):
        self.ok("load", self.file, "-f", "csv",
                stdin=b"\xef\xbb\xbftimestamp,value,key\n1970-01-02,v,k\n")
        self.assertEqual(self.ok("dump", self.file, "--no-header").json,
                         {"key": "k", "ts": 86400000000, "value": "v"})
        self.ok("load", "n.blt", "-f", "csv", "--no-header", stdin=b"k,v\n")
        self.assertEqual(self.rows("n.blt"), {b"k": b"v"})

    def test_columns_that_cannot_be_told_are_rejected(self):
        for head in (b"name,value\n", b"value\n", b'"key\n', b"key,key\n"):
            result = self.fails(6, "load", "m.blt", "-f", "csv", stdin=head)
            self.assertIn(b"blt: standard input:1: ", result.err)
        self.assertEqual(self.fails(6, "-j", "load", "m.blt", "-f", "tsv",
                                    stdin=b"x\n").error["code"], "rejected")

    def test_an_encoding_that_nothing_heeds_is_refused(self):
        rows = b"key,value\n6b,76\n"
        for options in (["-f", "csv", "--hex"], ["-f", "tsv", "--base64"],
                        ["--no-header", "--hex"],
                        ["-f", "csv", "--no-header", "--hex", "--base64"]):
            self.fails(2, "load", self.file, *options, stdin=rows)
            self.assertEqual(os.listdir(self.folder), [])
        self.ok("load", self.file, "-f", "csv", "--no-header", "--hex",
                stdin=rows[10:])
        self.assertEqual(self.ok("get", self.file, "k").out, b"v")

    def test_bad_cells_have_the_line_on_which_their_row_begins(self):
        rows = (b'key,value\na,"1\n2"\nb\nc,"x"y\nd,ok\n')
        result = self.blt("load", self.file, "-f", "csv", "--bad-rows=bad",
                          stdin=rows)
        self.assertEqual(result.code, 6)
        told = [json.loads(line) for line in self.read("bad").splitlines()]
        self.assertEqual([(r["line"], r["row"]) for r in told],
                         [(4, "b"), (5, 'c,"x"y')])

    def test_one_cell_is_not_told_as_1_cells(self):
        for rows, told in ((b"key,value\nx\n", b"1 cell, and there are 2 col"),
                           (b"key\nx,y\n", b"2 cells, and there is 1 column")):
            result = self.blt("load", self.file, "-f", "csv", stdin=rows)
            self.assertEqual(result.code, 6)
            self.assertIn(told, result.err)

    def test_streams_that_are_cut_exit_4(self):
        self.fill({b"key%d" % i: b"value" * 10 for i in range(20)})
        for name in ("bdb", "lmdb", "gdbm", "cdb", "resp", "raw"):
            out = self.ok("dump", self.file, "-f", name).out
            # The last line of gdbm's is a comment.
            half = out.rindex(b"\n", 0, len(out) // 2) + 1
            for part in (half, out.rfind(b"#:count") - 1
                         if name == "gdbm" else len(out) - 3):
                with self.subTest(name, part=part):
                    self.fails(4, "load", "cut.blt", "-f", name,
                               stdin=out[:part])
        self.assertFalse(os.path.exists(self.path("cut.blt")))

    def test_damaged_streams_end_with_a_message(self):
        self.fill({b"key%d" % i: b"value" * 10 for i in range(5)})
        for name in FORMATS:
            out = self.ok("dump", self.file, "-f", name).out
            for at in range(0, len(out), max(1, len(out) // 9)):
                bad = out[:at] + bytes([out[at] ^ 0x55]) + out[at + 1:]
                result = self.blt("load", "bad.blt", "-f", name, stdin=bad)
                self.assertIn(result.code, (0, 4, 6), (name, at, result.err))
                if os.path.exists(self.path("bad.blt")):
                    os.unlink(self.path("bad.blt"))

    def test_nothing_at_all_makes_an_empty_file(self):
        for name in FORMATS:
            self.ok("load", name + ".blt", "-f", name, stdin=b"")
            self.assertEqual(self.rows(name + ".blt"), {})

    def test_a_locked_file_exits_5(self):
        self.create()
        with open(self.file, "rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
            self.fails(5, "load", self.file, "--no-wait",
                       stdin=b'{"key":"a","value":""}')

    def test_memory_does_not_grow_with_the_input(self):
        row = b'{"key":"%d","value":"' + b"v" * 1000 + b'"}\n'
        peaks = []
        for n in (2000, 30000):
            with open(self.path("rows"), "wb") as stream:
                for i in range(n):
                    stream.write(row % (i % 1000))
            process = self.start("-q", "load", "m%d.blt" % n, "rows")
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0)
            peaks.append(usage.ru_maxrss)
        # Pages of the file that is written count too, and go again.
        self.assertLess(peaks[1], peaks[0] + 45000)


class Interrupted(Streams):
    """Ctrl-C while rows come in; a pipe lets the test say when."""

    def interrupt(self, *args):
        process = self.start("load", *args, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # More than the pipe and the program's buffers hold: when the write
        # is over, rows were taken.
        for i in range(30000):
            process.stdin.write(b'{"key":"%d","value":"%s"}\n' %
                                (i, b"v" * 50))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        return process.returncode, err

    def test_a_new_file_is_not_made(self):
        code, err = self.interrupt(self.file)
        self.assertEqual(code, 130)
        self.assertIn(b"interrupted; it is not made", err)
        self.assertEqual(os.listdir(self.folder), [])

    def test_an_old_file_has_what_was_told_and_is_sound(self):
        self.create()
        code, err = self.interrupt(self.file)
        self.assertEqual(code, 130)
        told = int(err.split(b"interrupted; ")[1].split(b" rows")[0])
        self.assertEqual(len(self.rows()), told)
        self.ok("verify", self.file)
