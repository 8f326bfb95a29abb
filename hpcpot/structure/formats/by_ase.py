"""Structures in the formats that ASE reads and hpcpot does not read itself."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import ase.io
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.structure.formats import StructureOptions

TYPES_ONLY = ("lammps-dump-binary",)
"""Formats without elements, whose types ASE takes for atomic numbers."""


ENDLESS = ("cp2k-restart",)
"""Formats whose readers in ASE never come back from a file that is cut off or of another program."""


def knows(name: str) -> bool:
    """Test whether ASE reads a format of this name, comes back, and does not take types for atomic numbers there."""
    return name in ioformats and ioformats[name].can_read and name not in (*TYPES_ONLY, *ENDLESS)


def recognise(path: Path) -> bool:
    """Test whether ASE knows the format by name or content."""
    try:
        return knows(filetype(str(path)))
    except (UnknownFileTypeError, ValueError, *inputs.UNREADABLE):  # not to be opened or known
        return False


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a frame.

    Raises:
        StructureError: ASE cannot read it.
    """
    return read_as(path, _name(path, options), index, options)


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all frames, at once: ASE stops at the first that is damaged."""
    yield from read_as(path, _name(path, options), ":", options)


def _name(path: Path, options: StructureOptions) -> str:
    return options.format if options.format is not None and knows(options.format) else filetype(str(path))


def read_as(
    path: Path, name: str, index: int | str, options: StructureOptions, text: str | None = None
) -> Atoms | list[Atoms]:
    """Read a frame, or several.

    Args:
        name: of the format. index: of a frame, or ":" for all. options: for messages.
        text: of the file, where it was made ready for ASE.
    Raises:
        StructureError: ASE cannot read it.
    """
    try:
        source = path if text is None else StringIO(text)
        return ase.io.read(source, index=index, format=name, do_not_split_by_at_sign=True, parallel=False)
    except Exception as error:  # a reader of ASE meets a broken file with any exception
        raise StructureError(
            f"{path} = a file that cannot be read as {name}{inputs.reason(error)}: must be whole and in the format that its "
            f"name says; check it, or say its format by {options.key('format')}."
        ) from error
