"""
test_faults.py - damage gets the name that docs/format.md gives it

The file of the walk-through, with a few bytes changed, is judged by
spec_check and by blt_verify. Both must name the damage; they may add what
follows from it.
"""
import os
import unittest

import spec_check
import support
from support import FILES, CompatCase, bltlib, needs_library

SLOT_0, SLOT_1 = 200, 206
B, OLD_A, A = 212, 248, 284        # blocks; the link is at +13


def pointer(off):
    return off.to_bytes(6, "little")


# fault: [(offset, bytes)], or how many bytes to keep
DAMAGES = {
    "bad-magic": [(0, b"\x00")],
    "bad-version": [(16, b"\x06")],
    "bad-field": [(18, b"\x08")],
    "truncated-index": 208,
    "wild-pointer": [(SLOT_1, pointer(213))],
    "cycle": [(A + 13, pointer(B))],
    "dead-in-chain": [(SLOT_1, pointer(OLD_A))],
    "wrong-hash": [(B + 32, b"c")],
    "wrong-bucket": [(SLOT_0, pointer(A)), (SLOT_1, pointer(B)),
                     (B + 13, pointer(1))],
    "duplicate-key": [(B + 13, pointer(OLD_A)), (OLD_A + 13, pointer(A))],
    "orphan": [(SLOT_0, pointer(A))],
    "torn-tail": 300,
    "wrong-count": [(33, b"\x03")],
}
# Faults of the header are failures of blt_open.
REFUSED = {"bad-magic": "E_NOT_BOOKLET", "bad-version": "E_VERSION",
           "bad-field": "E_CORRUPT", "truncated-index": "E_CORRUPT"}


def damaged(name, damage):
    with open(os.path.join(FILES, name + ".blt"), "rb") as file:
        data = bytearray(file.read())
    if isinstance(damage, int):
        return bytes(data[:damage])
    for off, new in damage:
        data[off:off + len(new)] = new
    return bytes(data)


class Damage(CompatCase):
    def faults_by_us(self, data):
        with open(self.path(), "wb") as file:
            file.write(data)
        with bltlib.Blt(self.path()) as db:
            report, faults = db.verify()
            self.assertEqual(report.n_faults, len(faults))
            return [kind for kind, _, _ in faults]

    def named(self, fault, data):
        kinds = [found.kind for found in spec_check.check(data)]
        self.assertIn(fault, kinds)
        if not bltlib:
            return
        if fault in REFUSED:
            with self.assertRaises(bltlib.BltError) as caught:
                self.faults_by_us(data)
            self.assertEqual(caught.exception.name, REFUSED[fault])
        else:
            self.assertIn(fault, self.faults_by_us(data))

    def test_each_damage_has_its_name(self):
        for fault, damage in DAMAGES.items():
            with self.subTest(fault=fault):
                self.named(fault, damaged("walkthrough", damage))

    def test_a_block_that_runs_into_the_index_is_an_overrun(self):
        data = damaged("variable-pruned-times", [(200 + 23, b"\xff")])
        self.named("overrun", data)

    def test_two_sound_files_have_no_faults(self):
        for name in ("walkthrough", "variable-pruned-times"):
            data = damaged(name, [])
            self.assertEqual(spec_check.check(data), [])
            if bltlib:
                self.assertEqual(self.faults_by_us(data), [])

    @needs_library
    def test_a_broken_checkpoint_is_told(self):
        data = damaged("walkthrough", [(77, b"BLTK\x01\x01")])
        self.assertIn("bad-checkpoint", self.faults_by_us(data))

    @needs_library
    def test_a_broken_record_is_told(self):
        with support.open_ours(self.path(), "n", support.TIMES,
                               n_buckets=3) as db:
            db.put(b"a", b"1")
        with open(self.path(), "rb") as file:
            data = bytearray(file.read())
        data[data.index(b"BCR1") + 64] ^= 1
        self.assertIn("bad-record", self.faults_by_us(data))


if __name__ == "__main__":
    unittest.main()
