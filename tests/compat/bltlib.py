"""
bltlib.py - libblt for the tests, through ctypes

The library is the file that the environment's BLT_LIB names. The structures
follow include/blt.h; test_binding.py compares their layouts with a compiler's.
Everything given out is copied. A failure raises BltError.
"""
import ctypes as c
import os
from collections import namedtuple

U8P = c.POINTER(c.c_ubyte)
NOW = 2**64 - 1
NO_OFFSET = 2**64 - 1
OK, NOT_FOUND, END = 0, 1, 2
MODES = {"r": 0, "w": 1, "c": 2, "n": 3}
DEFAULT, ON, OFF = 0, 1, 2
ANY, VARIABLE, FIXED = 0, 1, 2
SYNC_BATCH, SYNC_FULL, SYNC_OFF = 0, 1, 2
LOCK_WAIT, LOCK_TIMEOUT, LOCK_NONE = 0, 1, 2
ITER_VALUES, ITER_TIMESTAMPS, ITER_OFFSETS, ITER_HIDDEN, ITER_TOLERANT = (
    1, 2, 4, 8, 16)
OPENED = ("clean", "created", "foreign", "recovered", "overlaid", "repaired")
CHAIN_BINS = 16


class Bytes(c.Structure):
    _fields_ = [("data", c.c_void_p), ("len", c.c_size_t)]

    def copy(self):
        """Not by string_at: its length is an int."""
        if not self.len:
            return b""
        return bytes((c.c_ubyte * self.len).from_address(self.data))


class Error(c.Structure):
    _fields_ = [("status", c.c_int), ("sys_errno", c.c_int),
                ("offset", c.c_uint64), ("holder_pid", c.c_int),
                ("file", c.c_char_p), ("message", c.c_char_p)]


CLOCK = c.CFUNCTYPE(c.c_uint64, c.c_void_p)
PROGRESS = c.CFUNCTYPE(c.c_int, c.c_void_p, c.c_char_p, c.c_uint64,
                       c.c_uint64)


class Options(c.Structure):
    _fields_ = [
        ("size", c.c_size_t), ("mode", c.c_int), ("kind", c.c_int),
        ("fixed_value_len", c.c_uint32), ("n_buckets", c.c_uint32),
        ("timestamps", c.c_int), ("key_serializer", c.c_uint32),
        ("value_serializer", c.c_uint32), ("header", c.c_char_p),
        ("buffer_len", c.c_size_t), ("sync", c.c_int), ("lock", c.c_int),
        ("lock_timeout_ms", c.c_uint32), ("io", c.c_int),
        ("advice", c.c_int), ("sigbus", c.c_int), ("recover", c.c_int),
        ("auto_reindex", c.c_int), ("exclusive", c.c_int),
        ("threads", c.c_int), ("close_fd", c.c_int),
        ("allocator", c.c_void_p), ("clock", CLOCK),
        ("clock_ctx", c.c_void_p), ("progress", PROGRESS),
        ("progress_ctx", c.c_void_p), ("side_table", c.c_int),
        ("side_table_max", c.c_size_t), ("network", c.c_int),
        ("name", c.c_char_p)]


class OpenInfo(c.Structure):
    _fields_ = [("what", c.c_int), ("n_records", c.c_uint64),
                ("n_kept", c.c_uint64), ("n_dropped", c.c_uint64),
                ("cut_len", c.c_uint64), ("reserved", c.c_uint64 * 4)]


class Item(c.Structure):
    _fields_ = [("key", Bytes), ("value", Bytes), ("timestamp", c.c_uint64),
                ("value_off", c.c_uint64)]


class PruneOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("older_than", c.c_uint64),
                ("keep_keys", c.POINTER(Bytes)), ("n_keep_keys", c.c_size_t),
                ("n_buckets", c.c_uint32), ("fit_buckets", c.c_int)]


class Fault(c.Structure):
    _fields_ = [("kind", c.c_char_p), ("offset", c.c_uint64),
                ("message", c.c_char_p)]


ON_FAULT = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Fault))


class VerifyOptions(c.Structure):
    _fields_ = [("size", c.c_size_t), ("on_fault", ON_FAULT),
                ("on_fault_ctx", c.c_void_p), ("max_faults", c.c_uint64),
                ("n_threads", c.c_uint)]


