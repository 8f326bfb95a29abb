"""Average kernels: how alike frames are."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks
from hpcpot.descriptors.descriptor import ROOM, Descriptor, of_atoms
from hpcpot.errors import ConfigError


def similarity(a: DataSet, b: DataSet, descriptor: Descriptor, zeta: int = 1, normalize: bool = True) -> np.ndarray:
    """Average kernel of all frames of two data sets, (frames of a, frames of b) float64.

    K(A, B) = mean over the atoms i of A and j of B of (p_i . p_j)^zeta; if `normalize`, over sqrt(K(A, A) K(B, B)). The
    vectors p of a block of atoms at a time are made, never those of all atoms. With zeta = 1 it is the product of the
    mean vectors, which `descriptor.of_frames` gives in a fraction of the time.

    Raises:
        ConfigError: zeta below 1.
        DataError: see of_atoms.
    """
    if zeta < 1:
        raise ConfigError(f"zeta = {zeta}: must be 1 or more; 1 compares the mean vectors of frames.")
    kernel = np.empty((len(a), len(b)))
    for rows in chunks(a.sizes, ROOM):
        mine, first = _block(a, rows, descriptor)
        for columns in chunks(b.sizes, ROOM):
            others, other_first = _block(b, columns, descriptor)
            kernel[np.ix_(rows, columns)] = averaged(mine, first, others, other_first, zeta)
    if normalize:
        kernel /= np.sqrt(_own(a, descriptor, zeta)[:, None] * _own(b, descriptor, zeta))
    return kernel


def _own(dataset: DataSet, descriptor: Descriptor, zeta: int) -> np.ndarray:
    """K(A, A) of each frame, (frames,) float64."""
    own = np.empty(len(dataset))
    for rows in chunks(dataset.sizes, ROOM):
        vectors, first = _block(dataset, rows, descriptor)
        own[rows] = [np.mean((vectors[i:j] @ vectors[i:j].T) ** zeta) for i, j in pairwise(first)]
    return own


def _block(dataset: DataSet, rows: np.ndarray, descriptor: Descriptor) -> tuple[np.ndarray, np.ndarray]:
    part = dataset.select(rows)
    return of_atoms(part, descriptor), part.first


def averaged(
    vectors: np.ndarray, first: np.ndarray, others: np.ndarray, other_first: np.ndarray, zeta: int
) -> np.ndarray:
    """Average kernels, not normalised, of frames whose atoms have these vectors, (frames, other frames) float64.

    Args:
        vectors, others: (atoms, d) float64. first, other_first: (frames + 1,) int64, where each frame begins.
    """
    sums = np.add.reduceat((vectors @ others.T) ** zeta, first[:-1], axis=0)
    sums = np.add.reduceat(sums, other_first[:-1], axis=1)
    return sums / (np.diff(first)[:, None] * np.diff(other_first))
