"""How similar structures are to groups of them, and which are all but the same: by blocks of the similarities of all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.selection.points import Comparable, blocks, square_distances

EDGES = np.linspace(-1.0, 1.0, 4001)
"""Of the intervals of similarity in which pairs are counted."""


def mean_similarities(points: Comparable, members: np.ndarray) -> np.ndarray:
    """Mean similarity of each to the members of a group, itself among them if it is one, (n,) float64.

    Args:
        members: (k,) int64, rows.
    """
    total = np.zeros(points.count)
    for _, block in blocks(points, members):
        total += block.sum(axis=0)
    return total / len(members)


def pair_counts(points: Comparable, labels: np.ndarray, kinds: int) -> np.ndarray:
    """Pairs of different members of each group by their similarity, (kinds, len(EDGES) - 1) int64.

    Similarities beyond 1 by rounding count as 1.

    Args:
        labels: (n,) int64, the group of each, 0 to kinds - 1.
    """
    counts = np.zeros((kinds, len(EDGES) - 1), np.int64)
    for kind in range(kinds):
        members = np.flatnonzero(labels == kind)
        for rows, block in blocks(points, members):
            later = members[None, :] > rows[:, None]
            values = np.clip(block[:, members][later], -1.0, 1.0)
            counts[kind] += np.histogram(values, EDGES)[0]
    return counts


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What is nearer than a distance to an earlier one.

    Attributes:
        rows: (k,) int64, ascending. of: (k,) int64, the earlier one that is nearest to each. distances: (k,) float64.
        within: the distance.
    """

    rows: np.ndarray
    of: np.ndarray
    distances: np.ndarray
    within: float


def duplicates(points: Comparable, within: float) -> Duplicates:
    """Find what has an earlier one nearer than `within`, by all pairs."""
    rows, of, distances = [], [], []
    for block_rows, block in blocks(points, np.arange(points.count)):
        squares = square_distances(block)
        squares[block_rows[:, None] <= np.arange(points.count)] = np.inf
        nearest = squares.argmin(axis=1)
        least = np.sqrt(squares[np.arange(len(block_rows)), nearest])
        close = least < within
        rows.append(block_rows[close])
        of.append(nearest[close])
        distances.append(least[close])
    return Duplicates(np.concatenate(rows), np.concatenate(of), np.concatenate(distances), within)
