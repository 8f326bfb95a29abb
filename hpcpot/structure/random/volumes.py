"""Estimates of the volume of a formula unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from hpcpot.structure.crystals import CRYSTALS, Crystal
from hpcpot.structure.random import PACKING
from hpcpot.structure.random.shape import cell_of

ALLOYS = ("LiSi", "Li12Si7", "Li7Si3", "Li13Si4", "Li15Si4")
"""Crystals of two elements, all of which exist. In the elements an atom of Li takes a third more, one of Si a fifth."""


def of_alloys() -> dict[str, float]:
    """Volume of an atom of Li and of Si, Å³, by least squares over the volumes of the Li-Si crystals."""
    elements = ("Li", "Si")
    counts = [[atoms_in(CRYSTALS[name])[element] for element in elements] for name in ALLOYS]
    volumes = [volume_of(CRYSTALS[name]) for name in ALLOYS]
    fitted = np.linalg.lstsq(np.array(counts, float), np.array(volumes), rcond=None)[0]
    return dict(zip(elements, fitted.tolist(), strict=True))


def by_packing(
    formula: Mapping[str, int],
    distance: tuple[float, float],
    distances: Mapping[tuple[str, str], tuple[float, float]],
    packing: float = PACKING,
) -> float:
    """Volume of a formula unit, Å³, of which spheres fill a part: sum n pi/6 d³ / packing.

    Args:
        distance, distances: see `cells.RandomCells`; d of an element is the middle of its own.
    """
    diameters = {element: sum(distances.get((element, element), distance)) / 2 for element in formula}
    return sum(count * np.pi / 6 * diameters[element] ** 3 for element, count in formula.items()) / packing


def atoms_in(crystal: Crystal) -> Counter[str]:
    """Atoms of each element in the conventional cell, by the multiplicities in the names of the positions."""
    counts: Counter[str] = Counter()
    for element, position, *_ in crystal.sites:
        counts[element] += int(position[:-1])
    return counts


def volume_of(crystal: Crystal) -> float:
    """Volume of the conventional cell, Å³."""
    lengths, angles = np.array(crystal.lattice[:3]), np.array(crystal.lattice[3:])
    return float(np.linalg.det(cell_of(lengths, np.cos(np.radians(angles)))))
