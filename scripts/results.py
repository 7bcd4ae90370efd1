"""results.py - count the tests in a testlog.json of meson

    results.py TESTLOG          prints "PASSED FAILED SKIPPED" in one line;
                                what failed and what was skipped goes to stderr

One test of meson is often a program with many tests. Where it says how many
in the closing line of Check or of Python's unittest, those are counted;
otherwise it counts as one.
"""

import json
import re
import sys

CHECK = re.compile(
    r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE
)
CHECK_SKIP = re.compile(r"^skipped a test: (.*)$", re.MULTILINE)
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.MULTILINE)
UNITTEST_END = re.compile(r"^(?:OK|FAILED) \(([a-z0-9=, ]+)\)$", re.MULTILINE)
UNITTEST_SKIP = re.compile(r"\.\.\. skipped (.*)$", re.MULTILINE)

FINE = {"OK", "EXPECTEDFAIL"}
TAIL = 60  # lines shown of a test that failed


def count_of_check(output):
    """(passed, failed, skipped), or None when Check did not write this."""
    found = [[int(n) for n in m] for m in CHECK.findall(output)]
    if not found:
        return None
    failed = sum(failures + errors for _, failures, errors in found)
    skipped = len(CHECK_SKIP.findall(output))
    passed = sum(checks for checks, _, _ in found) - failed - skipped
    return max(passed, 0), failed, skipped


def count_of_unittest(output):
    """The same for Python's unittest."""
    found = UNITTEST.findall(output)
    if not found:
        return None
    counts = {"failures": 0, "errors": 0, "unexpected successes": 0,
              "skipped": 0}
    for end in UNITTEST_END.findall(output):
        for name, number in re.findall(r"([a-z ]+)=(\d+)", end):
            name = name.strip()
            if name in counts:
                counts[name] += int(number)
    skipped = counts.pop("skipped")
    failed = sum(counts.values())
    passed = max(sum(map(int, found)) - failed - skipped, 0)
    return passed, failed, skipped


def count(test):
    """(passed, failed, skipped) of one test of meson."""
    output = test.get("stdout", "") + "\n" + test.get("stderr", "")
    if test["result"] == "SKIP":
        return 0, 0, 1
    passed, failed, skipped = (
        count_of_check(output) or count_of_unittest(output) or (0, 0, 0)
    )
    # A leak found at exit or a time-out is nobody's test, and a failure.
    if test["result"] not in FINE:
        return passed, max(failed, 1), skipped
    if passed + failed + skipped == 0:
        return 1, 0, 0
    return passed, failed, skipped


def end_of(output):
    """The last lines, from unittest's first report of a failure on."""
    reports = output.find("=" * 70)
    lines = output[max(reports, 0):].strip().splitlines()
    if len(lines) > TAIL:
        lines = [f"... {len(lines) - TAIL} lines before"] + lines[-TAIL:]
    return lines


def report(test, n_failed, n_skipped):
    output = test.get("stdout", "") + "\n" + test.get("stderr", "")
    if n_failed:
        print(f"FAILED {test['name']} ({test['result']})", file=sys.stderr)
        for line in end_of(output):
            print(f"  | {line}", file=sys.stderr)
    if n_skipped:
        reasons = UNITTEST_SKIP.findall(output) + CHECK_SKIP.findall(output)
        reasons = reasons or output.strip().splitlines()[-1:] or ["no reason"]
        for reason in reasons:
            print(f"  skipped {test['name']}: {reason.strip()}",
                  file=sys.stderr)


def read_log(path):
    with open(path, encoding="utf-8", errors="replace") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def main(path):
    totals = [0, 0, 0]
    for test in read_log(path):
        counts = count(test)
        report(test, counts[1], counts[2])
        totals = [total + n for total, n in zip(totals, counts)]
    print(*totals)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
