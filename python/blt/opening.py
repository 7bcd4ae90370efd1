"""How a file becomes a store, and ceases to be one: paths, the lock, headers,
serializers, close and reopen, the end of the process."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import io
import os
import pathlib
import uuid
import weakref

import portalocker

from . import _core, judging, serializers, utils

_READ, _WRITE, _CREATE, _NEW = range(4)
VARIABLE, FIXED = 1, 2
_SYNC = {"batch": 0, "full": 1, "off": 2}
_IO = {"auto": 0, "mmap": 1, "pread": 2}
_KIND_BYTES = {
    VARIABLE: utils.uuid_variable_blt,
    FIXED: utils.uuid_fixed_blt,
}
_STRANGER = "This is not the correct file type."

_core._set_clock(utils.make_timestamp_int)

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


def _reopen_elsewhere(cls, path, arguments):
    return cls(path, "r", **arguments)


# ------------------------------------------------------------ the class


class Opened(_core.Store):
    """A store with its path or BytesIO, its lock and its serializers."""

    _kind = VARIABLE

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
        self._in_batch = False
        self._lock_timeout = judging.timeout(timeout)
        self._write_buffer_size = buffer_size
        self._serializer_arguments = (key_serializer, value_serializer)
        self._options = {
            "buffer_len": judging.length("buffer_size", buffer_size),
            "sync": judging.choice("sync", _SYNC, sync),
            "io": judging.choice("io", _IO, io_mode),
        }
        self._progress = judging.progress(progress)
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
        if flag == "n" or (flag == "c" and not path.exists()):
            self._describe_new(new)
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
        if self._is_file:
            arguments["name"] = self._file_path
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
            judging.layout(head, self._kind == FIXED)
            self._describe_old(head)
            return {"header": head}
        if self._kind == FIXED and new["value_len"] is None:
            raise ValueError("value_len must be an int > 0.")
        self._value_serializer, value_code = serializers.choose(
            value_wanted, "value"
        )
        self._key_serializer, key_code = serializers.choose(key_wanted, "key")
        return {
            "n_buckets": judging.u32("n_buckets", new["n_buckets"]),
            "timestamps": new["timestamps"],
            "value_len": judging.u32("value_len", new["value_len"]),
            "key_code": key_code,
            "value_code": 0 if self._kind == FIXED else value_code,
        }

    def _describe_old(self, head):
        key_given, value_given = self._serializer_arguments
        self._value_serializer = (
            serializers.Bytes
            if self._kind == FIXED
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
        """Close, and open again for reading ('r') or writing ('w'). Not inside
        batch(), of which a part would stay."""
        if flag not in ("r", "w"):
            raise ValueError("flag must be either 'r' or 'w'.")
        self._must_have_no_batch()
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

    def _must_have_no_batch(self):
        if self._in_batch:
            raise RuntimeError(
                "the store is inside batch(), which has to end first"
            )

    def _must_write(self):
        if not self.writable:
            raise ValueError("File is open for read only.")
