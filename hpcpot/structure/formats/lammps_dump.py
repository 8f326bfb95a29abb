"""Dumps of LAMMPS, see `hpcpot.structure.lammps_dump`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure import lammps_dump
from hpcpot.structure.formats import StructureOptions

recognise = lammps_dump.is_dump


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a frame."""
    return lammps_dump.read(path, options.elements, options.units, index)


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all frames."""
    return lammps_dump.frames(path, options.elements, options.units)
