"""Least distances of pairs of elements, as a structure has them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from hpcpot.errors import ConfigError
from hpcpot.structure import files

FARTHEST = 8.0
"""Å; pairs of elements that are not nearer anywhere have no least distance by a structure."""


def of_structure(path: Path, elements: Collection[str]) -> dict[tuple[str, str], tuple[float, float]]:
    """The shortest distance of each pair of elements.

    Args:
        path: of the structure. elements: those of the atoms to be placed.
    Returns:
        (element, element), in alphabetical order -> (distance, distance), Å, as `RandomCells` has them.
    Raises:
        ConfigError: the structure lacks a pair. StructureError: no such file, or not read.
    """
    from ase.neighborlist import neighbor_list  # late: takes half a second

    atoms = files.read(path, section="")
    first, second, distances = neighbor_list("ijd", atoms, FARTHEST)
    symbols = np.array(atoms.get_chemical_symbols())
    pairs = {}
    for a in sorted(elements):
        for b in sorted(elements):
            mine = distances[(symbols[first] == a) & (symbols[second] == b)]
            if a <= b and not len(mine):
                raise ConfigError(
                    f"random.distances_of = {path}: must have {a} and {b} within {FARTHEST:g} Å of one another; give a "
                    "structure of these elements, or random.minimum_distance_A."
                )
            if a <= b:
                pairs[a, b] = (float(mine.min()), float(mine.min()))
    return pairs
