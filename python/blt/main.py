"""The classes that users open: dictionaries. How a file becomes one, and ceases
to be one, is in opening; what touches the file is in _core."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import types
from collections.abc import Iterable, Iterator, MutableMapping
from datetime import datetime
from typing import Any, Callable, Optional, Union

import orjson

from . import judging, utils
from .mending import Fault, Progress, Verification, repair
from .opening import FIXED, VARIABLE, Opened
from .parallel import _map_worker

Timestamp = Union[int, str, datetime, None]


class Booklet(Opened, MutableMapping):
    """What both kinds of store share: a dictionary in a file."""

    # -------------------------------------------------------------- writing

    def _update(self, pairs, more):
        self._must_write()
        self.set_many(pairs)
        if more:
            self.set_many(more)

    def sync(self):
        """Bring everything into the file, durably, and leave the file as
        close() would: booklet, or a copy of the file, sees a whole store."""
        if not self.writable or not self._is_open:
            return
        self._checkpoint()
        self._write_back()

    def commit(self):
        """Make everything durable, and no more: cheaper than sync(), and the
        next open by blt finds it all; booklet may not until close()."""
        self._must_write()
        self._commit_durably()

    @contextlib.contextmanager
    def batch(self):
        """All that is stored and deleted inside is in the file after a crash,
        or none of it; an exception takes it back."""
        self._must_write()
        self._batch_begin()
        self._in_batch = True
        try:
            yield self
            self._batch_commit()
        except BaseException:
            if self._is_open:
                with contextlib.suppress(ValueError):
                    self._batch_abort()
            raise
        finally:
            self._in_batch = False
        self._write_back()

    def clear(self):
        """Remove everything, metadata and slots too."""
        self._must_write()
        super().clear()
        self._write_back()

    @contextlib.contextmanager
    def _reporting(self, progress):
        if progress is None:
            yield
            return
        self._set_progress(progress)
        try:
            yield
        finally:
            self._set_progress(self._progress)

    def _prune_all(self, timestamp, keep_keys, n_buckets, progress):
        self._must_write()
        older_than = 0
        if timestamp is not None:
            older_than = max(utils.make_timestamp_int(timestamp), 0)
            older_than = min(older_than, 1 << 8 * utils.timestamp_bytes_len)
        if not self._has_times:
            older_than = 0
        fit = n_buckets == "auto"
        as_is = fit or n_buckets is None
        new_n = 0 if as_is else judging.u32("n_buckets", n_buckets)
        with self._reporting(progress):
            removed = self._prune(
                older_than, list(keep_keys), new_n, fit
            )
        self._write_back()
        return removed

    def _set_file_timestamp(self, timestamp: Timestamp = None):
        super()._set_file_timestamp(utils.make_timestamp_int(timestamp))
        self._write_back()

    # ------------------------------------------------------------- metadata

    def set_metadata(self, data: Any, timestamp: Timestamp = None):
        """Store something that is JSON beside the keys."""
        self._must_write()
        text = orjson.dumps(
            data, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY
        )
        self._set_hidden(0, text, timestamp)
        self._write_back()

    def get_metadata(self, include_timestamp: bool = False):
        """What set_metadata stored, or None."""
        found = self._get_hidden(0)
        if found is None:
            return None
        data = orjson.loads(found[0])
        if include_timestamp and self._has_times:
            return data, found[1]
        if include_timestamp:
            return data, 0
        return data

    def set_reserved(self, slot: int, data: bytes, timestamp: Timestamp = None):
        """Store bytes in one of two hidden slots for libraries."""
        self._judge_slot(slot)
        if not isinstance(data, bytes):
            raise TypeError(
                "data must be bytes - reserved slots are "
                "serialization-agnostic."
            )
        self._must_write()
        self._set_hidden(slot, data, timestamp)
        self._write_back()

    def get_reserved(self, slot: int, include_timestamp: bool = False):
        """The bytes of a slot, or None."""
        self._judge_slot(slot)
        found = self._get_hidden(slot)
        if found is None or include_timestamp:
            return found
        return found[0]

    @staticmethod
    def _judge_slot(slot):
        if slot not in utils.reserved_slot_key_bytes:
            raise ValueError(
                f"slot must be one of {sorted(utils.reserved_slot_key_bytes)}, "
                f"not {slot!r}."
            )

    # -------------------------------------------------------------- reading

    def get_items(
        self, keys: Iterable, default: Any = None
    ) -> Iterator[tuple[Any, Any]]:
        """(key, value or default) for each of the keys."""
        for key in keys:
            yield key, self.get(key, default)

    def map(
        self,
        func: Callable,
        keys: Optional[Iterable] = None,
        n_workers: Optional[int] = None,
    ) -> Iterator[tuple[Any, Any]]:
        """Results of func(key, value), from several processes, as they come;
        None is passed over. Writes are allowed meanwhile, but for prune() and
        clear()."""
        if keys is None:
            items = self._iter_items_unlocked()
        else:
            items = ((key, self.get(key)) for key in keys)
        jobs = ((func, k, v) for k, v in items if v is not None)
        with self._without_reindex():
            with multiprocessing.Pool(n_workers or os.cpu_count() or 4) as pool:
                for result in pool.imap_unordered(_map_worker, jobs):
                    if result is not None:
                        yield result

    @contextlib.contextmanager
    def _without_reindex(self):
        if not self.writable:
            yield
            return
        self._n_maps += 1
        self._defer_reindex(True)
        try:
            yield
        finally:
            self._n_maps -= 1
            if self._n_maps == 0 and self._is_open and self.writable:
                self._defer_reindex(False)

    # --------------------------------------------------------------- upkeep

    def verify(
        self, max_faults: int = 100, *, progress: Optional[Progress] = None
    ) -> Verification:
        """Read everything and judge it. Writes what is not yet stored
        first."""
        with self._reporting(progress):
            faults, counts = self._verify(max_faults)
        return Verification([Fault(*fault) for fault in faults], **counts)

    def stats(self) -> types.SimpleNamespace:
        """Numbers on the file, its blocks, chains, keys and values."""
        return types.SimpleNamespace(**self._stats())

    def repair(self, *, progress: Optional[Progress] = None) -> dict:
        """Close, rebuild the file from its blocks, open again."""
        if not self._is_file:
            raise ValueError("only a file can be repaired")
        self._must_have_no_batch()
        flag = "w" if self.writable else "r"
        self.close()
        try:
            return repair(
                self._file_path, timeout=self._lock_timeout, progress=progress
            )
        finally:
            self.reopen(flag)


class VariableLengthValue(Booklet):
    """A dictionary in a file, with values of any length."""

    _kind = VARIABLE

    def __init__(
        self,
        file_path: Union[str, os.PathLike, io.BytesIO],
        flag: str = "r",
        key_serializer: Any = None,
        value_serializer: Any = None,
        n_buckets: int = 12007,
        buffer_size: int = 2**22,
        init_timestamps: bool = True,
        init_bytes: Optional[bytes] = None,
        timeout: Optional[float] = None,
        *,
        sync: str = "batch",
        io: str = "auto",
        progress: Optional[Progress] = None,
    ):
        """Open a store; blt.open says what the parameters are."""
        self._start(
            file_path, flag, key_serializer, value_serializer, n_buckets,
            buffer_size, init_timestamps, 0, init_bytes, timeout, sync, io,
            progress,
        )

    def update(self, key_value=(), **more):
        """Store all pairs of a mapping, of an iterable of pairs, of the other
        keywords."""
        self._update(key_value, more)

    def prune(
        self,
        timestamp: Timestamp = None,
        keep_keys: Iterable = (),
        *,
        n_buckets: Union[int, str, None] = None,
        progress: Optional[Progress] = None,
    ) -> int:
        """Rewrite the file without what was overwritten or deleted, and without
        values older than `timestamp` (but for keep_keys; a file without
        timestamps has none that are). The number of values removed.
        n_buckets: another size of the index, 'auto' to fit it."""
        return self._prune_all(timestamp, keep_keys, n_buckets, progress)

    def locations(self) -> Iterator[tuple[Any, Optional[int], int, int]]:
        if self._is_file or not self.writable:
            return super().locations()
        return self._locations_in_memory()

    def _locations_in_memory(self):
        self._write_back()
        yield from super().locations()


class FixedLengthValue(Booklet):
    """A dictionary in a file, with values of one length, all bytes."""

    _kind = FIXED

    def __init__(
        self,
        file_path: Union[str, os.PathLike, io.BytesIO],
        flag: str = "r",
        key_serializer: Any = None,
        value_len: Optional[int] = None,
        n_buckets: int = 12007,
        buffer_size: int = 2**22,
        init_bytes: Optional[bytes] = None,
        timeout: Optional[float] = None,
        *,
        sync: str = "batch",
        io: str = "auto",
        progress: Optional[Progress] = None,
    ):
        """Open a store; blt.open says what the parameters are."""
        self._start(
            file_path, flag, key_serializer, None, n_buckets, buffer_size,
            False, value_len, init_bytes, timeout, sync, io, progress,
        )

    def _arguments_to_reopen(self):
        arguments = super()._arguments_to_reopen()
        del arguments["value_serializer"]
        return arguments

    def update(self, key_value_dict=(), **more):
        """Store all pairs of a mapping, of an iterable of pairs, of the other
        keywords."""
        self._update(key_value_dict, more)

    def prune(
        self,
        *,
        n_buckets: Union[int, str, None] = None,
        progress: Optional[Progress] = None,
    ) -> int:
        """Rewrite the file without what was overwritten or deleted. The number
        of values removed."""
        return self._prune_all(None, (), n_buckets, progress)

    def get_array(self, keys: Iterable, dtype: Any = None):
        """(array, found) of numpy: a row for each key, zeros where there is
        none, and which there were. dtype: of the rows, default bytes."""
        import numpy

        rows, found = self.get_packed(keys)
        array = numpy.frombuffer(rows, numpy.uint8)
        array = array.reshape(len(found), self._value_len)
        if dtype is not None:
            array = array.view(dtype)
            if array.shape[1:] == (1,):
                array = array[:, 0]
        return array, numpy.frombuffer(found, numpy.bool_)

    def to_arrays(self, dtype: Any = None):
        """(list of all keys, array of their values) of numpy."""
        keys = list(self.keys())
        return keys, self.get_array(keys, dtype)[0]

    def set_metadata(self, data: Any, timestamp: Timestamp = None):
        raise NotImplementedError(
            "Metadata is not supported on fixed-length booklets; use a "
            "variable-length one."
        )

    def set_reserved(self, slot: int, data: bytes, timestamp: Timestamp = None):
        raise NotImplementedError(
            "Reserved slots are not supported on fixed-length booklets; use a "
            "variable-length one."
        )

    def locations(self):
        raise NotImplementedError(
            "locations() is not implemented for fixed-length booklets."
        )


# ------------------------------------------------------------ functions


def open(
    file_path: Union[str, os.PathLike, io.BytesIO],
    flag: str = "r",
    key_serializer: Any = None,
    value_serializer: Any = None,
    n_buckets: int = 12007,
    buffer_size: int = 2**22,
    init_timestamps: bool = True,
    init_bytes: Optional[bytes] = None,
    timeout: Optional[float] = None,
    **more: Any,
) -> VariableLengthValue:
    """Open a dictionary in a file.

    flag              'r' an existing file, for reading; 'w' for writing too;
                      'c' the same, made when missing; 'n' always empty
    key_serializer    of a new file: a name of available_serializers, or a
    value_serializer  class with dumps and loads
    n_buckets         of a new file's index, which grows by itself
    buffer_size       bytes that are gathered before they are written
    init_timestamps   of a new file: does each value have a time?
    init_bytes        of a new file: 200 bytes of another one, to be like it
    timeout           seconds to wait for the file's lock, then
                      LockTimeoutError; None: as long as it takes

    By keyword only:

    sync      what is durable: 'batch' (default) at sync() and close(), 'full'
              with every commit, 'off' never
    io        'auto', 'mmap' or 'pread': how the file is read
    progress  called with (phase, done, total) during long work; an exception
              in it stops the work
    """
    return VariableLengthValue(
        file_path, flag, key_serializer, value_serializer, n_buckets,
        buffer_size, init_timestamps, init_bytes, timeout, **more,
    )


def open_any(path, flag: str = "r", **more: Any) -> Booklet:
    """Open an existing file of either kind."""
    with io.open(path, "rb") as file:
        kind = file.read(16)
    inverted = bytes(b ^ 0xFF for b in kind)
    is_fixed = utils.uuid_fixed_blt in (kind, inverted)
    return (FixedLengthValue if is_fixed else VariableLengthValue)(
        path, flag, **more
    )


def verify(path, max_faults: int = 100, **more: Any) -> Verification:
    """Verify the file at path."""
    with open_any(path, **more) as store:
        return store.verify(max_faults)
