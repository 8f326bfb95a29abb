"""Geometry of a Si/Li interface: a slab, something to its right, and vacuum."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell

from hpcpot.errors import StructureError
from hpcpot.structure.crystals import SURFACES

SAME_LAYER = 1e-3
"""Å along z, within which atoms of a perfect crystal are of one layer."""


def slab(
    lattice_constant: float,
    repeat: tuple[int, int, int],
    surface: str = "100",
    layers: int | None = None,
    strain: tuple[float, float] = (0.0, 0.0),
) -> Atoms:
    """Si with a surface across z, in a cell as long as all its layers, which it repeats.

    The lowest layer lies an eighth of a lattice constant above z = 0, so that vibrations do not carry it across. Between (111)
    layers the wide gaps are cut, where an atom loses one bond.

    Args:
        lattice_constant: Å.
        repeat: cells of crystals.SURFACES along x, y, z; (4, 4, 12) of (100) has 1536 atoms.
        surface: a key of crystals.SURFACES.
        layers: atomic layers kept, from the highest down; None: all.
        strain: along x and y; lengths along z stay.
    Raises:
        StructureError: there are fewer layers.
    """
    vectors = np.array(SURFACES[surface])
    primitive = bulk("Si", "diamond", lattice_constant)
    atoms = make_supercell(primitive, np.rint(vectors * lattice_constant @ np.linalg.inv(primitive.cell.array)))
    fractions = atoms.get_scaled_positions()
    atoms.set_cell(np.diag(np.linalg.norm(vectors, axis=1) * lattice_constant))
    atoms.set_scaled_positions(fractions)
    atoms *= repeat
    align(atoms, "Si", lattice_constant / 8)
    atoms = atoms[np.lexsort(atoms.positions.round(3).T)]  # by layer
    if layers is not None:
        atoms = _highest(atoms, layers)
    lengths = atoms.cell.lengths() * (1 + strain[0], 1 + strain[1], 1)
    atoms.set_cell(np.diag(lengths), scale_atoms=True)
    return atoms


def _highest(atoms: Atoms, layers: int) -> Atoms:
    """The highest layers of a slab, moved down to where its lowest layer was."""
    levels = atoms.positions[:, 2]
    bottoms = levels[np.diff(levels, prepend=-np.inf) > SAME_LAYER]
    if layers > len(bottoms):
        raise StructureError(
            f"silicon.layers = {layers}: must be at most the {len(bottoms)} layers of silicon.repeat; raise the last repeat, "
            "or lower layers."
        )
    kept = atoms[levels > bottoms[-layers] - SAME_LAYER]
    kept.positions[:, 2] += bottoms[0] - bottoms[-layers]
    return kept


def align(atoms: Atoms, symbol: str, height: float) -> None:
    """Shift the atoms along z, and wrap them, so that the slab of one element begins at a height, Å.

    The slab's lowest atom is the one above the widest gap between atoms of that element, however it was wrapped.
    """
    length = atoms.cell[2, 2]
    levels = np.sort(atoms.positions[atoms.symbols == symbol, 2] % length)
    gaps = np.diff(levels, prepend=levels[-1] - length)
    atoms.positions[:, 2] = (atoms.positions[:, 2] + height - levels[np.argmax(gaps.round(6))]) % length


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
