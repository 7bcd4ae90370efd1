"""The programs of examples/ do what their first lines say."""

import csv
import json
import random
import re
import signal

from support import BUILD, Case

EXAMPLES = BUILD / "examples"
WORDS = [f"word-{i:05d}" for i in range(5000)]


class Example(Case):
    def example(self, name, *arguments, **options):
        return self.run_it(EXAMPLES / name, *arguments, **options)

    def content(self, file):
        """What the command says is in a store: text -> text."""
        blt = BUILD / "tools" / "blt"
        if not blt.exists():
            self.skipTest("the command is not built")
        rows = self.run_it(blt, "list", "--json", "--values", file)
        return {row["key"]: row["value"]
                for row in map(json.loads, rows.splitlines())}

    def load_words(self, *arguments, code=0):
        path = self.write("words.txt", "".join(f"{w}\n" for w in WORDS))
        with open(path, encoding="utf-8") as words:
            return self.example("load_words", "words.blt", *arguments,
                                stdin=words, code=code)


class Single(Example):
    def test_first_puts_a_value_and_gets_it(self):
        self.assertEqual(self.example("first"), '{"mm": 3.2}\n')

    def test_find_words_finds_what_load_words_stored(self):
        self.assertEqual(self.load_words(), "stored 5000 words\n")
        with open(self.folder / "words.txt", encoding="utf-8") as words:
            self.assertEqual(
                self.example("find_words", "words.blt", stdin=words),
                "found 5000 of 5000 words\n")

    def test_iterate_sees_each_key_once_and_in_order(self):
        self.load_words()
        lines = self.example("iterate", "words.blt").splitlines()
        self.assertEqual([line.split()[-1] for line in lines], WORDS)
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ +4  w")

    def test_iterate_sums_up_what_begins_with_a_prefix(self):
        self.load_words()
        self.assertEqual(  # "1 10" to "9 10", then "10 10"
            self.example("iterate", "words.blt", "word-0000"),
            "10 keys, 41 bytes of values\n")

    def test_threads_read_all_keys_and_agree(self):
        self.load_words()
        for n in 1, 3, 8:
            self.assertRegex(
                self.example("threads", "words.blt", n),
                rf"^{n} threads read 5000 keys, \d+ bytes of values\n$")


class Batches(Example):
    def test_a_kill_between_two_puts_leaves_the_sum(self):
        self.example("transfer", "bank.blt", "open", 50, 1000)
        self.example("transfer", "bank.blt", "move", 3000)
        self.example("transfer", "bank.blt", "move", 100, 77,
                     code=-signal.SIGKILL)
        self.assertEqual(self.example("transfer", "bank.blt", "sum"),
                         "50000\n")

    def test_transfers_move_something(self):
        self.example("transfer", "bank.blt", "open", 3, 10)
        before = (self.folder / "bank.blt").read_bytes()
        self.example("transfer", "bank.blt", "move", 1)
        self.assertNotEqual((self.folder / "bank.blt").read_bytes(), before)


class Pruning(Example):
    def test_prune_says_how_far_it_is_and_drops_what_is_dead(self):
        self.example("transfer", "bank.blt", "open", 20000, 7)
        self.example("transfer", "bank.blt", "move", 20000)
        # Two of them take from the account to which they give.
        told = self.example("prune", "bank.blt")
        percents = [int(n) for n in re.findall(r"(\d+) %", told)]
        self.assertGreater(len(percents), 2)
        self.assertEqual(percents, sorted(percents))
        self.assertRegex(told, r"dropped 39998 blocks; 20000 keys are left")
        self.assertEqual(self.example("transfer", "bank.blt", "sum"),
                         "140000\n")

    def test_prune_drops_old_keys(self):
        self.load_words()
        self.assertIn("5000 keys are left",
                      self.example("prune", "words.blt", 1))


