"""For `import blt.booklet as booklet`: the names of booklet 0.12.10."""

from . import main, parallel, serializers, utils
from .main import Booklet, FixedLengthValue, VariableLengthValue, open
from .utils import LockTimeoutError, make_timestamp_int

__version__ = "0.12.10"  # what it stands in for

available_serializers = list(serializers.serial_dict)

__all__ = [
    "open",
    "available_serializers",
    "VariableLengthValue",
    "FixedLengthValue",
    "make_timestamp_int",
    "LockTimeoutError",
]
