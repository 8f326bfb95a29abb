"""HDF5 files without a checksum, read to the end by another process first.

The HDF5 library can crash or never come back on damaged bytes, and a process cannot interrupt itself there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from hpcpot.parallel.launch import SAFE_PATH
from hpcpot.storage.extents import INFLATION

SECONDS, BYTES_PER_SECOND = 5, 5_000_000
"""Time for a file: so long, and by its size."""
READ_ALL = """
import signal, sys
import h5py
signal.alarm(int(sys.argv[2]))
def read(name, member):
    for attribute in member.attrs:
        member.attrs[attribute]
    if isinstance(member, h5py.Dataset) and member.chunks and member.nbytes <= int(sys.argv[3]):
        for piece in member.iter_chunks():
            member[piece]
with h5py.File(sys.argv[1], "r", locking=False) as file:
    read("/", file)
    file.visititems(read)
"""
"""Code of the process, told the file, seconds and bytes of an array; SIGALRM ends it wherever it is."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"


def is_hdf5(path: Path) -> bool:
    """Test whether a file begins as HDF5 files without a user block do."""
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def is_harmless(path: Path) -> bool:
    """Test whether the reading of an HDF5 file ends, be it with an error of h5py, and does not end its process.

    Raises:
        OSError: there is no such file.
    """
    stat = path.stat()
    return _tried(str(path.resolve()), stat.st_size, stat.st_mtime_ns)


@lru_cache
def _tried(path: str, size: int, changed: int) -> bool:
    limits = [str(SECONDS + size // BYTES_PER_SECOND), str(INFLATION * size)]
    command = [sys.executable, "-c", READ_ALL, path, *limits]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env={**SAFE_PATH, **os.environ}
    )
    return done.returncode >= 0
