"""
spec_check.py - the faults of a .blt file, after docs/format.md section 18

The twin of `blt verify`, built on spec_reader. Faults of checkpoints and the
hashes of commit records are left out: XXH3 is not in Python's library.
"""
from spec_reader import (
    DEAD, EMPTY_MAX, MARKER, BadFile, Fault, Reader, is_record, key_hash)


def check_record(reader, block):
    head = reader.header
    start = block.off + head.head_len + (0 if head.fixed else head.ts_len + 1)
    payload = reader.data[start:block.end]

    def number(off, length):
        return int.from_bytes(payload[off:off + length], "little")

    used = 94 + 18 * number(56, 4) + 12 * number(60, 4) + 8
    length = block.end - block.off
    if (payload[:4] != b"BCR1" or number(24, 6) != block.off
            or number(44, 4) != length or used > len(payload)
            or (length + number(36, 8)) % head.stride):
        yield Fault("bad-record", block.off, "a commit record is damaged")


def check_blocks(reader, blocks, faults):
    """The scan. Fills blocks: offset -> block."""
    for start, end in reader.regions:
        try:
            for block in reader.scan_region(start, end):
                blocks[block.off] = block
                if block.link != DEAD and block.hash != key_hash(block.key):
                    faults.append(Fault(
                        "wrong-hash", block.off, "the hash is another key's"))
                if is_record(block):
                    faults.extend(check_record(reader, block))
        except BadFile as error:
            faults.append(error.fault)


def check_chain(reader, bucket, blocks, reached, faults):
    keys, seen = set(), set()
    at = reader.slot_off(bucket)
    off = reader.pointer(at)
    while off > EMPTY_MAX:
        block = blocks.get(off)
        if block is None:
            return faults.append(Fault("wild-pointer", at, "no block there"))
        if off in seen:
            return faults.append(Fault("cycle", at, "the chain returns"))
        if block.link == DEAD:
            return faults.append(Fault("dead-in-chain", off, "a dead block"))
        seen.add(off)
        reached.add(off)
        if reader.bucket_of(block.hash) != bucket:
            faults.append(Fault("wrong-bucket", off, "of another bucket"))
        if block.key in keys:
            faults.append(Fault("duplicate-key", off, "twice in a chain"))
        keys.add(block.key)
        at, off = off + 13, block.link


def check(data):
    """All faults of a file given as bytes, except those of checkpoints."""
    faults = []
    try:
        reader = Reader(data)
    except BadFile as error:
        return [error.fault]
    blocks, reached = {}, set()
    check_blocks(reader, blocks, faults)
    for bucket in range(reader.header.n_buckets):
        check_chain(reader, bucket, blocks, reached, faults)
    for off, block in blocks.items():
        if block.link != DEAD and off not in reached:
            faults.append(Fault("orphan", off, "no chain leads here"))
    n_keys = sum(not reader.is_hidden(blocks[off].key) for off in reached)
    if reader.header.n_keys == MARKER:
        faults.append(Fault("unclean", 33, "the crash marker is set"))
    elif reader.header.n_keys != n_keys:
        faults.append(Fault("wrong-count", 33, "there are %d keys" % n_keys))
    return faults
