"""
test_write.py - we write, booklet reads and goes on writing

After each blt_close the file is judged by booklet, spec_reader and ourselves,
and must be sound by the specification.
"""
import random
import unittest

import booklet
import spec_reader
import support
from support import (
    FIXED, KINDS, NO_TIMES, TIME, TIMES, CompatCase, Model, Ours, Theirs,
    bltlib, is_fixed, needs_library, some_pairs)

METADATA = b'{"name":"rain"}'


@needs_library
class WeWrite(CompatCase):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(support.SEED)

    def life(self, kind, n_buckets, count):
        path, model = self.path(), Model(kind)
        pairs = some_pairs(self.rng, count, kind.value_len)
        what = "%s, %d buckets, " % (kind.name, n_buckets)

        def step(name, change, tool=Ours, flag="w", **more):
            writer = tool(path, flag, kind, **more)
            change(writer)
            writer.close()
            self.judge(path, kind, model, what + name)

        def put(pairs, at):
            def change(writer):
                for i, (key, value) in enumerate(pairs):
                    writer.put(key, value, at + i)
                    model.put(key, value, at + i)
            return change

        def delete(keys):
            def change(writer):
                for key in keys:
                    self.assertTrue(writer.delete(key))
                    self.assertFalse(writer.delete(key))
                    del model.keys[key]
            return change

        def hide(writer):
            for number, data in enumerate((METADATA, b"\x00one", b"")):
                writer.hide(number, data, TIME + number)
                model.hide(number, data, TIME + number)

        def clear(writer):
            writer.clear()
            model.clear()

        def reversed_of(pairs):
            return [(key, value[::-1]) for key, value in pairs]

        step("created", lambda writer: None, flag="n", n_buckets=n_buckets)
        step("filled", put(pairs, TIME))
        step("overwritten", put(reversed_of(pairs[::3]), TIME + 1000))
        step("deleted", delete([key for key, _ in pairs[1::4]]))
        if not is_fixed(kind):
            step("hidden", hide)
        step("overwritten by booklet",
             put(reversed_of(pairs[::2]), TIME + 2000), Theirs)
        step("deleted by booklet",
             delete([key for key, _ in pairs[::4]]), Theirs)
        step("filled by us", put(pairs[1::4], TIME + 3000))
        step("pruned", lambda writer: writer.prune())
        step("filled by booklet after a prune",
             put(pairs[:7], TIME + 4000), Theirs)
        step("reindexed", lambda writer: writer.db.reindex(n_buckets + 5))
        step("overwritten by booklet after a reindex",
             put(reversed_of(pairs[1:9]), TIME + 5000), Theirs)
        step("pruned by booklet", lambda writer: writer.prune(), Theirs)
        step("overwritten after booklet's prune",
             put(pairs[2:6], TIME + 6000))
        step("cleared", clear)
        step("filled by booklet after a clear",
             put(pairs[:5], TIME + 7000), Theirs)
        step("deleted to nothing", delete([key for key, _ in pairs[:5]]))
        step("pruned to nothing", lambda writer: writer.prune())
        step("filled from nothing", put(pairs[:5], TIME + 8000), Theirs)

    def test_small_indexes_are_written_alike(self):
        for kind in KINDS:
            for n_buckets in (1, 2, 3, 7):
                with self.subTest(kind=kind.name, n_buckets=n_buckets):
                    self.life(kind, n_buckets, 30)

    def test_the_default_index_is_written_alike(self):
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                self.life(kind, 12007, 60)

    def test_growth_goes_to_the_number_booklet_takes(self):
        for kind in KINDS:
            with self.subTest(kind=kind.name):
                path, model = self.path(), Model(kind)
                pairs = some_pairs(self.rng, 60, kind.value_len)
                with support.open_ours(path, "n", kind, n_buckets=40,
                                       grow=True) as db:
                    for key, value in pairs:
                        db.put_at(key, value, TIME)
                        model.put(key, value, TIME)
                self.judge(path, kind, model, "grown")
                header = spec_reader.Reader.open(path).header
                self.assertEqual(header.n_buckets, 12007)

    def test_the_growth_chain_starts_like_booklets(self):
        buckets_for = bltlib.LIB.blt_buckets_for
        for size in (12007, 144013, 1728017, 20736017):
            self.assertEqual(buckets_for(size), size)
            self.assertEqual(buckets_for(size - 1), size)
            self.assertGreater(buckets_for(size + 1), size)
        self.assertEqual(buckets_for(0), 12007)

    def test_a_growing_store_of_booklet_sees_our_layout(self):
        """We prune, booklet reindexes: the index it covers is ours."""
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                path, model = self.path(), Model(kind)
                pairs = some_pairs(self.rng, 80, kind.value_len)
                writer = Ours(path, "n", kind, n_buckets=40)
                for key, value in pairs[:35]:
                    writer.put(key, value, TIME)
                    model.put(key, value, TIME)
                writer.prune()
                writer.close()
                writer = Theirs(path, "w", kind, grow=True)
                for key, value in pairs:
                    writer.put(key, value, TIME + 1)
                    model.put(key, value, TIME + 1)
                writer.close()
                self.judge(path, kind, model, "booklet grew it")
                writer = Ours(path, "w", kind)
                writer.put(pairs[0][0], pairs[0][1][::-1], TIME + 2)
                model.put(pairs[0][0], pairs[0][1][::-1], TIME + 2)
                writer.close()
                self.judge(path, kind, model, "and we went on")

    def test_a_store_that_booklet_cleared_and_filled_is_no_damage(self):
        """The layout is as it was and the file longer than our last commit,
        but no block begins where that commit ended."""
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                path, model = self.path(), Model(kind)
                writer = Ours(path, "n", kind, n_buckets=7)
                writer.put(b"ours", b"1234", TIME)
                writer.close()
                writer = Theirs(path, "w", kind)
                writer.clear()
                for i in range(20):
                    writer.put(b"key %d" % i, b"5678", TIME)
                    model.put(b"key %d" % i, b"5678", TIME)
                writer.close()
                with bltlib.Blt(path, "w") as db:
                    self.assertEqual(
                        bltlib.OPENED[db.open_report().what], "foreign")
                self.judge(path, kind, model, "cleared by booklet")

    def test_batches_leave_what_was_committed(self):
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                path, model = self.path(), Model(kind)
                pairs = some_pairs(self.rng, 30, kind.value_len)
                with support.open_ours(path, "n", kind, n_buckets=7) as db:
                    for start in range(0, 30, 5):
                        db.batch_begin()
                        for key, value in pairs[start:start + 5]:
                            db.put_at(key, value, TIME)
                        if start % 10:
                            db.batch_abort()
                            continue
                        db.batch_commit()
                        for key, value in pairs[start:start + 5]:
                            model.put(key, value, TIME)
                self.judge(path, kind, model, "batches")

    def test_many_at_once_is_one_by_one(self):
        path, model = self.path(), Model(NO_TIMES)
        pairs = some_pairs(self.rng, 50, None)
        with support.open_ours(path, "n", NO_TIMES, n_buckets=7) as db:
            db.put_many(pairs)
            keys = [key for key, _ in pairs]
            self.assertEqual(db.get_many(keys), [v for _, v in pairs])
            self.assertEqual(db.delete_many(keys[:9] + [b"no such"]), 9)
        for key, value in pairs[9:]:
            model.put(key, value, 0)
        self.judge(path, NO_TIMES, model, "many")

    def test_a_new_header_is_booklets(self):
        """Byte for byte, but for uuid, file time and unused bytes."""
        for kind in KINDS:
            with self.subTest(kind=kind.name):
                support.open_ours(self.path("a.blt"), "n", kind,
                                  n_buckets=7).close()
                support.open_booklet(self.path("b.blt"), "n", kind,
                                     n_buckets=7).close()
                ours, theirs = (
                    open(self.path(name), "rb").read()
                    for name in ("a.blt", "b.blt"))
                self.assertEqual(ours[:42], theirs[:42])
                self.assertEqual(ours[200:], theirs[200:])
                self.assertEqual(ours[49 + 6] >> 4, theirs[49 + 6] >> 4)
                self.assertEqual(ours[49 + 8] >> 6, theirs[49 + 8] >> 6)

    def test_serializer_codes_are_taken_by_booklet(self):
        for name, code in booklet.serializers.serial_name_dict.items():
            with support.open_ours(
                    self.path(), "n", TIMES, n_buckets=3,
                    key_serializer=code, value_serializer=code):
                pass
            with booklet.open(self.path()) as store:
                known = booklet.serializers.serial_int_dict[code]
                self.assertIs(store._key_serializer, known)
                self.assertIs(store._value_serializer, known)

    def test_the_clock_stamps_what_has_no_timestamp(self):
        with support.open_ours(self.path(), "n", TIMES, n_buckets=3,
                               clock=lambda: TIME + 7) as db:
            db.put(b"a", b"1")
            db.put_at(b"b", b"2", bltlib.NOW)
            db.set_metadata(b"{}")
        with booklet.open(self.path()) as store:
            self.assertEqual(list(store.timestamps()),
                             [(b"a", TIME + 7), (b"b", TIME + 7)])
            self.assertEqual(store.get_metadata(True), ({}, TIME + 7))

    def test_file_timestamp_is_booklets(self):
        with support.open_ours(self.path(), "n", TIMES, n_buckets=3) as db:
            db.set_file_timestamp(TIME)
        with booklet.open(self.path(), "w") as store:
            self.assertEqual(store._file_timestamp, TIME)
            store._set_file_timestamp(TIME + 1)
        with bltlib.Blt(self.path()) as db:
            self.assertEqual(db.file_timestamp(), TIME + 1)

    def test_a_store_in_memory_is_a_file(self):
        for kind in (TIMES, FIXED[2]):
            more = {"kind": bltlib.VARIABLE}
            if is_fixed(kind):
                more = {"kind": bltlib.FIXED, "fixed_value_len": 4}
            model = Model(kind)
            with bltlib.Blt(mode="n", n_buckets=7, **more) as db:
                for i in range(20):
                    db.put_at(b"%d" % i, b"%04d" % i, TIME)
                    model.put(b"%d" % i, b"%04d" % i, TIME)
                db.sync()
                image = db.image()
            with open(self.path(), "wb") as file:
                file.write(image)
            # Not closed, so the crash marker may stand: booklet opens it
            # for writing, and so do we.
            with support.open_booklet(self.path(), "w", kind) as store:
                self.assertEqual(sorted(store.items()), sorted(
                    (key, value) for key, (value, _) in model.keys.items()))


if __name__ == "__main__":
    unittest.main()
