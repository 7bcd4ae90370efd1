"""The program on a file system of another machine, as the system tells it."""

import os
import unittest

from support import Case

NFS, SMB, FUSE = "0x6969", "0xfe534d42", "0x65735546"


@unittest.skipUnless(os.environ.get("BLT_FAKE_STATFS"),
                     "BLT_FAKE_STATFS is not set")
class Network(Case):
    def setUp(self):
        super().setUp()
        self.f_type = "0"
        self.create()
        self.put("k", b"v")
        self.f_type = NFS

    def environment(self, **changes):
        return super().environment(
            LD_PRELOAD=os.environ["BLT_FAKE_STATFS"],
            BLT_FAKE_F_TYPE=self.f_type, **changes)

    def test_reading_is_as_anywhere(self):
        self.assertEqual(self.ok("get", self.file, "k").out, b"v")
        self.ok("verify", self.file)

    def test_writing_is_refused_and_tells_why_and_what_to_do(self):
        before = self.read("rain.blt")
        for command in (["put", self.file, "k", "w"], ["del", self.file, "k"],
                        ["prune", self.file], ["repair", "-y", self.file]):
            result = self.fails(3, *command)
            for word in (b"NFS", b"lock", b"local disk", b"--network"):
                self.assertIn(word, result.err)
            self.assertNotIn(b"options.", result.err)
        self.assertEqual(self.read("rain.blt"), before)

    def test_the_code_of_the_failure_is_network(self):
        self.f_type = SMB
        error = self.fails(3, "-j", "put", self.file, "k", "w").error
        self.assertEqual(error["code"], "network")
        self.assertIn("SMB", error["message"])

    def test_a_file_is_not_made_there_and_nothing_is_left(self):
        self.fails(3, "create", self.path("new.blt"))
        self.fails(3, "repair", self.file, "-o", self.path("new.blt"))
        self.assertEqual(os.listdir(self.folder), ["rain.blt"])

    def test_with_network_it_is_written(self):
        self.ok("put", "--network", self.file, "k", "w")
        self.ok("repair", "--network", "-y", self.file)
        self.ok("create", "--network", self.path("new.blt"))
        self.assertEqual(self.ok("get", self.file, "k").out, b"w")

    def test_fuse_is_written_without_more_words(self):
        self.f_type = FUSE
        self.ok("put", self.file, "k", "w")
        self.assertEqual(self.ok("get", self.file, "k").out, b"w")
