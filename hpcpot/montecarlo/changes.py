"""Energies after changes of a few atoms, from the atoms near them alone: many changes of one state in one call.

A change removes up to two atoms and adds up to two: an insertion, a deletion, a displacement (one and one), a change of
element, two atoms that change places. Only atoms within the cutoff of a place that changes get another energy:

    dU = sum over these of (e_new - e_old) + sum of e_new of the added - sum of e_old of the removed

exact to round-off, and through any periodic image, also in cells shorter than the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.montecarlo.grid import near
from hpcpot.neighbors.pairs import Pairs

NONE = -1
WIDTH = 2
"""Atoms that a change removes, and adds, at most."""


@dataclass
class Changes:
    """Changes of one state, each alone.

    Attributes:
        removed: (k, 2) int32, atoms; NONE for none.
        places: (k, 2, 3) float64, Å, of added atoms. species: (k, 2) int32, theirs; NONE for none.
    """

    removed: np.ndarray
    places: np.ndarray
    species: np.ndarray

    def __len__(self) -> int:
        return len(self.removed)

    def select(self, chosen: np.ndarray) -> Changes:
        """Some of the changes, by their numbers in order."""
        if len(chosen) == len(self):
            return self
        return Changes(self.removed[chosen], self.places[chosen], self.species[chosen])


@dataclass
class Surroundings:
    """The atoms whose energies the changes alter, each in the state after its change, as a potential takes them.

    Attributes:
        points, kinds, pairs: centres first, then all atoms around them; (m, 3) Å, (m,) int32.
        atoms: (n,) int32, the atom of each centre; NONE for an added one. owners: (n,) int32, its change.
    """

    points: np.ndarray
    kinds: np.ndarray
    pairs: Pairs
    atoms: np.ndarray
    owners: np.ndarray


class Workspace:
    """Room for surroundings, which grows as needed and is used again."""

    def __init__(self) -> None:
        self._centres, self._around, self._pairs = 256, 2048, 16384
        self._make()

    def _make(self) -> None:
        n, m = self._centres, self._around
        self.atoms, self.owners, self.own = (np.empty(n, np.int32) for _ in range(3))
        self.first, self.points, self.kinds = np.zeros(n + 1, np.int64), np.empty((n, 3)), np.empty(n, np.int32)
        self.around, self.around_kinds, self.around_atoms = (
            np.empty((m, 3)),
            np.empty(m, np.int32),
            np.empty(m, np.int32),
        )
        self.neighbors, self.seen = np.empty(self._pairs, np.int32), np.empty(0, np.int64)

    def surround(
        self, changes: Changes, positions: np.ndarray, species: np.ndarray, grid: tuple, cutoff: float
    ) -> Surroundings:
        """The surroundings of changes.

        Args:
            positions: (n, 3) float64, Å, wrapped. species: (n,) int32. grid: theirs.
        """
        while True:
            if len(self.seen) < len(positions):
                self.seen = np.empty(2 * len(positions), np.int64)
            self.seen[:] = -1
            arrays = (self.atoms, self.owners, self.own, self.first, self.points, self.kinds)
            around = (self.around, self.around_kinds, self.around_atoms)
            lacks, n, m = _surround(
                *(changes.removed, changes.places, changes.species),
                *(positions, species, grid, cutoff),
                *(*arrays, *around, self.neighbors, self.seen),
            )
            if lacks == 0:
                break
            self._centres, self._around, self._pairs = (
                size * (2 if lacks == k else 1) for k, size in enumerate((self._centres, self._around, self._pairs), 1)
            )
            self._make()
        return Surroundings(
            *_joined(n, m, self.points, self.kinds, self.around, self.around_kinds),
            Pairs(self.first[: n + 1].copy(), _shifted(self.neighbors[: self.first[n]], n)),
            self.atoms[:n].copy(),
            self.owners[:n].copy(),
        )


@njit()
def _joined(n, m, points, kinds, around, around_kinds):
    """Centres and the points around them in one array each; compiled, as small arrays make calls of NumPy count."""
    all_points, all_kinds = np.empty((n + m, 3)), np.empty(n + m, np.int32)
    all_points[:n], all_points[n:] = points[:n], around[:m]
    all_kinds[:n], all_kinds[n:] = kinds[:n], around_kinds[:m]
    return all_points, all_kinds


@njit()
def _shifted(neighbors, n):
    moved = np.empty(len(neighbors), np.int32)
    for p in range(len(neighbors)):
        moved[p] = neighbors[p] + n
    return moved


@njit()
def _added_images(place, added, reach, grid, around, start):
    """Images of an added atom closer than `reach` to a place, from `start` on: where they end; -1 without room."""
    low, high = np.empty(3, np.int64), np.empty(3, np.int64)
    for axis in range(3):
        f = 0.0
        for c in range(3):
            f += (place[c] - added[c]) * grid.inverse[c, axis]
        part = reach / grid.heights[axis]
        low[axis], high[axis] = int(np.ceil(f - part)), int(np.floor(f + part))
    stop = start
    for a in range(low[0], high[0] + 1):
        for b in range(low[1], high[1] + 1):
            for c in range(low[2], high[2] + 1):
                if stop == len(around):
                    return -1
                distance2 = 0.0
                for axis in range(3):
                    shift = a * grid.cell[0, axis] + b * grid.cell[1, axis] + c * grid.cell[2, axis]
                    around[stop, axis] = added[axis] + shift
                    distance2 += (around[stop, axis] - place[axis]) ** 2
                stop += distance2 < reach * reach
    return stop


@njit(error_model="numpy")
def _surround(
    removed,
    places,
    added,
    positions,
    species,
    grid,
    cutoff,
    atoms,
    owners,
    own,
    first,
    points,
    kinds,
    around,
    around_kinds,
    around_atoms,
    neighbors,
    seen,
):
    """See Workspace.surround.

    Around each place that changes, all points within twice the cutoff hold the neighbours of all within the cutoff.

    Args:
        seen: (atoms,) int64, -1 before: the last change whose centre an atom was.
    Returns:
        what lacks room (0: nothing, 1: centres, 2: points around, 3: pairs), and the numbers of centres and points.
    """
    n, m, slot, cutoff2 = 0, 0, 0, cutoff * cutoff
    first[0] = 0
    xyz, distances2 = np.empty((3, len(around))), np.empty(len(around))
    old, new, of_added, apart = np.empty((4, 3)), np.empty((4, 3)), np.empty(4, np.int64), np.empty(4)
    for k in range(len(removed)):
        n_sites = _sites(removed[k], places[k], added[k], positions, cutoff, old, new, of_added, apart)
        for s in range(n_sites):
            begin = m
            reach = 2.0 * cutoff + apart[s]
            count = near(old[s], reach, positions, grid, around_atoms[m:], around[m:])
            if count < 0:
                return 2, n, m
            stop = m
            for q in range(m, m + count):
                atom = around_atoms[q]
                if atom != removed[k, 0] and atom != removed[k, 1]:
                    around_atoms[stop], around_kinds[stop] = atom, species[atom]
                    for c in range(3):  # a row at once would take longer
                        around[stop, c] = around[q, c]
                    stop += 1
            of_atoms = stop
            for a in range(2):
                if added[k, a] >= 0:
                    last = _added_images(old[s], places[k, a], reach, grid, around, stop)
                    if last < 0:
                        return 2, n, m
                    around_kinds[stop:last] = added[k, a]
                    stop = last
            m, centres = stop, n
            if of_added[s] >= 0:
                if n == len(atoms):
                    return 1, n, m
                a = of_added[s]
                atoms[n], owners[n], kinds[n], points[n], own[n] = -1, k, added[k, a], places[k, a], -1
                for q in range(of_atoms, stop):
                    if (
                        around[q, 0] == places[k, a, 0]
                        and around[q, 1] == places[k, a, 1]
                        and around[q, 2] == places[k, a, 2]
                    ):
                        own[n] = q
                n += 1
            for q in range(begin, of_atoms):
                dx, dy, dz = around[q, 0] - old[s, 0], around[q, 1] - old[s, 1], around[q, 2] - old[s, 2]
                ex, ey, ez = around[q, 0] - new[s, 0], around[q, 1] - new[s, 1], around[q, 2] - new[s, 2]
                atom = around_atoms[q]
                nearest2 = min(dx * dx + dy * dy + dz * dz, ex * ex + ey * ey + ez * ez)
                if nearest2 < cutoff2 and seen[atom] != k:
                    if n == len(atoms):
                        return 1, n, m
                    seen[atom] = k
                    atoms[n], owners[n], kinds[n], own[n] = atom, k, species[atom], q
                    for c in range(3):
                        points[n, c] = around[q, c]
                    n += 1
            for q in range(begin, stop):  # one coordinate after another, so that the loop over them is vector code
                xyz[0, q - begin], xyz[1, q - begin], xyz[2, q - begin] = around[q, 0], around[q, 1], around[q, 2]
            for centre in range(centres, n):
                if slot + stop - begin > len(neighbors):
                    return 3, n, m
                _distances2(xyz, stop - begin, points[centre], distances2)
                if own[centre] >= 0:
                    distances2[own[centre] - begin] = np.inf
                for q in range(stop - begin):
                    neighbors[slot] = q + begin
                    slot += distances2[q] < cutoff2
                first[centre + 1] = slot
    return 0, n, m


@njit()
def _distances2(xyz, count, point, distances2):
    """Squared distances of the first `count` points, (3, m) float64, from another."""
    x, y, z = point[0], point[1], point[2]
    for q in range(count):
        dx, dy, dz = xyz[0, q] - x, xyz[1, q] - y, xyz[2, q] - z
        distances2[q] = dx * dx + dy * dy + dz * dz


@njit()
def _sites(removed, places, added, positions, cutoff, old, new, of_added, apart):
    """Places that a change alters, an old and a new one together where they are near each other.

    Args:
        old, new: (4, 3) float64, Å, filled; the same where only one is. of_added: (4,) int64, filled: the added atom, or -1.
        apart: (4,) float64, Å, filled: the distance of the two.
    Returns:
        their number.
    """
    n_sites = 0
    for a in range(2):
        is_near = False
        if removed[a] >= 0:
            old[n_sites], new[n_sites] = positions[removed[a]], positions[removed[a]]
            of_added[n_sites], apart[n_sites] = -1, 0.0
            if added[a] >= 0:
                distance = np.sqrt(((places[a] - old[n_sites]) ** 2).sum())
                is_near = distance < 0.5 * cutoff
                if is_near:
                    new[n_sites], of_added[n_sites], apart[n_sites] = places[a], a, distance
            n_sites += 1
        if added[a] >= 0 and not is_near:
            old[n_sites], new[n_sites], of_added[n_sites], apart[n_sites] = places[a], places[a], a, 0.0
            n_sites += 1
    return n_sites
