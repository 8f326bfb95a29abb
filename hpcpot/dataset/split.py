"""A data set in parts, such as for training and testing: each part has its share of each configuration group."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import DataError


def split(dataset: DataSet, fractions: Sequence[float], seed: int) -> list[np.ndarray]:
    """Rows of the parts, ascending; every frame is in one of them.

    Within a group frames are drawn at random. What is drawn depends on the seed, the group's name and its number of
    frames, not on other groups. A group with enough frames is in every part; of smaller ones the first parts have more.

    Args:
        fractions: of the parts, > 0, of sum 1.
    Raises:
        DataError: fractions that are none, or a part that would be empty.
    """
    if not fractions or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"split = {list(fractions)}: must be numbers > 0 of sum 1; e.g. 0.9, 0.1.")
    parts: list[list[np.ndarray]] = [[] for _ in fractions]
    for group in np.unique(dataset.groups):
        rows = np.flatnonzero(dataset.groups == group)
        shuffled = _generator(seed, str(group)).permutation(rows)
        ends = np.cumsum(_sizes(len(rows), fractions))
        for part, share in zip(parts, np.split(shuffled, ends[:-1]), strict=True):
            part.append(share)
    rows_of_parts = [np.sort(np.concatenate(part)) for part in parts]
    if not all(len(rows) for rows in rows_of_parts):
        raise DataError(
            f"split = {[len(rows) for rows in rows_of_parts]} frames of {len(dataset)}: no part may be empty; take larger "
            "fractions, or put frames into fewer groups: --group NAME makes all of them one."
        )
    return rows_of_parts


def _sizes(n_rows: int, fractions: Sequence[float]) -> np.ndarray:
    """Rows of each part: rounded shares by largest remainder; at least one each where there are enough rows."""
    shares = n_rows * np.asarray(fractions, float)
    sizes = np.floor(shares + 1e-9).astype(int)
    order = np.argsort(sizes - shares, kind="stable")
    sizes[order[: n_rows - sizes.sum()]] += 1
    if n_rows >= len(sizes):
        while not sizes.all():
            sizes[np.argmin(sizes)] += 1
            sizes[np.argmax(sizes)] -= 1
    return sizes


def _generator(seed: int, group: str) -> np.random.Generator:
    return np.random.default_rng([seed, *sha256(group.encode()).digest()[:8]])
