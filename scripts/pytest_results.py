"""pytest_results.py - count the tests in what pytest printed

    pytest_results.py LOG     prints "PASSED FAILED SKIPPED" in one line; what
                              failed and what was skipped goes to stderr

pytest ran with -q -rs. A log without its closing line is one failure.
"""

import re
import sys

CLOSING = re.compile(r"^\d+ \w+(?:, \d+ \w+)* in [\d.]+s")
COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?)")
TAIL = 60


def main(path):
    with open(path, encoding="utf-8", errors="replace") as log:
        lines = log.read().splitlines()
    closing = [line for line in lines if CLOSING.match(line)]
    counts = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
    for number, word in COUNT.findall(closing[-1] if closing else ""):
        counts["error" if word.startswith("error") else word] += int(number)
    failed = counts["failed"] + counts["error"] + (0 if closing else 1)
    if failed:
        for line in lines[-TAIL:]:
            print(f"  | {line}", file=sys.stderr)
    for line in lines:
        if line.startswith("SKIPPED"):
            print(f"  skipped {line[8:]}", file=sys.stderr)
    print(counts["passed"], failed, counts["skipped"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
