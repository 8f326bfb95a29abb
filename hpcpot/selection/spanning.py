"""Subsets of vectors that span what all of them span, to compare farthest points with: CUR and D-optimal.

Both choose one vector after the other, so that fewer are the first of more. Of equal ones the lowest row is taken.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from hpcpot.errors import DataError
from hpcpot.selection.points import Vectors
from hpcpot.selection.quotas import Quotas

SPANNED = 1e-12
"""Square of what the chosen ones leave of all vectors, relative to theirs, below which nothing is left to span."""
REGULAR = 1e-6
"""Of the D-optimal determinant, relative to the mean square of the vectors."""


def cur(vectors: np.ndarray, count: int, quotas: Quotas | None = None) -> np.ndarray:
    """Choose the vector of the largest leverage, take its direction off all, and again; returns rows, (count,) int64.

    The leverage of row i is u_i^2, u the first left singular vector of what is left of the vectors: that of X with the
    first right one v is X v / s, and v is the first eigenvector of X^T X.

    Args:
        vectors: (n, d) float64.
    Raises:
        DataError: vectors that are not finite, more than there are or quotas leave, or more than the vectors span.
    Source: Imbalzano et al., J. Chem. Phys. 148, 241730 (2018), with one singular vector (k = 1) as in scikit-matter.
    """
    values, quotas = Vectors(vectors).values, quotas or Quotas.none(len(vectors))
    quotas.require(count, "CUR")
    sizes, directions = eigh(values.T @ values)
    left = values @ directions[:, sizes > SPANNED * sizes[-1]]  # as long and at the same angles, in fewer numbers
    squares, order = left.T @ left, []
    bound = SPANNED * np.trace(squares)
    while len(order) < count:
        if not np.trace(squares) > bound:
            raise DataError(
                f"count of CUR = {count}: must be at most {len(order)}, which span all vectors but rounding; lower it."
            )
        last = len(squares) - 1
        leading = eigh(squares, subset_by_index=(last, last))[1][:, 0]
        leverage = np.where(quotas.is_open, (left @ leading) ** 2, -1.0)
        row = int(np.argmax(leverage))
        quotas.take(row)
        order.append(row)
        length = np.linalg.norm(left[row])
        if length > 0.0:
            direction = left[row] / length
            left -= np.outer(left @ direction, direction)
            squares = left.T @ left
    return np.array(order)


def d_optimal(vectors: np.ndarray, count: int, quotas: Quotas | None = None) -> np.ndarray:
    """Choose the vector that enlarges the determinant most, and again; returns rows, (count,) int64.

    The determinant is that of A^T A + e 1, A the chosen vectors and e = REGULAR times their mean square: a choice b
    multiplies it by 1 + b (A^T A + e 1)^-1 b. Up to as many vectors as they have dimensions this is greedy maxvol, the
    largest volume that they span; no choice is exchanged later.

    Args:
        vectors: (n, d) float64.
    Raises:
        DataError: vectors that are not finite or all 0, or more than there are or quotas leave.
    Source: Goreinov et al., in Matrix Methods, World Scientific (2010), p. 247; Mikhalev and Oseledets, Linear Algebra
        Appl. 538, 187 (2018), for more vectors than dimensions.
    """
    values, quotas = Vectors(vectors).values, quotas or Quotas.none(len(vectors))
    quotas.require(count, "D-optimal choice")
    mean = float(np.mean(np.einsum("nd,nd->n", values, values)))
    if not mean > 0.0:
        raise DataError("vectors = all 0: must span a volume; choose other frames.")
    values = values / np.sqrt(mean)
    inverse, order = np.eye(values.shape[1]) / REGULAR, []
    gains = np.einsum("nd,nd->n", values, values) / REGULAR
    while True:
        row = int(np.argmax(np.where(quotas.is_open, gains, -1.0)))
        quotas.take(row)
        order.append(row)
        if len(order) == count:
            return np.array(order)
        along = inverse @ values[row]
        share = 1.0 + values[row] @ along
        gains -= (values @ along) ** 2 / share
        inverse -= np.outer(along, along) / share
