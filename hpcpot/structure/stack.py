"""Stacks: spheres of atoms at the centres of a packing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from hpcpot.structure.packing import Packing


def fill(packing: Packing, cut: Callable[[float], Atoms], margin: float, rotation_seed: int | None) -> Atoms:
    """A sphere of atoms at each centre, in a periodic cell that is larger than the packing's box by margins.

    Args:
        cut: gives the sphere of a radius, its centre at the origin.
        margin: Å, on each side of the box.
        rotation_seed: of uniformly random rotations; None: all spheres as they are cut.
    Returns:
        atoms, sphere by sphere, with the number of their sphere in the array "particle" (n,) int64.
    """
    spheres = {radius: cut(radius) for radius in set(packing.radii.tolist())}
    stacked = Atoms(cell=packing.box + 2 * margin, pbc=True)
    rng = np.random.default_rng(rotation_seed)
    for centre, radius in zip(packing.centres, packing.radii.tolist(), strict=True):
        placed = spheres[radius].copy()
        if rotation_seed is not None:
            placed.positions = Rotation.random(random_state=rng).apply(placed.positions)
        placed.positions += centre + margin
        stacked += placed
    sizes = [len(spheres[radius]) for radius in packing.radii.tolist()]
    stacked.set_array("particle", np.repeat(np.arange(len(sizes)), sizes))
    stacked.wrap()
    return stacked


def without_contacts(atoms: Atoms, minimum_distance: float) -> Atoms:
    """Take away one atom, the later, of each two of different particles nearer than a distance, Å.

    An atom stays when all that are too near to it have been taken away.

    Args:
        atoms: in an orthorhombic periodic cell, wrapped, with the array "particle".
    """
    tree = cKDTree(atoms.positions, boxsize=atoms.cell.lengths())
    kept = np.ones(len(atoms), bool)
    particle = atoms.arrays["particle"]
    for first, second in sorted(tree.query_pairs(minimum_distance)):
        if particle[first] != particle[second] and kept[first]:
            kept[second] = False
    return atoms[kept]
