"""
test_binding.py - bltlib.py has the layouts of blt.h

A small C program prints where the compiler puts each field.
"""
import ctypes
import os
import shutil
import subprocess
import unittest

import support
from support import TIMES, CompatCase, bltlib, needs_library

INCLUDE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "..", "..", "include")
CC = os.environ.get("CC", "cc")


@needs_library
class Binding(CompatCase):
    @unittest.skipUnless(shutil.which(CC.split()[0]), "no C compiler")
    def test_structures_are_laid_out_as_in_the_header(self):
        wanted = []
        lines = ["#include <blt.h>", "#include <stdio.h>", "int main(void){"]
        show = 'printf("%%s %%zu\\n", "%s", %s);'
        for name, struct in bltlib.STRUCTS.items():
            lines.append(show % (name, "sizeof(struct %s)" % name))
            wanted.append("%s %d" % (name, ctypes.sizeof(struct)))
            for field, *_ in struct._fields_:
                lines.append(show % (
                    field, "offsetof(struct %s, %s)" % (name, field)))
                wanted.append("%s %d" % (
                    field, getattr(struct, field).offset))
        source, program = self.path("layout.c"), self.path("layout")
        with open(source, "w") as file:
            file.write("\n".join(lines + ["return 0;}", ""]))
        subprocess.run(CC.split() + ["-I", INCLUDE, source, "-o", program],
                       check=True)
        told = subprocess.run([program], check=True, capture_output=True)
        self.assertEqual(told.stdout.decode().split("\n")[:-1], wanted)

    def test_failures_have_a_sentence(self):
        with self.assertRaises(bltlib.BltError) as caught:
            bltlib.Blt(self.path("missing.blt"))
        self.assertEqual(caught.exception.name, "E_NO_FILE")
        self.assertIn("missing.blt", caught.exception.message)
        support.open_ours(self.path(), "n", TIMES, n_buckets=2).close()
        with bltlib.Blt(self.path()) as db:
            with self.assertRaises(bltlib.BltError) as caught:
                db.put(b"a", b"b")
            self.assertEqual(caught.exception.name, "E_READ_ONLY")
            self.assertEqual(caught.exception.reported,
                             caught.exception.status)

    def test_the_rest_of_the_calls_do_what_they_say(self):
        with support.open_ours(self.path(), "n", TIMES, n_buckets=2) as db:
            db.put_at(b"a", b"one", 5)
            self.assertEqual(db.get_into(b"a", 8), b"one")
            self.assertIsNone(db.get_into(b"b", 8))
            with self.assertRaises(bltlib.BltError) as caught:
                db.get_into(b"a", 2)
            self.assertEqual(caught.exception.name, "E_TOO_BIG")
            db.put_at(b"a", b"two", 6)
            db.delete(b"no such key")
            self.assertEqual(bltlib.OPENED[db.open_report().what], "created")
            db.sync()
            stats = db.stat()
            self.assertEqual(stats.n_keys, 1)
            self.assertEqual(stats.live_len + stats.dead_len
                             + stats.index_len + stats.other_len,
                             stats.file_len)
            db.prune(fit=True)
            self.assertEqual(db.items(), [(b"a", b"two")])


if __name__ == "__main__":
    unittest.main()
