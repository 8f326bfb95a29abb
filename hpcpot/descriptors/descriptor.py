"""The contract of descriptors: vectors of atoms by their neighbourhoods, and of frames by their atoms."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods
from hpcpot.errors import DataError
from hpcpot.neighbors.pairs import Pairs

ROOM = 2048
"""Atoms whose neighbours are found at once."""


class Descriptor(Protocol):
    """Vectors of atoms.

    Attributes:
        elements: symbols; species are indices into them.
        reach: Å, how far an atom can be and still alter the vector of another.
        size: numbers in a vector.
    """

    @property
    def elements(self) -> tuple[str, ...]: ...

    @property
    def reach(self) -> float: ...

    @property
    def size(self) -> int: ...

    def add(self, points: np.ndarray, pairs: Pairs, species: np.ndarray, targets: np.ndarray, sums: np.ndarray) -> None:
        """Add the vector of each centre of `pairs` to a row: sums[targets[i]] += vector of centre i.

        Args:
            points: (m, 3) float64, Å, centres first. pairs: theirs, closer than `reach` or farther.
            species: (m,) int32, index into `elements`.
            targets: (n,) int64. sums: (rows, size) float64.
        """


def of_atoms(dataset: DataSet, descriptor: Descriptor) -> np.ndarray:
    """Vectors of all atoms, (atoms, size) float64.

    Raises:
        DataError: an element that the descriptor does not know, or a vector that is not finite.
    """
    dataset = dataset.with_elements(descriptor.elements)
    vectors = np.zeros((len(dataset.species), descriptor.size))
    _add(dataset, descriptor, np.arange(len(vectors)), vectors)
    _refuse(dataset, ~np.isfinite(vectors).all(axis=1), dataset.frame_of)
    return vectors


def of_frames(dataset: DataSet, descriptor: Descriptor, normalize: bool = True) -> np.ndarray:
    """Mean vector of the atoms of each frame, (frames, size) float64; of length 1 if `normalize`.

    Raises:
        DataError: an element that the descriptor does not know, or a frame whose vector is not finite or 0.
    """
    dataset = dataset.with_elements(descriptor.elements)
    means = np.zeros((len(dataset), descriptor.size))
    for rows in chunks(dataset.sizes, ROOM):
        part = dataset.select(rows)
        _add(part, descriptor, part.frame_of, means[rows[0] : rows[-1] + 1])
    means /= dataset.sizes[:, None]
    with np.errstate(over="ignore"):
        lengths = np.linalg.norm(means, axis=1)
    _refuse(dataset, ~((lengths > 0.0) & np.isfinite(lengths)), np.arange(len(dataset)))
    return means / lengths[:, None] if normalize else means


def _add(dataset: DataSet, descriptor: Descriptor, targets: np.ndarray, sums: np.ndarray) -> None:
    joined = neighborhoods(dataset, descriptor.reach)
    points = joined.points(dataset.positions, dataset.cells)
    with np.errstate(invalid="ignore", over="ignore"):
        descriptor.add(points, joined.pairs, dataset.species[joined.owners], targets, sums)


def _refuse(dataset: DataSet, bad: np.ndarray, frames: np.ndarray) -> None:
    if bad.any():
        k = int(frames[np.argmax(bad)])
        raise DataError(
            f"vector of frame {k} ({dataset.sources[k]}) = not finite, or 0: must have a length; leave the frame out: its "
            "atoms have no neighbours, or are far too close to each other."
        )
