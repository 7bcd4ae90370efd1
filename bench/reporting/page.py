"""page.py - results into docs/performance.md

What a person wrote on the page stays; what stands between

    <!-- results: NAME -->
    <!-- end -->

is made anew, and the plots beside it.
"""

import pathlib
import re
import sys

from reporting import plots, tables

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "performance.md"
MARKED = re.compile(r"(<!-- results: ([a-z-]+) -->\n)(.*?)(<!-- end -->)",
                    re.DOTALL)


def section(results, name):
    lines = list(tables.SECTIONS[name](results))
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) <= 2:  # the head of a table at most
        lines = ["Not measured in these runs."]
    return "\n" + "\n".join(lines) + "\n\n"


def write(results):
    if results.wrong:
        sys.exit(f"report: {len(results.wrong)} results are wrong; "
                 f"nothing is written")
    text = PAGE.read_text(encoding="utf-8")
    text = MARKED.sub(lambda found: found[1] + section(results, found[2])
                      + found[4], text)
    PAGE.write_text(text, encoding="utf-8")
    plots.draw(results, PAGE.parent / "performance")
