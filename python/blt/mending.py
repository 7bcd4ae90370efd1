"""What verify() says, and repair of a file that nobody has open."""

from __future__ import annotations

import os
from typing import Callable, NamedTuple, Optional, Union

from . import _core, judging, utils

Progress = Callable[[str, int, int], object]


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
    milliseconds = -1
    if judging.timeout(timeout) is not None:
        milliseconds = int(min(max(timeout * 1000, 0), 2**32 - 1))
    try:
        return _core.repair(path, output, dry_run, milliseconds, progress)
    except TimeoutError as error:
        raise utils.LockTimeoutError(*error.args) from None
