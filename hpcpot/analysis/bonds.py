"""Coordination, and the bonds of a reference frame that have broken since."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.analysis.reference import Reference, make_reference, separation
from hpcpot.compiled import njit
from hpcpot.neighbors import pairs
from hpcpot.structure.overlap import with_images


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
    """The bonds of a reference frame; arguments as in `Bonds` and `make_reference`."""
    reference = make_reference(positions, cell, periodic, float(np.max(cutoffs)))
    return Bonds(reference, species, cutoffs, coordination(positions, cell, periodic, species, cutoffs))


def coordination(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, species: np.ndarray, cutoffs: np.ndarray
) -> np.ndarray:
    """Atoms of each species that are bonded to each atom: (n, s) int32; arguments as in `Bonds`."""
    points, owners = with_images(np.asarray(positions, float), cell, periodic, float(np.max(cutoffs)))
    found = pairs.build(points, len(positions), float(np.max(cutoffs)))
    counts = np.zeros((len(positions), len(cutoffs)), np.int32)
    _count(points, found.first, found.neighbors, species[owners], np.square(cutoffs), counts)
    return counts


def broken(bonds: Bonds, positions: np.ndarray, cell: np.ndarray, stretch: float) -> np.ndarray:
    """How many of its bonds of the reference frame each atom has lost: (n,) int32.

    A bond has broken when it is longer than `stretch` times its cutoff, so that a vibration does not break it.

    Args:
        positions, cell: of this frame, as in `strain`. stretch: >= 1.
    """
    reference = bonds.reference
    present = reference.at_present(positions, cell)
    counts = np.zeros(reference.n_atoms, np.int32)
    _count_broken(
        reference.fractions,
        reference.owners,
        reference.first,
        reference.neighbors,
        reference.periodic,
        reference.cell,
        present,
        np.asarray(cell, float),
        bonds.species,
        np.square(bonds.cutoffs),
        stretch**2,
        counts,
    )
    return counts


@njit()
def _count(points, first, neighbors, species, squares, counts):
    for i in range(len(counts)):
        for at in range(first[i], first[i + 1]):
            k = neighbors[at]
            d2 = 0.0
            for c in range(3):
                d2 += (points[k, c] - points[i, c]) ** 2
            if d2 < squares[species[i], species[k]]:
                counts[i, species[k]] += 1


@njit()
def _count_broken(
    fractions, owners, first, neighbors, periodic, cell, present, metric, species, squares, stretch2, counts
):
    before, now = np.empty(3), np.empty(3)
    for i in range(len(counts)):
        for at in range(first[i], first[i + 1]):
            k = neighbors[at]
            separation(fractions, owners, present, periodic, i, k, before, now)
            bonded2 = squares[species[i], species[owners[k]]]
            if _length2(before, cell) < bonded2 and _length2(now, metric) > stretch2 * bonded2:
                counts[i] += 1


@njit(inline="always")
def _length2(fraction, cell):
    total = 0.0
    for c in range(3):
        total += (fraction[0] * cell[0, c] + fraction[1] * cell[1, c] + fraction[2] * cell[2, c]) ** 2
    return total