class VerifyReport(c.Structure):
    _fields_ = [(name, c.c_uint64) for name in (
        "n_faults", "n_live", "n_dead", "n_hidden", "n_records")] + [
        ("reserved", c.c_uint64 * 4)]


class Stats(c.Structure):
    _fields_ = [(name, c.c_uint64) for name in (
        "file_len", "n_keys", "n_hidden", "n_live", "n_dead", "n_records",
        "live_len", "dead_len", "index_len", "other_len", "record_len")] + [
        ("chain_bins", c.c_uint64 * CHAIN_BINS)] + [
        (name, c.c_uint64) for name in (
            "chain_max", "chain_steps", "key_len_min", "key_len_max",
            "key_len_sum", "value_len_min", "value_len_max", "value_len_sum",
            "value_len_p50", "value_len_p99")] + [
        ("reserved", c.c_uint64 * 8)]


class Header(c.Structure):
    _fields_ = [
        ("kind", c.c_int), ("version", c.c_uint), ("n_buckets", c.c_uint32),
        ("value_len", c.c_uint32), ("has_timestamps", c.c_int),
        ("key_serializer", c.c_uint), ("value_serializer", c.c_uint),
        ("n_keys", c.c_uint64), ("file_timestamp", c.c_uint64),
        ("uuid", c.c_ubyte * 16), ("index_off", c.c_uint64),
        ("first_block_off", c.c_uint64), ("stored_index_off", c.c_uint64),
        ("stored_first_block_off", c.c_uint64), ("file_len", c.c_uint64),
        ("has_checkpoint", c.c_int), ("bytes", c.c_ubyte * 200),
        ("reserved", c.c_uint64 * 4)]


# C name -> Python class, for test_binding.py
STRUCTS = {
    "blt_bytes": Bytes, "blt_error": Error, "blt_options": Options,
    "blt_open_info": OpenInfo, "blt_item": Item,
    "blt_prune_options": PruneOptions, "blt_fault": Fault,
    "blt_verify_options": VerifyOptions, "blt_verify_report": VerifyReport,
    "blt_stats": Stats, "blt_header": Header}

Entry = namedtuple("Entry", "key value value_len timestamp value_off")

# Arguments after the handle; k is a key or value given as bytes and length.
SIGNATURES = {
    "close": "", "reopen": "i", "open_report": "p", "get": "kp",
    "get_into": "kpnp", "has": "k", "put": "kk", "put_at": "kkQ",
    "delete": "k", "get_many": "pnpp", "has_many": "pnpp", "put_many": "pn",
    "delete_many": "pnp", "count": "p", "iter_open": "up", "sync": "",
    "batch_begin": "", "batch_commit": "", "batch_abort": "", "prune": "pp",
    "reindex": "u", "clear": "", "verify": "pp", "stat": "p",
    "header_info": "p", "timestamp_get": "kp", "timestamp_set": "kQ",
    "file_timestamp_get": "p", "file_timestamp_set": "Q",
    "metadata_get": "pp", "metadata_set": "kQ", "metadata_delete": "",
    "slot_get": "ipp", "slot_set": "ikQ", "slot_delete": "i",
    "memory_image": "p"}
TYPES = {"i": [c.c_int], "u": [c.c_uint], "n": [c.c_size_t],
         "p": [c.c_void_p], "Q": [c.c_uint64], "k": [c.c_char_p, c.c_size_t]}


def load(path):
    lib = c.CDLL(path)
    for name, letters in SIGNATURES.items():
        function = getattr(lib, "blt_" + name)
        function.restype = c.c_int
        function.argtypes = [c.c_void_p] + sum(map(TYPES.get, letters), [])
    other = {
        "blt_open": (c.c_int, c.c_char_p, c.c_void_p, c.c_void_p),
        "blt_open_fd": (c.c_int, c.c_int, c.c_void_p, c.c_void_p),
        "blt_open_memory": (c.c_int, c.c_char_p, c.c_size_t, c.c_void_p,
                            c.c_void_p),
        "blt_iter_next": (c.c_int, c.c_void_p, c.c_void_p),
        "blt_iter_next_many": (c.c_int, c.c_void_p, c.c_void_p, c.c_size_t, c.c_void_p),
        "blt_iter_close": (None, c.c_void_p),
        "blt_last_error": (c.POINTER(Error), c.c_void_p),
        "blt_status_name": (c.c_char_p, c.c_int),
        "blt_status_message": (c.c_char_p, c.c_int),
        "blt_version": (c.c_char_p,),
        "blt_buckets_for": (c.c_uint32, c.c_uint64),
        "blt_serializer_name": (c.c_char_p, c.c_uint),
        "blt_serializer_code": (c.c_int, c.c_char_p),
        "blt_compaction_count": (c.c_uint64, c.c_void_p)}
    for name, types in other.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = types[0], list(types[1:])
    return lib


