"""The closest pairs of a structure, by the elements of the two atoms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError


@dataclass(frozen=True)
class ClosestPair:
    """The closest pair of one kind.

    Attributes:
        kinds: species of the two, the smaller first. distance: Å.
        centre, neighbor: the two points, species in the order of `kinds`; the one that is a centre is among the atoms.
    """

    kinds: tuple[int, int]
    distance: float
    centre: int
    neighbor: int


def closest(
    points: np.ndarray, first: np.ndarray, neighbors: np.ndarray, species: np.ndarray, limits: np.ndarray
) -> list[ClosestPair]:
    """The closest pair of each kind that is closer than its limit.

    Args:
        points: (m, 3) float64, Å. first, neighbors: pairs, see neighbors.pairs.Pairs. species: (m,) int32.
        limits: (species, species) float64, Å, symmetric; inf: any distance.
    Raises:
        StructureError: a species without limits.
    """
    kinds = len(limits)
    if len(species) and not 0 <= species.min() <= species.max() < kinds:
        k = int(np.flatnonzero((species < 0) | (species >= kinds))[0])
        raise StructureError(f"species of atom {k} = {species[k]}: must be 0 to {kinds - 1}; name the elements.")
    squares = np.where(np.isfinite(limits), limits, np.inf) ** 2
    least, members = squares.copy(), np.full((kinds, kinds, 2), -1, np.int64)
    _closest(np.ascontiguousarray(points), first, neighbors, species, float(squares.max()), least, members)
    return [
        ClosestPair((a, b), float(np.sqrt(least[a, b])), int(members[a, b, 0]), int(members[a, b, 1]))
        for a in range(kinds)
        for b in range(a, kinds)
        if members[a, b, 0] >= 0
    ]


@njit()
def _closest(points, first, neighbors, species, most, least, members):
    """Lower the squared distances of `least` (upper half) to those of the closest pairs, and note their points."""
    for i in range(len(first) - 1):
        for p in range(first[i], first[i + 1]):
            j = neighbors[p]
            dx, dy, dz = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
            r2 = dx * dx + dy * dy + dz * dz
            if r2 < most:
                a, b = species[i], species[j]
                if a <= b and r2 < least[a, b]:
                    least[a, b] = r2
                    members[a, b, 0] = i
                    members[a, b, 1] = j
