"""What the library says names the file as the user does."""

import errno
import io
import os
import resource

import pytest
from stores import fill, new, old

import blt
from blt import booklet as package


def expect_name(raised, name):
    assert str(raised.value).startswith(f"{name}: "), str(raised.value)


def in_child(work):
    """What work says, in a forked child."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, work().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as said:
        text = said.read().decode()
    os.waitpid(child, 0)
    return text


def sentence_of(kind, work):
    try:
        work()
    except kind as error:
        return str(error)
    return "nothing was raised"


def damage(path):
    """Each slot of the index leads behind the end of the file."""
    with open(path, "r+b") as file:
        file.seek(200)
        file.write(b"\xff\xff\xff\xff\xff\x00" * 101)


@pytest.mark.parametrize("flag", ["r", "w"])
def test_damage_is_told_with_the_path(path, kind, flag):
    with new(package, path, kind) as b:
        fill(b, 3)
    damage(path)
    with old(package, path, kind, flag) as b:
        with pytest.raises(blt.CorruptError) as raised:
            b["k0"]
    expect_name(raised, path)


def test_a_failed_open_is_told_with_the_path(path):
    new(package, path).close()
    with open(path, "r+b") as file:
        file.seek(16)
        file.write(b"\x63")
    with pytest.raises(ValueError) as raised:
        blt.open(path)
    expect_name(raised, path)


def test_a_relative_path_is_told_as_it_was_given(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with new(package, "a.blt") as b, pytest.raises(OverflowError) as raised:
        b["k" * 70000] = b""
    expect_name(raised, "a.blt")


def test_what_a_batch_refuses_is_told_with_the_path(path, kind):
    with new(package, path, kind) as b, b.batch():
        with pytest.raises(RuntimeError) as raised:
            b.sync()
    expect_name(raised, path)


def test_a_reopened_store_is_told_with_the_path(path):
    with new(package, path) as b:
        b.reopen("w")
        with pytest.raises(OverflowError) as raised:
            b["k" * 70000] = b""
    expect_name(raised, path)


def test_a_writer_in_a_forked_child_is_told_with_the_path(path):
    with new(package, path) as b:
        said = in_child(lambda: sentence_of(blt.ForkedError, b.commit))
    assert said.startswith(f"{path}: ")


def test_a_full_disk_is_told_with_the_path(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with new(package, path) as b:
        b["a"] = bytes(2**20)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
        try:
            said = sentence_of(OSError, b.sync)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith(f"[Errno {errno.ENOSPC}] {path}: ")


def test_a_name_that_is_not_utf_8_is_told_as_python_has_it(path):
    odd = os.fsdecode(os.fsencode(path.parent) + b"/\xff.blt")
    with new(package, odd) as b, pytest.raises(OverflowError) as raised:
        b["k" * 70000] = b""
    expect_name(raised, odd)


def test_a_store_in_memory_has_no_other_name():
    with new(package, io.BytesIO()) as b:
        with pytest.raises(OverflowError) as raised:
            b["k" * 70000] = b""
    expect_name(raised, "(memory)")
