"""Atoms with their strain for OVITO: extxyz, and LAMMPS's text dump."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism

from hpcpot.analysis.observable import Arrays
from hpcpot.outputs import Replacement
from hpcpot.structure import files

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
    """A frame of LAMMPS's dump; the cell is turned as LAMMPS wants it: a along x, b in the xy plane."""
    prism = Prism(atoms.cell.array, pbc=atoms.pbc)
    xhi, yhi, zhi, xy, xz, yz = prism.get_lammps_prism()
    bounds = np.array(
        [[min(0, xy, xz, xy + xz), xhi + max(0, xy, xz, xy + xz), xy], [min(0, yz), yhi + max(0, yz), xz], [0, zhi, yz]]
    )
    skewed = bool(np.abs([xy, xz, yz]).max() > 1e-9)
    faces = " ".join("pp" if periodic else "ff" for periodic in atoms.pbc)
    extra = columns(arrays)
    elements = sorted(set(atoms.numbers))
    table = [
        np.arange(1, len(atoms) + 1),
        np.searchsorted(elements, atoms.numbers) + 1,
        atoms.symbols,
        *prism.vector_to_lammps(atoms.positions).T,
        *extra.values(),
    ]
    kinds = ["%d", "%d", "%s", "%.10g", "%.10g", "%.10g"] + [
        "%d" if v.dtype.kind == "i" else "%.10g" for v in extra.values()
    ]
    line = " ".join(kinds)
    head = [
        "ITEM: TIMESTEP",
        str(step),
        "ITEM: NUMBER OF ATOMS",
        str(len(atoms)),
        f"ITEM: BOX BOUNDS {'xy xz yz ' if skewed else ''}{faces}",
        *(" ".join(f"{value:.12g}" for value in (row if skewed else row[:2])) for row in bounds),
        f"ITEM: ATOMS id type element x y z {' '.join(extra)}".strip(),
    ]
    rows = (line % row for row in zip(*(np.asarray(column).tolist() for column in table), strict=True))
    with Replacement(path) as part:
        part.write_text("\n".join([*head, *rows, ""]), encoding="utf-8")
