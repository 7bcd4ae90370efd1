"""Arguments are judged before a file is opened: one that is bad makes none, and
empties none."""

import numbers
import operator
import sys

_U32_END = 2**32


def u32(name, value):
    """A number that has four bytes in the file."""
    number = operator.index(value)
    if not 0 <= number < _U32_END:
        raise OverflowError(
            f"{name} must be from 0 to {_U32_END - 1}, not {number}"
        )
    return number


def length(name, value):
    """Any real number of bytes, as a positive one that fits in memory."""
    if not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    return min(max(int(value), 1), sys.maxsize)


def timeout(value):
    if value is not None and not isinstance(value, numbers.Real):
        raise TypeError(f"timeout must be None or a number, not {value!r}")
    return value


def progress(value):
    if value is not None and not callable(value):
        raise TypeError(f"progress must be None or callable, not {value!r}")
    return value


def choice(option, table, value):
    """What the table has for one of its names."""
    if not isinstance(value, str) or value not in table:
        raise ValueError(
            f"{option} must be one of {', '.join(map(repr, table))}, "
            f"not {value!r}"
        )
    return table[value]


def layout(head, is_fixed):
    """The fields of init_bytes without which there is no sound file."""
    version = int.from_bytes(head[16:18], "little")
    n_buckets = int.from_bytes(head[21:25], "little")
    widths = (6, 2, 0 if is_fixed else 4)
    if version > 5 or tuple(head[18:21]) != widths or n_buckets == 0:
        raise ValueError("init_bytes are not the header of a sound file")
