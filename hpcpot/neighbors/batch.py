"""Pairs of many small structures at once: each with its own cell and periodic images, all in one `Pairs`.

An image is a point that follows its owner: point = position of the owner + shift @ cell. So positions and cells may
change by less than the skin allows while the pairs stay, and forces on images go back to the owners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.neighbors import pairs as neighbors
from hpcpot.neighbors.pairs import Pairs
from hpcpot.structure import images


@dataclass
class Neighborhood:
    """The neighbours of one structure's n atoms among m points, the atoms in the cell first, then their images.

    Attributes:
        owners: (m,) int32, the atom of each point; 0 .. n - 1 first.
        shifts: (m, 3) float64, whole cells between a point and its owner's position.
        pairs: the atoms are the centres, neighbours are among the points.
        positions, cell: Å, where it was built.
    """

    owners: np.ndarray
    shifts: np.ndarray
    pairs: Pairs
    positions: np.ndarray
    cell: np.ndarray

    @property
    def points(self) -> np.ndarray:
        """Positions of the points where it was built, (m, 3) Å."""
        return self.positions[self.owners] + self.shifts @ self.cell


def build(positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, reach: float) -> Neighborhood:
    """All pairs closer than `reach`, through any number of periodic images.

    Args:
        positions: (n, 3) float64, Å, finite, wrapped or not.
        cell: (3, 3) float64, Å, rows, with a volume.
        periodic: (3,) bool.
        reach: Å, cutoff + skin.
    Raises:
        StructureError: the cell is so thin that its images would fill the memory.
    """
    images.refuse_many_images(len(positions), cell, periodic, reach)
    inverse = np.linalg.inv(cell)
    margins = images.margins(inverse, periodic, reach)
    fractions = positions @ inverse
    turns = np.where(periodic, np.floor(fractions), 0.0)
    owners, shifts = images.images(fractions - turns, margins)
    owners = np.concatenate([np.arange(len(positions)), owners]).astype(np.int32)
    shifts = np.concatenate([np.zeros((len(positions), 3)), shifts]) - turns[owners]
    pairs = neighbors.build(positions[owners] + shifts @ cell, len(positions), reach)
    return Neighborhood(owners, shifts, pairs, positions.copy(), cell.copy())


@dataclass
class Batch:
    """The neighbourhoods of several structures joined: all atoms first, structure by structure, then all images.

    Attributes:
        owners: (m,) int64; shifts: (m, 3) float64; pairs: as in `Neighborhood`, for all.
        structures: (m,) int64, the structure of each point.
        starts: (structures,) int64, first atom of each structure.
    """

    owners: np.ndarray
    shifts: np.ndarray
    pairs: Pairs
    structures: np.ndarray
    starts: np.ndarray

    def points(self, positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Positions of the points, (m, 3) Å, from those (n, 3) Å of all atoms and cells (structures, 3, 3) Å."""
        return positions[self.owners] + np.einsum("pk,pkc->pc", self.shifts, cells[self.structures])

    def closest(self, points: np.ndarray) -> np.ndarray:
        """Shortest distance in each structure, (structures,) float64, Å; inf without pairs."""
        pairs = self.pairs
        return np.sqrt(_closest(points, pairs.first, pairs.neighbors, self.structures, len(self.starts)))

    def fold(self, points: np.ndarray, forces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Forces of points to their owners, and the virial of each structure.

        W = sum over the points of r (x) f: the energy of the atoms depends on differences of points alone, so this is
        -dE/d(strain), as `Result.virial`.

        Args:
            points: (m, 3) float64, Å. forces: (m, 3) float64, eV/Å, of `Potential.compute`.
        Returns:
            forces (n, 3) eV/Å; virials (structures, 3, 3) eV.
        """
        folded, virials = np.zeros((len(self.pairs.first) - 1, 3)), np.zeros((len(self.starts), 3, 3))
        _fold(points, forces, self.owners, self.structures, folded, virials)
        return folded, virials

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of a value of each atom, (n,), over each structure: (structures,)."""
        return np.bincount(self.structures[: len(values)], values, len(self.starts))


def join(parts: Sequence[Neighborhood]) -> Batch:
    """Several neighbourhoods as one."""
    n = np.array([len(part.pairs.first) - 1 for part in parts])
    n_images = np.array([len(part.owners) for part in parts]) - n
    pairs = np.array([part.pairs.first[-1] for part in parts])
    starts, before = np.cumsum(n) - n, np.cumsum(pairs) - pairs
    ghosts = n.sum() + np.cumsum(n_images) - n_images
    owners = [part.owners + start for part, start in zip(parts, starts, strict=True)]
    shifts = [part.shifts for part in parts]
    numbers = np.arange(len(parts))
    first = [part.pairs.first[1:] + start for part, start in zip(parts, before, strict=True)]
    near = [part.pairs.neighbors for part in parts]
    moved = [
        np.where(j < k, j + a, j + (g - k)).astype(np.int32) for j, k, a, g in zip(near, n, starts, ghosts, strict=True)
    ]
    return Batch(
        owners=_atoms_first(owners, n),
        shifts=_atoms_first(shifts, n),
        pairs=Pairs(np.concatenate([[0], *first]), np.concatenate(moved)),
        structures=np.concatenate([np.repeat(numbers, n), np.repeat(numbers, n_images)]),
        starts=starts,
    )


def _atoms_first(rows: Sequence[np.ndarray], n: np.ndarray) -> np.ndarray:
    """The first n of each, then the rest of each."""
    return np.concatenate(
        [values[:k] for values, k in zip(rows, n, strict=True)]
        + [values[k:] for values, k in zip(rows, n, strict=True)]
    )


def still_hold(
    parts: Sequence[Neighborhood], positions: np.ndarray, cells: np.ndarray, reach: float, cutoff: float
) -> np.ndarray:
    """True where no pair that was beyond the reach can have come within the cutoff: (structures,) bool.

    With the strain e of a cell and the moves w of its atoms beside it, a distance R > reach is now at least
    (R - 2 max |w|) (1 - |e|).

    Args:
        positions: (n, 3) Å, all structures in order; cells: (structures, 3, 3) Å: as they are now.
        reach: Å, that the neighbourhoods were built for.
    """
    sizes = np.array([len(part.positions) for part in parts])
    strained = np.linalg.solve(np.array([part.cell for part in parts]), cells)
    back = np.repeat(np.linalg.inv(strained), sizes, axis=0)
    moves = np.einsum("nb,nbc->nc", positions, back) - np.concatenate([part.positions for part in parts])
    farthest = np.sqrt(np.maximum.reduceat((moves**2).sum(axis=1), np.cumsum(sizes) - sizes))
    strain = np.linalg.norm(strained - np.eye(3), axis=(1, 2))
    return (reach - 2.0 * farthest) * (1.0 - strain) >= cutoff


@njit()
def _closest(points, first, neighbors, structures, n_structures):
    """Shortest squared distance in each structure."""
    least = np.full(n_structures, np.inf)
    for i in range(len(first) - 1):
        for p in range(first[i], first[i + 1]):
            j = neighbors[p]
            dx, dy, dz = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < least[structures[i]]:
                least[structures[i]] = r2
    return least


@njit()
def _fold(points, forces, owners, structures, folded, virials):
    for p in range(len(owners)):
        for a in range(3):
            folded[owners[p], a] += forces[p, a]
            for b in range(3):
                virials[structures[p], a, b] += points[p, a] * forces[p, b]
