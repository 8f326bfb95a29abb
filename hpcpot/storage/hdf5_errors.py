"""Errors of HDF5 as messages for the person who started the run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from hpcpot.errors import OutputError
from hpcpot.outputs import advice, reason

HDF5_ERRORS = (
    *(OSError, RuntimeError, ValueError, LookupError),
    *(TypeError, AttributeError, StopIteration, ArithmeticError, MemoryError),
)
"""Exceptions that h5py raises when HDF5 or the file system refuses, or a file is damaged; and in the second line those
of code that meets another kind of thing in a file than hpcpot writes there."""

MOVED = "removed or replaced while it is written"

ADVICE = {
    MOVED: "leave it alone until the run has ended; --restart goes on from the checkpoint, in a new file",
    "write failed": "the disk may be full or broken; free some space",
    "truncated file": "it ends too early; take an older copy, or make it anew",
    "signature": "it is no HDF5 file; give another path",
    "unable to lock": "hpcpot needs no locks, which network file systems often refuse; set HDF5_USE_FILE_LOCKING=FALSE",
}
"""Part of HDF5's message -> remedy."""


def explain(path: Path, doing: str, error: Exception) -> OutputError:
    """Build the error to raise when `doing` ("open", "write step 10 of") failed."""
    remedy = next(
        (remedy for words, remedy in ADVICE.items() if words in str(error)),
        "it must be whole; copy it again, or make it anew",
    )
    return OutputError(f"{path} = cannot {doing} it ({_cause(error)}): {advice(error, otherwise=remedy)}.")


def _cause(error: Exception) -> str:
    """What is wrong, in words of the system, of HDF5 or of hpcpot, but none of Python."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    if isinstance(error, (OSError, RuntimeError, ValueError, KeyError)):
        return " ".join(reason(error).split())  # an attribute that is told may be an array of many lines
    return "parts of it are not of the kind that hpcpot writes"


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Errors of HDF5 inside become OutputErrors."""
    try:
        yield
    except HDF5_ERRORS as error:
        raise explain(path, doing, error) from error
