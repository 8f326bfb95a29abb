"""Coordination numbers, and bonds of a reference frame that have broken."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from hpcpot.analysis.observable import Arrays, Frame, Rows
from hpcpot.analysis.reference import Reference, make_reference, separation
from hpcpot.compiled import njit
from hpcpot.errors import ConfigError
from hpcpot.neighbors import pairs
from hpcpot.storage.tables import Columns
from hpcpot.structure.images import with_images

REACH = 1.2
"""Longest bond over the sum of the covalent radii, where no lengths are given."""


@dataclass(frozen=True)
class Bonds:
    """The bonds of a reference frame.

    Attributes:
        reference: pairs within the longest of `cutoffs`.
        species: (n,) int, 0 .. s - 1. cutoffs: (s, s) float64, Å, symmetric: nearer atoms are bonded.
        coordination: (n, s) int32, bonds of each atom to atoms of each species.
    """

    reference: Reference
    species: np.ndarray
    cutoffs: np.ndarray
    coordination: np.ndarray


def make_bonds(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, species: np.ndarray, cutoffs: np.ndarray
) -> Bonds:
    """Find the bonds of a reference frame; arguments as in `Bonds` and `make_reference`."""
    reference = make_reference(positions, cell, periodic, float(np.max(cutoffs)))
    return Bonds(reference, species, cutoffs, coordination(positions, cell, periodic, species, cutoffs))


def coordination(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, species: np.ndarray, cutoffs: np.ndarray
) -> np.ndarray:
    """Count the atoms of each species bonded to each atom: (n, s) int32; arguments as in `Bonds`."""
    points, owners = with_images(np.asarray(positions, float), cell, periodic, float(np.max(cutoffs)))
    neighborhood = pairs.build(points, len(positions), float(np.max(cutoffs)))
    counts = np.zeros((len(positions), len(cutoffs)), np.int32)
    _count(points, neighborhood.first, neighborhood.neighbors, species[owners], np.square(cutoffs), counts)
    return counts


def broken(bonds: Bonds, positions: np.ndarray, cell: np.ndarray, stretch: float) -> np.ndarray:
    """Count the bonds of the reference frame that each atom has lost: (n,) int32.

    A bond counts as broken once it is longer than `stretch` times its cutoff, so that vibrations do not break it.

    Args:
        positions, cell: of this frame, as in `strain`. stretch: >= 1.
    """
    reference = bonds.reference
    present = reference.at_present(positions, cell)
    counts = np.zeros(reference.n_atoms, np.int32)
    squares = np.square(bonds.cutoffs)
    _count_broken(reference, present, np.asarray(cell, float), bonds.species, squares, stretch**2, counts)
    return counts


class BondCounts:
    """Observable: fraction of broken bonds, and mean coordination of each element by each.

    `sample` returns coordination (n, elements) int32 and broken (n,) int32.

    Args:
        first: the reference frame. lengths_A, stretch: see `bond_lengths` and `broken`.
    """

    def __init__(self, first: Frame, lengths_A: list | None, stretch: float):
        self._elements, self._species = first.species()
        self._cutoffs = bond_lengths(self._elements, lengths_A)
        self._first, self._stretch = first, stretch
        self._rows = Rows()

    def sample(self, frame: Frame) -> Arrays:
        counts = coordination(frame.positions, frame.cell, frame.periodic, self._species, self._cutoffs)
        lost = broken(self._bonds, frame.positions, frame.cell, self._stretch)
        numbers = {"broken_bonds": lost.sum() / max(self._bonds.coordination.sum(), 1)}
        for k, centre in enumerate(self._elements):
            means = counts[self._species == k].mean(axis=0)
            numbers |= {
                f"coordination_{centre}_{name}": value for name, value in zip(self._elements, means, strict=True)
            }
        self._rows.add(frame, numbers)
        return {"coordination": counts, "broken": lost}

    def merge(self, other: BondCounts) -> None:
        self._rows.merge(other._rows)

    def result(self) -> dict[str, Columns]:
        return {"bonds": self._rows.columns()}

    def state(self) -> Arrays:
        return self._rows.state()

    def restore(self, arrays: Arrays) -> None:
        self._rows.restore(arrays)

    @cached_property
    def _bonds(self) -> Bonds:
        first = self._first
        return make_bonds(first.positions, first.cell, first.periodic, self._species, self._cutoffs)


def bond_lengths(elements: list[str], given: list | None, where: str = "bonds") -> np.ndarray:
    """Longest bond of each pair of elements, (elements, elements) float64, Å; default REACH times the covalent radii.

    Args:
        given: [element, element, Å] of each pair. where: whose option it is, for messages.
    Raises:
        ConfigError: an element that does not occur, or a pair without a length or with two.
    """
    if given is None:
        radii = np.array([covalent_radii[atomic_numbers[name]] for name in elements])
        return REACH * (radii[:, None] + radii)
    lengths = np.zeros((len(elements), len(elements)))
    for a, b, length in given:
        for name in (a, b):
            if name not in elements:
                raise ConfigError(
                    f"{where}.lengths_A = {name}: must be among the elements of the trajectory, {', '.join(elements)}; "
                    "correct it."
                )
        if lengths[elements.index(a), elements.index(b)]:
            raise ConfigError(f"{where}.lengths_A = {a}-{b} twice: must have one length for a pair; take one away.")
        lengths[elements.index(a), elements.index(b)] = lengths[elements.index(b), elements.index(a)] = length
    lacking = np.argwhere(lengths == 0)
    if len(lacking):
        a, b = (elements[k] for k in lacking[0])
        raise ConfigError(
            f"{where}.lengths_A = no {a}-{b}: must have a length for each pair of elements; add [{a}, {b}, length]."
        )
    return lengths


@njit()
def _count(points, first, neighbors, species, squares, counts):
    for i in range(len(counts)):
        for pair in range(first[i], first[i + 1]):
            k = neighbors[pair]
            d2 = 0.0
            for c in range(3):
                d2 += (points[k, c] - points[i, c]) ** 2
            if d2 < squares[species[i], species[k]]:
                counts[i, species[k]] += 1


@njit()
def _count_broken(reference, present, metric, species, squares, stretch2, counts):
    first, owners = reference.first, reference.owners
    before, now = np.empty(3), np.empty(3)
    for i in range(len(counts)):
        for pair in range(first[i], first[i + 1]):
            k = reference.neighbors[pair]
            separation(reference, present, i, k, before, now)
            bonded2 = squares[species[i], species[owners[k]]]
            if _length2(before, reference.cell) < bonded2 and _length2(now, metric) > stretch2 * bonded2:
                counts[i] += 1


@njit(inline="always")
def _length2(fraction, cell):
    total = 0.0
    for c in range(3):
        total += (fraction[0] * cell[0, c] + fraction[1] * cell[1, c] + fraction[2] * cell[2, c]) ** 2
    return total
