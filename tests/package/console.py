"""console.py - run what a document shows, and compare

A block of a document is commands and what they print:

    $ blt list rain.blt
    site-42
    ...

"> " continues a command. In what is printed, "..." stands for any text, and
on a line of its own for any lines. An end of line that is missing behind the
last word of an output is no difference.
"""

import os
import re
import subprocess

from support import BUILD, SOURCE


def environment(**more):
    """The programs and the library that were built come first."""
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}
    env["PATH"] = f"{BUILD / 'tools'}:{os.environ['PATH']}"
    env["LD_LIBRARY_PATH"] = str(BUILD / "src")
    env["PKG_CONFIG_PATH"] = str(BUILD / "meson-uninstalled")
    return {**env, **more}


def steps(text):
    """(command, expected output) of each command of a block."""
    command, expected = None, []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, "\n".join(expected)
            command, expected = line[2:], []
        elif line.startswith("> ") and not expected:
            command += "\n" + line[2:]
        else:
            expected.append(line)
    if command is not None:
        yield command, "\n".join(expected)


def pattern(expected):
    """The output, as an expression in which dots stand for anything."""
    parts = re.split(r"(^\.\.\.$\n?|\.\.\.)", expected, flags=re.MULTILINE)
    made = ""
    for part in parts:
        if part == "...":
            made += r"[^\n]*"
        elif part == "...\n":
            made += r"(?:.*\n)*?"
        else:
            made += re.escape(part)
    if expected.endswith("\n...") or expected == "...":
        made = made.removesuffix(r"[^\n]*") + r"(?:.*\n?)*"
    return made


def run_block(case, text, folder, env):
    """Runs the commands of a block in a folder; each is a bash of its own."""
    for command, expected in steps(text):
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=120)
        if not re.fullmatch(pattern(expected), done.stdout.rstrip("\n")):
            case.assertEqual(done.stdout.rstrip("\n"), expected,
                             f"$ {command}\nexit status {done.returncode}")


def source(name):
    return (SOURCE / name).read_text(encoding="utf-8")
