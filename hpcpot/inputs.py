"""Input files: the search for a name, and errors of files that cannot be read."""

from __future__ import annotations

import bz2
import codecs
import errno
import gzip
import lzma
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from glob import glob
from pathlib import Path
from typing import IO, BinaryIO, TextIO

from hpcpot import data
from hpcpot.errors import HpcpotError


def find(name: str | Path, folder: Path = Path(), or_folder: bool = False) -> Path | None:
    """Find a file: beside a config, else in the current folder, else among those that ship with hpcpot.

    Args:
        folder: of the config. or_folder: the name may also be that of a folder.
    Returns:
        None where there is none.
    Raises:
        OSError: the system refuses the name.
    """
    given = Path(os.path.expanduser(name))  # an unknown ~user stays as it is
    for candidate in (folder / given, given):
        if candidate.is_file() or (or_folder and candidate.is_dir()):
            return candidate
    return data.find(str(name))


def find_all(pattern: str | Path, folder: Path = Path(), or_folder: bool = False) -> list[Path]:
    """Find the files of a name, or of a pattern with * ? or [, in the order of their names; see `find`."""
    named = find(pattern, folder, or_folder)
    if named is not None:
        return [named]
    given = Path(os.path.expanduser(pattern))
    for base in (folder / given, given):
        matches = [Path(name) for name in sorted(glob(str(base)))]
        if matches := [path for path in matches if path.is_file() or or_folder]:
            return matches
    return []


PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
"""First bytes of a packed file -> what opens it."""
UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""Exceptions of a file that cannot be opened, or is packed and damaged."""


def unpacked(path: Path) -> Path:
    """Return the path without the suffix of a packing program."""
    return path.with_suffix("") if path.suffix.lower() in (".gz", ".bz2", ".xz") else path


def is_named(path: Path, patterns: Iterable[str]) -> bool:
    """Test whether the name of a file is of a pattern, *.xyz without case, for the capitals of other systems."""
    name = path.name
    return any(fnmatchcase(name.lower() if pattern.startswith("*.") else name, pattern) for pattern in patterns)


def open_text(path: Path) -> TextIO:
    """Open a text file, packed by gzip, bzip2 or xz or not: UTF-8, or UTF-16 with its mark; foreign bytes are read as "�".

    Raises:
        OSError: it cannot be opened.
    """
    with open_bytes(path) as file:
        encoding = _encoding(file.read(2))
    return _opener(path)(path, "rt", encoding=encoding, errors="replace")


def read_text(path: Path) -> str:
    """All of a text file, packed by gzip, bzip2 or xz or not: UTF-8, or UTF-16 with its mark.

    Raises:
        OSError: it cannot be opened, or is packed and damaged. UnicodeDecodeError: it is no text.
    """
    content = read_bytes(path)
    text = content.decode(_encoding(content[:2]))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path, most: int = -1) -> bytes:
    """The first bytes of a file, all by default, packed by gzip, bzip2 or xz or not.

    Raises:
        OSError: it cannot be opened, or is packed and damaged.
    """
    try:
        with open_bytes(path) as file:
            return file.read(most)
    except UNREADABLE as error:
        if isinstance(error, OSError) and error.strerror:
            raise
        raise OSError(errno.EIO, "packed, and not whole", str(path)) from error


def open_bytes(path: Path) -> BinaryIO:
    """Open a file as bytes, packed by gzip, bzip2 or xz or not.

    Raises:
        OSError: it cannot be opened.
    """
    return _opener(path)(path, "rb")


def _encoding(head: bytes) -> str:
    return "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def is_packed(path: Path) -> bool:
    """Test whether a file is packed by gzip, bzip2 or xz.

    Raises:
        OSError: it cannot be opened.
    """
    return _opener(path) is not open


def _opener(path: Path) -> Callable[..., IO]:
    with path.open("rb") as file:
        head = file.read(8)
    return next((opener for magic, opener in PACKED.items() if head.startswith(magic)), open)


INSIDE = (AttributeError, IndexError, NameError, TypeError)
"""Exceptions whose words are about the code that reads, not about the file."""


@contextmanager
def reading(path: Path, kind: str, error_type: type[HpcpotError]) -> Iterator[None]:
    """Turn every error of reading `path`, a file of that kind, into one that a user can act on.

    Raises:
        error_type: the file is absent or unreadable, or its bytes are not what the kind requires.
    """
    try:
        yield
    except HpcpotError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise error_type(
            f"{path} = cannot be opened ({error.strerror}): {kind} is required; check the path."
        ) from error
    except Exception as error:  # parsers of foreign bytes fail in as many ways as bytes can be wrong
        if "unable to lock" in str(error):
            raise error_type(
                f"{path} = cannot be locked: its file system has no locks, or a program holds one; the file itself may be "
                "whole, and hpcpot needs no locks; set HDF5_USE_FILE_LOCKING=FALSE."
            ) from error
        raise error_type(
            f"{path} = cannot be read as {kind}{reason(error)}: a whole file of that kind is required; check what wrote it, "
            "and whether all of it was copied."
        ) from error


def reason(error: Exception) -> str:
    """What an error of a parser says in words, " (...)"; nothing where it is the inside of Python."""
    words = error.args[0] if isinstance(error, KeyError) and error.args else getattr(error, "strerror", None) or error
    text = " ".join(str(words).split())[:160]
    is_told = text.count(" ") > 1 and not isinstance(error, INSIDE)
    return f" ({text})" if is_told else ""
