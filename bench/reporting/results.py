"""results.py - the lines of blt-bench, grouped"""

import collections
import json
import statistics

# The 12 operations of the original's benchmark, in its order.
OPERATIONS = ["seq_write", "bulk_update", "random_read", "random_read_miss",
              "contains", "iter_keys", "iter_values", "iter_items",
              "overwrite", "delete", "mixed_rw_80r", "prune"]
READS = OPERATIONS[2:8]
BUILT_ONCE = {"overwrite", "delete", "mixed_rw_80r", "prune"}

# Waiting, for the disk or for one another, is what these are about.
BY_THE_WALL = {"durable", "threads"}

Cell = collections.namedtuple("Cell", "workload op n value_len engine")


class Results:
    def __init__(self, clock="seconds"):
        self.clock = clock  # "cpu": what a core worked, for a busy machine
        self.heads = []     # machine, command, date of each file
        self.engines = {}   # name -> its line with version and settings
        self.times = collections.defaultdict(list)    # Cell -> seconds per op
        self.walls = collections.defaultdict(list)    # the same, by the wall
        self.amounts = collections.defaultdict(list)  # Cell -> figures
        self.wrong = []     # lines whose result was not right
        self.runs = [self]  # of which it was put together

    def add(self, line):
        if "head" in line:
            self.heads.append(line)
        elif "about" in line:
            self.engines[line["engine"]] = line
        else:
            self.add_row(line)

    def add_row(self, line):
        cell = Cell(line["workload"], line["op"], line["n"],
                    line["value_len"], line["engine"])
        if "amount" in line:
            self.amounts[cell].append(line["amount"])
            return
        clock = "seconds" if cell.workload in BY_THE_WALL else self.clock
        # The clock of a core counts in steps: a short time may be none.
        taken = line[clock] or line["seconds"]
        self.times[cell].append(taken / line["ops"])
        self.walls[cell].append(line["seconds"] / line["ops"])
        if not line["ok"]:
            self.wrong.append(line)

    def date(self):
        return max((head["date"] for head in self.heads), default="")

    def beside(self, *engines):
        """What was measured where all of these ran."""
        return merged([run for run in self.runs
                       if set(engines) <= set(run.engines)], self.clock)

    def repetitions(self, op, n, engine, value_len=200):
        """Seconds for one operation, once for each repetition, or None."""
        for cell, times in self.times.items():
            if (cell.op, cell.n, cell.engine, cell.value_len) == (
                    op, n, engine, value_len):
                return times
        return None

    def by_the_wall(self, op, n, engine, value_len=200):
        for cell, times in self.walls.items():
            if (cell.op, cell.n, cell.engine, cell.value_len) == (
                    op, n, engine, value_len):
                return times
        return None

    def seconds(self, op, n, engine, value_len=200):
        """Their median, or None."""
        times = self.repetitions(op, n, engine, value_len)
        return None if times is None else statistics.median(times)

    def rate(self, op, n, engine, value_len=200):
        seconds = self.seconds(op, n, engine, value_len)
        return None if seconds is None else 1 / seconds

    def amount(self, op, n, engine, value_len=200):
        for cell, figures in self.amounts.items():
            if (cell.op, cell.n, cell.engine, cell.value_len) == (
                    op, n, engine, value_len):
                return statistics.median(figures)
        return None

    def engines_of(self, op, n, value_len=200):
        return list(dict.fromkeys(
            cell.engine for cell in [*self.times, *self.amounts]
            if (cell.op, cell.n, cell.value_len) == (op, n, value_len)))

    def sizes_of(self, op, value_len=200):
        return sorted({cell.n for cell in [*self.times, *self.amounts]
                       if cell.op == op and cell.value_len == value_len})

    def names(self, of):
        """The distinct values of one field of the cells, as they came."""
        cells = [*self.times, *self.amounts]
        return list(dict.fromkeys(getattr(cell, of) for cell in cells))


# So many engines in one run: it was made to compare them.
COMPARED = 5


def merged(runs, clock):
    """All cells; of what several runs have, the rows of one of them: figures
    of two runs are not compared. It is the newest of those that compare."""
    whole = Results(clock)
    whole.runs = sorted(runs, key=lambda run: (len(run.engines) >= COMPARED,
                                               run.date()))
    for run in whole.runs:
        whole.engines.update(run.engines)
        whole.times.update(run.times)
        whole.walls.update(run.walls)
        whole.amounts.update(run.amounts)
    for run in runs:
        whole.heads.extend(run.heads)
        whole.wrong.extend(run.wrong)
    return whole


def read(paths, clock="seconds"):
    runs = []
    for path in paths:
        runs.append(Results(clock))
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                runs[-1].add(json.loads(line))
    return merged(runs, clock)
