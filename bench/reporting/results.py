"""results.py - the lines of blt-bench, grouped"""

import collections
import json
import statistics

Cell = collections.namedtuple("Cell", "workload op n value_len engine")


class Results:
    def __init__(self, clock="seconds"):
        self.clock = clock  # "cpu": what a core worked, for a busy machine
        self.heads = []    # machine, command, date of each file
        self.engines = {}  # name -> its line with version and settings
        self.times = collections.defaultdict(list)    # Cell -> seconds per op
        self.amounts = collections.defaultdict(list)  # Cell -> figures
        self.units = {}    # op -> unit of its amount
        self.wrong = []    # lines whose result was not right

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
            self.units[line["op"]] = line["unit"]
            return
        self.times[cell].append(line[self.clock] / line["ops"])
        if not line["ok"]:
            self.wrong.append(line)

    def seconds(self, op, n, engine, value_len=200):
        """Median seconds for one operation, or None."""
        for cell, times in self.times.items():
            if (cell.op, cell.n, cell.engine, cell.value_len) == (
                    op, n, engine, value_len):
                return statistics.median(times)
        return None

    def rate(self, op, n, engine, value_len=200):
        seconds = self.seconds(op, n, engine, value_len)
        return None if seconds is None else 1 / seconds

    def names(self, of):
        """The distinct values of one field of the cells, as they came."""
        cells = list(self.times) + list(self.amounts)
        return list(dict.fromkeys(getattr(cell, of) for cell in cells))


def read(paths, clock="seconds"):
    results = Results(clock)
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                results.add(json.loads(line))
    return results
