"""Cross-sections: positions of atoms in an upright cell, and the mean of an atomic property in a thin slice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.report.window import VACUUM, heights

PIXEL = 0.75
"""Å, largest size of a pixel."""
SIGMA = 1.6
"""Å, width of the Gaussian that averages over atoms."""
EMPTY = 0.15
"""Fraction of the density of dense places below which a place is empty."""


@dataclass(frozen=True)
class Slice:
    """A map of the mean of an atomic property.

    Attributes:
        values: (nv, nu) float64, nan where there are no atoms. extent: (2,) Å, along u (to the right) and v (upwards).
    """

    values: np.ndarray
    extent: np.ndarray


def corner(first: Atoms, moved: np.ndarray) -> np.ndarray:
    """Choose the origin of a frame's cell so that a particle or slab lies in its middle: (3,) fractional.

    Args:
        first: the first frame; the origin leaves 0 only along axes where this frame has a gap.
        moved: (n, 3) float64, fractional, displacements since then, through boundaries.
    """
    start, fractions = np.zeros(3), first.get_scaled_positions(wrap=True)
    for axis in np.flatnonzero(first.pbc):
        ordered = np.sort(fractions[:, axis])
        gaps = np.diff(ordered, append=ordered[0] + 1.0)
        widest = int(np.argmax(gaps))
        if gaps[widest] * heights(first)[axis] > VACUUM:
            behind = ordered[widest] + gaps[widest] / 2
            now = (fractions[:, axis] - behind) % 1.0 + moved[:, axis]
            start[axis] = behind + (now.min() + now.max()) / 2 - 0.5
    return start


def places(atoms: Atoms, corner: np.ndarray) -> np.ndarray:
    """Distances from the faces of the upright cell, (n, 3) Å, 0 .. its heights along periodic axes."""
    fractions = atoms.get_scaled_positions(wrap=False) - corner
    return np.where(atoms.pbc, fractions % 1.0, fractions) * heights(atoms)


def cut(atoms: Atoms, values: np.ndarray, corner: np.ndarray, plane: str, position: float, thickness: float) -> Slice:
    """Average a property over the atoms of a slice.

    Args:
        values: (n,), the property. corner: see `corner`.
        plane: "yz": y to the right, z upwards. position: along the normal of the slice, 0 .. 1. thickness: Å.
    """
    from scipy.ndimage import gaussian_filter

    u, v = ("xyz".index(letter) for letter in plane)
    normal = 3 - u - v
    extent, positions = heights(atoms), places(atoms, corner)
    away = positions[:, normal] - position * extent[normal]
    if atoms.pbc[normal]:
        away -= extent[normal] * np.round(away / extent[normal])
    inside = np.abs(away) <= thickness / 2
    shape = np.ceil(extent[[v, u]] / PIXEL).astype(int)
    size = extent[[v, u]] / shape
    bins = np.floor(positions[inside][:, [v, u]] / size).astype(int)
    shown = ((bins >= 0) & (bins < shape)).all(axis=1)
    flat = np.ravel_multi_index(tuple(bins[shown].T), tuple(shape))
    mode = ["wrap" if atoms.pbc[axis] else "constant" for axis in (v, u)]
    weights = (np.ones(len(flat)), values[inside][shown])
    count, total = (
        gaussian_filter(np.bincount(flat, w, shape.prod()).reshape(shape), SIGMA / size, mode=mode) for w in weights
    )
    dense = count > EMPTY * np.percentile(count, 95)
    return Slice(np.divide(total, count, out=np.full(shape, np.nan), where=dense), extent[[u, v]])
