"""A data set in parts, such as for training and testing: each part has its share of each configuration group."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import DataError


def split(dataset: DataSet, fractions: Sequence[float], seed: int, whole_paths: bool = False) -> list[np.ndarray]:
    """Rows of the parts, ascending; every frame is in one of them.

    Within a group frames are drawn at random. What is drawn depends on the seed, the group's name and its number of
    frames, not on other groups. A group with enough frames is in every part; of smaller ones the first parts have more.

    Args:
        fractions: of the parts, > 0, of sum 1.
        whole_paths: frames whose sources differ in the number at their end only, as those of one trajectory, are drawn
            together, and the fractions are of paths.
    Raises:
        DataError: fractions that are none, or a part that would be empty.
    """
    if not fractions or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"split = {list(fractions)}: must be numbers > 0 of sum 1; e.g. 0.9, 0.1.")
    names = np.array([path_of(source) for source in dataset.sources]) if whole_paths else np.arange(len(dataset))
    parts: list[list[np.ndarray]] = [[] for _ in fractions]
    for group in np.unique(dataset.groups):
        rows = np.flatnonzero(dataset.groups == group)
        paths, of_row = np.unique(names[rows], return_inverse=True)
        shuffled = _generator(seed, str(group)).permutation(len(paths))
        ends = np.cumsum(_sizes(len(paths), fractions))
        for part, share in zip(parts, np.split(shuffled, ends[:-1]), strict=True):
            part.append(rows[np.isin(of_row, share)])
    rows_of_parts = [np.sort(np.concatenate(part)) for part in parts]
    if not all(len(rows) for rows in rows_of_parts):
        raise DataError(
            f"split = {[len(rows) for rows in rows_of_parts]} frames of {len(dataset)}: no part may be empty; take larger "
            "fractions, or put frames into fewer groups: --group NAME makes all of them one."
        )
    return rows_of_parts


def path_of(source: str) -> str:
    """The source of a frame without the number of its step: LiSi:17 of LiSi:17:40."""
    path, colon, step = str(source).rpartition(":")
    return path if colon and step.isdigit() else str(source)


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
