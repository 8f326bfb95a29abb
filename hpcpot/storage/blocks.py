"""Rows of an array that is spread over ranks: which rank has which, and how they come together on rank 0."""

from __future__ import annotations

import numpy as np

from hpcpot.parallel.ranks import Ranks


def block(ranks: Ranks, n_rows: int) -> tuple[int, int]:
    """This rank's rows [start, stop) of an even split in rank order; empty when there are more ranks than rows."""
    return ranks.rank * n_rows // ranks.size, (ranks.rank + 1) * n_rows // ranks.size


def starts(ranks: Ranks, n_rows: int) -> np.ndarray:
    """First row of each rank's block, and n_rows: (ranks + 1,) int64."""
    return np.arange(ranks.size + 1) * n_rows // ranks.size


def gather(ranks: Ranks, rows: np.ndarray) -> np.ndarray | None:
    """Gather the rows of all ranks on rank 0, in rank order; None on other ranks.

    Args:
        rows: (n_local, ...), equal over ranks in type and in all but the first dimension.
    """
    blocks = ranks.exchange([rows] + [rows[:0]] * (ranks.size - 1))
    return np.concatenate(blocks) if ranks.is_root else None
