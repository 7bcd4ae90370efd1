"""The names of booklet.utils that somebody uses: constants of the file, times
and the lock on it."""

import errno
import hashlib
import logging
import random
import threading
import time
from datetime import datetime, timezone

import portalocker

# The header; docs/format.md of the library has every byte.
sub_index_init_pos = 200
n_keys_pos = 33
file_timestamp_pos = 42
index_offset_pos = 65
first_data_block_pos_pos = 71

n_bytes_file = 6
n_bytes_key = 2
n_bytes_value = 4
timestamp_bytes_len = 7
key_hash_len = 13

n_keys_crash = 0xFFFFFFFF
current_version = 5
current_version_bytes = current_version.to_bytes(2, "little")

uuid_variable_blt = bytes.fromhex("4f7e8a3fe75c4750ad430a728fe31cfe")
uuid_fixed_blt = bytes.fromhex("04d3b294f2104162958d0400738c9e0a")

metadata_key_bytes = b"adb01ebc1ba3433eb043527"
reserved_slot_key_bytes = {
    1: b"7c40d2ea915b4f3a8e6d201",
    2: b"f19a5c3d7e2b48069ab34c5",
}
reserved_key_bytes = frozenset(
    [metadata_key_bytes, *reserved_slot_key_bytes.values()]
)

init_n_buckets = 12007
n_buckets_reindex = {
    12007: 144013,
    144013: 1728017,
    1728017: 20736017,
    20736017: None,
}

logger = logging.getLogger("booklet")


def int_to_bytes(i, byte_len, signed=False):
    return i.to_bytes(byte_len, "little", signed=signed)


def bytes_to_int(b, signed=False):
    return int.from_bytes(b, "little", signed=signed)


def hash_key(key):
    """The 13 bytes that stand for a key in the file."""
    return hashlib.blake2s(key, digest_size=key_hash_len).digest()


metadata_key_hash = hash_key(metadata_key_bytes)
reserved_slot_key_hashes = {
    slot: hash_key(key) for slot, key in reserved_slot_key_bytes.items()
}
reserved_key_hashes = frozenset(hash_key(k) for k in reserved_key_bytes)


def make_timestamp_int(timestamp=None):
    """Microseconds since 1970 UTC: of now (None), of an int as it is, of an
    ISO 8601 string or of a datetime, both with a timezone."""
    if timestamp is None:
        return time.time_ns() // 1000
    if isinstance(timestamp, int):
        return timestamp
    if isinstance(timestamp, str):
        timestamp = datetime.fromisoformat(timestamp)
    if not isinstance(timestamp, datetime):
        raise TypeError(
            "The timestamp must be either None, an int of the number of "
            "microseconds in unix time, an ISO 8601 datetime string with "
            "timezone, or a datetime object with timezone."
        )
    if timestamp.tzinfo is None:
        raise ValueError("timestamp needs timezone info.")
    return int(timestamp.astimezone(timezone.utc).timestamp() * 1_000_000)


# ---------------------------------------------------------------- the lock

_LOCK_POLL_INTERVAL = 0.05  # seconds; tests make it shorter
_LOCK_WARN_AFTER = 5.0


class LockTimeoutError(TimeoutError):
    """The lock on the file was not to be had within the timeout."""


def _is_taken(error):
    """portalocker says it in one of two ways, by its version."""
    if isinstance(error, portalocker.exceptions.AlreadyLocked):
        return True
    cause = error.args[0] if error.args else None
    return isinstance(cause, OSError) and cause.errno in (
        errno.EAGAIN,
        errno.EACCES,
    )


def _try_lock(file, flags):
    try:
        portalocker.lock(file, flags | portalocker.LOCK_NB)
    except (
        portalocker.exceptions.AlreadyLocked,  # in 2.x not a LockException
        portalocker.exceptions.LockException,
    ) as error:
        if not _is_taken(error):
            raise
        return False
    return True


def _acquire_lock(file, flags, timeout, path_repr):
    """Lock the file, waiting for as long as it takes (None) or for `timeout`
    seconds, then LockTimeoutError. A wait that gets long is logged once. The
    file stays open whatever happens."""
    if _try_lock(file, flags):
        return
    warning = (
        f"waiting on a file lock for {path_repr} - another handle (possibly "
        "in this process) holds it open; close it first"
    )
    if timeout is None:
        timer = threading.Timer(_LOCK_WARN_AFTER, logger.warning, (warning,))
        timer.daemon = True
        timer.start()
        try:
            portalocker.lock(file, flags)
        finally:
            timer.cancel()
        return
    begin = time.monotonic()
    warn_at = begin + min(_LOCK_WARN_AFTER, timeout)
    while (now := time.monotonic()) < begin + timeout:
        if warn_at is not None and now >= warn_at:
            logger.warning(warning)
            warn_at = None
        # Waiters that all came at once should not all come back at once.
        time.sleep(_LOCK_POLL_INTERVAL * (1 + random.random()))
        if _try_lock(file, flags):
            return
    raise LockTimeoutError(
        f"could not acquire a file lock on {path_repr} within {timeout}s; "
        "another handle/process holds it open"
    )
