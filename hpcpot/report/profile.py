"""Number density along one axis of a frame."""

from __future__ import annotations

import numpy as np
from ase import Atoms

BIN = 0.2
"""Å; fine against the smoothing."""


def density(atoms: Atoms, axis: int, sigma: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Number density of each element along a cell vector, smoothed.

    rho_el(s) = sum over atoms of el of G_sigma(s - s_i) / (V / L), with s the height above the cell face that the other
    two vectors span and L its largest value; G is a normal density that wraps round periodic edges.

    Args:
        atoms: with positions inside the cell.
        axis: 0, 1 or 2, the cell vector.
        sigma: Å, width of the smoothing.
    Returns:
        s: (bins,) Å, middles of the bins. rho: (bins,) 1/Å³ by element, in order of atomic number.
    """
    from scipy.ndimage import gaussian_filter1d

    length = height(atoms, axis)
    bins = max(1, round(length / BIN))
    fractions = atoms.get_scaled_positions(wrap=False)[:, axis]
    numbers = np.asarray(atoms.get_atomic_numbers())
    rho = {}
    for number in np.unique(numbers):
        counts = shared_counts(fractions[numbers == number], bins, bool(atoms.pbc[axis]))
        smooth = gaussian_filter1d(counts, sigma * bins / length, mode="wrap" if atoms.pbc[axis] else "constant")
        rho[Atoms(numbers=[number]).symbols[0]] = smooth * bins / atoms.get_volume()
    return (np.arange(bins) + 0.5) * length / bins, rho


def shared_counts(fractions: np.ndarray, bins: int, periodic: bool) -> np.ndarray:
    """Counts in equal bins of [0, 1], each atom shared linearly by the two bins whose middles enclose it.

    Counted whole, the layers of a crystal beat with the bins: a ripple of 1 % and long wavelength, which no smoothing
    takes away.
    """
    place = fractions * bins - 0.5
    left = np.floor(place).astype(int)
    share = place - left
    ends = (
        (left % bins, (left + 1) % bins) if periodic else (np.clip(left, 0, bins - 1), np.clip(left + 1, 0, bins - 1))
    )
    return np.bincount(ends[0], 1.0 - share, bins) + np.bincount(ends[1], share, bins)


def height(atoms: Atoms, axis: int) -> float:
    """Distance between the two cell faces that a cell vector joins, Å."""
    a, b = (atoms.cell[other] for other in range(3) if other != axis)
    return atoms.get_volume() / float(np.linalg.norm(np.cross(a, b)))
