"""Batches of frames by DeePMD-kit's rules. A system is all frames of one group and composition."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil

import numpy as np

from hpcpot.dataset.dataset import DataSet

AUTO_ATOMS = 32
"""batch_size auto: as few frames as have so many atoms."""


@dataclass(frozen=True)
class Systems:
    """frames: of each system, ascending. batch_sizes: frames of a batch. names: group and composition."""

    frames: list[np.ndarray]
    batch_sizes: list[int]
    names: list[str]


def systems(data: DataSet, batch_size: int | str) -> Systems:
    """The systems of a data set.

    Args:
        batch_size: frames; "auto" or "auto:N": at least 32 or N atoms; "max:N": at most N atoms, one frame at least.
    """
    labels = [
        f"{group} " + "".join(f"{e}{n}" for e, n in zip(data.elements, counts, strict=True) if n)
        for group, counts in zip(data.groups, data.counts.tolist(), strict=True)
    ]
    names, index = np.unique(labels, return_inverse=True)
    frames = [np.flatnonzero(index == k) for k in range(len(names))]
    return Systems(frames, [frames_in_batch(batch_size, int(data.sizes[rows[0]])) for rows in frames], names.tolist())


def frames_in_batch(batch_size: int | str, n_atoms: int) -> int:
    """Frames of n_atoms atoms in a batch; a system of fewer frames repeats some."""
    if isinstance(batch_size, int):
        return batch_size
    word, _, number = batch_size.partition(":")
    atoms = int(number or AUTO_ATOMS)
    return ceil(atoms / n_atoms) if word == "auto" else max(1, atoms // n_atoms)


class BatchSampler:
    """An endless row of batches: a system at random, then its next frames in an order drawn anew when they are used up.

    Args:
        style: prob_sys_size, by the number of batches in a system; or prob_uniform.
    """

    def __init__(self, systems: Systems, style: str, seed: int):
        self._systems = systems
        sizes = np.array([max(1, len(f) // b) for f, b in zip(systems.frames, systems.batch_sizes, strict=True)], float)
        self.probabilities = sizes / sizes.sum() if style == "prob_sys_size" else np.full(len(sizes), 1.0 / len(sizes))
        self._random = np.random.default_rng(seed)
        self._left: list[list[int]] = [[] for _ in sizes]

    def next(self) -> np.ndarray:
        """The frames of the next batch, all of one system."""
        k = int(self._random.choice(len(self.probabilities), p=self.probabilities))
        frames, size, left = self._systems.frames[k], self._systems.batch_sizes[k], self._left[k]
        while len(left) < size:
            left += self._random.permutation(frames).tolist()
        self._left[k] = left[size:]
        return np.array(left[:size])

    @property
    def state(self) -> str:
        """State of the random numbers and of the frames left, as text."""
        return json.dumps({"random": self._random.bit_generator.state, "left": self._left})

    @state.setter
    def state(self, text: str) -> None:
        values = json.loads(text)
        self._random.bit_generator.state, self._left = values["random"], values["left"]