class Tables(Example):
    def load(self, text, *arguments, code=0):
        with open(self.write("rows.csv", text), encoding="utf-8") as rows:
            return self.example("load_csv", "rows.blt", *arguments,
                                stdin=rows, code=code)

    def test_load_csv_agrees_with_pythons_csv_reader(self):
        chance = random.Random(1)
        cells = ["", "plain", "a, b", 'say "so"', "two\nlines", "ö", "\\", "7"]
        path = self.folder / "made.csv"
        with open(path, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "name", "a note"])
            for i in range(500):
                writer.writerow([f"row {i}", *chance.choices(cells, k=2)])
        with open(path, encoding="utf-8") as rows:
            self.assertEqual(
                self.example("load_csv", "rows.blt", "id", stdin=rows),
                "stored 500 rows\n")
        with open(path, encoding="utf-8", newline="") as rows:
            expected = {row.pop("id"): row for row in csv.DictReader(rows)}
        found = {key: json.loads(value)
                 for key, value in self.content("rows.blt").items()}
        self.assertEqual(found, expected)

    def test_load_csv_names_the_row_that_does_not_fit(self):
        self.assertEqual(self.load("a,b\n1,2\n3\n", "a", code=1),
                         "load_csv: row 3 has 1 cell, not 2\n")

    def test_load_csv_leaves_no_half_of_a_table(self):
        for text in ("a,b\n1,2\n3\n", 'a,b\n1,2\n3,"4', 'a,b\n1,2\n3,"4""'):
            self.load(text, "a", code=1)
            self.assertFalse((self.folder / "rows.blt").exists())
        self.assertEqual(self.load('a,b\n1,"2"', "a"), "stored 1 row\n")

    def test_load_csv_misses_a_column(self):
        self.assertEqual(self.load("a,b\n1,2\n", "c", code=1),
                         "load_csv: the first row has no such column\n")


def summary(rows):
    """The plain twin of stations.c: station -> (min, mean, max, count)."""
    values = {}
    for row in rows.splitlines():
        name, _, number = row.rpartition(";")
        values.setdefault(name, []).append(round(float(number) * 10))
    return {name: (min(tenths) / 10,
                   (2 * sum(tenths) + len(tenths)) // (2 * len(tenths)) / 10,
                   max(tenths) / 10, len(tenths))
            for name, tenths in values.items()}


def as_printed(result):
    return "{" + ", ".join(
        f"{name}={low}/{mean}/{high}" for name, (low, mean, high, _)
        in sorted(result.items(), key=lambda item: item[0].encode())) + "}\n"


class Stations(Example):
    def stations(self, rows, *arguments, code=0):
        self.write("rows.txt", rows)
        return self.example("stations", "rows.txt", "out.blt", *arguments,
                            code=code)

    def test_a_hundred_thousand_rows_are_summed_up_as_python_does(self):
        rows = self.example("make_rows", 100000)
        expected = summary(rows)
        self.assertGreater(len(expected), 100)
        for n_threads in 1, 2, 7:
            self.assertEqual(self.stations(rows, n_threads),
                             as_printed(expected))
        kept = {key: tuple(json.loads(value).values())
                for key, value in self.content("out.blt").items()}
        self.assertEqual(kept, expected)

    def test_make_rows_makes_the_same_rows_again(self):
        first = self.example("make_rows", 1000, 20, 5)
        self.assertEqual(first, self.example("make_rows", 1000, 20, 5))
        self.assertNotEqual(first, self.example("make_rows", 1000, 20, 6))
        self.assertEqual(len(first.splitlines()), 1000)

    def test_more_stations_than_the_first_table_has_places(self):
        rows = self.example("make_rows", 30000, 9000)
        self.assertEqual(self.stations(rows, 2), as_printed(summary(rows)))

    def test_the_last_line_needs_no_end(self):
        self.assertEqual(self.stations("A;1.0\nB;-2.5"),
                         "{A=1.0/1.0/1.0, B=-2.5/-2.5/-2.5}\n")

    def test_a_half_is_rounded_up(self):
        self.assertEqual(self.stations("A;0.1\nA;0.2\nB;-0.1\nB;-0.2\n"),
                         "{A=0.1/0.2/0.2, B=-0.2/-0.1/-0.1}\n")

    def test_no_rows_are_no_stations(self):
        self.assertEqual(self.stations(""), "{}\n")

    def test_a_line_that_is_no_row_is_named(self):
        for bad in "no number", "B;1", "B;1.x", "B;--1.0", "":
            self.assertEqual(
                self.stations(f"A;1.0\n{bad}\nC;2.0\n", code=1),
                "stations: the line at byte 6 of rows.txt is no row\n")
