"""What the tests of dump and load share: rows that are hard to write down."""

import base64
import json

from support import Case

FORMATS = ("jsonl", "csv", "tsv", "bdb", "lmdb", "gdbm", "cdb", "resp", "raw")

# Keys and values that could be taken for something else by one format or
# another: quotes, separators, line ends, escapes, lengths, nothing at all.
ROWS = {
    b"plain": b"value",
    b"empty": b"",
    b"quote\"d,\tkey": b"a \"quoted\", value\twith\ttabs",
    b"line\nend": b"one\r\ntwo\n",
    b"->": b"+1,1:a->b\n",
    b"#:len=3": b"# End of data\n",
    b" blank": b"DATA=END",
    b"\\x41": b"\\\\ \\n",
    "sch\u00f6n".encode(): "\u65e5\u672c".encode(),
    b"{\"key\":1}": b"{\"blt\":1}",
    b"long": b"0123456789" * 1000,
}
BINARY = {bytes([0, 255]): bytes(range(256)), b"\xff": b"\x80" * 77}


class Streams(Case):
    def fill(self, rows, *options):
        """A file with these rows, loaded from JSON lines."""
        lines = [json.dumps({"key_b64": self.base64(key),
                             "value_b64": self.base64(value), "ts": 1000 + i})
                 for i, (key, value) in enumerate(rows.items())]
        self.ok("load", self.file, *options,
                stdin="\n".join(lines).encode())

    @staticmethod
    def base64(data):
        return base64.b64encode(data).decode()

    def rows(self, file=None):
        out = self.ok("list", "-0", "--values", "--key-type", "bytes",
                      file or self.file).out
        parts = out.split(b"\0")
        self.assertEqual(parts.pop(), b"")
        # Values with a NUL are read one by one elsewhere.
        return dict(zip(parts[::2], parts[1::2]))

    def values(self, file, rows):
        return {key: self.ok("get", "--key-type", "hex", file, key.hex()).out
                for key in rows}
