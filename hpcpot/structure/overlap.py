"""Search for the closest two atoms, through periodic boundaries of any cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.geometry import complete_cell, minkowski_reduce

from hpcpot.structure.images import with_images

FEW = 600
"""Points that are searched pair by pair: that takes less time than the import of a tree."""


@dataclass(frozen=True)
class Contact:
    """Two atoms nearer to each other than was asked; first == second is an atom and its own periodic image."""

    first: int
    second: int
    distance: float


def closest(positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, within: float) -> Contact | None:
    """Find the closest two atoms if they are nearer than `within`, else None.

    Where many atoms pile up in one place the contact named is one of them, not always the closest, so that memory
    and time stay linear in the number of atoms.

    Args:
        positions: (n, 3) float64, Å, finite, wrapped or not.
        cell: (3, 3) float64, Å, rows; rows of non-periodic axes may be zero.
        periodic: (3,) bool.
        within: Å, > 0.
    """
    cell, periodic = reduced(cell, periodic)
    lengths = np.linalg.norm(cell, axis=1)
    if periodic.any() and lengths[periodic].min() < within:
        return Contact(0, 0, float(lengths[periodic].min()))
    points, owners = with_images(positions, cell, periodic, within)
    pairs = crowded(points, within)
    if not len(pairs):
        pairs = near_pairs(points, within)
    if not len(pairs):
        return None
    distances = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    nearest = int(np.argmin(distances))
    first, second = sorted(int(owner) for owner in owners[pairs[nearest]])
    return Contact(first, second, float(distances[nearest]))


def reduced(cell: np.ndarray, periodic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Reduce a lattice to its shortest vectors, other axes perpendicular to them: its slabs are never thin."""
    axes = np.zeros((3, 3))
    axes[periodic] = cell[periodic]
    axes, _ = minkowski_reduce(axes, periodic)
    return complete_cell(axes), np.asarray(periodic, bool)


def near_pairs(points: np.ndarray, within: float) -> np.ndarray:
    """Pairs of points at most `within` apart: (k, 2) int64, the first less than the second."""
    if len(points) <= FEW:
        apart = np.zeros((len(points), len(points)))
        for axis in points.T:
            apart += (axis[:, None] - axis) ** 2
        return np.argwhere(np.triu(apart <= within**2, 1))
    from scipy.spatial import cKDTree  # late: takes 0.4 s

    return cKDTree(points, balanced_tree=False, compact_nodes=False).query_pairs(within, output_type="ndarray")


def crowded(points: np.ndarray, within: float) -> np.ndarray:
    """Pairs of points in the same cube of diagonal < `within`: (k, 2) int64.

    Without such pairs at most a few hundred points fit within reach of any one, so a search by distance is cheap.
    """
    cubes = np.floor(points / (0.999 * within / np.sqrt(3)))
    order = np.lexsort(cubes.T)
    cubes = cubes[order]
    same = np.flatnonzero((cubes[1:] == cubes[:-1]).all(axis=1))
    return np.stack([order[same], order[same + 1]], axis=1)
