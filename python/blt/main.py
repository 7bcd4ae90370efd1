"""The classes that users open. What touches the file is in _core; here is what
surrounds it: paths, the lock, serializers, metadata and processes."""

from __future__ import annotations

import atexit
import contextlib
import errno
import fcntl
import io
import multiprocessing
import os
import pathlib
import types
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import datetime
from typing import Any, Callable, NamedTuple, Optional, Union

import orjson
import portalocker

from . import _core, serializers, utils
from .parallel import _map_worker

Timestamp = Union[int, str, datetime, None]
Progress = Callable[[str, int, int], object]

_READ, _WRITE, _CREATE, _NEW = range(4)
_VARIABLE, _FIXED = 1, 2
_SYNC = {"batch": 0, "full": 1, "off": 2}
_IO = {"auto": 0, "mmap": 1, "pread": 2}
_KIND_BYTES = {
    _VARIABLE: utils.uuid_variable_blt,
    _FIXED: utils.uuid_fixed_blt,
}
_STRANGER = "This is not the correct file type."
_READ_ONLY = "File is open for read only."

_core._set_clock(utils.make_timestamp_int)


class Fault(NamedTuple):
    """One thing that verify() found."""

    kind: str
    offset: Optional[int]
    message: str


class Verification(NamedTuple):
    """What verify() says. True when nothing is wrong."""

    faults: list[Fault]
    n_faults: int
    n_live: int
    n_dead: int
    n_hidden: int
    n_records: int

    def __bool__(self):
        return self.n_faults == 0


# ------------------------------------------------------------ at exit

# What is open for writing when the interpreter ends is closed as if the user
# had done it.
_open_writers: dict[int, weakref.ref] = {}


@atexit.register
def _close_writers():
    for reference in list(_open_writers.values()):
        store = reference()
        if store is not None:
            with contextlib.suppress(Exception):
                store.close()


# ------------------------------------------------------------- headers


def _number(head, begin, end):
    return int.from_bytes(head[begin:end], "little")


def _judge_head(head, kind):
    """Errors of booklet for files that it does not take."""
    if len(head) < utils.sub_index_init_pos or head[:16] != _KIND_BYTES[kind]:
        # In the middle of a large rewrite the kind is inverted.
        if bytes(b ^ 0xFF for b in head[:16]) != _KIND_BYTES[kind]:
            raise TypeError(_STRANGER)
    if _number(head, 16, 18) < 3:
        raise ValueError("File is an older version.")


def _name_of(option, table, value):
    if value not in table:
        raise ValueError(
            f"{option} must be one of {', '.join(map(repr, table))}, "
            f"not {value!r}"
        )
    return table[value]


def _reopen_elsewhere(cls, path, arguments):
    return cls(path, "r", **arguments)


# ---------------------------------------------------------- the classes


