"""Compiled loops over atoms and ghosts, for arrays of NumPy; those of CuPy take whole arrays in `domain`."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit

MOST_BINS = 64
"""Bins for each atom, at most, among which atoms are counted; where they fill the cell there is about one for four."""


@njit()
def shifted(positions, rows, shift, out):
    """out[k] = positions[rows[k]] + shift; `out` may be rows of the positions that are not among `rows`."""
    for k in range(len(rows)):
        for c in range(3):
            out[k, c] = positions[rows[k], c] + shift[c]


@njit()
def add(values, rows, more):
    """values[rows[k]] += more[k], of (m, width) and (k, width) arrays."""
    if more.shape[1] == 3:  # of forces: the compiler unrolls it
        for k in range(len(rows)):
            for c in range(3):
                values[rows[k], c] += more[k, c]
        return
    for k in range(len(rows)):
        for c in range(more.shape[1]):
            values[rows[k], c] += more[k, c]


@njit()
def near_face(positions, start, inverse, limit, is_upper):
    """Atoms from `start` on within reach of one face of a slab: (k,) int64.

    Args:
        inverse: (3,) float64, 1/Å, x . inverse being the fractional coordinate. limit: of it; those above or at it are
            within reach of the upper face, those below it of the lower.
    """
    rows, count = np.empty(len(positions) - start, np.int64), 0
    for k in range(start, len(positions)):
        s = positions[k, 0] * inverse[0] + positions[k, 1] * inverse[1] + positions[k, 2] * inverse[2]
        rows[count] = k
        count += (s >= limit) if is_upper else (s < limit)
    return rows[:count].copy()


@njit()
def by_bin(bins, ids):
    """Order of atoms by bin, then id: (n,) int64, as np.lexsort gives it; empty where there are too many bins to count in.

    Args:
        bins: (n, 3) int64, along the axes, the first one first. ids: (n,) int64.
    """
    n, low, counts, most = len(bins), np.zeros(3, np.int64), np.zeros(3, np.int64), 1.0
    for c in range(3):
        least, largest = bins[0, c] if n else 0, bins[0, c] if n else 0
        for k in range(n):
            least, largest = min(least, bins[k, c]), max(largest, bins[k, c])
        most *= float(largest) - float(least) + 1.0
        low[c], counts[c] = least, largest - least + 1
    if most > MOST_BINS * (n + 1.0):
        return np.empty(0, np.int64)
    flat, start = np.empty(n, np.int64), np.zeros(counts[0] * counts[1] * counts[2] + 1, np.int64)
    for k in range(n):
        flat[k] = ((bins[k, 0] - low[0]) * counts[1] + bins[k, 1] - low[1]) * counts[2] + bins[k, 2] - low[2]
        start[flat[k] + 1] += 1
    for b in range(len(start) - 1):
        start[b + 1] += start[b]
    order, end = np.empty(n, np.int64), start[:-1].copy()
    for k in range(n):
        place = end[flat[k]]
        while place > start[flat[k]] and ids[order[place - 1]] > ids[k]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = k
        end[flat[k]] += 1
    return order
