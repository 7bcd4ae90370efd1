"""What is no argument is refused, and no file is made or emptied for it."""

import io
import resource

import pytest
from conftest import original
from stores import VALUE_LEN, expect, fill, new, old

import blt
from blt import booklet as ours

NOT_U32 = [
    (-1, OverflowError), (2**32, OverflowError), (2**33, OverflowError),
    (1.5, TypeError), ("x", TypeError), ("", TypeError), ([], TypeError),
]


# What may be refused, with what, and is it about new files alone?
BAD = [
    *(({"n_buckets": n}, error, True) for n, error in NOT_U32),
    ({"n_buckets": None}, TypeError, True),
    ({"buffer_size": "4096"}, TypeError, False),
    ({"buffer_size": None}, TypeError, False),
    ({"buffer_size": float("inf")}, OverflowError, False),
    ({"timeout": "x"}, TypeError, False),
    ({"init_bytes": b"short"}, TypeError, True),
    ({"init_bytes": "x" * 200}, TypeError, True),
    ({"init_bytes": bytes(200)}, TypeError, True),
    ({"key_serializer": "other"}, ValueError, True),
    ({"key_serializer": 5}, ValueError, True),
    ({"flag": "x"}, ValueError, False),
    ({"sync": "x"}, ValueError, False),
    ({"sync": []}, ValueError, False),
    ({"io": None}, ValueError, False),
    ({"progress": 5}, TypeError, False),
]
OF_VARIABLE = [({"value_serializer": "other"}, ValueError, True)]
OF_FIXED = [
    *(({"value_len": n}, error, True) for n, error in NOT_U32),
    ({"value_len": None}, ValueError, True),
]
CASES = [
    *((kind, *case) for kind in ("variable", "fixed") for case in BAD),
    *(("variable", *case) for case in OF_VARIABLE),
    *(("fixed", *case) for case in OF_FIXED),
]


@pytest.fixture(autouse=True)
def _no_large_file():
    """A number of buckets that is believed would fill the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**24, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def call(package, where, kind, arguments, flag):
    arguments = {"flag": flag, "key_serializer": "str", **arguments}
    if kind == "fixed":
        arguments.setdefault("value_len", VALUE_LEN)
        return package.FixedLengthValue(where, **arguments)
    return package.open(where, **arguments)


@pytest.mark.parametrize("flag", ["n", "c"])
@pytest.mark.parametrize("kind, bad, error, _", CASES)
def test_a_bad_argument_makes_no_file(path, kind, bad, error, _, flag):
    with pytest.raises(error):
        call(ours, path, kind, bad, flag)
    assert not path.exists()


@pytest.mark.parametrize("kind, bad, error, _", CASES)
def test_a_bad_argument_empties_no_file(path, kind, bad, error, _):
    for content in (None, b"something else"):
        if content is None:
            with new(ours, path, kind) as b:
                fill(b, 3)
        else:
            path.write_bytes(content)
        before = path.read_bytes()
        with pytest.raises(error):
            call(ours, path, kind, bad, "n")
        assert path.read_bytes() == before


@pytest.mark.parametrize("kind, bad, error, is_of_new", CASES)
def test_what_describes_a_new_file_is_ignored_of_an_old_one(
    path, kind, bad, error, is_of_new
):
    with new(ours, path, kind) as b:
        fill(b, 3)
    for flag in ("r", "c"):
        if is_of_new:
            with call(ours, path, kind, bad, flag) as b:
                expect(b, 3)
        else:
            with pytest.raises(error):
                call(ours, path, kind, bad, flag)


@pytest.mark.parametrize("kind, bad, error, _", [
    case for case in CASES if "flag" not in case[1]
])
def test_a_bad_argument_leaves_bytes_in_memory_empty(kind, bad, error, _):
    file = io.BytesIO()
    with pytest.raises(error):
        call(ours, file, kind, bad, "n")
    assert file.getvalue() == b""


@pytest.mark.parametrize("at, byte", [(16, 6), (18, 5), (20, 3), (21, 0)])
def test_init_bytes_of_no_sound_file_make_none(path, kind, at, byte):
    with new(ours, path, kind) as b:
        head = bytearray(b._header()["bytes"])
    head[at] = byte
    head[22:25] = bytes(3)
    other = path.with_name("b.blt")
    with pytest.raises(ValueError):
        call(ours, other, kind, {"init_bytes": bytes(head)}, "n")
    assert not other.exists()


@pytest.mark.parametrize("number, error", NOT_U32)
def test_no_index_gets_such_a_number_of_buckets(path, number, error):
    with new(ours, path) as b:
        fill(b, 3)
        b.sync()
        before = path.read_bytes()
        with pytest.raises(error):
            b.prune(n_buckets=number)
        with pytest.raises(error):
            b.reindex(number)
        assert path.read_bytes() == before


def test_values_of_any_age_are_older_than_any_number(path):
    with new(ours, path) as b:
        fill(b, 3)
        assert b.prune(2**64) == 3 and len(b) == 0


def test_numbers_without_bounds_stand_for_the_largest(path, kind):
    with new(ours, path, kind, buffer_size=2**70) as b:
        fill(b, 3)
    with old(ours, path, kind, buffer_size=2.5e6, timeout=1e9) as b:
        expect(b, 3)
    assert blt.repair(path, timeout=float("inf"))["n_kept"] == 3


@pytest.mark.parametrize("number", [-1, 2**32])
@pytest.mark.parametrize("kind, name", [
    ("variable", "n_buckets"), ("fixed", "n_buckets"), ("fixed", "value_len"),
])
def test_booklet_refuses_the_same_numbers(path, kind, name, number):
    with pytest.raises(OverflowError):
        call(original(), path, kind, {name: number}, "n")
    assert not path.exists()
