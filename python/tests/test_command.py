"""python -m blt."""

import json
import os
import subprocess
import sys

import pytest

import blt


def run(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "blt", *map(str, arguments)],
        capture_output=True, text=True,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def pickles(path):
    with blt.open(path, "n", "uint4", "pickle") as b:
        b[1] = {"a": (1, 2)}
        b[2] = {3, 4}
        b.set_metadata({"unit": "mm"})
    return path


def test_it_decodes_pickles(pickles):
    assert run("get", pickles, 1, 2) == (0, '{"a": [1, 2]}\n{3, 4}\n', "")
    status, out, _ = run("list", "--values", pickles)
    assert status == 0 and out == '1\t{"a": [1, 2]}\n2\t{3, 4}\n'


def test_a_missing_key_is_status_1(pickles):
    status, out, err = run("get", pickles, 7)
    assert status == 1 and out == "" and "no such key" in err
    assert run("has", pickles, 1)[0] == 0
    assert run("has", pickles, 1, 7)[0] == 1


def test_del_names_each_missing_key_and_deletes_the_others(pickles):
    said = "7: there is no such key\n8: there is no such key\n"
    assert run("del", pickles, 7, 1, 8) == (1, "", said)
    with blt.open(pickles) as b:
        assert list(b) == [2]


@pytest.mark.parametrize("arguments", [
    ("get", "F", 1), ("get", "--raw", "F", 1), ("list", "F"), ("meta", "F"),
    ("list", "--values", "F"), ("inspect", "F"), ("verify", "F"),
    ("prune", "F"), ("repair", "--dry-run", "F"),
])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_output_is_not_the_stores_fault(pickles, arguments, unbuffered):
    words = [str(pickles) if word == "F" else str(word) for word in arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "blt", *words], stdout=full,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 2
    assert done.stderr == (
        "cannot write to the standard output: No space left on device\n"
    )


def test_a_file_without_times_is_not_pruned_by_time(path):
    blt.open(path, "n", "str", "str", init_timestamps=False).close()
    blt.FixedLengthValue(f"{path}f", "n", "str", 4).close()
    for file in (path, f"{path}f"):
        status, out, err = run("prune", "--older-than", "2100-01-01", file)
        assert status == 2 and out == "" and "no timestamps" in err
        assert run("prune", file) == (0, "0\n", "")


def test_a_failure_names_the_store_once(pickles):
    with open(pickles, "r+b") as file:
        file.seek(16)
        file.write(b"\x63")
    status, _, err = run("get", pickles, 1)
    assert status == 2 and err.count(str(pickles)) == 1


def test_put_and_del(pickles):
    assert run("put", pickles, 5, "[1, 'x']")[0] == 0
    assert run("del", pickles, 1)[0] == 0 and run("del", pickles, 1)[0] == 1
    with blt.open(pickles) as b:
        assert dict(b) == {2: {3, 4}, 5: [1, "x"]}


def test_meta_inspect_verify_prune_repair(pickles):
    assert json.loads(run("meta", pickles)[1]) == {"unit": "mm"}
    assert run("meta", pickles, '{"unit": "m"}')[0] == 0
    assert json.loads(run("meta", pickles)[1]) == {"unit": "m"}
    status, out, _ = run("inspect", pickles)
    assert status == 0 and "pickle" in out and "n_keys          2" in out
    assert run("verify", pickles)[0] == 0
    assert run("prune", pickles) == (0, "1\n", "")
    assert run("repair", "--dry-run", pickles)[0] == 0


def test_what_is_no_store_is_status_2(path):
    path.write_bytes(b"x" * 300)
    status, _, err = run("verify", path)
    assert status == 2 and "not the correct file type" in err
    assert run("get", path.with_name("none"), 1)[0] == 2
