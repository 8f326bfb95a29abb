"""Number density along an axis."""

from __future__ import annotations

import numpy as np
from ase.data import chemical_symbols

BIN = 0.2
"""Å, width of the bins; small compared with the smoothing."""


def density(
    places: np.ndarray, numbers: np.ndarray, start: float, length: float, area: float, periodic: bool, sigma: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Smoothed number density of each element.

    rho_el(s) = sum over atoms i of el of G_sigma(s - s_i) / area; G is a normal density, wrapped at a periodic edge.

    Args:
        places: (n,) Å, s_i, between start and start + length.
        numbers: (n,) atomic numbers.
        area: Å², of the plane normal to s.
        sigma: Å, width of the smoothing.
    Returns:
        s: (bins,) Å, centres of the bins. rho: (bins,) 1/Å³ by element, in order of atomic number.
    """
    from scipy.ndimage import gaussian_filter1d

    bins = max(1, round(length / BIN))
    width = length / bins
    rho = {}
    for number in np.unique(numbers):
        counts = shared_counts((places[numbers == number] - start) / width, bins, periodic)
        smooth = gaussian_filter1d(counts, sigma / width, mode="wrap" if periodic else "constant")
        rho[chemical_symbols[number]] = smooth / (width * area)
    return start + (np.arange(bins) + 0.5) * width, rho


def shared_counts(places: np.ndarray, bins: int, periodic: bool) -> np.ndarray:
    """Count in bins of width 1 from 0, each atom shared linearly between the two bins whose centres enclose it.

    Counting whole atoms makes the layers of a crystal beat with the bins: a ripple of 1 % and long wavelength, which
    smoothing does not remove.
    """
    left = np.floor(places - 0.5).astype(int)
    share = places - 0.5 - left
    ends = np.array([left, left + 1])
    ends = ends % bins if periodic else np.clip(ends, 0, bins - 1)
    return np.bincount(ends[0], 1.0 - share, bins) + np.bincount(ends[1], share, bins)
