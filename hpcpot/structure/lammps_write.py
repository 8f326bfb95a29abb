"""Writing of LAMMPS's text dump."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TextIO

import ase.units
import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.data import atomic_numbers


def dump(
    file: TextIO,
    atoms: Atoms,
    step: int,
    extra: Mapping[str, np.ndarray],
    elements: Sequence[str] | None = None,
    unwrapped: bool = False,
) -> None:
    """Write a frame; the cell is turned as LAMMPS wants it: a along x, b in the xy plane.

    Velocities are written, Å/ps, if the atoms have any.

    Args:
        step: its timestep. extra: further columns by name, (n,) int32 or float64.
        elements: of types 1, 2, ...; by atomic number of those present if None. unwrapped: positions are called xu, yu, zu.
    """
    prism = Prism(atoms.cell.array, pbc=atoms.pbc)
    xhi, yhi, zhi, xy, xz, yz = prism.get_lammps_prism()
    bounds = np.array(
        [[min(0, xy, xz, xy + xz), xhi + max(0, xy, xz, xy + xz), xy], [min(0, yz), yhi + max(0, yz), xz], [0, zhi, yz]]
    )
    skewed = bool(np.abs([xy, xz, yz]).max() > 1e-9)
    faces = " ".join("pp" if periodic else "ff" for periodic in atoms.pbc)
    columns = dict(extra)
    if atoms.has("momenta"):
        velocities = prism.vector_to_lammps(atoms.get_velocities()) * (1000 * ase.units.fs)
        columns = dict(zip(("vx", "vy", "vz"), velocities.T, strict=True)) | columns
    types = sorted(set(atoms.numbers)) if elements is None else [atomic_numbers[element] for element in elements]
    type_of = np.zeros(len(atomic_numbers), np.int64)
    type_of[types] = np.arange(1, len(types) + 1)
    table = [
        np.arange(1, len(atoms) + 1),
        type_of[atoms.numbers],
        atoms.symbols,
        *prism.vector_to_lammps(atoms.positions).T,
        *columns.values(),
    ]
    kinds = ["%d", "%d", "%s", "%.10g", "%.10g", "%.10g"]
    line = " ".join(kinds + ["%d" if values.dtype.kind == "i" else "%.10g" for values in columns.values()])
    head = [
        *(["ITEM: UNITS", "metal"] if atoms.has("momenta") else []),
        "ITEM: TIMESTEP",
        str(step),
        "ITEM: NUMBER OF ATOMS",
        str(len(atoms)),
        f"ITEM: BOX BOUNDS {'xy xz yz ' if skewed else ''}{faces}",
        *(" ".join(f"{value:.12g}" for value in (row if skewed else row[:2])) for row in bounds),
        f"ITEM: ATOMS id type element {'xu yu zu' if unwrapped else 'x y z'} {' '.join(columns)}".strip(),
    ]
    rows = (line % row for row in zip(*(np.asarray(column).tolist() for column in table), strict=True))
    file.write("\n".join([*head, *rows, ""]))
