"""What the tests share. Most of the contract is tested on booklet itself too,
where it is installed: a test that the original does not pass proves nothing."""

import importlib.util
import sys
import threading

import pytest

import blt
import blt.booklet

HAS_BOOKLET = importlib.util.find_spec("booklet") is not None


def pytest_report_header():
    how = "beside it" if HAS_BOOKLET else "not installed: blt alone"
    return f"blt {blt.__version__} from {blt.__file__}, booklet {how}"


def original():
    if not HAS_BOOKLET:
        pytest.skip("booklet is not installed")
    import booklet

    assert booklet is not blt.booklet
    return booklet


@pytest.fixture(params=["booklet", "blt"])
def package(request):
    """The package under test, once the original and once ours."""
    return original() if request.param == "booklet" else blt.booklet


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.blt"


@pytest.fixture(params=["variable", "fixed"])
def kind(request):
    return request.param


def within(seconds, work):
    """The result of work, in a thread of its own; a test that hangs fails."""
    out = {}

    def run():
        try:
            out["result"] = work()
        except BaseException as error:
            out["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), f"not done after {seconds} s"
    if "error" in out:
        raise out["error"]
    return out["result"]
