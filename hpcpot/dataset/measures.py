"""Quantities derived from the frames of a data set, for checks and figures."""

from __future__ import annotations

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods

SEARCHED = 4.0
"""Å; how far the shortest distance of a frame is looked for."""
ROOM = 20_000
"""Atoms whose distances are looked for at once."""
REPEATED, LEAST_DEVIATION = 30, 1.0e-3
"""Fits of the energies of elements; eV/atom, smaller deviations weigh no more."""
SPANNED = 0.05
"""Least singular value, relative to the largest, of a direction among compositions that a fit of energies knows."""


def residual_energies(dataset: DataSet) -> np.ndarray:
    """(n,) eV/atom: energies less one energy for each element; see `element_energies`."""
    return element_energies(dataset)[1]


def element_energies(dataset: DataSet) -> tuple[np.ndarray, np.ndarray]:
    """One energy for each element, (elements,) eV, fitted to all frames by least absolute deviations; and what it leaves.

    That is least squares with weights 1 / |deviation|, repeated; frames of another unit do not move it as they would
    move a mean.

    Returns:
        the energies of elements; (n,) eV/atom, energies of frames less those of their elements, nan without an energy.
    """
    residuals, fit = np.full(len(dataset), np.nan), np.zeros(len(dataset.elements))
    known = np.isfinite(dataset.energies)
    if not known.any():
        return fit, residuals
    shares = dataset.counts[known] / dataset.sizes[known, None]
    values = dataset.energies[known] / dataset.sizes[known]
    weights = np.ones(len(values))
    for _ in range(REPEATED):
        fit = np.linalg.lstsq(shares * weights[:, None], values * weights, rcond=None)[0]
        weights = 1.0 / np.sqrt(np.maximum(np.abs(values - shares @ fit), LEAST_DEVIATION))
    residuals[known] = values - shares @ fit
    return fit, residuals


def spanned(shares: np.ndarray) -> np.ndarray:
    """(k, elements) float64, orthonormal directions along which compositions differ enough to tell energies apart.

    Args:
        shares: (n, elements) of the atoms of each frame.
    """
    _, values, directions = np.linalg.svd(shares, full_matrices=False)
    return directions[values > SPANNED * values[0]]


def shortest_distances(dataset: DataSet) -> np.ndarray:
    """(n,) float64, Å, between any two atoms or images of each frame; inf beyond SEARCHED."""
    distances = [np.zeros(0)]
    for rows in chunks(dataset.sizes, ROOM):
        part = dataset.select(rows)
        joined = neighborhoods(part, SEARCHED)
        distances.append(joined.closest(joined.points(part.positions, part.cells)))
    return np.concatenate(distances)
