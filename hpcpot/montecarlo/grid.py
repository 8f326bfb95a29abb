"""Atoms of a periodic cell sorted into bins, changed atom by atom: which are near a point, through any image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit

ROOM = 8
"""Atoms that a bin has room for at first."""
BINS_PER_ATOM = 4


class Grid(NamedTuple):
    """Bins of a cell that is periodic along all axes.

    Attributes:
        cell, inverse: (3, 3) float64, Å, rows. heights: (3,) float64, Å, between opposite faces.
        counts: (3,) int64, bins along each axis.
        atoms: (bins, room) int32, those in each bin, filled[bin] of them. filled: (bins,) int64.
    """

    cell: np.ndarray
    inverse: np.ndarray
    heights: np.ndarray
    counts: np.ndarray
    atoms: np.ndarray
    filled: np.ndarray


def build(positions: np.ndarray, cell: np.ndarray, width: float) -> Grid:
    """Sort atoms into bins about `width` wide.

    Args:
        positions: (n, 3) float64, Å, wrapped into the cell. cell: (3, 3) float64, Å, rows, with a volume.
    """
    inverse = np.linalg.inv(cell)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    counts = np.maximum(1, heights / width).astype(np.int64)
    while counts.prod() > BINS_PER_ATOM * (len(positions) + 16):
        counts[np.argmax(counts)] //= 2
    room = ROOM
    while True:
        shape = int(counts.prod()), room
        grid = Grid(cell.copy(), inverse, heights, counts, np.zeros(shape, np.int32), np.zeros(shape[0], np.int64))
        if _fill(positions, grid):
            return grid
        room *= 2


def wrap(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Positions inside the cell to rounding, (n, 3) float64, Å; those that are stay to the bit."""
    return positions - np.floor(positions @ np.linalg.inv(cell)) @ cell


@njit()
def bin_of(point, grid):
    """Bin of a point, which may be outside the cell."""
    index = 0
    for axis in range(3):
        f = 0.0
        for c in range(3):
            f += point[c] * grid.inverse[c, axis]
        place = int((f - np.floor(f)) * grid.counts[axis])
        index = index * grid.counts[axis] + min(place, grid.counts[axis] - 1)
    return index


@njit()
def wrap_point(point, grid, wrapped):
    """Write the image of a point in the cell."""
    wrapped[:] = point
    for axis in range(3):
        f = 0.0
        for c in range(3):
            f += point[c] * grid.inverse[c, axis]
        for c in range(3):
            wrapped[c] -= np.floor(f) * grid.cell[axis, c]


@njit()
def put(atom, point, grid):
    """Add an atom to its bin; False where there is no room."""
    b = bin_of(point, grid)
    if grid.filled[b] == grid.atoms.shape[1]:
        return False
    grid.atoms[b, grid.filled[b]] = atom
    grid.filled[b] += 1
    return True


@njit()
def take(atom, point, grid):
    """Remove an atom from its bin."""
    b = bin_of(point, grid)
    for k in range(grid.filled[b]):
        if grid.atoms[b, k] == atom:
            grid.filled[b] -= 1
            grid.atoms[b, k] = grid.atoms[b, grid.filled[b]]
            return True
    return False


@njit()
def _fill(positions, grid):
    room = True
    for atom in range(len(positions)):
        room &= put(atom, positions[atom], grid)
    return room


@njit()
def _ends(point, reach, grid, low, high):
    """First and last bin along each axis that a sphere meets, counted on through the images of the cell."""
    for axis in range(3):
        f = 0.0
        for c in range(3):
            f += point[c] * grid.inverse[c, axis]
        part = reach / grid.heights[axis]
        low[axis] = int(np.floor((f - part) * grid.counts[axis]))
        high[axis] = int(np.floor((f + part) * grid.counts[axis]))


@njit()
def _image(a, b, c, grid):
    """Bin that is met at a place counted on through the images of the cell, and the shift (x, y, z) of its atoms there."""
    counts, cell = grid.counts, grid.cell
    qa, qb, qc = a // counts[0], b // counts[1], c // counts[2]
    place = ((a - qa * counts[0]) * counts[1] + b - qb * counts[1]) * counts[2] + c - qc * counts[2]
    return (
        place,
        qa * cell[0, 0] + qb * cell[1, 0] + qc * cell[2, 0],
        qa * cell[0, 1] + qb * cell[1, 1] + qc * cell[2, 1],
        qa * cell[0, 2] + qb * cell[1, 2] + qc * cell[2, 2],
    )


@njit()
def near(point, reach, positions, grid, atoms, images):
    """Atoms closer than `reach` to a point, and where those of their images are.

    Args:
        atoms: (room,) int32; images: (room, 3) float64, Å: filled.
    Returns:
        their number; -1 where there is no room.
    """
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    _ends(point, reach, grid, low, high)
    count, reach2 = 0, reach * reach
    for a in range(low[0], high[0] + 1):
        for b in range(low[1], high[1] + 1):
            for c in range(low[2], high[2] + 1):
                image = _image(a, b, c, grid)
                place, shift = image[0], image[1:]
                if count + grid.filled[place] > len(atoms):
                    return -1
                for k in range(grid.filled[place]):
                    atom = grid.atoms[place, k]
                    distance2 = 0.0
                    for axis in range(3):
                        images[count, axis] = positions[atom, axis] + shift[axis]
                        distance2 += (images[count, axis] - point[axis]) ** 2
                    atoms[count] = atom
                    count += distance2 < reach2
    return count


@njit()
def is_free(point, reach, positions, grid, but):
    """Test whether no atom, except `but` (-1: none excepted), is closer than `reach` to a point."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    _ends(point, reach, grid, low, high)
    reach2 = reach * reach
    for a in range(low[0], high[0] + 1):
        for b in range(low[1], high[1] + 1):
            for c in range(low[2], high[2] + 1):
                image = _image(a, b, c, grid)
                place, shift = image[0], image[1:]
                for k in range(grid.filled[place]):
                    atom = grid.atoms[place, k]
                    distance2 = 0.0
                    for axis in range(3):
                        distance2 += (positions[atom, axis] + shift[axis] - point[axis]) ** 2
                    if distance2 < reach2 and atom != but:
                        return False
    return True
