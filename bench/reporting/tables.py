"""tables.py - the sections of docs/performance.md that are made of results

A section is a function from results to lines of Markdown. page.py puts each
between the marks that bear its name.
"""

from reporting import words
from reporting.results import OPERATIONS, READS
from reporting.targets import OURS, rows as target_rows

# Of the variants of blt, those that stand beside the peers.
SHOWN = {"blt", "blt-plain"}

EXTRA = ["random_read_cold", "contains_miss", "get_many_cold", "get_many_second",
         "get_many_third", "get_many",
         "has_many", "put_many", "del_many"]

# What the original's documentation has, from another machine: 1K, 10K, 50K.
ORIGINAL = {
    "seq_write": "237K / 252K / 104K", "bulk_update": "259K / 272K / 108K",
    "random_read": "249K / 228K / 234K",
    "random_read_miss": "619K / 446K / 547K",
    "contains": "501K / 398K / 442K", "iter_keys": "614K / 622K / 619K",
    "iter_values": "597K / 601K / 604K", "iter_items": "549K / 556K / 559K",
    "overwrite": "194K / 172K / 182K", "delete": "197K / 195K / 197K",
    "mixed_rw_80r": "262K / 244K / 245K", "prune": "155K / 222K / 221K",
}


def machine(results):
    head = results.heads[0]
    yield (f"{head['cores']} cores of {head['cpu']}, "
           f"{int(head['memory'].split()[0]) / 2**20:.0f} GiB, Linux "
           f"{head['kernel']}, gcc {head['compiler']}, buildtype "
           f"`{head['build']}`.")
    yield ""
    busy = max(head["load"] for head in results.heads)
    if results.clock == "cpu":
        yield (f"**The machine was busy with other work (load up to "
               f"{busy:.1f}).** Figures are by the time that a core worked "
               f"for the process, not by the clock on the wall, except for "
               f"durable puts and threads.")
    else:
        yield (f"Figures are by the clock on the wall; the load of the "
               f"machine when a command began was at most {busy:.1f}.")
    yield ""
    yield from words.table(["command", "began", "load"],
                           [[f"`{head['command']}`", head["date"],
                             str(head["load"])] for head in results.heads])


def engines(results):
    yield "| engine | version | set up as |"
    yield "|---|---|---|"
    for name, line in results.engines.items():
        yield f"| {name} | {line['version']} | {line['settings']} |"


def targets(results):
    yield from words.table(
        ["what", "keys", "measured", "wanted", "against", "verdict"],
        target_rows(results))


def rates(results, n, ops):
    ops = [op for op in ops if results.engines_of(op, n)]
    names = list(dict.fromkeys(
        engine for op in ops for engine in results.engines_of(op, n)
        if engine in SHOWN or engine not in OURS))
    yield from words.table(
        ["operation", *names],
        [[op, *(words.rate(results.repetitions(op, n, name))
                for name in names)] for op in ops])


def operations(results):
    for n in results.sizes_of("seq_write"):
        yield f"### {n:,} keys"
        yield ""
        yield from rates(results, n, OPERATIONS)
        yield ""


def beyond(results):
    for n in results.sizes_of("random_read_cold"):
        yield f"### {n:,} keys"
        yield ""
        yield from rates(results, n, EXTRA)
        yield ""


def original(results):
    sizes = [n for n in [1000, 10000, 50000]
             if results.engines_of("seq_write", n)]
    head = ["operation", "its documentation: 1K / 10K / 50K"]
    for n in sizes:
        head += [f"booklet {words.count(n)}", f"blt {words.count(n)}", "ratio"]
    table = []
    for op in OPERATIONS:
        row = [op, ORIGINAL[op]]
        for n in sizes:
            theirs, ours = (results.rate(op, n, name)
                            for name in ("booklet", "blt"))
            row += [words.short(theirs) if theirs else "-",
                    words.short(ours) if ours else "-",
                    words.three(ours / theirs) if ours and theirs else "-"]
        table.append(row)
    yield from words.table(head, table)


def mapping(results):
    table = []
    study = {"random_read": "300K -> 1.34M", "contains_miss": "503K -> 2.95M",
             "iter_keys": "1.81M -> 2.60M", "iter_items": "1.64M -> 2.02M"}
    results = results.beside("blt", "blt-pread")
    for op, theirs in study.items():
        read, mapped = (results.rate(op, 50000, name)
                        for name in ("blt-pread", "blt"))
        if read and mapped:
            table.append([op, theirs, words.short(read), words.short(mapped),
                          words.three(mapped / read)])
    yield from words.table(["operation", "booklet's study: file -> mmap",
                            "blt by pread", "blt mapped", "ratio"], table)


