"""
spec_reader.py - a .blt reader written from docs/format.md alone

It shares no code with libblt or booklet, so that the three can be compared.
It wants to be read next to the text: each part names its section. The whole
file is held in memory; speed is no aim. spec_check.py judges what is read here.

    python spec_reader.py FILE        the content as lines of JSON
"""
import json
import sys
from collections import namedtuple
from hashlib import blake2s

HEADER_LEN = 200
PTR_LEN = 6
EMPTY_MAX = 1                 # slots 0 and 1 are empty buckets (section 6)
DEAD, LAST = 0, 1             # links (section 8)
FILLER = 52983525027888       # six ASCII '0' (section 3)
MARKER = 0xFFFFFFFF           # section 12
RECORD_TAG = b"BLTC1" + bytes(8)    # section 16
FILLER_TAG = b"BLTF1" + bytes(8)

MAGICS = {
    bytes.fromhex("4f7e8a3fe75c4750ad430a728fe31cfe"): "variable",
    bytes.fromhex("04d3b294f2104162958d0400738c9e0a"): "fixed",
}
METADATA_KEY = b"adb01ebc1ba3433eb043527"
SLOT_KEYS = {1: b"7c40d2ea915b4f3a8e6d201", 2: b"f19a5c3d7e2b48069ab34c5"}
HIDDEN_KEYS = {METADATA_KEY, *SLOT_KEYS.values()}

Fault = namedtuple("Fault", "kind offset message")
Block = namedtuple(
    "Block", "off hash link key value timestamp value_off end")


def is_record(block):
    return block.link == DEAD and block.hash == RECORD_TAG


def is_own(block):
    """A commit record or a filler."""
    return block.link == DEAD and block.hash in (RECORD_TAG, FILLER_TAG)


class BadFile(Exception):
    """The file cannot be read; `fault` says why."""

    def __init__(self, fault):
        super().__init__("%s at %s: %s" % fault)
        self.fault = fault


def fail(kind, offset, message):
    raise BadFile(Fault(kind, offset, message))


def key_hash(key):
    return blake2s(key, digest_size=13).digest()


class Header:
    """Section 3, with the rules of sections 4, 11 and 17."""

    def __init__(self, data):
        if len(data) < HEADER_LEN or data[:16] not in MAGICS:
            fail("bad-magic", 0, "not a booklet file")

        def number(off, length):
            return int.from_bytes(data[off:off + length], "little")

        self.kind = MAGICS[data[:16]]
        self.fixed = self.kind == "fixed"
        self.version = number(16, 2)
        self.widths = tuple(data[18:21])
        self.n_buckets = number(21, 4)
        self.value_serializer = number(29, 2)
        self.key_serializer = number(31, 2)
        self.n_keys = number(33, 4)
        self.value_len = number(37, 4) if self.fixed else 0
        self.has_timestamps = (
            not self.fixed and self.version > 3 and data[41] != 0)
        self.file_timestamp = number(42, 7)
        self.uuid = data[49:65]
        self.stored_index_off = number(65, 6)
        self.stored_first_block = number(71, 6)
        index_len = PTR_LEN * self.n_buckets
        self.index_off = self.stored_index_off
        if self.index_off in (0, FILLER):
            self.index_off = HEADER_LEN
        self.index_end = self.index_off + index_len
        self.first_block = self.stored_first_block
        if self.first_block in (0, FILLER):
            self.first_block = HEADER_LEN + index_len
        self.relocated = self.index_off != HEADER_LEN
        self.ts_len = 7 if self.has_timestamps else 0
        self.head_len = 21 if self.fixed else 25
        self.stride = self.head_len + (
            self.value_len if self.fixed else self.ts_len)
        self._judge(len(data))

    def _judge(self, file_len):
        if not 3 <= self.version <= 5:
            fail("bad-version", 16, "version %d" % self.version)
        if self.widths != (6, 2, 0 if self.fixed else 4):
            fail("bad-field", 18, "widths %r" % (self.widths,))
        if self.n_buckets == 0:
            fail("bad-field", 21, "no buckets")
        if self.index_off < HEADER_LEN:
            fail("bad-field", 65, "the index lies in the header")
        if self.index_end > file_len:
            fail("truncated-index", self.index_off, "the index is cut")
        low = HEADER_LEN if self.relocated else self.index_end
        high = self.index_off if self.relocated else file_len
        if not low <= self.first_block <= high:
            fail("bad-field", 71, "the first block lies outside its region")

    def regions(self, file_len):
        """Section 2."""
        if self.relocated:
            return [(self.first_block, self.index_off),
                    (self.index_end, file_len)]
        return [(self.first_block, file_len)]


