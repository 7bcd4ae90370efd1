"""Streams that other programs read and write, tried with them."""

import os
import shutil
import subprocess
import unittest

from streams import BINARY, ROWS, Streams


def needs(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    return unittest.skipIf(missing, "not installed: " + ", ".join(missing))


class RealPrograms(Streams):
    """What others read and write, with their own programs."""

    rows_there = {**ROWS, **BINARY}

    def setUp(self):
        super().setUp()
        self.fill(self.rows_there)

    def run_program(self, *args, stdin=b""):
        result = subprocess.run(args, input=stdin, capture_output=True,
                                cwd=self.folder, timeout=60, check=False)
        self.assertEqual(result.returncode, 0, (args, result.stderr))
        return result.stdout

    def dump(self, name, *options):
        self.ok("dump", self.file, "-f", name, "-o", "out", *options)

    def expect(self, name, stream, rows=None):
        """A stream of another program has all rows."""
        self.ok("load", "back.blt", "-f", name, stdin=stream)
        rows = rows or self.rows_there
        self.assertEqual(self.values("back.blt", rows), rows)
        count = self.ok("-j", "inspect", "back.blt").json["keys"]["counted"]
        self.assertEqual(count, len(rows))

    @needs("jq")
    def test_jq_reads_jsonl_and_writes_what_load_reads(self):
        out = self.ok("dump", self.file).out
        text = self.run_program("jq", "-c", ".", stdin=out)
        self.expect("jsonl", text)
        picked = self.run_program(
            "jq", "-r", 'select(.key == "long") | .value', stdin=out)
        self.assertEqual(picked.rstrip(b"\n"), ROWS[b"long"])

    @needs("sqlite3")
    def test_sqlite_reads_csv_and_writes_what_load_reads(self):
        for name, mode in (("csv", "csv"), ("tsv", "tabs")):
            self.ok("dump", self.file, "-f", name, "-o", "out", "--hex")
            script = (".mode %s\n.import out t\n.headers on\n"
                      "select key_hex, value_hex from t;\n" % mode)
            out = self.run_program("sqlite3", "-batch", ":memory:",
                                   stdin=script.encode())
            self.expect(name, out)
            os.unlink(self.path("back.blt"))

    @needs("sqlite3")
    def test_sqlite_sees_text_cells_as_they_are(self):
        for key in BINARY:
            self.ok("del", self.file, "--key-type", "hex", key.hex())
        self.dump("csv")
        script = ".mode csv\n.import out t\nselect hex(value) from t;\n"
        out = self.run_program("sqlite3", "-batch", ":memory:",
                               stdin=script.encode())
        found = [bytes.fromhex(line.strip().strip('"')) for line in
                 out.decode().splitlines()]
        self.assertEqual(sorted(found), sorted(ROWS.values()))

    @needs("gdbm_load", "gdbm_dump")
    def test_gdbm_load(self):
        self.dump("gdbm")
        self.run_program("gdbm_load", "out", "new.gdbm")
        self.expect("gdbm", self.run_program("gdbm_dump", "new.gdbm", "-"))

    @needs("db_load", "db_dump")
    def test_db_load(self):
        self.dump("bdb")
        self.run_program("db_load", "-f", "out", "new.db")
        self.expect("bdb", self.run_program("db_dump", "new.db"))
        os.unlink(self.path("back.blt"))
        self.expect("bdb", self.run_program("db_dump", "-p", "new.db"))

    @needs("mdb_load", "mdb_dump")
    def test_mdb_load(self):
        for name in ("bdb", "lmdb"):
            self.dump(name)
            self.run_program("mdb_load", "-n", "-f", "out", name)
            self.expect("lmdb", self.run_program("mdb_dump", "-n", name))
            os.unlink(self.path("back.blt"))

    @needs("mdb_load", "mdb_dump")
    def test_the_map_of_lmdb_has_room_for_much_more_than_its_default(self):
        for size, n in ((10, 30000), (3000, 1500), (20000, 200)):
            rows = b"".join(b'{"key":"%d","value":"%s"}\n' %
                            (i * 7919 % n, b"v" * size) for i in range(n))
            self.ok("load", "big.blt", stdin=rows)
            self.ok("dump", "big.blt", "-f", "lmdb", "-o", "out")
            self.run_program("mdb_load", "-n", "-f", "out", "big%d" % size)
            out = self.run_program("mdb_stat", "-n", "big%d" % size)
            self.assertIn(b"Entries: %d" % n, out)
            os.unlink(self.path("big.blt"))

    @needs("cdb")
    def test_cdb(self):
        self.dump("cdb")
        self.run_program("cdb", "-c", "new.cdb", "out")
        self.expect("cdb", self.run_program("cdb", "-d", "new.cdb"))

    @needs("redis-server", "redis-cli")
    def test_redis_cli(self):
        socket = self.path("socket")
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", socket, "--save",
             "", "--dir", self.folder], stdout=subprocess.PIPE)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        for line in server.stdout:
            if b"ready to accept" in line.lower():
                break
        self.dump("resp")
        told = self.run_program("redis-cli", "-s", socket, "--pipe",
                                stdin=self.read("out"))
        self.assertIn(b"errors: 0, replies: %d" % len(self.rows_there), told)
        for key, value in ((b"->", ROWS[b"->"]), (b"long", ROWS[b"long"])):
            got = self.run_program("redis-cli", "-s", socket, "get", key)
            self.assertEqual(got, value + b"\n")
        self.expect("resp", self.read("out"))

    @needs("zstd")
    def test_zstd(self):
        self.ok("dump", self.file, "--zstd", "-o", "out.zst")
        plain = self.run_program("zstd", "-dc", "out.zst")
        self.assertEqual(plain, self.ok("dump", self.file).out)
        half = len(plain) // 2
        self.expect("jsonl", self.run_program("zstd", "-c", stdin=plain[:half])
                    + self.run_program("zstd", "-19c", stdin=plain[half:]))

    @needs("zstd")
    def test_values_that_zstd_packed_are_decoded_and_packed_again(self):
        for kind, plain, shown in (("orjson_zstd", b'{"a": 3.20}',
                                    b'{"a": 3.20}\n'),
                                   ("numpy_int2_zstd", b"\x01\0\xff\xff",
                                    b"[1, -1]\n"),
                                   ("zstd", b"\0bytes", b"\0bytes")):
            file = kind + ".blt"
            self.create("--key-type", "str", "--value-type", kind, file=file)
            packed = self.run_program("zstd", "-c", "--stream-size=%d" %
                                      len(plain), stdin=plain)
            self.ok("put", file, "k", "-", stdin=packed)
            self.assertEqual(self.ok("get", "--decode", file, "k").out, shown)
            self.ok("load", "new-" + file,
                    stdin=self.ok("dump", "--decode", file).out)
            value = self.ok("get", "new-" + file, "k").out
            self.assertEqual(self.run_program("zstd", "-dc", stdin=value),
                             plain)
        self.ok("put", "orjson_zstd.blt", "k", "no zstd")
        self.fails(4, "get", "--decode", "orjson_zstd.blt", "k")
