"""Neighbours within the cutoff on the device, and the arrays that energies, forces and virials go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import NULL, Device
from hpcpot.gpu.neighbors import Candidates
from hpcpot.gpu.sources import Source, listed
from hpcpot.potential import contract


@dataclass
class CentreRows:
    """Centres of one species that are worked on at once, with their atoms and the arrays for their results.

    Attributes:
        centres: (n,) int32.
        positions: (m, 3) float64, species: (m,) int32, owners: (m,) int32: onto whose force that of an atom goes.
        candidates: neighbour lists.
        energies: (atoms,) float64, eV.
        forces: (m, 3) uint64, in 2^-40 eV/Å, added to; or None for energies alone.
        virials: (n, 9) float64, eV, of these centres. atom_virials: (m, 9) uint64, 2^-40 eV, added to, or None.
        status: (STATUS_SIZE,) int32.
    """

    centres: Any
    positions: Any
    species: Any
    owners: Any
    candidates: Candidates
    energies: Any
    forces: Any
    virials: Any
    atom_virials: Any
    status: Any

    def receivers(self) -> tuple[Any, ...]:
        """The last arguments of pair_forces."""
        return self.owners, self.forces, self.virials, NULL if self.atom_virials is None else self.atom_virials


class Neighbourhoods(NamedTuple):
    """Neighbours within the cutoff of CentreRows, by environment.cu.

    Attributes:
        room: rows of partners and vectors have as many places.
        bounds: (n, species + 1) int32. partners: (n, room) int32. vectors: (n, room, 4) real.
    """

    room: np.int32
    bounds: Any
    partners: Any
    vectors: Any


class Environments:
    """The kernel of environment.cu for one family."""

    def __init__(self, device: Device, buffers: Buffers, family: Any, dtype: type):
        self._buffers, self._dtype, self._n_species = buffers, dtype, len(family.elements)
        self._cutoff2 = np.float64(family.cutoff**2)
        macros = {"N_SPECIES": self._n_species, "CLOSEST": contract.CLOSEST}
        if family.slots is not None:
            macros["SLOTS"] = listed(family.slots)
        self._kernels = device.build(Source("potential/moments/gpu/environment.cu", macros, dtype))

    def __call__(self, i: int, rows: CentreRows) -> Neighbourhoods:
        """Neighbourhoods of centres of species i, whose buffers are their own."""
        n, candidates = len(rows.centres), rows.candidates
        room = np.int32(candidates.room)
        env = Neighbourhoods(
            room,
            self._buffers(f"bounds {i}", (n, self._n_species + 1), np.int32),
            self._buffers(f"partners {i}", (n, room), np.int32),
            self._buffers(f"vectors {i}", (n, room, 4), self._dtype),
        )
        self._kernels.rows(
            "environment",
            n,
            rows.centres,
            rows.positions,
            rows.species,
            candidates.begin,
            candidates.count,
            candidates.neighbors,
            self._cutoff2,
            room,
            env.bounds,
            env.partners,
            env.vectors,
            rows.status,
        )
        return env