class Reader:
    def __init__(self, data):
        self.data = bytes(data)
        self.header = Header(self.data)
        self.regions = self.header.regions(len(self.data))

    @classmethod
    def open(cls, path):
        with open(path, "rb") as file:
            return cls(file.read())

    # ----------------------------------------------------------- bytes

    def pointer(self, off):
        return int.from_bytes(self.data[off:off + PTR_LEN], "little")

    def slot_off(self, bucket):
        return self.header.index_off + PTR_LEN * bucket

    def bucket_of(self, hash_):
        return int.from_bytes(hash_, "little") % self.header.n_buckets

    def block_at(self, off, region_end):
        """Section 7."""
        head = self.header
        kind = "torn-tail" if region_end == len(self.data) else "overrun"
        if off + head.head_len + head.ts_len > region_end:
            fail(kind, off, "a head passes the end of its region")
        number = int.from_bytes
        key_len = number(self.data[off + 19:off + 21], "little")
        value_len = head.value_len
        if not head.fixed:
            value_len = number(self.data[off + 21:off + 25], "little")
        key_off = off + head.head_len + head.ts_len
        value_off = key_off + key_len
        end = value_off + value_len
        if end > region_end:
            fail(kind, off, "a block passes the end of its region")
        return Block(
            off, self.data[off:off + 13], self.pointer(off + 13),
            self.data[key_off:value_off], self.data[value_off:end],
            number(self.data[key_off - head.ts_len:key_off], "little"),
            value_off, end)

    def region_end_of(self, off):
        for start, end in self.regions:
            if start <= off < end:
                return end
        fail("wild-pointer", off, "an offset outside the regions")

    # ------------------------------------------------- scan (section 9)

    def scan_region(self, start, end):
        while start < end:
            block = self.block_at(start, end)
            yield block
            start = block.end

    def scan(self):
        """All blocks, dead ones too."""
        for start, end in self.regions:
            yield from self.scan_region(start, end)

    def is_hidden(self, key):
        return not self.header.fixed and key in HIDDEN_KEYS

    def live(self):
        """Live blocks of the user's, in the order of the file."""
        return (block for block in self.scan()
                if block.link != DEAD and not self.is_hidden(block.key))

    def items(self):
        return [(block.key, block.value) for block in self.live()]

    def timestamps(self):
        return [(block.key, block.timestamp) for block in self.live()]

    def locations(self):
        return [(block.key, block.timestamp, block.value_off,
                 len(block.value)) for block in self.live()]

    def own(self):
        """Commit records and fillers (section 16)."""
        return [block for block in self.scan() if is_own(block)]

    # ---------------------------------------------- lookup (section 8)

    def chain(self, bucket):
        """The blocks of a bucket. No chain is longer than the file allows,
        so that a cycle ends."""
        off = self.pointer(self.slot_off(bucket))
        steps = len(self.data) // self.header.stride + 1
        while off > EMPTY_MAX:
            if steps == 0:
                fail("cycle", off, "a chain does not end")
            steps -= 1
            block = self.block_at(off, self.region_end_of(off))
            if block.link == DEAD:
                fail("dead-in-chain", off, "a dead block in a chain")
            yield block
            off = block.link

    def find(self, key):
        wanted = key_hash(key)
        for block in self.chain(self.bucket_of(wanted)):
            if block.hash == wanted and block.key == key:
                return block
        return None

    def get(self, key):
        block = None if self.is_hidden(key) else self.find(key)
        return block and block.value

    def metadata(self):
        return None if self.header.fixed else self.find(METADATA_KEY)

    def slot(self, number):
        return None if self.header.fixed else self.find(SLOT_KEYS[number])

    def count(self):
        """What n_keys should be: by the chains."""
        return sum(not self.is_hidden(block.key)
                   for bucket in range(self.header.n_buckets)
                   for block in self.chain(bucket))


def dump(path, out):
    """One line each: the header, the items, hidden entries, faults."""
    from spec_check import check

    def line(what, **fields):
        out.write(json.dumps({"what": what, **fields}) + "\n")

    with open(path, "rb") as file:
        data = file.read()
    faults = check(data)
    try:
        reader = Reader(data)
        line("header", **{
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in vars(reader.header).items()})
        for block in (b for b in reader.scan() if b.link != DEAD):
            line("hidden" if reader.is_hidden(block.key) else "item",
                 key=block.key.hex(), value=block.value.hex(),
                 timestamp=block.timestamp, value_off=block.value_off)
    except BadFile:
        pass                                    # check() has it already
    for fault in faults:
        line("fault", **fault._asdict())
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: spec_reader.py FILE")
    sys.exit(dump(sys.argv[1], sys.stdout))
