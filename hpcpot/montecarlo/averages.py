"""Means over the rows of a run, and their errors by blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCKS = 10
"""Rows are joined to so many blocks, or up to twice as many."""


@dataclass(frozen=True)
class BlockMean:
    """A mean and its standard error, nan where fewer than two blocks tell it."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.error:.2g}"


def of_rows(values: np.ndarray, weights: np.ndarray | None = None) -> BlockMean:
    """The mean of the values of rows, and its error from the spread of blocks of neighbouring rows.

    Args:
        values: (rows,) float64. weights: (rows,) float64, trials of each row; None: equal ones.
    """
    values = np.asarray(values, float)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    if not len(values) or not weights.sum() > 0.0:
        return BlockMean(np.nan, np.nan)
    per_block = max(1, len(values) // BLOCKS)
    cuts = np.arange(0, len(values) // per_block * per_block, per_block)  # rows that are left over join the last block
    sums, parts = np.add.reduceat(values * weights, cuts), np.add.reduceat(weights, cuts)
    blocks = sums[parts > 0.0] / parts[parts > 0.0]
    error = float(np.std(blocks, ddof=1) / np.sqrt(len(blocks))) if len(blocks) > 1 else np.nan
    return BlockMean(float(np.average(values, weights=weights)), error)