def resident(results):
    steps = ["open", "10", "50", "100", "walk"]
    table = []
    for n in results.sizes_of("resident_open"):
        for name in results.engines_of("resident_open", n):
            figures = [results.amount(f"resident_{step}", n, name)
                       for step in steps]
            table.append([name, words.count(n),
                          *(words.three(figure) for figure in figures)])
    yield from words.table(
        ["engine", "keys", "after opening", "10 % read", "50 % read",
         "100 % read", "after an iteration"], table)


def values(results):
    cells = [cell for cell in results.times
             if cell.op == "seq_write" and cell.engine == "blt"]
    lens = sorted({cell.value_len: cell.n for cell in cells
                   if cell.value_len != 200}.items())
    for value_len, n in lens:
        names = results.engines_of("seq_write", n, value_len)
        yield f"### Values of {words.length(value_len)}, {n:,} keys"
        yield ""
        yield from words.table(["operation", *names], [
            [op, *(words.rate(results.repetitions(op, n, name, value_len))
                   for name in names)] for op in OPERATIONS])
        yield ""


def by_engine(results, ops, show):
    """A table with a line for each engine and size, a column for each op."""
    table = []
    for n in results.sizes_of(ops[0]):
        for name in results.engines_of(ops[0], n):
            table.append([name, words.count(n),
                          *(show(op, n, name) for op in ops)])
    yield from words.table(["engine", "keys", *ops], table)


def durable(results):
    ops = ["durable_1", "durable_10", "durable_100", "durable_1000"]
    yield from by_engine(results, ops, lambda op, n, name: words.rate(
        results.repetitions(op, n, name)))


def levels(results):
    names = ["blt", "blt-batch", "blt-full"]
    results = results.beside(*names)
    for n in results.sizes_of("seq_write"):
        yield from words.table(
            [f"operation, {n:,} keys", "OFF", "BATCH", "FULL"],
            [[op, *(words.rate(results.by_the_wall(op, n, name))
                    for name in names)]
             for op in OPERATIONS if op not in READS])
        yield ""


def opening(results):
    def show(op, n, name):
        seconds = results.seconds(op, n, name)
        return "-" if seconds is None else words.time(seconds)
    yield from by_engine(results, ["open_again", "open_one", "open_killed"],
                         show)


def closing(results):
    ops = ["create", "close_written", "close_updated", "open_read",
           "close_read", "open_write", "close_overwritten", "close_deleted",
           "close_mixed", "close_pruned"]
    for n in results.sizes_of("close_written"):
        if n < 50000:
            continue
        names = [name for name in results.engines_of("close_written", n)
                 if name == "blt" or name not in OURS]
        rows = []
        for op in ops:
            times = [results.seconds(op, n, name) for name in names]
            rows.append([op, *("-" if time is None else words.time(time)
                               for time in times)])
        yield f"### {n:,} keys"
        yield ""
        yield from words.table(["once", *names], rows)
        yield ""


def growth(results):
    def show(op, n, name):
        if op == "growth":
            return words.rate(results.repetitions(op, n, name))
        return words.three(results.amount(op, n, name))
    yield from by_engine(results, ["growth", "group_median", "group_longest",
                                   "memory"], show)


def threads(results):
    ops = ["threads_1", "threads_2", "threads_4"]
    yield from by_engine(results, ops, lambda op, n, name: words.rate(
        results.repetitions(op, n, name)))


def file_size(results):
    sizes = results.sizes_of("file_len")
    names = [name for n in sizes[-1:] for name in
             results.engines_of("file_len", n)]
    names = list(dict.fromkeys(
        names + [name for n in sizes
                 for name in results.engines_of("file_len", n)]))

    def show(n, name):
        figure = results.amount("disk_len", n, name)
        return "-" if figure is None else words.three(figure / n)
    yield from words.table(
        ["engine", *(f"{words.count(n)} keys" for n in sizes)],
        [[name, *(show(n, name) for n in sizes)] for name in names
         if name == "blt" or name not in OURS])


def scaling(results):
    sizes = results.sizes_of("seq_write")

    def cost(op, n):
        seconds = results.seconds(op, n, "blt")
        return "-" if seconds is None else words.three(seconds * 1e9)
    yield from words.table(
        ["blt, ns for one", *(words.count(n) for n in sizes)],
        [[op, *(cost(op, n) for n in sizes)] for op in OPERATIONS])


def parts(results):
    table = []
    for cell in results.times:
        if cell.workload == "micro":
            seconds = results.seconds(cell.op, cell.n, cell.engine, 0)
            table.append([cell.op, cell.engine, f"{cell.n:,}",
                          words.three(seconds * 1e9)])
    yield from words.table(["what", "how", "n", "ns for one"], table)


SECTIONS = {
    "machine": machine, "engines": engines, "targets": targets,
    "operations": operations, "beyond": beyond, "original": original,
    "mapping": mapping, "resident": resident, "values": values,
    "durable": durable, "levels": levels, "opening": opening, "closing": closing,
    "growth": growth, "threads": threads, "file-size": file_size,
    "scaling": scaling, "parts": parts,
}
