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
            kernel[np.ix_(rows, columns)] = _means((mine @ others.T) ** zeta, first, other_first)
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


def _means(values: np.ndarray, first: np.ndarray, other_first: np.ndarray) -> np.ndarray:
    """Means over blocks of rows and columns that begin at first and other_first."""
    sums = np.add.reduceat(np.add.reduceat(values, first[:-1], axis=0), other_first[:-1], axis=1)
    return sums / (np.diff(first)[:, None] * np.diff(other_first))
