"""
test_files.py - stored files of several booklet versions

files/NAME.json says what files/NAME.blt holds; make_files.py made both. Each
is read by spec_reader and by libblt; what libblt can change is changed in a
copy and judged again.
"""
import json
import os
import re
import shutil
import unittest

import spec_check
import spec_reader
import support
from support import (
    FILES, TIME, CompatCase, Kind, Model, Ours, bltlib, needs_library)

NAMES = sorted(name[:-4] for name in os.listdir(FILES)
               if name.endswith(".blt"))


class StoredFile:
    def __init__(self, name):
        self.name = name
        self.path = os.path.join(FILES, name + ".blt")
        with open(os.path.join(FILES, name + ".json")) as file:
            self.note = json.load(file)
        self.fixed = self.note["header"]["fixed"]
        self.kind = Kind(name, self.note["has_timestamps"],
                         self.note["header"]["value_len"]
                         if self.fixed else None)
        self.items = [(bytes.fromhex(key), bytes.fromhex(value))
                      for key, value, _, _ in self.note["items"]]
        self.times = [item[2] for item in self.note["items"]]
        self.places = [item[3] for item in self.note["items"]]
        self.lost = {bytes.fromhex(key) for key in self.note["lost"]}
        self.hidden = {}
        if self.note["metadata"]:
            self.hidden[0] = self.note["metadata"]
        for number, entry in self.note["slots"].items():
            self.hidden[int(number)] = entry
        self.hidden = {number: (bytes.fromhex(data), at)
                       for number, (data, at) in self.hidden.items()}

    def data(self):
        with open(self.path, "rb") as file:
            return file.read()

    def model(self):
        model = Model(self.kind)
        for (key, value), at in zip(self.items, self.times):
            model.put(key, value, at)
        model.hidden = dict(self.hidden)
        return model


class StoredFiles(CompatCase):
    def each(self, judge):
        self.assertGreater(len(NAMES), 30)
        for name in NAMES:
            with self.subTest(file=name):
                judge(StoredFile(name))

    def test_spec_reader_reads_what_the_notes_say(self):
        self.each(self.read_by_spec)

    def read_by_spec(self, stored):
        reader = spec_reader.Reader(stored.data())
        for (key, value), at in zip(stored.items, stored.times):
            if key in stored.lost:
                self.assertIsNone(reader.get(key))
                continue
            self.assertEqual(reader.get(key), value)
            self.assertEqual(reader.find(key).timestamp, at)
        header = vars(reader.header)
        for name, value in stored.note["header"].items():
            if name in header:
                told = header[name]
                self.assertEqual(told.hex() if name == "uuid" else told,
                                 value, name)
        self.assertEqual(reader.count(), len(stored.items) - len(stored.lost))
        faults = spec_check.check(stored.data())
        if stored.note["sound"]:
            self.assertEqual(faults, [])
            self.assertEqual(reader.items(), stored.items)
            for (*_, off, _), place in zip(reader.locations(), stored.places):
                self.assertIn(place, (None, off))
        elif "faults" in stored.note:
            self.assertEqual([fault.kind for fault in faults],
                             stored.note["faults"])
        else:
            self.assertNotEqual(faults, [])

    @needs_library
    def test_we_read_what_the_notes_say(self):
        self.each(self.read_by_us)

    def read_by_us(self, stored):
        if stored.note.get("faults") == ["unclean"]:
            return
        with bltlib.Blt(stored.path) as db:
            self.same(db.get_many([key for key, _ in stored.items]),
                      [None if key in stored.lost else value
                       for key, value in stored.items], "get_many")
            self.assertEqual(len(db), stored.note["n_keys"])
            if stored.kind.times:
                self.same([db.timestamp(key) for key, _ in stored.items],
                          stored.times, "timestamps")
            self.compare_header(db.header_info(), stored)
            _, faults = db.verify()
            self.assertEqual(faults == [], stored.note["sound"], faults)
        if stored.note["sound"]:
            view = support.view_by_ours(stored.path, stored.kind)
            self.same(view.items, stored.items, "items")
            for place, wanted in zip(view.places, stored.places):
                self.assertIn(wanted, (None, place[1]))
            hidden = dict(view.slots)
            if view.metadata is not None:
                hidden[0] = view.metadata
            self.same(hidden, stored.hidden, "hidden entries")

    def compare_header(self, told, stored):
        note = stored.note["header"]
        reader = spec_reader.Reader(stored.data()).header
        self.assertEqual(told.kind, 2 if note["fixed"] else 1)
        self.assertEqual(bool(told.has_timestamps), stored.kind.times)
        self.assertEqual(bytes(told.uuid).hex(), note["uuid"])
        self.assertEqual(told.index_off, reader.index_off)
        self.assertEqual(told.first_block_off, reader.first_block)
        self.assertEqual(told.stored_first_block_off,
                         note["stored_first_block"])
        self.assertEqual(bytes(told.bytes), stored.data()[:200])
        self.assertEqual(told.has_checkpoint, 0)
        for name in ("version", "n_buckets", "value_len", "key_serializer",
                     "value_serializer", "n_keys", "file_timestamp",
                     "stored_index_off", "file_len"):
            if name != "value_len" or note["fixed"]:
                self.assertEqual(getattr(told, name), note[name], name)

    @needs_library
    def test_a_reader_changes_no_byte(self):
        self.each(self.read_a_copy)

    def read_a_copy(self, stored):
        path = self.path()
        shutil.copy(stored.path, path)
        if stored.note.get("faults") == ["unclean"]:
            return
        with bltlib.Blt(path) as db:
            if stored.note["sound"]:
                list(db.iterate())
            db.verify()
        with open(path, "rb") as file:
            self.assertEqual(file.read(), stored.data())

    @needs_library
    def test_we_change_each_and_booklet_reads_on(self):
        self.each(self.change)

    def change(self, stored):
        if not stored.note["sound"]:
            return
        path, model = self.path(), stored.model()
        shutil.copy(stored.path, path)
        value = b"v" * (stored.kind.value_len or 0)
        for change in ("put", "prune", "overwrite"):
            writer = Ours(path, "w", stored.kind)
            if change == "prune":
                writer.prune()
            else:
                writer.put(b"\x00\x01", value, TIME)
                model.put(b"\x00\x01", value, TIME)
            writer.close()
            if not stored.name.startswith("serial-"):
                self.judge(path, stored.kind, model, change)
            else:
                self.assertEqual(support.faults_by_spec(path), [])

    @needs_library
    def test_an_unclean_file_is_repaired_by_a_writer(self):
        stored = StoredFile("variable-unclean")
        path = self.path()
        shutil.copy(stored.path, path)
        with bltlib.Blt(path, "w", auto_reindex=False):
            pass
        self.judge(path, stored.kind, stored.model(), "repaired")

    def test_the_walk_through_of_the_specification_is_the_file(self):
        docs = os.path.join(os.path.dirname(FILES), "..", "..", "docs")
        with open(os.path.join(docs, "format.md")) as file:
            section = file.read().split("## 19.")[1].split("```")[1]
        data = b""
        for off, text in re.findall(
                r"@(\d+) +(00 \* 123|(?:[0-9a-f]{2} )+)", section):
            self.assertEqual(int(off), len(data))
            data += (bytes(123) if "*" in text
                     else bytes.fromhex(text))
        with open(os.path.join(FILES, "walkthrough.blt"), "rb") as file:
            self.assertEqual(data, file.read())


if __name__ == "__main__":
    unittest.main()
