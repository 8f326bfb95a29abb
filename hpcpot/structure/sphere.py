"""Spheres cut out of a periodic structure."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure.cell import heights

Centre = str | tuple[float, float, float]
"""Centre of a sphere: an element (its atom nearest the middle of the block), "centroid" of all atoms,
or a point in Å."""


def repeats(atoms: Atoms, radius: float) -> tuple[int, int, int]:
    """Least numbers of cells along the three axes whose block holds a sphere of this radius, Å.

    Raises:
        StructureError: the cell is not periodic.
    """
    check_periodic(atoms)
    return tuple(int(count) for count in np.floor(2 * radius / heights(atoms)).astype(int) + 1)


def cut(block: Atoms, radius: float, centre: Centre) -> Atoms:
    """Cut all atoms of the infinite structure within a radius of a centre, each once; the centre becomes the origin.

    The block is periodic, so that the centre may be anywhere in it.

    Args:
        block: periodic along all axes, each distance between opposite faces larger than the sphere.
        radius: Å; atoms at this distance belong to the sphere.
    Returns:
        atoms without a cell, not periodic, in the order of the block.
    Raises:
        StructureError: the sphere is larger than the block, an element that is not in it, a sphere without atoms.
    """
    check_periodic(block)
    check_size(block, radius)
    cell = block.cell.array
    fractions = (block.positions - middle(block, centre)) @ np.linalg.inv(cell)
    relative = (fractions - np.round(fractions)) @ cell
    inside = np.linalg.norm(relative, axis=1) <= radius
    if not inside.any():
        raise StructureError(f"sphere of {radius:g} Å = 0 atoms: must hold at least one; enlarge it or move it.")
    return Atoms(block.symbols[inside], relative[inside])


def check_periodic(block: Atoms) -> None:
    if not block.pbc.all():
        raise StructureError(f"periodicity of the block = {block.pbc.tolist()}: must be all true; give a periodic one.")


def check_size(block: Atoms, radius: float) -> None:
    """Refuse a sphere of which a part would be missing."""
    distances = heights(block)
    if 2 * radius >= distances.min():
        more = "x".join(str(count) for count in repeats(block, radius))
        raise StructureError(
            f"diameter of the sphere = {2 * radius:g} Å: must be less than the distances between opposite faces of "
            f"the block, {', '.join(f'{height:.1f}' for height in distances)} Å; repeat it {more} times, or leave the "
            "repeat out."
        )


def middle(block: Atoms, centre: Centre) -> np.ndarray:
    """Position of a centre: (3,) float64, Å. Of atoms equally near the first counts."""
    if centre == "centroid":
        return block.positions.mean(axis=0)
    if not isinstance(centre, str):
        return np.array(centre, float)
    chosen = block.positions[block.symbols == centre]
    if not len(chosen):
        raise StructureError(
            f"centre of the sphere = {centre}: must be an element of the structure "
            f"({', '.join(sorted(set(block.symbols)))}), centroid or a point [x, y, z] in Å; correct it."
        )
    distances = np.linalg.norm(chosen - block.cell.array.sum(axis=0) / 2, axis=1)
    return chosen[np.argmin(np.round(distances, 6))]


def surrounded(atoms: Atoms, radius: float, vacuum: float) -> Atoms:
    """A sphere about the origin in the middle of a periodic cube, with vacuum, Å, between it and its images."""
    length = 2 * radius + vacuum
    return Atoms(atoms.symbols, atoms.positions + length / 2, cell=[length] * 3, pbc=True)
