"""The closest two atoms, through periodic boundaries of any cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.geometry import complete_cell, minkowski_reduce
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Contact:
    """Two atoms nearer to each other than was asked; first == second is an atom and its own periodic image."""

    first: int
    second: int
    distance: float


def closest(positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, within: float) -> Contact | None:
    """The closest two atoms if they are nearer than `within`, else None.

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
        pairs = cKDTree(points, balanced_tree=False, compact_nodes=False).query_pairs(within, output_type="ndarray")
    if not len(pairs):
        return None
    distances = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    nearest = int(np.argmin(distances))
    first, second = sorted(int(owner) for owner in owners[pairs[nearest]])
    return Contact(first, second, float(distances[nearest]))


def reduced(cell: np.ndarray, periodic: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same lattice with its shortest vectors, other axes perpendicular to them: its slabs are never thin."""
    axes = np.zeros((3, 3))
    axes[periodic] = cell[periodic]
    axes, _ = minkowski_reduce(axes, periodic)
    return complete_cell(axes), np.asarray(periodic, bool)


def with_images(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, within: float
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms wrapped along the periodic axes, and their images up to `within` outside the cell.

    Returns:
        points (m, 3) Å, the n atoms first; owners (m,) int64, the atom of each point.
    """
    inverse = np.linalg.inv(cell)
    fractions = positions @ inverse
    fractions[:, periodic] -= np.floor(fractions[:, periodic])
    owners = np.arange(len(positions))
    margins = within * np.linalg.norm(inverse, axis=0)  # in fractions: 1 / height of the cell along each axis
    for axis in np.flatnonzero(periodic):
        reach = int(np.ceil(margins[axis]))
        copies, sources = [fractions], [owners]
        for shift in (*range(-reach, 0), *range(1, reach + 1)):
            moved = fractions[:, axis] + shift
            near = (moved > -margins[axis]) & (moved < 1 + margins[axis])
            image = fractions[near]
            image[:, axis] += shift
            copies.append(image)
            sources.append(owners[near])
        fractions, owners = np.concatenate(copies), np.concatenate(sources)
    return fractions @ cell, owners


def crowded(points: np.ndarray, within: float) -> np.ndarray:
    """Pairs of points in the same cube of diagonal < `within`: (k, 2) int64.

    Without such pairs at most a few hundred points fit within reach of any one, so a search by distance is cheap.
    """
    cubes = np.floor(points / (0.999 * within / np.sqrt(3)))
    order = np.lexsort(cubes.T)
    cubes = cubes[order]
    same = np.flatnonzero((cubes[1:] == cubes[:-1]).all(axis=1))
    return np.stack([order[same], order[same + 1]], axis=1)
