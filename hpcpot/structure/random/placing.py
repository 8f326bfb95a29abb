"""Random atoms that keep their distances: whole orbits, pushed apart."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit

MARGIN = 0.01
"""Pushed atoms aim at so much more than the distance asked for, in parts of it, so that they reach it in a few sweeps."""

STUCK = 1e-4
"""A sweep that moves no orbit by more than so much of the largest distance, while atoms are too close, is the last."""

MOST_CELLS = 20
"""Cells on each side that are looked at along an axis, at most: in a reduced cell the nearest image is far within them."""


@njit(error_model="numpy")
def place(cell, rotations, shifts, images, owners, species, projections, points, distances, step, sweeps):
    """Atoms of orbits at points, moved apart until all keep their distances.

    In a sweep each two atoms nearer than their distance d move by step (d - r) / 2 each along the line between them; the
    moves of an orbit are averaged over it and projected on what its site leaves free, so that the symmetry stays.

    Args:
        cell: (3, 3) float64, Å, rows, reduced; periodic.
        rotations, shifts: (g, 3, 3), (g, 3) float64, operations on fractional coordinates.
        images: (n,) int64, operation that makes each atom of the point of its orbit. owners: (n,) int64, that orbit.
        species: (n,) int64. projections: (orbits, 3, 3) float64, of the sites.
        points: (orbits, 3) float64, fractional, on their sites; changed.
        distances: (species, species) float64, Å, least distances. step: see above. sweeps: most of them; 0: none moves.
    Returns:
        fractions (n, 3) float64, and whether all keep their distances. Images of an atom itself are not looked at.
    """
    n, orbits = len(images), len(points)
    fractions, moves, mean = np.empty((n, 3)), np.empty((n, 3)), np.empty((orbits, 3))
    inverse = _inverse(cell)
    backs = np.empty_like(rotations)
    for k in range(len(rotations)):
        backs[k] = _inverse(rotations[k])
    sizes = np.zeros(orbits)
    for i in range(n):
        sizes[owners[i]] += 1.0
    largest = 0.0
    for i in range(n):
        for j in range(n):
            largest = max(largest, distances[species[i], species[j]])
    reach = np.zeros(3, np.int64)
    for axis in range(3):
        # Height of the cell: a fraction of at most 1/2 plus m cells is at least (m - 1/2) heights away.
        height = 1.0 / np.sqrt(inverse[0, axis] ** 2 + inverse[1, axis] ** 2 + inverse[2, axis] ** 2)
        spans = largest / height + 0.5
        reach[axis] = int(np.ceil(spans)) - 1 if spans < MOST_CELLS else MOST_CELLS
    for sweep in range(sweeps + 1):
        for i in range(n):
            w, x = rotations[images[i]], points[owners[i]]
            for a in range(3):
                fractions[i, a] = w[a, 0] * x[0] + w[a, 1] * x[1] + w[a, 2] * x[2] + shifts[images[i], a]
        moves[:] = 0.0
        close = _push(cell, reach, fractions, species, distances, step, moves)
        if not close:
            return fractions, True
        if sweep == sweeps:
            break
        mean[:] = 0.0
        for i in range(n):
            o, back = owners[i], backs[images[i]]
            for a in range(3):
                # From Cartesian to fractional, back to the point of the orbit.
                for b in range(3):
                    along = moves[i, 0] * inverse[0, b] + moves[i, 1] * inverse[1, b] + moves[i, 2] * inverse[2, b]
                    mean[o, a] += back[a, b] * along / sizes[o]
        moved = 0.0
        for o in range(orbits):
            p = projections[o]
            square = 0.0
            for a in range(3):
                points[o, a] += p[a, 0] * mean[o, 0] + p[a, 1] * mean[o, 1] + p[a, 2] * mean[o, 2]
            for c in range(3):
                length = 0.0
                for a in range(3):
                    for b in range(3):
                        length += p[a, b] * mean[o, b] * cell[a, c]
                square += length * length
            moved = max(moved, square)
        if not moved > (STUCK * largest) ** 2:
            break
    return fractions, False


@njit(error_model="numpy")
def _push(cell, reach, fractions, species, distances, step, moves):
    """Add the moves, Å, of atoms too close; returns whether there are any."""
    n = len(fractions)
    close = False
    f = np.empty(3)
    for i in range(n):
        for j in range(i):
            least = distances[species[i], species[j]]
            aim = least * (1.0 + MARGIN)
            for a in range(3):
                f[a] = fractions[i, a] - fractions[j, a]
                f[a] -= np.rint(f[a])
            x0 = f[0] * cell[0, 0] + f[1] * cell[1, 0] + f[2] * cell[2, 0]
            y0 = f[0] * cell[0, 1] + f[1] * cell[1, 1] + f[2] * cell[2, 1]
            z0 = f[0] * cell[0, 2] + f[1] * cell[1, 2] + f[2] * cell[2, 2]
            for k in range(-reach[0], reach[0] + 1):
                for h in range(-reach[1], reach[1] + 1):
                    for m in range(-reach[2], reach[2] + 1):
                        x = x0 + k * cell[0, 0] + h * cell[1, 0] + m * cell[2, 0]
                        y = y0 + k * cell[0, 1] + h * cell[1, 1] + m * cell[2, 1]
                        z = z0 + k * cell[0, 2] + h * cell[1, 2] + m * cell[2, 2]
                        square = x * x + y * y + z * z
                        if square >= aim * aim:
                            continue
                        r = np.sqrt(square)
                        close = close or not r >= least
                        if r > 0.0:
                            scale = 0.5 * step * (aim - r) / r
                            moves[i, 0] += scale * x
                            moves[i, 1] += scale * y
                            moves[i, 2] += scale * z
                            moves[j, 0] -= scale * x
                            moves[j, 1] -= scale * y
                            moves[j, 2] -= scale * z
    return close


@njit(error_model="numpy")
def _inverse(m):
    """Inverse of a 3 x 3 matrix; not finite where there is none."""
    result = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            a, b, c, d = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            result[i, j] = m[a, c] * m[b, d] - m[a, d] * m[b, c]
    determinant = m[0, 0] * result[0, 0] + m[0, 1] * result[1, 0] + m[0, 2] * result[2, 0]
    return result / determinant
