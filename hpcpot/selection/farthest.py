"""Farthest point sampling: subsets of vectors in which nothing is far from all that was chosen.

Beside the vectors it holds a few numbers for each of them, never the distances of all pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.errors import DataError

LARGEST = 1e100
"""Numbers of vectors are below this, so that distances and their sums are finite."""

TOGETHER, ROOM = 128, 2**24
"""Vectors whose distances to all are computed at once, at most, and numbers that these may be."""

NEAR = 1e-5
"""Squared distance, relative to the squares of both vectors, below which products would not tell it well."""

EVEN, ROUNDING = 1e-12, 1e-9
"""Error of mean distances, relative to the least, by rounding; and of bounds of them, relative to the longest vector."""


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
    vectors: np.ndarray,
    start: int,
    count: int | None = None,
    distance: float | None = None,
    covered: float | None = None,
    within: float = 0.1,
) -> Subset:
    """Choose again and again the vector that is farthest from its nearest chosen one; of equal ones the lowest row.

    Args:
        vectors: (n, d) float64. start: row of the first choice, see `central`.
        count: end with so many, if not None; else with all.
        distance: end before that if all vectors are nearer than this to the subset.
        covered: end before that if so large a share of them is nearer than `within`.
    Raises:
        DataError: no vectors, one that is not finite, or a number out of range.
    """
    growth = _Growth(vectors, within)
    n = len(growth.vectors)
    for name, value, holds, required in (
        ("start", start, 0 <= start < n, f"a row, 0 to {n - 1}"),
        ("count", count, count is None or 1 <= count <= n, f"1 to {n}, the number of vectors"),
        ("distance", distance, distance is None or distance > 0.0, "above 0"),
        ("covered", covered, covered is None or 0.0 < covered <= 1.0, "above 0 and at most 1"),
    ):
        if not holds:
            raise DataError(f"{name} of farthest point sampling = {value}: must be {required}; correct it.")
    row = start
    while True:
        row = growth.add(row)
        is_near = distance is not None and growth.distances[-1] < distance
        is_covered = covered is not None and growth.shares[-1] >= covered
        if len(growth.order) == (n if count is None else count) or is_near or is_covered:
            return growth.subset()


def measured(vectors: np.ndarray, order: np.ndarray, within: float = 0.1) -> Subset:
    """What distances and coverage a given order has, as that of a random subset.

    Args:
        order: (k,) int64, rows, each once.
    Raises:
        DataError: see `farthest`.
    """
    growth = _Growth(vectors, within)
    order = np.asarray(order, np.int64)
    if (
        len(order) == 0
        or order.min() < 0
        or order.max() >= len(growth.vectors)
        or len(set(order.tolist())) < len(order)
    ):
        raise DataError(
            f"order of a subset = {len(order)} rows: must be of 0 to {len(growth.vectors) - 1}, each once; correct it."
        )
    for row in order:
        growth.add(int(row))
    return growth.subset()


def at_random(n: int, count: int, seed: int) -> np.ndarray:
    """Rows of `count` of n vectors by chance, each once, (count,) int64; fewer of the same seed are the first of these.

    Raises:
        DataError: more than there are.
    """
    if not 1 <= count <= n:
        raise DataError(f"count of a random subset = {count}: must be 1 to {n}, the number of vectors; correct it.")
    return np.random.default_rng(seed).permutation(n)[:count]


def central(vectors: np.ndarray) -> int:
    """Row of the vector with the least mean distance to all others; of equal ones the lowest.

    The sums S_i of the distances d_ij are computed for some vectors at a time, those first that could have the least one:
    by the triangle inequality S_j >= |S_i - n d_ij|, and what cannot have it is left out.

    Raises:
        DataError: no vectors, or one that is not finite or beyond 1e100.
    """
    vectors = _sound(vectors)
    squares = np.einsum("nd,nd->n", vectors, vectors)
    sums, least = np.full(len(vectors), np.inf), np.zeros(len(vectors))
    block, margin = min(TOGETHER, ROOM // len(vectors) + 1), ROUNDING * len(vectors) * np.sqrt(squares.max())
    while True:
        left = np.flatnonzero(np.isinf(sums) & (least <= sums.min() + margin))
        if len(left) == 0:
            return int(np.argmax(sums <= sums.min() * (1.0 + EVEN)))
        rows = left[np.argsort(least[left], kind="stable")[:block]]
        _distance_sums(vectors, squares, rows, vectors[rows] @ vectors.T, sums, least)


class _Growth:
    """A subset that grows.

    Attributes:
        order, distances, shares: of Subset, so far.
    """

    def __init__(self, vectors: np.ndarray, within: float):
        self.vectors, self.within = _sound(vectors), within
        if not within > 0.0:
            raise DataError(
                f"within = {within}: must be above 0; the distance at which vectors count as alike, as 0.1."
            )
        n = len(self.vectors)
        self._nearest, self._owner = np.full(n, np.inf), np.zeros(n, np.int64)
        self.order: list[int] = []
        self.distances: list[float] = []
        self.shares: list[float] = []

    def add(self, row: int) -> int:
        """Choose a vector; returns the row of the one that is then the farthest."""
        self.order.append(row)
        farthest, square, near = _approach(
            self.vectors, np.array(self.order), self._nearest, self._owner, self.within**2
        )
        self.distances.append(float(np.sqrt(max(square, 0.0))))
        self.shares.append(near / len(self.vectors))
        return farthest

    def subset(self) -> Subset:
        return Subset(np.array(self.order), np.array(self.distances), np.array(self.shares), self.within)


def _sound(vectors: np.ndarray) -> np.ndarray:
    vectors = np.ascontiguousarray(vectors, np.float64)
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise DataError(
            f"vectors = shape {vectors.shape}: must be (vectors, numbers), one or more; choose other frames."
        )
    bad = ~(np.abs(vectors) < LARGEST).all(axis=1)
    if bad.any():
        raise DataError(
            f"vector {np.argmax(bad)} = not finite, or beyond {LARGEST:g}: must be numbers with squares; leave its frame out."
        )
    return vectors


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _approach(vectors, order, nearest, owner, within2):
    """Take the last of `order` into the subset.

    Where twice the distance of a vector to its nearest choice, its owner, is less than that from the owner to the new one, the
    new one cannot be nearer: these are passed over, with a margin for rounding.

    Args:
        nearest: (n,) float64, squared distance to the nearest choice, -1 for the choices. owner: (n,) int64, its place in
            `order`. Both are updated.
    Returns:
        the vector farthest from the subset, its squared distance, and how many are nearer than sqrt(within2).
    """
    n, d = vectors.shape
    last = len(order) - 1
    new = order[last]
    between = np.full(last + 1, -np.inf)
    for s in range(last):
        between[s] = (1.0 - 1e-9) * _square_distance(vectors, order[s], new, d)
    farthest, largest, near = 0, -2.0, 0
    for i in range(n):
        if not 4.0 * nearest[i] < between[owner[i]]:
            square = _square_distance(vectors, i, new, d)
            if square < nearest[i]:
                nearest[i], owner[i] = square, last
        if i == new:
            nearest[i] = -1.0
        near += nearest[i] < within2
        if nearest[i] > largest:
            farthest, largest = i, nearest[i]
    return farthest, largest, near


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _square_distance(vectors, i, j, d):
    total = 0.0
    for k in range(d):
        difference = vectors[i, k] - vectors[j, k]
        total += difference * difference
    return total


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _distance_sums(vectors, squares, rows, products, sums, least):
    """Sums of the distances of some rows to all vectors, and the bounds of all sums by them.

    Args:
        products: (rows, n) float64, scalar products with all, overwritten; of near vectors the differences are taken.
        sums, least: (n,) float64, updated: the sums of the rows, and what each sum is at least.
    """
    n, d = vectors.shape
    for k in range(len(rows)):
        i, total = rows[k], 0.0
        for j in range(n):
            both = squares[i] + squares[j]
            square = both - 2.0 * products[k, j]
            if square < NEAR * both:
                square = _square_distance(vectors, i, j, d)
            products[k, j] = np.sqrt(square)
            total += products[k, j]
        sums[i] = total
        for j in range(n):
            least[j] = max(least[j], abs(total - n * products[k, j]))
