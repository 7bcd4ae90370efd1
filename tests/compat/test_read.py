"""
test_read.py - booklet writes, we read

Each test takes one file through booklet's operations and has it judged by
three readers after every one.
"""
import random
import unittest

import booklet
import spec_reader
import support
from support import (
    FIXED, KINDS, NO_TIMES, TIME, TIMES, CompatCase, Model, Theirs,
    is_fixed, needs_library, some_pairs)

METADATA = b'{"a":[1,null,"x"],"b":{"c":-1.5}}'


class BookletWrites(CompatCase):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(support.SEED)

    def life(self, kind, n_buckets, count):
        """put, overwrite, delete, hide, prune, prune by age, clear, put"""
        path, model = self.path(), Model(kind)
        pairs = some_pairs(self.rng, count, kind.value_len)
        more = {"n_buckets": n_buckets, "buffer_size": 1 << 17}
        what = "%s, %d buckets, " % (kind.name, n_buckets)

        def step(name, change, flag="w", **options):
            writer = Theirs(path, flag, kind, **options)
            change(writer)
            writer.close()
            self.judge(path, kind, model, what + name)

        def put(pairs, at):
            def change(writer):
                for i, (key, value) in enumerate(pairs):
                    writer.put(key, value, at + i)
                    model.put(key, value, at + i)
            return change

        def delete(writer):
            for key, _ in pairs[1::4]:
                self.assertTrue(writer.delete(key))
                del model.keys[key]

        def hide(writer):
            for number, data in enumerate((METADATA, b"\x00one", b"")):
                writer.hide(number, data, TIME + number)
                model.hide(number, data, TIME + number)

        def prune_old(writer):
            keep = [pairs[0][0], pairs[2][0]]
            writer.prune(TIME + 12, keep)
            for key, (_, at) in list(model.keys.items()):
                if at < TIME + 12 and key not in keep:
                    del model.keys[key]

        def clear(writer):
            writer.clear()
            model.clear()

        step("created", lambda writer: None, "n", **more)
        step("filled", put(pairs, TIME))
        step("overwritten", put(
            [(key, value[::-1]) for key, value in pairs[::3]], TIME + 1000))
        step("deleted", delete)
        if not is_fixed(kind):
            step("hidden", hide)
            step("hidden again", hide)
        step("pruned", lambda writer: writer.prune())
        step("filled after a prune", put(pairs[:7], TIME + 2000))
        if kind.times:
            step("pruned by age", prune_old)
        step("cleared", clear)
        step("filled after a clear", put(pairs[3:9], TIME + 3000))
        for key in list(model.keys):
            step("one less", lambda writer: writer.delete(key)
                 and model.keys.pop(key))
        step("pruned to nothing", lambda writer: writer.prune())

    def test_small_indexes_are_read_alike(self):
        for kind in KINDS:
            for n_buckets in (1, 2, 3, 7):
                with self.subTest(kind=kind.name, n_buckets=n_buckets):
                    self.life(kind, n_buckets, 30)

    def test_the_default_index_is_read_alike(self):
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                self.life(kind, 12007, 60)

    def test_a_reindexed_file_is_read_alike(self):
        for kind in KINDS:
            for n_buckets in (2, 40):
                with self.subTest(kind=kind.name, n_buckets=n_buckets):
                    self.reindex(kind, n_buckets)

    def reindex(self, kind, n_buckets):
        path, model = self.path(), Model(kind)
        pairs = some_pairs(self.rng, n_buckets + 20, kind.value_len)
        for flag, part in (("n", pairs[:n_buckets]), ("w", pairs)):
            more = {"n_buckets": n_buckets} if flag == "n" else {}
            writer = Theirs(path, flag, kind, grow=True, **more)
            for i, (key, value) in enumerate(part):
                writer.put(key, value, TIME + i)
                model.put(key, value, TIME + i)
            writer.close()
            self.judge(path, kind, model, kind.name + " reindexed")
        header = spec_reader.Reader.open(path).header
        self.assertEqual(header.n_buckets, 12007)
        self.assertTrue(header.relocated)

    def test_a_covered_index_is_passed_over(self):
        """Pruned, then reindexed: the old index becomes a dead block."""
        for kind in (TIMES, NO_TIMES, FIXED[2]):
            with self.subTest(kind=kind.name):
                path, model = self.path(), Model(kind)
                pairs = some_pairs(self.rng, 80, kind.value_len)
                writer = Theirs(path, "n", kind, n_buckets=40)
                for key, value in pairs[:30]:
                    writer.put(key, value, TIME)
                    model.put(key, value, TIME)
                writer.prune()
                writer.close()
                writer = Theirs(path, "w", kind, grow=True)
                for key, value in pairs:
                    writer.put(key, value, TIME)
                    model.put(key, value, TIME)
                writer.close()
                self.judge(path, kind, model, "covered index")

    @needs_library
    def test_serializers_are_told_and_values_are_raw(self):
        import bltlib
        lib = bltlib.LIB
        content = {"str": "räin", "json": {"a": [1]}, "orjson": [None, 2.5],
                   "pickle": (1, b"x"), "uint1": 255, "int1": -128,
                   "uint2": 65535, "int2": -2, "uint4": 2**32 - 1,
                   "int4": -5, "uint5": 2**40 - 1, "int5": -2**39,
                   "uint8": 2**64 - 1, "int8": -1, "bytes": b"\x00",
                   None: b"raw"}
        for name, value in content.items():
            key_name = name if name not in ("json", "orjson") else "str"
            key = value if key_name == name else "k"
            with self.subTest(serializer=name):
                with booklet.open(self.path(), "n", key_name, name,
                                  n_buckets=3) as store:
                    store[key] = value
                    raw = (store._pre_key(key), store._pre_value(value))
                self.judge(self.path(), TIMES)
                with bltlib.Blt(self.path()) as db:
                    self.assertEqual(db.items(), [raw])
                    code = db.header_info().value_serializer
                    known = lib.blt_serializer_name(code).decode().lower()
                    self.assertEqual(known, str(name).lower())
                    self.assertEqual(lib.blt_serializer_code(
                        lib.blt_serializer_name(code)), code)

    @needs_library
    def test_every_serializer_code_has_the_name_booklet_uses(self):
        import bltlib
        names = booklet.serializers.serial_name_dict
        for name, code in names.items():
            told = bltlib.LIB.blt_serializer_name(code)
            self.assertEqual(told.decode().lower(), str(name).lower())
        self.assertIsNone(bltlib.LIB.blt_serializer_name(len(names) + 1))

    @needs_library
    def test_init_bytes_of_one_of_our_files_make_a_sound_file(self):
        import bltlib
        with support.open_ours(self.path("donor.blt"), "n", TIMES,
                               n_buckets=5) as db:
            for i in range(20):
                db.put(b"%d" % i, b"x")
            db.prune()
        with open(self.path("donor.blt"), "rb") as file:
            donor = file.read(200)
        model = Model(TIMES)
        writer = Theirs(self.path(), "n", TIMES, init_bytes=donor)
        writer.put(b"a", b"1", TIME)
        model.put(b"a", b"1", TIME)
        writer.close()
        self.judge(self.path(), TIMES, model, "init_bytes")
        with bltlib.Blt(self.path(), "w") as db:
            self.assertIn(bltlib.OPENED[db.open_report().what],
                          ("clean", "foreign"))
            db.put_at(b"b", b"2", TIME)
            model.put(b"b", b"2", TIME)
        self.judge(self.path(), TIMES, model, "init_bytes, then ours")


if __name__ == "__main__":
    unittest.main()
