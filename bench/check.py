"""check.py - the benchmark itself: valid lines, right results

    check.py BLT_BENCH BLT_MICRO REPORT

Runs every workload with every engine of this build on few keys. A figure
is not looked at, only that each is there and that its result was compared.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

OPERATIONS = {"seq_write", "bulk_update", "random_read", "random_read_miss",
              "contains", "iter_keys", "iter_values", "iter_items",
              "overwrite", "delete", "mixed_rw_80r", "prune"}
BUILT_ONCE = {"overwrite", "delete", "mixed_rw_80r", "prune"}

blt_bench = blt_micro = report = None


def run(*arguments):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([blt_bench, "--dir", folder, *arguments],
                              capture_output=True, text=True, check=False)
        left = os.listdir(folder)
    return done, left


class Bench(unittest.TestCase):
    def lines(self, *arguments):
        done, left = run(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(left, [], "files are left behind")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def rows(self, *arguments):
        rows = [line for line in self.lines(*arguments) if "op" in line]
        self.assertEqual([row for row in rows if not row.get("ok", True)], [])
        return rows

    def test_every_engine_gives_the_12_operations_and_right_results(self):
        lines = self.lines("--n", "1000", "--reps", "1")
        engines = {line["engine"] for line in lines if "about" in line}
        self.assertIn("blt", engines)
        for engine in engines:
            ops = {line["op"] for line in lines
                   if "op" in line and line["engine"] == engine}
            missing = OPERATIONS - ops
            self.assertIn(missing, [set(), BUILT_ONCE], engine)
        wrong = [line for line in lines if not line.get("ok", True)]
        self.assertEqual(wrong, [])

    def test_the_other_workloads_give_right_results(self):
        rows = self.rows("--n", "1000", "--reps", "1", "--workload",
                         "many,open,growth,resident,threads")
        ops = {row["op"] for row in rows}
        for op in ["get_many", "open_again", "open_killed", "memory",
                   "resident_100", "threads_2"]:
            self.assertIn(op, ops)

    def test_durable_puts_are_found_again(self):
        rows = self.rows("--n", "20", "--reps", "1", "--workload", "durable")
        self.assertIn("raw", {row["engine"] for row in rows})

    def test_values_of_every_size_come_back(self):
        self.rows("--n", "40", "--reps", "1", "--value-len",
                  "0,4,4096,1048576", "--engine", "blt")

    def test_the_parts_give_right_results(self):
        done = subprocess.run([blt_micro, "hash", "modulo", "links", "scan"],
                              capture_output=True, text=True, check=True)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({row["op"] for row in rows},
                         {"hash", "modulo", "links", "scan"})
        self.assertTrue(all(row["ok"] for row in rows))

    def test_repetitions_come_in_turns_and_in_several_orders(self):
        rows = self.rows("--n", "100", "--reps", "8", "--workload", "mixed",
                         "--engine", "blt,blt-batch")
        turns = [(row["rep"], row["engine"]) for row in rows
                 if row["op"] == "mixed_rw_80r"]
        self.assertEqual([rep for rep, _ in turns],
                         [rep for rep in range(1, 9) for _ in range(2)])
        orders = {(turns[i][1], turns[i + 1][1]) for i in range(0, 16, 2)}
        self.assertEqual(orders, {("blt", "blt-batch"), ("blt-batch", "blt")})

    def test_an_engine_that_is_not_there_is_refused(self):
        done, _ = run("--engine", "nosuch")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no nosuch", done.stderr)

    def test_the_report_has_a_row_for_each_operation(self):
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as results:
            for line in self.lines("--n", "100", "--reps", "1", "--engine",
                                   "blt"):
                print(json.dumps(line), file=results)
            results.flush()
            shown = subprocess.run(
                [sys.executable, report, "text", results.name],
                capture_output=True, text=True, check=True).stdout
        for op in OPERATIONS:
            self.assertIn(op, shown)


def line(engine, op, seconds, n=50000, **rest):
    return {"workload": "load", "engine": engine, "op": op, "n": n,
            "value_len": 200, "rep": 1, "ops": 1, "seconds": seconds,
            "cpu": seconds, "ok": True, **rest}


class Report(unittest.TestCase):
    """Of lines that are made up."""

    @classmethod
    def setUpClass(cls):
        sys.path.insert(0, os.path.dirname(report))

    def rows(self, *lines):
        from reporting import results, targets
        made = results.Results()
        for made_line in lines:
            made.add(made_line)
        return list(targets.rows(made))

    def test_a_ratio_is_to_the_fastest_and_not_to_ourselves(self):
        self.assertEqual(
            self.rows(line("blt", "iter_keys", 1.0),
                      line("blt-full", "iter_keys", 0.1),
                      line("raw", "iter_keys", 0.1),
                      line("cdb", "iter_keys", 8.0),
                      line("lmdb", "iter_keys", 4.0)),
            [["iter_keys", "50K", "4.00", "4.00", "lmdb", "met"]])

    def test_cost_that_grows_is_told_without_what_memory_alone_takes(self):
        grown = [line("blt", "contains", 50e-9),
                 line("blt", "contains", 300e-9, n=10000000)]
        by_memory = [line("line and block", "miss", seconds, n, value_len=0)
                     for n, seconds in [(50000, 40e-9), (10000000, 240e-9)]]
        self.assertEqual(self.rows(*grown)[0][2:],
                         ["0.17", "0.33", "itself at 50K", "**missed**"])
        self.assertEqual(self.rows(*grown, *by_memory)[0][2:],
                         ["0.50", "0.33", "itself at 50K", "met"])

    def test_nothing_gets_cheaper_with_what_memory_alone_takes(self):
        self.assertEqual(
            self.rows(line("blt", "contains", 50e-9),
                      line("blt", "contains", 60e-9, n=10000000),
                      line("line and block", "miss", 40e-9, value_len=0),
                      line("line and block", "miss", 240e-9, n=10000000,
                           value_len=0))[0][2:],
            ["1.00", "0.33", "itself at 50K", "met"])

    def test_a_target_that_was_missed_is_called_so(self):
        self.assertEqual(
            self.rows(line("blt", "iter_keys", 1.0),
                      line("cdb", "iter_keys", 3.9)),
            [["iter_keys", "50K", "3.90", "4.00", "cdb", "**missed**"]])

    def test_what_cannot_update_is_left_out_where_that_is_asked(self):
        verdicts = self.rows(line("blt", "seq_write", 1.0),
                             line("cdb", "seq_write", 1.0),
                             line("lmdb", "seq_write", 2.0),
                             line("lmdb", "delete", 2.0))
        self.assertEqual([row[4] for row in verdicts],
                         ["cdb", "lmdb (can update)"])

    def read(self, *runs):
        """Each run is a file: engines, when it began, and its lines."""
        from reporting import results
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for engines, date, lines in runs:
                paths.append(os.path.join(folder, f"{len(paths)}.jsonl"))
                about = [{"about": 1, "engine": name} for name in engines]
                with open(paths[-1], "w", encoding="utf-8") as out:
                    for made in [{"head": 1, "date": date}, *about, *lines]:
                        print(json.dumps(made), file=out)
            return results.read(paths)

    def test_figures_of_two_runs_are_not_mixed(self):
        many = ["blt", "cdb", "lmdb", "tkrzw", "kyoto"]
        read = self.read(
            (many, "2026-11-21", [line("blt", "delete", 1.0),
                                  line("lmdb", "delete", 8.0)]),
            (many, "2026-11-22", [line("blt", "delete", 2.0)]),
            (["blt", "blt-full"], "2026-11-23",
             [line("blt", "delete", 3.0), line("blt-full", "delete", 4.0)]))
        self.assertEqual(read.repetitions("delete", 50000, "blt"), [2.0])
        self.assertEqual(read.repetitions("delete", 50000, "lmdb"), [8.0])
        beside = read.beside("blt", "blt-full")
        self.assertEqual(beside.repetitions("delete", 50000, "blt"), [3.0])

    def test_the_median_of_the_repetitions_counts(self):
        self.assertEqual(
            self.rows(line("blt", "open_again", 1e-6),
                      line("blt", "open_again", 200e-6),
                      line("blt", "open_again", 300e-6))[0][2:],
            ["200 us", "< 100 us", "-", "**missed**"])


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    blt_bench, blt_micro, report = sys.argv[1:]
    unittest.main(argv=sys.argv[:1], verbosity=2)
