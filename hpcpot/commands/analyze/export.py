"""Atoms with their strain for OVITO: extxyz, and LAMMPS's text dump."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot.analysis.observable import Arrays
from hpcpot.outputs import Replacement
from hpcpot.structure import files, lammps_write

COLUMNS = {
    "shear": "shear_strain",
    "volumetric": "volumetric_strain",
    "d2min": "d2min",
    "valid": "strain_is_valid",
    "broken": "broken_bonds",
}
"""Arrays of a frame to write, and their columns."""

FILES = ("atoms_*.extxyz", "atoms_*.dump")


def write(folder: Path, kind: str, atoms: Atoms, arrays: Arrays, strain: float, step: int) -> None:
    """Write a frame as atoms_<step>.extxyz or .dump."""
    if kind == "extxyz":
        extxyz(folder / f"atoms_{step}.extxyz", atoms, arrays, strain, step)
    else:
        lammps(folder / f"atoms_{step}.dump", atoms, arrays, step)


def columns(arrays: Arrays) -> dict[str, np.ndarray]:
    """Columns of the atoms, (n,) float64 or int32 each."""
    values = {column: arrays[name] for name, column in COLUMNS.items() if name in arrays}
    return {name: value.astype(np.int32 if value.dtype.kind in "bi" else np.float64) for name, value in values.items()}


def extxyz(path: Path, atoms: Atoms, arrays: Arrays, strain: float, step: int) -> None:
    """Extended XYZ, with the columns behind the positions."""
    written = Atoms(
        atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc, info={"strain": strain, "step": step}
    )
    for name, values in columns(arrays).items():
        written.set_array(name, values)
    files.write(path, written, overwrite=True)


def lammps(path: Path, atoms: Atoms, arrays: Arrays, step: int) -> None:
    """A frame of LAMMPS's dump, with the columns behind the positions."""
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    with Replacement(path) as part, part.open("w", encoding="utf-8") as file:
        lammps_write.dump(file, bare, step, columns(arrays))
