"""Neighbour pairs: all atoms within a cutoff of each centre, periodic images being atoms of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.neighbors.near import AHEAD, append_near
from hpcpot.structure.checks import FARTHEST

MOST_BINS = 100
"""Bins for each atom, at most; where atoms fill their cell there are fewer than 14."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """The neighbours of n centres among m atoms (centres first, then ghosts); never changed, while atoms move.

    Attributes:
        first: (n + 1,) int64; the neighbours of centre i are neighbors[first[i]:first[i + 1]].
        neighbors: (pairs,) int32, index of the neighbour, 0 .. m - 1. Pairs farther than a potential's cutoff
            (the skin) may be among them.
        built_at: (m, 3) float64, Å, where the atoms were when the pairs were found, of which a potential may make an order
            of its own, the same in a run that goes on from a checkpoint; None where that is not known.
    """

    first: np.ndarray
    neighbors: np.ndarray
    built_at: np.ndarray | None = None

    @cached_property
    def n_points(self) -> int:
        """Number of atoms that the pairs speak of, at least.

        Raises:
            StructureError: the arrays do not fit each other, and compiled loops over them would leave them.
        """
        ends, neighbors = self.first, self.neighbors
        if not len(ends) or ends[0] != 0 or ends[-1] != len(neighbors) or (ends[1:] < ends[:-1]).any():
            raise StructureError(
                f"pairs = {len(neighbors)} neighbours, shared out from {ends[:1]} to {ends[-1:]}: must be shared out from 0 to "
                "their number, in order; let the potential build them."
            )
        if neighbors.min(initial=0) < 0:
            raise StructureError(
                f"pairs = neighbour {neighbors.min()}: must be the index of an atom; let the potential build them."
            )
        return max(len(ends) - 1, int(neighbors.max(initial=-1)) + 1)

    def vectors(self, positions: np.ndarray) -> np.ndarray:
        """(pairs, 3) float64, Å, neighbour minus centre, of atoms at positions (m, 3)."""
        centre = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        return positions[self.neighbors] - positions[centre]

    def neighbor_species(self, species: np.ndarray) -> np.ndarray:
        """Species among the neighbours of each centre: (n,) int64, bit t for species t.

        Args:
            species: (m,) int32.
        """
        return _neighbor_species(self.first, self.neighbors, species)


def build(positions: np.ndarray, n_centres: int, reach: float) -> Pairs:
    """All pairs closer than `reach` between the first `n_centres` atoms and all atoms, by binning.

    Args:
        positions: (m, 3) float64, Å.
        reach: Å, cutoff + skin.
    Raises:
        StructureError: a position that is not finite or beyond all bounds, or such a reach.
    """
    positions = np.ascontiguousarray(positions)
    if not 0.0 < reach <= FARTHEST:
        raise StructureError(
            f"reach of pairs = {reach} Å: must be positive and at most {FARTHEST:.3g} Å; check the cutoff of the potential."
        )
    if n_centres == 0:
        return Pairs(np.zeros(1, np.int64), np.zeros(0, np.int32))
    low, extent = _box(positions)
    if not extent.max() <= 4 * FARTHEST:  # also for nan, which must not reach the bins
        _refuse_far(positions)
    # Bins of half the reach: 5^3 of them enclose the sphere more tightly than 3^3 of the full reach.
    size = max(0.5 * reach, (np.prod(np.maximum(extent, reach)) / (4.0 * len(positions))) ** (1.0 / 3.0))
    # Few atoms in a line, such as one that flew away, would else have bins without number along it.
    while np.prod(np.ceil(extent / size) + 1.0) > MOST_BINS * (len(positions) + 1.0):
        size *= 2.0
    counts = np.maximum(1, np.ceil(extent / size)).astype(np.int64)
    order, sorted_positions, start, bins = sort_into_bins(positions, low, size, counts)
    span, first = int(np.ceil(reach / size)), np.zeros(n_centres + 1, np.int64)
    dense = 4.0 * len(positions) / np.prod(np.maximum(extent, reach)) * reach**3  # about the atoms of a sphere
    room, done = n_centres * int(min(1.2 * dense + 16.0, len(positions))) + len(positions) + AHEAD, 0
    neighbors = np.empty(room, np.int32)
    while True:
        done = _search(
            n_centres, float(reach * reach), order, sorted_positions, start, bins, counts, span, done, first, neighbors
        )
        if done == n_centres:
            return Pairs(first, neighbors[: first[-1]].copy(), positions.copy())
        neighbors = np.concatenate([neighbors[: first[done]], np.empty(len(neighbors) + len(positions), np.int32)])


def _refuse_far(positions: np.ndarray) -> None:
    bad = int(np.flatnonzero(~(np.abs(positions) <= 2 * FARTHEST).all(axis=1))[0])
    raise StructureError(
        f"position of atom {bad} = {positions[bad].tolist()} Å: must be finite and below {FARTHEST:.3g} Å; check "
        "the structure, or shorten the timestep of the run that moved it."
    )


@njit()
def _box(positions):
    """Least coordinates, and the lengths of a box around all; NaN where there is one."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for c in range(3):
        lost = False
        for k in range(len(positions)):
            x = positions[k, c]
            low[c], high[c] = min(low[c], x), max(high[c], x)
            lost |= x != x
        if lost:
            low[c] = np.nan
    return low, high - low


