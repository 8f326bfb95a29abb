"""Geometry of a Si/Li interface: a slab, something to its right, and vacuum."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure import crystals


def slab(lattice_constant: float, repeat: tuple[int, int, int]) -> Atoms:
    """Si with (100) layers along z, the cell as thick as its layers: each has a quarter of a lattice constant.

    The lowest layer lies an eighth of a lattice constant above z = 0, so that vibrations do not carry it across.

    Args:
        lattice_constant: Å.
        repeat: cubic cells along x, y, z; (4, 4, 12) has 1536 atoms.
    """
    atoms = crystals.build("Si", repeat, lattice_constant)
    atoms.positions[:, 2] += lattice_constant / 8
    return atoms


def align(atoms: Atoms, symbol: str, height: float) -> None:
    """Shift the atoms along z, and wrap them, so that the slab of one element begins at a height, Å.

    The slab's lowest atom is the one above the widest gap between atoms of that element, however it was wrapped.
    """
    length = atoms.cell[2, 2]
    levels = np.sort(atoms.positions[atoms.symbols == symbol, 2] % length)
    gaps = np.diff(levels, prepend=levels[-1] - length)
    atoms.positions[:, 2] = (atoms.positions[:, 2] + height - levels[np.argmax(gaps)]) % length


def join(left: Atoms, right: Atoms, gap: float, vacuum: float) -> Atoms:
    """`right` on top of `left` along z, then vacuum; periodic along all axes; velocities kept.

    Args:
        left, right: cells with equal vectors a and b in the xy plane and c along z; wrapped along z as they are.
        gap: Å along z, from the highest atom of left to the lowest of right.
        vacuum: Å along z, from the highest atom of right to the lowest image of left.
    Raises:
        StructureError: the cells differ in the xy plane or lean.
    """
    for atoms, name in ((left, "left"), (right, "right")):
        if np.abs(atoms.cell.array[[0, 1, 2, 2], [2, 2, 0, 1]]).max() > 1e-6:
            raise StructureError(
                f"cell of the {name} part = {atoms.cell.array.tolist()}: must have a and b in the xy plane and c "
                "along z; turn it."
            )
    if not np.allclose(left.cell.array[:2], right.cell.array[:2], rtol=0, atol=1e-6):
        raise StructureError(
            f"cells of the two parts = {left.cell.array[:2, :2].tolist()} and {right.cell.array[:2, :2].tolist()}: "
            "must agree in the xy plane; build the right part in the cell of the left."
        )
    moved = right.copy()
    moved.positions[:, 2] += left.positions[:, 2].max() + gap - right.positions[:, 2].min()
    joined = left + moved
    joined.cell[2, 2] = np.ptp(joined.positions[:, 2]) + vacuum
    joined.pbc = True
    return joined
