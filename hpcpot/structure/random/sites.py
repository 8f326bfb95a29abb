"""Wyckoff positions of a group: where an orbit has fewer atoms than the group has operations, and how to fill them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import gcd

import numpy as np

WHOLE = np.array([v for v in product(range(-4, 5), repeat=3) if any(v)])
"""Whole vectors among which the directions of all lines and planes are, in the primitive bases of `groups`."""


@dataclass(frozen=True, eq=False)
class Site:
    """Points x_s = A x + b, x any, whose orbits under the group have `multiplicity` points.

    Attributes:
        freedom: 0 for a point, 1 for a line, 2 for a plane, 3 for the general position.
        projection: (3, 3) float64, A = mean of W over the operations that fix the points.
        offset: (3,) float64, b.
        images: (multiplicity,) int64, operations that give each point of an orbit once; the first is the identity.
    """

    multiplicity: int
    freedom: int
    projection: np.ndarray
    offset: np.ndarray
    images: np.ndarray


def find_sites(rotations: np.ndarray, shifts: np.ndarray, grid: int) -> tuple[Site, ...]:
    """Wyckoff positions of a space group, by increasing multiplicity and freedom.

    All points of a grid that is fine enough to have one of each position are looked at: x belongs to the position of
    the operations with W x + w = x modulo the lattice. Two points are of one position if one can be moved to the other
    along what is free, or by an operation.

    Args:
        rotations: (g, 3, 3) int64, of the primitive cell. shifts: (g, 3) int64, in parts of 1/grid.
    """
    order, count = len(rotations), grid**3
    axis = np.arange(grid, dtype=np.int32)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    least, fixing = np.full(count, count, np.int64), np.zeros((count, order), bool)
    for k in range(order):
        images = (points @ rotations[k].T.astype(np.int32) + shifts[k].astype(np.int32)) % grid
        least = np.minimum(least, _number(images, grid))
        fixing[:, k] = (images == points).all(axis=1)
    stabilisers = fixing.sum(axis=1)
    taken, sites = np.zeros(count, bool), []
    for k in np.flatnonzero((stabilisers > 1) & (least == np.arange(count))):
        if taken[k]:
            continue
        site, steps = _site(points[k], rotations, shifts, fixing[k], grid)
        line = np.arange(grid)
        moved = points[k] + np.zeros((1, 3), np.int64)
        for step in steps:
            moved = (moved[:, None] + line[:, None] * step).reshape(-1, 3)
        numbers = _number(moved % grid, grid)
        taken[least[numbers[stabilisers[numbers] == stabilisers[k]]]] = True
        sites.append(site)
    everything = Site(order, 3, np.eye(3), np.zeros(3), np.arange(order))
    return (*sorted(sites, key=lambda site: (site.multiplicity, site.freedom)), everything)


def _site(
    point: np.ndarray, rotations: np.ndarray, shifts: np.ndarray, fixing: np.ndarray, grid: int
) -> tuple[Site, list[np.ndarray]]:
    """The position of a point, and whole vectors that span what is free of it."""
    projection = rotations[fixing].mean(axis=0)
    place = point / grid
    images = (rotations @ point + shifts) % grid
    _, first = np.unique(images, axis=0, return_index=True)
    directions = _free_directions(projection)
    site = Site(len(first), len(directions), projection, place - projection @ place, np.sort(first))
    return site, directions


def _free_directions(projection: np.ndarray) -> list[np.ndarray]:
    """Whole vectors v = A v that span all such vectors: none, one or two."""
    freedom = round(np.trace(projection))
    kept = WHOLE[(np.abs(WHOLE @ projection.T - WHOLE) < 1e-6).all(axis=1)]
    if freedom == 0:
        return []
    if freedom == 1:
        return [next(v for v in kept if gcd(*v.tolist()) == 1)]
    return next([u, v] for u in kept for v in kept if gcd(*np.cross(u, v).tolist()) == 1)


def _number(points: np.ndarray, grid: int) -> np.ndarray:
    return (points[:, 0] * grid + points[:, 1]) * grid + points[:, 2]


class Filling:
    """Ways to put given numbers of atoms on the positions of a group.

    As many atoms as can be are on general positions, less what is asked for; the others are on special ones, and a
    position without freedom takes one orbit only.

    Args:
        sites: of a group, the general position last. counts: atoms of each species in the primitive cell.
    """

    def __init__(self, sites: Sequence[Site], counts: Sequence[int]):
        self._sites, self._counts = sites, tuple(counts)
        self._order = sites[-1].multiplicity
        special = sites[:-1]
        self._free = tuple(sorted({site.multiplicity for site in special if site.freedom}))
        self._once = tuple(sorted(Counter(site.multiplicity for site in special if not site.freedom).items()))
        self._fits = cache(self._can_fill)

    @property
    def is_possible(self) -> bool:
        """Whether there is one."""
        return self._fits(0, self._once)

    def draw(self, rng: np.random.Generator, fewer: int = 0) -> list[tuple[int, int]]:
        """Draw (species, number of the site) of each orbit.

        Args:
            fewer: orbits on general positions that are given up for special ones, where the group has them.
        """
        orbits, once = [], self._once
        used: set[int] = set()
        for species in range(len(self._counts)):
            options = list(self._options(species, once))
            kept, remainder = options[min(fewer, len(options) - 1)]
            orbits += [(species, len(self._sites) - 1)] * kept
            while remainder:
                choices = [
                    k
                    for k, site in enumerate(self._sites[:-1])
                    if k not in used
                    and site.multiplicity <= remainder
                    and self._can_go_on(species, remainder - site.multiplicity, _less(once, site))
                ]
                k = choices[rng.integers(len(choices))]
                site = self._sites[k]
                remainder, once = remainder - site.multiplicity, _less(once, site)
                if not site.freedom:
                    used.add(k)
                orbits.append((species, k))
        return orbits

    def _options(self, species: int, once: tuple) -> Iterator[tuple[int, int]]:
        """(orbits on general positions, atoms on special ones) of a species that leave room for the others."""
        most = self._counts[species] // self._order
        for kept in range(most, -1, -1):
            remainder = self._counts[species] - kept * self._order
            if self._can_go_on(species, remainder, once):
                yield kept, remainder

    def _can_fill(self, species: int, once: tuple) -> bool:
        return species == len(self._counts) or next(self._options(species, once), None) is not None

    def _can_go_on(self, species: int, remainder: int, once: tuple) -> bool:
        return any(self._fits(species + 1, left) for left in self._ways(remainder, once))

    def _ways(self, remainder: int, once: tuple, start: int = 0) -> Iterator[tuple]:
        """What is left of the points without freedom after special positions took so many atoms."""
        if self._sums(remainder):
            yield once
        for k in range(start, len(once)):
            multiplicity, left = once[k]
            if left and multiplicity <= remainder:
                lesser = (*once[:k], (multiplicity, left - 1), *once[k + 1 :])
                yield from self._ways(remainder - multiplicity, lesser, k)

    def _sums(self, remainder: int) -> bool:
        """Whether lines and planes alone can take so many atoms."""
        reached = {0}
        for multiplicity in self._free:
            reached |= {r + n * multiplicity for r in reached for n in range((remainder - r) // multiplicity + 1)}
        return remainder in reached


def _less(once: tuple, site: Site) -> tuple:
    """Numbers of free points without the one that an orbit at a site takes."""
    if site.freedom:
        return once
    return tuple((m, n - (m == site.multiplicity)) for m, n in once)
