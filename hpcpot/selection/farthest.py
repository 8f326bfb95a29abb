"""Farthest point sampling: subsets of vectors in which nothing is far from all that was chosen.

Beside the vectors it holds a few numbers for each of them, never the distances of all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.errors import DataError
from hpcpot.selection.points import Comparable, Vectors
from hpcpot.selection.quotas import Quotas


@dataclass(frozen=True, eq=False)
class Subset:
    """Vectors in the order of their choice: the first k are the subset of size k.

    Attributes:
        order: (k,) int64, their rows.
        distances: (k,) float64, the largest distance of any vector to the subset of size 1, 2, ...
        covered: (k,) float64, share of all vectors that are nearer than `within` to that subset, members included:
            "representativeness" (REP).
        within: as given.
    """

    order: np.ndarray
    distances: np.ndarray
    covered: np.ndarray
    within: float


def farthest(
    vectors: np.ndarray | Comparable,
    start: int,
    count: int | None = None,
    distance: float | None = None,
    covered: float | None = None,
    within: float = 0.1,
    quotas: Quotas | None = None,
) -> Subset:
    """Choose again and again the vector that is farthest from its nearest chosen one; of equal ones the lowest row.

    Args:
        vectors: (n, d) float64, or what else has distances. start: row of the first choice, see `central`.
        count: end with so many, if not None; else with all that quotas let in.
        distance: end before that if all vectors are nearer than this to the subset.
        covered: end before that if so large a share of them is nearer than `within`.
    Raises:
        DataError: no vectors, one that is not finite, or a number out of range.
    """
    growth = _Growth(vectors, within, quotas)
    n = growth.points.count
    for name, value, holds, required in (
        ("start", start, 0 <= start < n, f"a row, 0 to {n - 1}"),
        ("distance", distance, distance is None or distance > 0.0, "above 0"),
        ("covered", covered, covered is None or 0.0 < covered <= 1.0, "above 0 and at most 1"),
    ):
        if not holds:
            raise DataError(f"{name} of farthest point sampling = {value}: must be {required}; correct it.")
    most = growth.quotas.room
    growth.quotas.require(most if count is None else count, "farthest point sampling")
    if not growth.quotas.is_open[start]:
        raise DataError(f"start of farthest point sampling = {start}: must be within the quotas; choose another.")
    row = start
    while True:
        row = growth.add(row)
        is_near = distance is not None and growth.distances[-1] < distance
        is_covered = covered is not None and growth.shares[-1] >= covered
        if len(growth.order) == (most if count is None else count) or is_near or is_covered:
            return growth.subset()


def measured(vectors: np.ndarray | Comparable, order: np.ndarray, within: float = 0.1) -> Subset:
    """What distances and coverage a given order has, as that of a random subset.

    Args:
        order: (k,) int64, rows, each once.
    Raises:
        DataError: see `farthest`.
    """
    growth = _Growth(vectors, within)
    n, order = growth.points.count, np.asarray(order, np.int64)
    if len(order) == 0 or order.min() < 0 or order.max() >= n or len(set(order.tolist())) < len(order):
        raise DataError(f"order of a subset = {len(order)} rows: must be of 0 to {n - 1}, each once; correct it.")
    for row in order:
        growth.add(int(row))
    return growth.subset()


def at_random(n: int, count: int, seed: int, quotas: Quotas | None = None) -> np.ndarray:
    """Rows of `count` of n vectors by chance, each once, (count,) int64; fewer of the same seed are the first of these.

    Raises:
        DataError: more than there are, or quotas let in.
    """
    quotas = quotas or Quotas.none(n)
    quotas.require(count, "a random subset")
    order: list[int] = []
    for row in np.random.default_rng(seed).permutation(n).tolist():
        if quotas.is_open[row] and len(order) < count:
            quotas.take(row)
            order.append(row)
    return np.array(order)


def central(vectors: np.ndarray | Comparable) -> int:
    """Row of the vector with the least mean distance to all others; of equal ones the lowest.

    Raises:
        DataError: no vectors, or one that is not finite or beyond 1e100.
    """
    return points_of(vectors).central()


def points_of(vectors: np.ndarray | Comparable) -> Comparable:
    """Vectors as points; others as they are.

    Raises:
        DataError: see `central`.
    """
    return Vectors(vectors) if isinstance(vectors, np.ndarray) else vectors


class _Growth:
    """A subset that grows.

    Attributes:
        points: what it is chosen from. quotas: what may be chosen.
        order, distances, shares: of Subset, so far.
    """

    def __init__(self, vectors: np.ndarray | Comparable, within: float, quotas: Quotas | None = None):
        self.points, self.within = points_of(vectors), within
        if not within > 0.0:
            raise DataError(
                f"within = {within}: must be above 0; the distance at which vectors count as alike, as 0.1."
            )
        n = self.points.count
        self.quotas = quotas or Quotas.none(n)
        self._nearest, self._owner = np.full(n, np.inf), np.zeros(n, np.int64)
        self.order: list[int] = []
        self.distances: list[float] = []
        self.shares: list[float] = []

    def add(self, row: int) -> int:
        """Choose a vector; returns the row of the one that is then the farthest of those that may be chosen."""
        self.order.append(row)
        self.quotas.take(row)
        farthest, square, near = self.points.approach(
            np.array(self.order), self._nearest, self._owner, self.within**2, self.quotas.is_open
        )
        self.distances.append(float(np.sqrt(max(square, 0.0))))
        self.shares.append(near / self.points.count)
        return farthest

    def subset(self) -> Subset:
        return Subset(np.array(self.order), np.array(self.distances), np.array(self.shares), self.within)
