"""What subsets are chosen from: vectors, or a kernel that is read row by row. Never the similarities of all pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

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


class Comparable(Protocol):
    """Things with distances.

    Attributes:
        count: how many.
    """

    count: int

    def approach(
        self, order: np.ndarray, nearest: np.ndarray, owner: np.ndarray, within2: float, is_open: np.ndarray
    ) -> tuple[int, float, int]:
        """Take the last of `order` into a subset.

        Args:
            nearest: (n,) float64, squared distance to the nearest choice, -1 for the choices. owner: (n,) int64, its place
                in `order`. Both are updated.
            is_open: (n,) bool, which may be chosen.
        Returns:
            the open one farthest from the subset, the largest squared distance of any, and how many are nearer than
            sqrt(within2).
        """

    def central(self) -> int:
        """The one with the least mean distance to all others; of equal ones the lowest."""

    def similarities(self, rows: np.ndarray) -> np.ndarray:
        """Normalised average kernel of some with all, (rows, n) float64: 1 - d^2 / 2 of their distances d."""


def blocks(points: Comparable, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows some at a time, with their similarities to all."""
    size = min(TOGETHER, ROOM // points.count + 1)
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        yield block, points.similarities(block)


class Vectors:
    """Vectors with their Euclidean distances; those of length 1 are mean SOAP vectors, whose products are similarities.

    Raises:
        DataError: no vectors, or one that is not finite or beyond 1e100.
    """

    def __init__(self, vectors: np.ndarray):
        vectors = np.ascontiguousarray(vectors, np.float64)
        if vectors.ndim != 2 or 0 in vectors.shape:
            raise DataError(
                f"vectors = shape {vectors.shape}: must be (vectors, numbers), one or more; choose other frames."
            )
        bad = ~(np.abs(vectors) < LARGEST).all(axis=1)
        if bad.any():
            raise DataError(
                f"vector {np.argmax(bad)} = not finite, or beyond {LARGEST:g}: must be numbers with squares; leave its "
                "frame out."
            )
        self.values, self.count = vectors, len(vectors)

    def approach(
        self, order: np.ndarray, nearest: np.ndarray, owner: np.ndarray, within2: float, is_open: np.ndarray
    ) -> tuple[int, float, int]:
        """See Comparable."""
        return _approach(self.values, order, nearest, owner, within2, is_open)

    def central(self) -> int:
        """See Comparable.

        The sums S_i of the distances d_ij are computed for some vectors at a time, those first that could have the least
        one: by the triangle inequality S_j >= |S_i - n d_ij|, and what cannot have it is left out.
        """
        vectors = self.values
        squares = np.einsum("nd,nd->n", vectors, vectors)
        sums, least = np.full(len(vectors), np.inf), np.zeros(len(vectors))
        block, margin = min(TOGETHER, ROOM // len(vectors) + 1), ROUNDING * len(vectors) * np.sqrt(squares.max())
        while True:
            left = np.flatnonzero(np.isinf(sums) & (least <= sums.min() + margin))
            if len(left) == 0:
                return int(np.argmax(sums <= sums.min() * (1.0 + EVEN)))
            rows = left[np.argsort(least[left], kind="stable")[:block]]
            _distance_sums(vectors, squares, rows, vectors[rows] @ vectors.T, sums, least)

    def similarities(self, rows: np.ndarray) -> np.ndarray:
        """See Comparable."""
        return self.values[rows] @ self.values.T


class Kernel:
    """Things of which only similarities are known.

    Args:
        count: how many.
        similarities: function (rows) -> (rows, n) float64, see Comparable.
    """

    def __init__(self, count: int, similarities: Callable[[np.ndarray], np.ndarray]):
        self.count, self.similarities = count, similarities

    def approach(
        self, order: np.ndarray, nearest: np.ndarray, owner: np.ndarray, within2: float, is_open: np.ndarray
    ) -> tuple[int, float, int]:
        """See Comparable."""
        new = order[-1:]
        squares = square_distances(self.similarities(new)[0])
        closer = squares < nearest
        nearest[closer], owner[closer] = squares[closer], len(order) - 1
        nearest[new] = -1.0
        farthest = int(np.argmax(np.where(is_open, nearest, -2.0)))
        return farthest, float(nearest.max()), int(np.count_nonzero(nearest < within2))

    def central(self) -> int:
        """See Comparable."""
        sums = np.concatenate(
            [np.sqrt(square_distances(block)).sum(axis=1) for _, block in blocks(self, np.arange(self.count))]
        )
        return int(np.argmax(sums <= sums.min() * (1.0 + EVEN)))


def square_distances(similarities: np.ndarray) -> np.ndarray:
    """d^2 = 2 - 2 K, not below 0."""
    return np.maximum(2.0 - 2.0 * similarities, 0.0)


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _approach(vectors, order, nearest, owner, within2, is_open):
    """See Comparable.approach.

    Where twice the distance of a vector to its nearest choice, its owner, is less than that from the owner to the new one, the
    new one cannot be nearer: these are passed over, with a margin for rounding.
    """
    n, d = vectors.shape
    last = len(order) - 1
    new = order[last]
    between = np.full(last + 1, -np.inf)
    for s in range(last):
        between[s] = (1.0 - 1e-9) * _square_distance(vectors, order[s], new, d)
    farthest, most, largest, near = 0, -2.0, -2.0, 0
    for i in range(n):
        if not 4.0 * nearest[i] < between[owner[i]]:
            square = _square_distance(vectors, i, new, d)
            if square < nearest[i]:
                nearest[i], owner[i] = square, last
        if i == new:
            nearest[i] = -1.0
        near += nearest[i] < within2
        largest = max(largest, nearest[i])
        if is_open[i] and nearest[i] > most:
            farthest, most = i, nearest[i]
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