LIB = load(os.environ["BLT_LIB"])


class BltError(Exception):
    """name is the status's, as in blt.h without the prefix."""

    def __init__(self, status, db=None):
        error = LIB.blt_last_error(db).contents
        self.status = status
        self.name = LIB.blt_status_name(status).decode().replace("BLT_", "")
        self.message = (error.message or b"").decode(errors="replace")
        self.reported = error.status
        self.offset = error.offset
        self.sys_errno = error.sys_errno
        super().__init__("%s: %s" % (self.name, self.message))


def make_options(mode, header=None, clock=None, progress=None, **fields):
    options = Options(size=c.sizeof(Options), mode=MODES[mode])
    for name, value in fields.items():
        if isinstance(value, bool):
            value = ON if value else OFF
        setattr(options, name, value)
    options.header = header
    if clock:
        options.clock = CLOCK(lambda ctx: clock())
    if progress:
        options.progress = PROGRESS(
            lambda ctx, phase, done, total: progress(phase, done, total))
    return options


class Blt:
    """One handle. `image` opens a store in memory, `fd` a descriptor."""

    def __init__(self, path=None, mode="r", image=None, fd=None, **fields):
        self.db = None
        self.options = make_options(mode, **fields)   # keeps callbacks alive
        db = c.c_void_p()
        out, options = c.byref(db), c.byref(self.options)
        if fd is not None:
            status = LIB.blt_open_fd(fd, options, out)
        elif path is not None:
            status = LIB.blt_open(os.fsencode(path), options, out)
        else:
            image = image or b""
            status = LIB.blt_open_memory(image, len(image), options, out)
        if status < 0:
            raise BltError(status)
        self.db = db

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def __del__(self):
        self.close(quiet=True)

    def call(self, name, *args):
        if self.db is None:
            raise ValueError("the handle is closed")
        status = getattr(LIB, "blt_" + name)(self.db, *args)
        if status < 0:
            raise BltError(status, self.db)
        return status

    def close(self, quiet=False):
        db, self.db = self.db, None
        if db is not None:
            status = LIB.blt_close(db)
            if status < 0 and not quiet:
                raise BltError(status)

    def reopen(self, mode):
        self.call("reopen", MODES[mode])

    def number(self, name, *args):
        out = c.c_uint64()
        if self.call(name, *args, c.byref(out)) == NOT_FOUND:
            return None
        return out.value

    def struct(self, name, kind):
        out = kind()
        self.call(name, c.byref(out))
        return out

    # ------------------------------------------------------ keys, values

    def get(self, key, default=None):
        out = Bytes()
        if self.call("get", key, len(key), c.byref(out)) == NOT_FOUND:
            return default
        return out.copy()

    def get_into(self, key, capacity):
        buf, length = c.create_string_buffer(capacity), c.c_size_t()
        status = self.call("get_into", key, len(key), buf, capacity,
                           c.byref(length))
        return None if status == NOT_FOUND else buf.raw[:length.value]

    def has(self, key):
        return self.call("has", key, len(key)) == OK

    def put(self, key, value):
        self.call("put", key, len(key), value, len(value))

    def put_at(self, key, value, timestamp):
        self.call("put_at", key, len(key), value, len(value), timestamp)

    def delete(self, key):
        return self.call("delete", key, len(key)) == OK

    def get_many(self, keys):
        out, count = (Bytes * max(len(keys), 1))(), c.c_size_t()
        self.call("get_many", byte_array(keys), len(keys), out,
                  c.byref(count))
        found = [out[i].copy() if out[i].data else None
                 for i in range(len(keys))]
        assert count.value == sum(value is not None for value in found)
        return found

    def put_many(self, pairs, timestamp=NOW):
        items = (Item * max(len(pairs), 1))()
        keep = [byte_array(pair) for pair in pairs]
        for item, (key, value) in zip(items, keep):
            item.key, item.value, item.timestamp = key, value, timestamp
        self.call("put_many", items, len(pairs))

    def delete_many(self, keys):
        count = c.c_size_t()
        self.call("delete_many", byte_array(keys), len(keys), c.byref(count))
        return count.value

    def __len__(self):
        return self.number("count")

    def count(self):
        return self.number("count")

    # --------------------------------------------------------- iteration

    def iterate(self, flags=ITER_VALUES | ITER_TIMESTAMPS | ITER_OFFSETS):
        cursor = c.c_void_p()
        self.call("iter_open", flags, c.byref(cursor))
        try:
            item = Item()
            while True:
                status = LIB.blt_iter_next(cursor, c.byref(item))
                if status == END:
                    return
                if status < 0:
                    raise BltError(status, self.db)
                value = item.value.copy() if item.value.data else None
                yield Entry(item.key.copy(), value, item.value.len,
                            item.timestamp, item.value_off)
        finally:
            LIB.blt_iter_close(cursor)

    def items(self):
        return [(entry.key, entry.value) for entry in self.iterate()]

    # --------------------------------------------- commits, maintenance

    def sync(self):
        self.call("sync")

    def batch_begin(self):
        self.call("batch_begin")

    def batch_commit(self):
        self.call("batch_commit")

    def batch_abort(self):
        self.call("batch_abort")

    def prune(self, older_than=0, keep=(), n_buckets=0, fit=False):
        options = PruneOptions(
            c.sizeof(PruneOptions), older_than, byte_array(keep), len(keep),
            n_buckets, ON if fit else DEFAULT)
        return self.number("prune", c.byref(options))

    def reindex(self, n_buckets=0):
        self.call("reindex", n_buckets)

    def clear(self):
        self.call("clear")

    def verify(self, max_faults=0):
        """(report, [(kind, offset, message)])"""
        faults = []

        def on_fault(ctx, fault):
            told = fault.contents
            faults.append((told.kind.decode(), told.offset,
                           told.message.decode(errors="replace")))

        options = VerifyOptions(c.sizeof(VerifyOptions), ON_FAULT(on_fault),
                                None, max_faults)
        report = VerifyReport()
        try:
            self.call("verify", c.byref(options), c.byref(report))
            assert not faults, faults
        except BltError as error:
            if error.name != "E_CORRUPT" or not faults:
                raise
        return report, faults

    def stat(self):
        return self.struct("stat", Stats)

    def header_info(self):
        return self.struct("header_info", Header)

    def open_report(self):
        return self.struct("open_report", OpenInfo)

    def image(self):
        return self.struct("memory_image", Bytes).copy()

    # ------------------------------------- timestamps, metadata, slots

    def timestamp(self, key):
        return self.number("timestamp_get", key, len(key))

    def set_timestamp(self, key, timestamp):
        return self.call("timestamp_set", key, len(key), timestamp) == OK

    def file_timestamp(self):
        return self.number("file_timestamp_get")

    def set_file_timestamp(self, timestamp):
        self.call("file_timestamp_set", timestamp)

    def hidden(self, name, *args):
        """(value, timestamp) or None"""
        out, timestamp = Bytes(), c.c_uint64()
        if self.call(name, *args, c.byref(out), c.byref(timestamp)):
            return None
        return out.copy(), timestamp.value

    def metadata(self):
        return self.hidden("metadata_get")

    def set_metadata(self, data, timestamp=NOW):
        self.call("metadata_set", data, len(data), timestamp)

    def delete_metadata(self):
        return self.call("metadata_delete") == OK

    def slot(self, number):
        return self.hidden("slot_get", number)

    def set_slot(self, number, data, timestamp=NOW):
        self.call("slot_set", number, data, len(data), timestamp)

    def delete_slot(self, number):
        return self.call("slot_delete", number) == OK


def byte_array(values):
    """blt_bytes for each; ctypes keeps the Python bytes alive."""
    array = (Bytes * max(len(values), 1))()
    array.keep = [c.create_string_buffer(value, max(len(value), 1))
                  for value in values]
    for place, buf, value in zip(array, array.keep, values):
        place.data, place.len = c.addressof(buf), len(value)
    return array
