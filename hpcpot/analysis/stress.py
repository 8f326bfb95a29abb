"""Cauchy stress of regions: per-atom virials and kinetic parts, summed and divided by the volume of the region."""

from __future__ import annotations

import numpy as np

from hpcpot.analysis.reference import fractional
from hpcpot.units import AMU, EV_PER_A3_IN_GPA


def regional(
    positions: np.ndarray,
    velocities: np.ndarray,
    masses: np.ndarray,
    virials: np.ndarray,
    cell: np.ndarray,
    bins: tuple[int, int, int],
) -> np.ndarray:
    """Stress of equal parts of the cell, tension positive.

    stress_ab = -sum over the atoms of a region of (m v_a v_b + (w_ab + w_ba) / 2) / volume of the region;
    their mean is the stress of the cell. Per-atom virials w of a many-body potential depend on how it is divided among
    atoms, so a region is to be some cutoffs wide.

    Args:
        positions: (n, 3) float64, Å, wrapped or not. velocities: (n, 3) float64, Å/fs. masses: (n,) float64, amu.
        virials: (n, 3, 3) float64, eV, of each atom: their sum is the virial of the cell, positive in compression.
        cell: (3, 3) float64, Å, rows.
        bins: regions along each axis, so that they follow the cell.
    Returns:
        (*bins, 3, 3) float64, GPa.
    """
    fractions = fractional(positions, cell)
    places = np.minimum((fractions - np.floor(fractions)) * bins, np.array(bins) - 1).astype(np.int64)
    region = np.ravel_multi_index(tuple(places.T), bins)
    flux = AMU * masses[:, None, None] * velocities[:, :, None] * velocities[:, None, :]
    per_atom = (flux + 0.5 * (virials + virials.transpose(0, 2, 1))).reshape(-1, 9)
    count = int(np.prod(bins))
    sums = np.stack([np.bincount(region, part, count) for part in per_atom.T], axis=1)
    volume = abs(np.linalg.det(cell)) / count
    return -sums.reshape(*bins, 3, 3) / volume * EV_PER_A3_IN_GPA
