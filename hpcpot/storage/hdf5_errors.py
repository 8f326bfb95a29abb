"""What an error of HDF5 means to the person who started the run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from hpcpot.errors import OutputError

HDF5_ERRORS = (OSError, RuntimeError, ValueError, KeyError)
"""What h5py raises when HDF5 or the file system refuses, or a file is not what it says."""

ADVICE = {
    "No space left": "the disk is full; free some space",
    "quota": "the disk quota is used up; free some space",
    "File too large": "it exceeds the file size limit of this process (ulimit -f); raise it",
    "write failed": "the disk may be full or broken; free some space",
    "truncated file": "it ends too early; take an older copy, or make it anew",
    "signature": "it is no HDF5 file; give another path",
    "No such file or directory": "the path must exist; make its folder, or give another path",
    "Not a directory": "a folder of the path is a file; give another path",
    "Is a directory": "it is a folder; give the name of a file",
    "Permission denied": "you may not write there; give another path",
    "Read-only file system": "nobody can write there; give another path",
    "unable to lock": "hpcpot needs no locks, which network file systems often refuse; set HDF5_USE_FILE_LOCKING=FALSE",
}
"""By what HDF5 or the system says; the first that fits."""


def explain(path: Path, doing: str, error: Exception) -> OutputError:
    """The error to raise when `doing` ("open", "write step 10 of") failed."""
    text = str(error)
    advice = next((advice for words, advice in ADVICE.items() if words in text), "see the message of HDF5")
    reason = re.search(r"error message = '([^']*)'", text)
    return OutputError(f"{path} = cannot {doing} it ({reason[1] if reason else text}): {advice}.")


@contextlib.contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Errors of HDF5 inside become OutputErrors."""
    try:
        yield
    except HDF5_ERRORS as error:
        raise explain(path, doing, error) from error
