"""Space groups as operations of the primitive cell."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import combinations

import numpy as np

from hpcpot.structure.random.sites import Site, find_sites
from hpcpot.structure.symmetry import load_spglib

USE = "random cells"
"""What needs spglib, in its error."""

GRID = 24
"""Translations of operations, and the coordinates of all points that symmetry fixes, are multiples of 1/24."""

LAST_OF_SYSTEM = {
    "triclinic": 2,
    "monoclinic": 15,
    "orthorhombic": 74,
    "tetragonal": 142,
    "trigonal": 167,
    "hexagonal": 194,
    "cubic": 230,
}
"""Number of the last space group of each crystal system."""


@dataclass(frozen=True, eq=False)
class SpaceGroup:
    """Operations x' = W x + w of a primitive cell.

    Attributes:
        number: of the International Tables; the first setting there (unique axis b, hexagonal axes, origin choice 1).
        symbol: short Hermann-Mauguin symbol.
        rotations: (g, 3, 3) int64, W in the primitive basis; the first is the identity.
        shifts: (g, 3) int64, w in parts of 1/GRID.
        primitive: (3, 3) float64, rows: primitive vectors in terms of the conventional ones.
    """

    number: int
    symbol: str
    rotations: np.ndarray
    shifts: np.ndarray
    primitive: np.ndarray

    @property
    def order(self) -> int:
        """Number of operations."""
        return len(self.rotations)

    @property
    def system(self) -> str:
        """Crystal system."""
        return next(name for name, last in LAST_OF_SYSTEM.items() if self.number <= last)

    @cached_property
    def sites(self) -> tuple[Site, ...]:
        """Wyckoff positions, the special ones first."""
        return find_sites(self.rotations, self.shifts, GRID)


@cache
def space_group(number: int) -> SpaceGroup:
    """A space group of 1 to 230.

    Raises:
        DependencyError: spglib is not installed.
    """
    spglib = load_spglib(USE)
    hall = _halls()[number]
    database = spglib.get_symmetry_from_database(hall)
    rotations = np.asarray(database["rotations"], np.int64)
    translations = np.asarray(database["translations"], float)
    primitive = _primitive(translations[(rotations == np.eye(3)).all(axis=(1, 2))])
    into = np.linalg.inv(primitive.T)  # of fractional coordinates: x_primitive = into x_conventional
    turned = np.rint(into @ rotations @ primitive.T).astype(np.int64)
    shifts = np.rint(translations @ into.T * GRID).astype(np.int64) % GRID
    _, first = np.unique(turned.reshape(-1, 9), axis=0, return_index=True)
    first = np.sort(first)
    symbol = spglib.get_spacegroup_type(hall).international_short
    return SpaceGroup(number, symbol, turned[first], shifts[first], primitive)


def groups_of_order(order: int) -> tuple[int, ...]:
    """Numbers of the space groups with so many operations in their primitive cell."""
    return _by_order()[order]


@cache
def _by_order() -> dict[int, tuple[int, ...]]:
    numbers = defaultdict(list)
    for number, hall in _halls().items():
        numbers[ORDER_OF_POINT_GROUP[load_spglib(USE).get_spacegroup_type(hall).pointgroup_international]].append(
            number
        )
    return {order: tuple(of_order) for order, of_order in numbers.items()}


ORDER_OF_POINT_GROUP = {
    **dict.fromkeys(("1",), 1),
    **dict.fromkeys(("-1", "2", "m"), 2),
    **dict.fromkeys(("3",), 3),
    **dict.fromkeys(("2/m", "222", "mm2", "4", "-4"), 4),
    **dict.fromkeys(("-3", "32", "3m", "6", "-6"), 6),
    **dict.fromkeys(("mmm", "4/m", "422", "4mm", "-42m", "-4m2"), 8),
    **dict.fromkeys(("-3m", "6/m", "622", "6mm", "-62m", "-6m2", "23"), 12),
    **dict.fromkeys(("4/mmm",), 16),
    **dict.fromkeys(("6/mmm", "m-3", "432", "-43m"), 24),
    **dict.fromkeys(("m-3m",), 48),
}


@cache
def _halls() -> dict[int, int]:
    """Number in the table of Hall symbols of the first setting of each group."""
    first: dict[int, int] = {}
    for hall in range(1, 531):
        first.setdefault(load_spglib(USE).get_spacegroup_type(hall).number, hall)
    return first


def _primitive(centrings: np.ndarray) -> np.ndarray:
    """Primitive vectors of a lattice with these translations of the conventional cell, right-handed; rows."""
    candidates = np.concatenate([centrings[centrings.any(axis=1)], np.eye(3)])
    for chosen in combinations(range(len(candidates)), 3):
        vectors = candidates[list(chosen)]
        volume = np.linalg.det(vectors)
        if abs(abs(volume) - 1 / len(centrings)) < 1e-6:
            return vectors if volume > 0 else vectors[[1, 0, 2]]
    raise AssertionError("three of the lattice's shortest translations span it")