@njit()
def sort_into_bins(positions, low, size, counts):
    """Atoms sorted by bin (counting sort): order, positions (3, m) in it, start of each bin, each atom's bin coordinates.

    Order and positions have AHEAD places more.
    """
    m = len(positions)
    bins = np.empty((m, 3), np.int64)
    flat = np.empty(m, np.int64)
    start = np.zeros(counts[0] * counts[1] * counts[2] + 1, np.int64)
    for k in range(m):
        for c in range(3):
            bins[k, c] = int(min(max(0.0, (positions[k, c] - low[c]) / size), counts[c] - 1.0))  # nan: 0
        flat[k] = (bins[k, 0] * counts[1] + bins[k, 1]) * counts[2] + bins[k, 2]
        start[flat[k] + 1] += 1
    for b in range(len(start) - 1):
        start[b + 1] += start[b]
    order, sorted_positions = np.zeros(m + AHEAD, np.int32), np.zeros((3, m + AHEAD))
    fill = start[:-1].copy()
    for k in range(m):
        place = fill[flat[k]]
        order[place] = k
        for c in range(3):
            sorted_positions[c, place] = positions[k, c]
        fill[flat[k]] += 1
    return order, sorted_positions, start, bins


@njit(error_model="numpy")
def _search(n, reach2, order, positions, start, bins, counts, span, done, first, neighbors):
    """Neighbours of the centres from `done` on; where room ends before n, the number of the centre to go on with.

    Args:
        order, positions, start, bins: see `sort_into_bins`. first: offsets up to `done` given, written from there on.
    """
    last, xs, ys, zs = counts - 1, positions[0], positions[1], positions[2]
    place = np.empty(len(bins), np.int32)
    for q in range(len(bins)):
        place[order[q]] = q
    for i in range(done, n):
        own, slot = place[i], first[i]
        point = xs[own], ys[own], zs[own], reach2
        za, zb = max(bins[i, 2] - span, 0), min(bins[i, 2] + span, last[2])
        for bx in range(max(bins[i, 0] - span, 0), min(bins[i, 0] + span, last[0]) + 1):
            for by in range(max(bins[i, 1] - span, 0), min(bins[i, 1] + span, last[1]) + 1):
                row = (bx * counts[1] + by) * counts[2]
                begin, end = start[row + za], start[row + zb + 1]
                if slot + end - begin + AHEAD > len(neighbors):
                    return i
                slot = append_near((xs, ys, zs, order, neighbors), (begin, end, np.int64(own), slot), point)
        first[i + 1] = slot
    return n


@njit()
def _neighbor_species(first, neighbors, species):
    present = np.zeros(len(first) - 1, np.int64)
    for i in range(len(present)):
        for p in range(first[i], first[i + 1]):
            present[i] |= 1 << species[neighbors[p]]
    return present
