"""upstream.py - the test suites of booklet, ebooklet and cfdb, run on blt

    python python/tests/upstream.py FOLDER
    python python/tests/upstream.py FOLDER --portalocker 2.2.1

FOLDER holds checkouts of the projects, or of some of them: booklet, ebooklet,
cfdb. What they publish on PyPI comes without tests. Test files that want a
real S3 store are left out.

`--with booklet` runs them on the original instead, to compare.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

WANTS_S3 = [r"environ\[['\"]endpoint_url['\"]\]", "s3_config"]
LEFT_OUT = {"booklet": [], "ebooklet": WANTS_S3, "cfdb": WANTS_S3}
SUMMARY = re.compile(r"(\d+) (passed|failed|skipped|errors?)\b")


def tests_of(folder, project):
    """Its test files that need nothing from outside."""
    for tests in (folder / project / project / "tests",
                  folder / project / "tests"):
        if tests.is_dir():
            break
    else:
        return None, []
    chosen = [
        path for path in sorted(tests.glob("test_*.py"))
        if not any(re.search(p, path.read_text()) for p in LEFT_OUT[project])
    ]
    return tests, chosen


def install(requirement, where):
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps",
         "--target", where, requirement],
        check=True,
    )


def run(project, tests, chosen, arguments, extra_path):
    """(passed, failed, skipped) of one project; its tests are copied, so that
    the project itself is not imported from the checkout."""
    with tempfile.TemporaryDirectory() as temp:
        there = pathlib.Path(temp) / "tests"
        shutil.copytree(tests, there)
        # Some import their helpers as, say, ebooklet.tests.fake_s3.
        if project != "booklet":
            (pathlib.Path(temp) / "conftest.py").write_text(
                f"import {project}\n{project}.__path__.append({temp!r})\n"
            )
        command = [sys.executable, "-m", "pytest", "-q", "-rf",
                   "-p", "no:cacheprovider"]
        if arguments.x:
            command.append("-x")
        if arguments.on == "blt":
            command += ["-p", "blt.as_booklet"]
        command += [str(there / path.name) for path in chosen]
        env = dict(os.environ)
        env["PYTHONPATH"] = os.pathsep.join(
            filter(None, [extra_path, env.get("PYTHONPATH")])
        )
        done = subprocess.run(
            command, cwd=temp, env=env, capture_output=True, text=True
        )
    counts = {"passed": 0, "failed": 0, "skipped": 0, "error": 0}
    lines = done.stdout.strip().splitlines() or [""]
    for number, word in SUMMARY.findall(lines[-1]):
        counts[word.rstrip("s") if word.startswith("err") else word] += int(
            number
        )
    failed = counts["failed"] + counts["error"]
    if done.returncode != 0:
        failed = max(failed, 1)
        print(done.stdout[-6000:], done.stderr[-2000:], file=sys.stderr)
    return counts["passed"], failed, counts["skipped"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--portalocker", metavar="VERSION")
    parser.add_argument("--with", dest="on", default="blt",
                        choices=["blt", "booklet"])
    parser.add_argument("-x", action="store_true", help="stop at a failure")
    arguments = parser.parse_args()

    totals = [0, 0, 0]
    with tempfile.TemporaryDirectory() as extra:
        if arguments.portalocker:
            install(f"portalocker=={arguments.portalocker}", extra)
        for project in LEFT_OUT:
            tests, chosen = tests_of(arguments.folder, project)
            if not chosen:
                print(f"{project}: skipped, no tests in {arguments.folder}")
                totals[2] += 1
                continue
            counts = run(project, tests, chosen, arguments, extra)
            print("{}: {} passed, {} failed, {} skipped, in {} files".format(
                project, *counts, len(chosen)), flush=True)
            totals = [a + b for a, b in zip(totals, counts)]
    print("{} passed, {} failed, {} skipped".format(*totals))
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
