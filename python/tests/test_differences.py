"""What docs/python.md says that booklet does otherwise: both sides of it."""

import pytest
from conftest import original
from stores import expect, fill, new

from blt import booklet as ours


class Text:
    def dumps(self, text):
        return text.encode()

    def loads(self, data):
        return data.decode()


def test_a_flag_that_reopen_does_not_know_leaves_the_store_open(path, kind):
    with new(ours, path, kind) as b:
        fill(b, 3)
        with pytest.raises(ValueError):
            b.reopen("x")
        expect(b, 3)
        fill(b, 4)
        expect(b, 4)


def test_a_flag_that_reopen_does_not_know_closes_booklet(path, kind):
    b = new(original(), path, kind)
    fill(b, 3)
    with pytest.raises(ValueError):
        b.reopen("x")
    with pytest.raises(ValueError):
        b["k0"]


def test_an_instance_may_be_a_serializer(path):
    with ours.open(path, "n", Text(), Text()) as b:
        b["a"] = "b"
    with ours.open(path, "r", Text(), Text()) as b:
        assert dict(b) == {"a": "b"}


def test_no_instance_may_be_a_serializer_of_booklet(path):
    with pytest.raises(TypeError):
        original().open(path, "n", Text(), Text())
