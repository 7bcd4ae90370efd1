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

    def test_repetitions_come_in_turns(self):
        rows = self.rows("--n", "100", "--reps", "2", "--workload", "mixed",
                         "--engine", "blt,blt-batch")
        turns = [(row["rep"], row["engine"]) for row in rows
                 if row["op"] == "mixed_rw_80r"]
        self.assertEqual(turns, [(1, "blt"), (1, "blt-batch"),
                                 (2, "blt"), (2, "blt-batch")])

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


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    blt_bench, blt_micro, report = sys.argv[1:]
    unittest.main(argv=sys.argv[:1], verbosity=2)
