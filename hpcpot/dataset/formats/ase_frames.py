"""Frames of files that ASE reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ase
import ase.io

from hpcpot.dataset.formats.reading import as_data_error


def frames(path: Path, ase_format: str, kind: str) -> Iterator[tuple[int, ase.Atoms]]:
    """Number and structure of each frame.

    Args:
        ase_format: its name in ase.io. kind: what the file must be, in words.
    Raises:
        DataError: absent, not whole, or without frames.
    """
    with as_data_error(path, kind):
        number = -1
        structures = ase.io.iread(path, index=":", format=ase_format, do_not_split_by_at_sign=True, parallel=False)
        for number, atoms in enumerate(structures):
            yield number, atoms
        if number < 0:
            raise ValueError("no frames")
