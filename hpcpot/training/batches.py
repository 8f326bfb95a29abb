"""Batches of frames by DeePMD-kit's rules. A system is all frames of one group and composition."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import DataError
from hpcpot.training.blocks import blocks

ENTRY = re.compile(r"#[0-9]{6} ")
AUTO_ATOMS = 32
"""batch_size auto: as few frames as have so many atoms."""


@dataclass(frozen=True)
class Systems:
    """What batches are drawn from.

    Attributes:
        frames: of each system, ascending. batch_sizes: frames of a batch. names: group and composition.
        entries: number of the entry of data.files that each is of, where `numbered` told them apart.
        mixed: frames of a batch that are drawn from all systems, one after the other; 0: batches are of one system.
    """

    frames: list[np.ndarray]
    batch_sizes: list[int]
    names: list[str]
    entries: list[int] = field(default_factory=list)
    mixed: int = 0

    @property
    def n_batches(self) -> int:
        """Batches of a pass over all frames."""
        if self.mixed:
            return ceil(sum(map(len, self.frames)) / self.mixed)
        return sum(ceil(len(rows) / size) for rows, size in zip(self.frames, self.batch_sizes, strict=True))


def numbered(data: DataSet, entry: int) -> DataSet:
    """Mark all groups with the number of the entry of data.files that they are of, so that systems know it."""
    return replace(data, groups=np.array([f"#{entry:06d} {group}" for group in data.groups], str))


def needs_entries(batch_size: Any, style: str) -> bool:
    """Tell whether batches are drawn by the entries of data.files."""
    return isinstance(batch_size, list) or ";" in style


def systems(data: DataSet, batch_size: int | str | list[int]) -> Systems:
    """The systems of a data set.

    Args:
        batch_size: frames; "auto" or "auto:N": at least 32 or N atoms; "max:N": at most N atoms, one frame at least;
            "mixed:N": N frames of any systems; a list: frames for each entry of data.files.
    """
    labels = [
        f"{group} " + "".join(f"{e}{n}" for e, n in zip(data.elements, counts, strict=True) if n)
        for group, counts in zip(data.groups, data.counts.tolist(), strict=True)
    ]
    names, index = np.unique(labels, return_inverse=True)
    frames = [np.flatnonzero(index == k) for k in range(len(names))]
    entries = [int(name[1:7]) for name in names] if all(ENTRY.match(name) for name in names) else []
    rules = [batch_size[k] for k in entries] if isinstance(batch_size, list) else [batch_size] * len(frames)
    sizes = [frames_in_batch(rule, int(data.sizes[rows[0]])) for rule, rows in zip(rules, frames, strict=True)]
    return Systems(frames, sizes, names.tolist(), entries, sizes[0] if is_mixed(batch_size) else 0)


def is_mixed(batch_size: int | str | list[int]) -> bool:
    """Tell whether a batch is of frames from all systems."""
    return isinstance(batch_size, str) and batch_size.startswith("mixed:")


def frames_in_batch(batch_size: int | str, n_atoms: int) -> int:
    """Frames of n_atoms atoms in a batch; a system of fewer frames repeats some."""
    if isinstance(batch_size, int):
        return batch_size
    word, _, number = batch_size.partition(":")
    if word == "mixed":
        return int(number)
    atoms = int(number or AUTO_ATOMS)
    return ceil(atoms / n_atoms) if word == "auto" else max(1, atoms // n_atoms)


class BatchSampler:
    """An endless row of batches: a system at random, then its next frames in an order drawn anew when they are used up.

    Args:
        style: prob_sys_size, by the number of batches in a system; prob_uniform; or prob_sys_size;0:2:0.3;2:5:0.7, which
            shares the probability among blocks of entries of data.files, and in a block by the number of batches.
    """

    def __init__(self, systems: Systems, style: str, seed: int):
        self._systems = systems
        self.probabilities = probabilities(systems, style)
        self._random = np.random.default_rng(seed)
        self._left: list[list[int]] = [[] for _ in systems.frames]

    def next(self) -> np.ndarray:
        """The frames of the next batch, all of one system, or mixed."""
        if self._systems.mixed:
            return np.array([self._next_of(self._draw(), 1)[0] for _ in range(self._systems.mixed)])
        k = self._draw()
        return np.array(self._next_of(k, self._systems.batch_sizes[k]))

    def _draw(self) -> int:
        return int(self._random.choice(len(self.probabilities), p=self.probabilities))

    def _next_of(self, k: int, size: int) -> list[int]:
        frames, left = self._systems.frames[k], self._left[k]
        while len(left) < size:
            left += self._random.permutation(frames).tolist()
        self._left[k] = left[size:]
        return left[:size]

    @property
    def state(self) -> str:
        """State of the random numbers and of the frames left, as text."""
        return json.dumps({"random": self._random.bit_generator.state, "left": self._left})

    @state.setter
    def state(self, text: str) -> None:
        values = json.loads(text)
        self._random.bit_generator.state, self._left = values["random"], values["left"]


def probabilities(systems: Systems, style: str) -> np.ndarray:
    """Probability of each system, (systems,) float64; see BatchSampler."""
    sizes = np.array([max(1, len(f) // b) for f, b in zip(systems.frames, systems.batch_sizes, strict=True)], float)
    if style == "prob_uniform":
        return np.full(len(sizes), 1.0 / len(sizes))
    if style == "prob_sys_size":
        return sizes / sizes.sum()
    entries, shares = np.array(systems.entries), np.zeros(len(sizes))
    for first, end, weight in blocks(style):
        inside = (entries >= first) & (entries < end)
        if inside.any():
            shares[inside] += weight * sizes[inside] / sizes[inside].sum()
    if not shares.sum() > 0:
        raise DataError(f"training.systems = {style}: no frame is in a block of positive weight; correct the blocks.")
    return shares / shares.sum()
