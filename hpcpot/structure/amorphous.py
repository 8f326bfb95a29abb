"""Disordered atoms to start a melt from."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from scipy.spatial import cKDTree

from hpcpot.errors import StructureError

ROUNDS = 2000
"""Rounds of insertion, of one trial per atom each, after which the cell counts as full."""


def build(symbol: str, count: int, lengths: tuple[float, float, float], minimum_distance: float, seed: int) -> Atoms:
    """Atoms at random points of a periodic box, one after the other where none is near.

    Such a packing ends at 38 % of the volume in spheres of diameter minimum_distance; below 30 % it takes seconds for
    thousands of atoms.

    Args:
        lengths: Å, of the orthorhombic cell.
        minimum_distance: Å, between any two atoms, through the boundaries too.
        seed: equal seeds give equal atoms.
    Raises:
        StructureError: the box is too small for so many atoms.
    Source: random sequential addition, Widom, J. Chem. Phys. 44, 3888 (1966).
    """
    box, rng = np.array(lengths, float), np.random.default_rng(seed)
    points = np.zeros((0, 3))
    for _ in range(ROUNDS):
        trials = rng.random((count, 3)) * box
        if len(points):
            distances, _ = cKDTree(points, boxsize=box).query(trials, distance_upper_bound=minimum_distance)
            trials = trials[np.isinf(distances)]
        if len(trials):
            pairs = cKDTree(trials, boxsize=box).query_pairs(minimum_distance, output_type="ndarray")
            trials = np.delete(trials, pairs.max(axis=1, initial=-1), axis=0) if len(pairs) else trials
        points = np.concatenate([points, trials])
        if len(points) >= count:
            return Atoms([symbol] * count, points[:count], cell=box, pbc=True)
    filled = count * np.pi / 6 * minimum_distance**3 / box.prod()
    raise StructureError(
        f"random atoms = {len(points)} of {count} placed: spheres of {minimum_distance:g} Å would fill {filled:.0%} of "
        "the box, and at most 38 % fit at random; enlarge the volume or lower the minimum distance."
    )
