"""A dictionary in one file, with the interface and the file of booklet.

    >>> import blt
    >>> with blt.open("rain.blt", "n", "str", "orjson") as b:
    ...     b["site-42"] = {"mm": 3.2}
    >>> with blt.open("rain.blt") as b:
    ...     b["site-42"]
    {'mm': 3.2}

`import blt.booklet as booklet`, or `blt.install_as_booklet()` before others
import booklet, make existing code use it.
"""

import sys

from . import serializers, utils
from ._core import CorruptError, Error, ForkedError, WriteError
from .main import (
    Booklet,
    FixedLengthValue,
    VariableLengthValue,
    open,
    open_any,
    verify,
)
from .mending import Fault, Verification, repair
from .utils import LockTimeoutError, make_timestamp_int

__version__ = "0.1.0"

available_serializers = list(serializers.serial_dict)

__all__ = [
    "Booklet",
    "CorruptError",
    "Error",
    "Fault",
    "FixedLengthValue",
    "ForkedError",
    "LockTimeoutError",
    "VariableLengthValue",
    "Verification",
    "WriteError",
    "available_serializers",
    "install_as_booklet",
    "make_timestamp_int",
    "open",
    "open_any",
    "repair",
    "serializers",
    "utils",
    "verify",
]


def install_as_booklet():
    """From here on `import booklet` gives this package."""
    from . import booklet, main, parallel

    other = sys.modules.get("booklet")
    if other not in (None, booklet):
        raise ImportError(
            "booklet is imported already; call blt.install_as_booklet() first"
        )
    sys.modules.update(
        {
            "booklet": booklet,
            "booklet.main": main,
            "booklet.parallel": parallel,
            "booklet.serializers": serializers,
            "booklet.utils": utils,
        }
    )
