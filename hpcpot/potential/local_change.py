"""Energies of a structure after a local change, from the atoms near it alone: the removal of one atom.

dE = E_before - E_after = e_a + sum over j near a of (e_j - e'_j), same cell, same other positions: only atoms within
the cutoff of the removed one, through any periodic image, have another energy after it. Exact to round-off.
"""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.neighbors import batch
from hpcpot.neighbors.batch import Neighborhood
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.contract import Potential, refuse_overflow

CENTRES = 4096
"""About how many atoms one call of the potential evaluates: enough for its blocks, few enough for any memory."""


class LocalChange:
    """One structure with its neighbours, and the energy of each atom once it is needed.

    Raises:
        StructureError: a cell that has collapsed. SimulationError: two atoms too close.
    """

    def __init__(self, atoms: Atoms, potential: Potential):
        """Args: atoms that `structure.files.check` passed."""
        self.potential = potential
        self.atoms = atoms
        cell, periodic = atoms.cell.array, np.asarray(atoms.pbc)
        self._near: Neighborhood = batch.build(atoms.positions, cell, periodic, potential.cutoff)
        self._points = self._near.points
        kinds = [potential.elements.index(symbol) for symbol in atoms.symbols]
        self._species = np.array(kinds, np.int32)[self._near.owners]
        self._energies = np.full(len(atoms), np.nan)

    def energies(self, atoms: np.ndarray) -> np.ndarray:
        """Energies of some atoms, (k,) float64, eV; each is computed once."""
        distinct = np.unique(atoms)
        missing = distinct[np.isnan(self._energies[distinct])].astype(np.int32)
        if len(missing):
            self._energies[missing] = self._evaluate(missing, np.full(len(missing), -1))
        return self._energies[atoms]

    def removals(self, sites: np.ndarray) -> np.ndarray:
        """Remove each of some atoms, alone: dE, (k,) float64, eV; in any order, repeated or not.

        Args:
            sites: (k,) int, atoms of the frame.
        Raises:
            StructureError: a site that is no atom of the frame.
        """
        sites, n = np.asarray(sites), len(self.atoms)
        if len(sites) and not 0 <= sites.min() <= sites.max() < n:
            site = sites[(sites < 0) | (sites >= n)][0]
            raise StructureError(f"site = {site}: must be an atom of the structure, 0 to {n - 1}; correct it.")
        energies = np.empty(len(sites))
        per_batch = max(1, CENTRES * len(self.atoms) // max(int(self._near.pairs.first[-1]), 1))
        for start in range(0, len(sites), per_batch):
            some = np.asarray(sites[start : start + per_batch], np.int32)
            centres, removal = _affected(some, self._near.pairs.first, self._near.pairs.neighbors, self._near.owners)
            after = self._evaluate(centres, some[removal])
            released = np.bincount(removal, self.energies(centres) - after, len(some))
            energies[start : start + per_batch] = self.energies(some) + released
        return energies

    def _evaluate(self, centres: np.ndarray, removed: np.ndarray) -> np.ndarray:
        """Energies of some atoms, each in the frame without one atom (-1: with all), (k,) float64, eV."""
        near = self._near
        first, neighbors = _without(centres, removed, near.pairs.first, near.pairs.neighbors, near.owners)
        points = np.concatenate([self._points[centres], self._points])
        species = np.concatenate([self._species[centres], self._species])
        pairs = Pairs(first, neighbors + np.int32(len(centres)))
        energies = self.potential.compute(points, pairs, species, forces=False).energies
        refuse_overflow(energies, of="a frame with or without an atom")
        return energies


@njit()
def _affected(sites, first, neighbors, owners):
    """Atoms near each site, each once: their ids, and the position in `sites` that they belong to."""
    last_seen = np.full(len(first) - 1, -1, np.int64)
    room = 0
    for site in sites:
        room += first[site + 1] - first[site]
    centres, removal = np.empty(room, np.int32), np.empty(room, np.int64)
    count = 0
    for k in range(len(sites)):
        last_seen[sites[k]] = k
        for p in range(first[sites[k]], first[sites[k] + 1]):
            j = owners[neighbors[p]]
            if last_seen[j] != k:
                last_seen[j] = k
                centres[count], removal[count] = j, k
                count += 1
    return centres[:count], removal[:count]


@njit()
def _without(centres, removed, first, neighbors, owners):
    """Neighbours of each centre except all images of the atom removed for it, as `Pairs` has them."""
    starts = np.zeros(len(centres) + 1, np.int64)
    for c in range(len(centres)):
        starts[c + 1] = starts[c] + first[centres[c] + 1] - first[centres[c]]
    remaining = np.empty(starts[-1], np.int32)
    count = 0
    for c in range(len(centres)):
        starts[c] = count
        for p in range(first[centres[c]], first[centres[c] + 1]):
            if owners[neighbors[p]] != removed[c]:
                remaining[count] = neighbors[p]
                count += 1
    starts[-1] = count
    return starts, remaining[:count]
