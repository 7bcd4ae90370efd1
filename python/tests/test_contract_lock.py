"""What users of booklet rely on: who waits for whom.
On booklet and on blt alike."""

import logging
import multiprocessing
import os
import threading

import pytest
from conftest import within
from stores import expect, fill, new, old

# -------------------------------------------------------------- the lock


def warnings_of(caplog):
    return [r for r in caplog.records if r.name == "booklet"]


def test_a_timeout_names_the_file(package, path, kind):
    with new(package, path, kind) as holder:
        fill(holder, 3)
        for wait in (0, 0.2):
            with pytest.raises(package.LockTimeoutError, match="a.blt"):
                within(15, lambda: old(package, path, kind, "w", timeout=wait))
        with pytest.raises(package.LockTimeoutError):
            within(15, lambda: new(package, path, kind, timeout=0))
    with old(package, path, kind, "w", timeout=1) as b:
        expect(b, 3)


def test_a_long_wait_is_logged_once(package, path, caplog, monkeypatch):
    monkeypatch.setattr(package.utils, "_LOCK_WARN_AFTER", 0.05)
    holder = new(package, path)
    timer = threading.Timer(0.4, holder.close)
    timer.start()
    with caplog.at_level(logging.WARNING, logger="booklet"):
        within(15, lambda: package.open(path, "w")).close()
    timer.join()
    (warning,) = warnings_of(caplog)
    assert "a.blt" in warning.getMessage()


def test_a_lock_that_is_taken_is_tried_again(package, monkeypatch):
    import portalocker

    monkeypatch.setattr(package.utils, "_LOCK_POLL_INTERVAL", 0.001)
    calls = []

    def taken_twice(file, flags):
        calls.append(flags)
        if len(calls) < 3:
            raise portalocker.exceptions.AlreadyLocked("made up")

    monkeypatch.setattr(portalocker, "lock", taken_twice)
    package.utils._acquire_lock(object(), portalocker.LOCK_EX, 5, "x")
    assert len(calls) == 3


def test_readers_share(package, path, caplog):
    new(package, path).close()
    with caplog.at_level(logging.WARNING, logger="booklet"):
        with package.open(path), within(15, lambda: package.open(path)):
            pass
    assert not warnings_of(caplog)


def test_a_failed_reopen_leaves_it_closeable(package, path, monkeypatch):
    b = new(package, path)

    def fail(*_):
        raise package.LockTimeoutError("made up")

    with monkeypatch.context() as patch:
        patch.setattr(package.utils, "_acquire_lock", fail)
        with pytest.raises(package.LockTimeoutError):
            b.reopen("w")
    b.close()
    package.open(path, "w", timeout=0).close()


def test_a_failed_lock_leaks_no_descriptor(package, path, monkeypatch):
    import portalocker

    new(package, path).close()

    def fail(*_):
        raise portalocker.exceptions.LockException("made up")

    monkeypatch.setattr(portalocker, "lock", fail)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(portalocker.exceptions.LockException):
            package.open(path, "w")
    assert len(os.listdir("/proc/self/fd")) <= before


def add_one(name, path, key):
    import importlib

    with importlib.import_module(name).open(path, "w") as b:
        b[key] = b"x"


def test_writers_in_processes_wait_for_one_another(package, path):
    new(package, path).close()
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=add_one, args=(package.__name__, path, f"w{i}"))
        for i in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    with package.open(path) as b:
        assert sorted(b) == ["w0", "w1", "w2"]
