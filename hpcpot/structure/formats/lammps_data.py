"""Data files of LAMMPS, see `hpcpot.structure.lammps_data`."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms

from hpcpot.structure import lammps_data
from hpcpot.structure.formats import StructureOptions


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read the structure."""
    return lammps_data.read(path, options.elements, options.units)
