"""Files that begin with a line with the sha256 of all that follows it: damage is known before a library parses them.

The HDF5 library can crash or never come back on damaged bytes. The line is in an HDF5 user block, which other programs
skip.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

USER_BLOCK = 512
"""Bytes before the HDF5 part; HDF5 allows 512, 1024, 2048, ..."""
PIECE = 1 << 20
"""Bytes read at once."""


def seal(path: Path, kind: str) -> None:
    """Write the line into the user block of a whole HDF5 file, made with `userblock_size=USER_BLOCK`.

    Args:
        kind: word that the line begins with.
    """
    with path.open("r+b") as file:
        line = _line(kind, _digest(file))
        file.seek(0)
        file.write(line)


def is_sealed(path: Path, kind: str) -> bool:
    """Test whether a file begins as `seal` makes it.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        return file.read(len(kind) + 8) == f"{kind} sha256 ".encode()


def is_whole(path: Path, kind: str) -> bool:
    """Test whether the bytes of a sealed file have the sha256 of its first line."""
    with path.open("rb") as file:
        return file.read(USER_BLOCK) == _line(kind, _digest(file))


def _line(kind: str, digest: str) -> bytes:
    return f"{kind} sha256 {digest}\n".encode().ljust(USER_BLOCK)


def _digest(file) -> str:
    file.seek(USER_BLOCK)
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