class Booklet(_core.Store, MutableMapping):
    """What both kinds of store share: a dictionary in a file."""

    _kind = _VARIABLE

    # ------------------------------------------------------------ opening

    def _start(
        self, file_path, flag, key_serializer, value_serializer, n_buckets,
        buffer_size, init_timestamps, value_len, init_bytes, timeout, sync,
        io_mode, progress,
    ):
        self._file = None
        self.writable = False
        self._last = None
        self._n_maps = 0
        self._lock_timeout = timeout
        self._write_buffer_size = buffer_size
        self._serializer_arguments = (key_serializer, value_serializer)
        self._options = {
            "buffer_len": max(int(buffer_size), 1),
            "sync": _name_of("sync", _SYNC, sync),
            "io": _name_of("io", _IO, io_mode),
        }
        self._progress = progress
        self._set_progress(progress)
        new = {
            "n_buckets": n_buckets,
            "timestamps": bool(init_timestamps),
            "value_len": value_len,
            "header": init_bytes,
        }
        self._is_file = not isinstance(file_path, io.BytesIO)
        if self._is_file:
            self._start_path(pathlib.Path(file_path), flag, new)
        else:
            self._start_bytes(file_path, flag, new)

    def _start_path(self, path, flag, new):
        if flag not in ("r", "w", "c", "n"):
            raise ValueError("Invalid flag")
        self._file_path = path
        file = self._open_locked(flag)
        try:
            head = os.pread(file.fileno(), utils.sub_index_init_pos, 0)
            if flag == "n" and head[:16] not in _KIND_BYTES.values():
                os.ftruncate(file.fileno(), 0)
                head = b""
            mode = {"r": _READ, "w": _WRITE, "c": _CREATE, "n": _NEW}[flag]
            is_new = flag == "n" or (flag == "c" and not head)
            self._start_core(file.fileno(), file, mode, head, is_new, new)
        except BaseException:
            self._release(file)
            raise

    def _open_locked(self, flag):
        if flag == "r":
            file = io.open(self._file_path, "rb")
        elif flag == "w":
            file = io.open(self._file_path, "r+b", buffering=0)
        else:
            fd = os.open(
                self._file_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666
            )
            file = io.open(fd, "r+b", buffering=0)
        lock = portalocker.LOCK_SH if flag == "r" else portalocker.LOCK_EX
        try:
            utils._acquire_lock(
                file, lock, self._lock_timeout, self._file_path
            )
        except BaseException:
            file.close()
            raise
        return file

    def _start_bytes(self, file, flag, new):
        content = file.getvalue()
        if flag == "r" and not content:
            raise FileNotFoundError(
                "File was requested to be opened as read-only, but no file "
                "exists."
            )
        mode = _READ if flag == "r" else _WRITE if content else _CREATE
        self._start_core(
            content, file, mode, content[: utils.sub_index_init_pos],
            not content, new,
        )
        if not content:
            self._write_back()

    def _start_core(self, source, file, mode, head, is_new, new):
        if is_new:
            arguments = self._describe_new(new)
        else:
            _judge_head(head, self._kind)
            arguments = self._describe_old(head)
        self._core_open(source, file, mode, **arguments)
        if mode == _READ and not is_new:
            self._judge_mark()

    def _core_open(self, source, file, mode, **arguments):
        self._open(
            source, mode, serializers.codec(self._key_serializer),
            serializers.codec(self._value_serializer), file, kind=self._kind,
            **self._options, **arguments,
        )
        self._file = file
        self._pid = os.getpid()
        self.writable = mode != _READ
        header = self._header()
        self.uuid = uuid.UUID(bytes=header["uuid"])
        self._value_len = header["value_len"]
        self._init_timestamps = header["has_timestamps"]
        self._last = header
        if self.writable:
            key = id(self)
            _open_writers[key] = weakref.ref(
                self, lambda _, key=key: _open_writers.pop(key, None)
            )

    def _describe_new(self, new):
        key_wanted, value_wanted = self._serializer_arguments
        if new["header"] is not None:
            head = bytes(new["header"])[: utils.sub_index_init_pos]
            _judge_head(head, self._kind)
            self._describe_old(head)
            return {"header": head}
        if self._kind == _FIXED and (
            not isinstance(new["value_len"], int) or new["value_len"] < 0
        ):
            raise ValueError("value_len must be an int > 0.")
        self._value_serializer, value_code = serializers.choose(
            value_wanted, "value"
        )
        self._key_serializer, key_code = serializers.choose(key_wanted, "key")
        return {
            "n_buckets": new["n_buckets"],
            "timestamps": new["timestamps"],
            "value_len": new["value_len"] or 0,
            "key_code": key_code,
            "value_code": 0 if self._kind == _FIXED else value_code,
        }

    def _describe_old(self, head):
        key_given, value_given = self._serializer_arguments
        self._value_serializer = (
            serializers.Bytes
            if self._kind == _FIXED
            else serializers.stored(_number(head, 29, 31), value_given, "value")
        )
        self._key_serializer = serializers.stored(
            _number(head, 31, 33), key_given, "key"
        )
        return {}

    def _judge_mark(self):
        """booklet refuses to read what it did not close. What blt did not
        close has been recovered."""
        header = self._header()
        count = _number(header["bytes"], 33, 37)
        if count == utils.n_keys_crash and header["opened"] in (
            "clean",
            "foreign",
        ):
            self._shut()
            raise ValueError(
                "File must have been closed incorrectly. Please open with "
                "write access to fix it."
            )

    # ------------------------------------------------------------ closing

    def _release(self, file):
        """Unlock and close, but leave a parent's lock alone."""
        if file is None or file.closed:
            return
        if self._is_file and getattr(self, "_pid", os.getpid()) == os.getpid():
            with contextlib.suppress(OSError):
                fcntl.flock(file.fileno(), fcntl.LOCK_UN)
        file.close()

    def close(self):
        """Store everything, and close. Again: nothing happens."""
        if not self._is_open:
            # After a failed open or reopen there may be a file all the same.
            if self._n_views == 0:
                self._release(getattr(self, "_file", None))
            return
        file = self._file
        with contextlib.suppress(ValueError, _core.ForkedError):
            self._write_back()
            self._last = self._header()
        is_gone = True
        try:
            is_gone = self._shut()
        finally:
            _open_writers.pop(id(self), None)
            if is_gone:
                self._release(file)

    def reopen(self, flag: str):
        """Close, and open again for reading ('r') or writing ('w')."""
        if flag not in ("r", "w"):
            raise ValueError("flag must be either 'r' or 'w'.")
        if self._n_views:
            raise BufferError(
                "views from get_view() are alive; release them first"
            )
        mode = _READ if flag == "r" else _WRITE
        if not self._is_file:
            self.sync()
            self._shut()
            self._core_open(self._file.getvalue(), self._file, mode)
            return
        self.close()
        self.writable = False
        file = self._open_locked(flag)
        try:
            head = os.pread(file.fileno(), utils.sub_index_init_pos, 0)
            _judge_head(head, self._kind)
            self._describe_old(head)
            self._core_open(file.fileno(), file, mode)
        except BaseException:
            self._release(file)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def __reduce_ex__(self, protocol):
        if self.writable or not self._is_file:
            raise TypeError(
                f"cannot pickle {type(self).__name__!r} object: only one that "
                "is open for reading, on a path, can be opened elsewhere"
            )
        return (
            _reopen_elsewhere,
            (type(self), self._file_path, self._arguments_to_reopen()),
        )

    def _arguments_to_reopen(self):
        key_serializer, value_serializer = self._serializer_arguments
        return {
            "key_serializer": key_serializer,
            "value_serializer": value_serializer,
            "timeout": self._lock_timeout,
        }

    # --------------------------------------------------------- properties

    def _tell(self, name):
        if self._is_open:
            return self._header()[name]
        return self._last[name]

    _n_buckets = property(lambda self: self._tell("n_buckets"))
    _index_offset = property(lambda self: self._tell("index_offset"))
    _first_data_block_pos = property(
        lambda self: self._tell("first_data_block_pos")
    )
    _file_timestamp = property(lambda self: self._tell("file_timestamp"))
    _ts_bytes_len = property(
        lambda self: utils.timestamp_bytes_len if self._init_timestamps else 0
    )

    @property
    def _mmap(self):
        """Not None when the file is read through a map only, as in booklet."""
        if self._is_file and self._is_open and not self.writable:
            return _core
        return None

    @property
    def _n_keys(self):
        return len(self)

    @_n_keys.setter
    def _n_keys(self, count):
        """The count is always exact; there is nothing to set."""

    @property
    def opened(self) -> str:
        """What open() found: 'clean', 'created', 'foreign' (booklet wrote to
        it since), 'recovered', 'overlaid' or 'repaired'."""
        return self._tell("opened")

    def __repr__(self):
        where = self._file_path if self._is_file else "BytesIO"
        state = (
            "closed"
            if not self._is_open
            else "writing" if self.writable else "reading"
        )
        return f"<blt.{type(self).__name__} {str(where)!r} {state}>"

    # -------------------------------------------------------- write through

    def _write_back(self):
        """A store in memory: its bytes into the BytesIO."""
        if self._is_file or not self.writable:
            return
        image = self._image()
        self._file.seek(0)
        self._file.write(image)
        self._file.truncate()

    def _must_write(self):
        if not self.writable:
            raise ValueError(_READ_ONLY)

    # -------------------------------------------------------------- writing

    def update(self, other=(), /, **more):
        """Store all pairs of a mapping, of an iterable of pairs, of the
        keywords."""
        self._must_write()
        self.set_many(other)
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
        try:
            yield self
            self._batch_commit()
        except BaseException:
            if self._is_open:
                with contextlib.suppress(ValueError):
                    self._batch_abort()
            raise
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
        fit = n_buckets == "auto"
        with self._reporting(progress):
            removed = self._prune(
                older_than, list(keep_keys), 0 if fit else n_buckets or 0, fit
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

    _kind = _VARIABLE

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
            buffer_size, init_timestamps, None, init_bytes, timeout, sync, io,
            progress,
        )

    def prune(
        self,
        timestamp: Timestamp = None,
        keep_keys: Iterable = (),
        *,
        n_buckets: Union[int, str, None] = None,
        progress: Optional[Progress] = None,
    ) -> int:
        """Rewrite the file without what was overwritten or deleted, and without
        values older than `timestamp` (but for keep_keys). The number of values
        removed. n_buckets: another size of the index, 'auto' to fit it."""
        if timestamp is not None and self.writable and not self._has_times:
            raise ValueError("timestamps were not initialized with this file.")
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

    _kind = _FIXED

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


def repair(
    path: Union[str, os.PathLike],
    output: Union[str, os.PathLike, None] = None,
    *,
    dry_run: bool = False,
    timeout: Optional[float] = None,
    progress: Optional[Progress] = None,
) -> dict:
    """Rebuild a damaged file from its blocks: in place, or into a new file at
    `output`. Says what was kept and what was lost. A sound file comes out the
    same. Close it first."""
    milliseconds = -1 if timeout is None else max(int(timeout * 1000), 0)
    try:
        return _core.repair(path, output, dry_run, milliseconds, progress)
    except TimeoutError as error:
        raise utils.LockTimeoutError(*error.args) from None
