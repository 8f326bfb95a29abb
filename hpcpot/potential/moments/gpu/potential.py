"""A potential whose kernels run on a GPU; `compute` as contract.Potential's, `evaluate` for atoms that live on the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from hpcpot.errors import ConfigError
from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.neighbors import Candidates, DevicePairs, Search
from hpcpot.gpu.places import FIXED_ONE, NO_ATOM, Status
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import registry
from hpcpot.potential.contract import CLOSEST, Family, Result, refuse_contact, refuse_lost
from hpcpot.potential.moments.gpu.environments import CentreRows
from hpcpot.potential.moments.gpu.tabulated import TabulatedGpu
from hpcpot.structure.state import library, to_host

MEMORY_SHARE = 0.7
"""Of the memory that is free, for the buffers of the centres that are worked on at once."""

LEAST_ROWS = 1024
"""Centres of a species worked on at once at least: fewer would leave the GPU idle."""

ATOM_BYTES = 400
"""Of positions, velocities, forces and whatever else there is of an atom and its share of ghosts, about."""

MOST_ROWS = 2**18
"""Centres of a species worked on at once at most: far more than fill a GPU, and indices of their buffers stay below 2^31."""


@dataclass
class Atoms:
    """The atoms of a rank on the device, as `evaluate` takes them.

    Attributes:
        positions: (m, 3) float64, Å. species: (m,) int32. owners: (m,) int32, onto whose force that of an atom goes:
            itself, or of a ghost of this rank's own the atom that it is an image of.
        centres: for each species the (n_i,) int32 of the centres of that species, ascending.
    """

    positions: Any
    species: Any
    owners: Any
    centres: list[Any]

    @property
    def n_centres(self) -> int:
        return sum(len(rows) for rows in self.centres)


@dataclass
class Sums:
    """Results of `evaluate`, on the device.

    Attributes:
        energies: (n,) float64, eV. forces: (m, 3) uint64, 2^-40 eV/Å. virials: (n, 9) float64, eV, by centre, in the order
            of Atoms.centres. atom_virials: (m, 9) uint64 or None. status: (STATUS_SIZE,) int32.
    """

    energies: Any
    forces: Any
    virials: Any
    atom_virials: Any
    status: Any


class GpuPotential:
    """E = sum_i F_{s_i}(A_i) on one GPU, all centres of a species at once, or as many as memory allows."""

    kernel_set = "gpu"

    def __init__(self, family: Family, device: Device, precision: str = "float64"):
        self.family, self.device, self.precision = family, device, precision
        self.elements, self.cutoff = tuple(family.elements), float(family.cutoff)
        self.reach = self.cutoff
        self.device_name = f"gpu ({device.name})"
        self.buffers = Buffers(device.xp)
        self._model = _model(device, self.buffers, family, precision)
        self.search = Search(device, self.buffers)
        self._most_rows: int | None = None
        self._candidates: tuple[Any, Candidates] | None = None

    def pairs(self, positions: Any, n_centres: int, reach: float) -> DevicePairs:
        """Pairs as of neighbors.pairs.build, from positions on the host or the device."""
        held = self.buffers("positions", positions.shape, np.float64)
        self.device.put(positions, held)
        return DevicePairs(n_centres, self.search.build(held, n_centres, reach), self.device)

    def compute(
        self,
        positions: Any,
        pairs: Pairs | DevicePairs,
        species: np.ndarray,
        forces: bool = True,
        atom_virials: bool = False,
    ) -> Result:
        """See contract.Potential; the result is where the positions are, but for the virial, which is on the host."""
        if isinstance(positions, np.ndarray):
            refuse_lost(positions, to_host(species), self.elements)
        m, candidates, xp = len(positions), self._upload(pairs), library(positions)
        atoms = self.atoms(positions, species, xp.arange(m, dtype=np.int32), len(candidates.count))
        sums = self.evaluate(atoms, candidates, forces, forces and atom_virials)
        status = self.device.to_host(sums.status)
        if status[Status.CONTACT]:
            self.refuse_contact(NO_ATOM - int(status[Status.CONTACT]), positions, pairs, species)
        away = self.device.to_host if isinstance(positions, np.ndarray) else lambda values: values.copy()
        result = Result(away(sums.energies), None, None, int(status[Status.TRUNCATED]))
        if forces:
            result.forces = from_fixed(away(sums.forces))
            result.virial = self.device.to_host(sums.virials.sum(axis=0)).reshape(3, 3)
        if sums.atom_virials is not None:
            result.atom_virials = from_fixed(away(sums.atom_virials)).reshape(m, 3, 3)
        return result

    def atoms(self, positions: Any, species: Any, owners: Any, n_centres: int, room: int = 0) -> Atoms:
        """Atoms from the host or the device, in memory that stays where it is.

        Args:
            room: how many atoms there shall be room for; those that are not there have no neighbours.
        """
        m = max(len(positions), room)
        atoms = Atoms(
            self.buffers("positions", (m, 3), np.float64),
            self.buffers("species", (m,), np.int32),
            self.buffers("owners", (m,), np.int32),
            [],
        )
        for values, held in ((positions, atoms.positions), (species, atoms.species), (owners, atoms.owners)):
            held[len(values) :] = 0
            self.device.put(values, held[: len(values)])
        for i in range(len(self.elements)):
            centres = library(species).flatnonzero(species[:n_centres] == i).astype(np.int32)
            held = self.buffers(f"centres {i}", centres.shape, np.int32)
            self.device.put(centres, held)
            atoms.centres.append(held)
        return atoms

    def evaluate(self, atoms: Atoms, candidates: Candidates, forces: bool = True, atom_virials: bool = False) -> Sums:
        """Energies, forces and virials, left on the device; nothing waits for them.

        A contact, truncated neighbours: in the status, which the caller looks at when it likes.
        """
        n, m = atoms.n_centres, len(atoms.positions)
        sums = Sums(
            self.buffers("energies", (n,), np.float64),
            self._zeros("forces", (m, 3), np.uint64) if forces else None,
            self.buffers("virials", (n, 9), np.float64) if forces else None,
            self._zeros("atom virials", (m, 9), np.uint64) if atom_virials else None,
            self._zeros("status", (Status.STATUS_SIZE,), np.int32),
        )
        species = [i for i, centres in enumerate(atoms.centres) if len(centres)]
        self.device.side_by_side([partial(self._add, i, atoms, candidates, sums) for i in species])
        return sums

    def _add(self, i: int, atoms: Atoms, candidates: Candidates, sums: Sums) -> None:
        """The centres of species i, as many at once as memory allows."""
        before, centres = sum(len(earlier) for earlier in atoms.centres[:i]), atoms.centres[i]
        most = self.rows_at_once(candidates.room)
        for start in range(0, len(centres), most):
            own = centres[start : start + most]
            virials = None if sums.virials is None else sums.virials[before + start : before + start + len(own)]
            self._model.add(
                i,
                CentreRows(
                    own,
                    atoms.positions,
                    atoms.species,
                    atoms.owners,
                    candidates,
                    sums.energies,
                    sums.forces,
                    virials,
                    sums.atom_virials,
                    sums.status,
                ),
            )

    def refuse_contact(self, i: int, positions: Any, pairs: Pairs | DevicePairs, species: np.ndarray) -> None:
        """Refuse the closest neighbour of centre i, see contract.refuse_contact."""
        first, positions, species = pairs.first, to_host(positions), to_host(species)
        j = pairs.neighbors[first[i] : first[i + 1]]
        distances = np.linalg.norm(positions[j] - positions[i], axis=1)
        refuse_contact(self.elements[species[i]], [self.elements[t] for t in species[j]], distances)

    def work(self, pairs: Pairs | DevicePairs, species: Any) -> np.ndarray:
        """See contract.Potential: the same for all."""
        count = pairs.n_centres if isinstance(pairs, DevicePairs) else len(pairs.first) - 1
        return np.ones(count, np.int64)

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """See contract.Potential: nothing on the host."""
        return 0

    def device_bytes(self, n: int, room: int) -> int:
        """Estimate of the device's memory for n centres with neighbour lists of that room."""
        at_once = min(n, self.rows_at_once(room) * len(self.elements))
        return int(n * (4 * room + ATOM_BYTES) + at_once * self._bytes_per_row(room))

    def _bytes_per_row(self, room: int) -> int:
        return self._model.bytes_per_row + room * (4 + 4 * np.dtype(self._model.dtype).itemsize)

    def rows_at_once(self, room: int) -> int:
        """Rows worked on at once, chosen once so that buffers have one size: what fits into the memory free at first.

        Args:
            room: of the neighbour lists.
        Raises:
            ConfigError: so little is free that the GPU would be idle.
        """
        if self._most_rows is None:
            free, each = self.device.free_bytes(), self._bytes_per_row(room)
            each *= len(self.elements) / MEMORY_SHARE
            fitting = int(free / each)
            if fitting < LEAST_ROWS:
                raise ConfigError(
                    f"GPU memory = {free / 1e6:.0f} MB free: {LEAST_ROWS * each / 1e6:.0f} MB are needed for {LEAST_ROWS} "
                    f"atoms of each element at once; free the GPU of other programs, or use fewer atoms for each, on more GPUs."
                )
            self._most_rows = min(MOST_ROWS, fitting)
        return self._most_rows

    def _zeros(self, name: str, shape: tuple[int, ...], dtype: type) -> Any:
        held = self.buffers(name, shape, dtype)
        held.fill(0)
        return held

    @property
    def capturable(self) -> bool:
        """True where a graph may hold `evaluate`."""
        return self._model.capturable

    def _upload(self, pairs: Pairs | DevicePairs) -> Candidates:
        """The neighbour lists of `pairs`; those of the last call when they are the same object."""
        if isinstance(pairs, DevicePairs):
            return pairs.candidates
        if self._candidates is None or self._candidates[0] is not pairs:
            xp, counts = self.device.xp, np.diff(pairs.first)
            self._candidates = (
                pairs,
                Candidates(
                    xp.asarray(pairs.first[:-1].astype(np.int64)),
                    xp.asarray(counts.astype(np.int32)),
                    xp.asarray(pairs.neighbors),
                    int(counts.max(initial=1)),
                ),
            )
        return self._candidates[1]


def from_fixed(values: Any) -> Any:
    """float64 of the integers that kernels add up, on the host or the device."""
    return values.view(np.int64) * (1.0 / FIXED_ONE)


def _model(device: Device, buffers: Buffers, family: Family, precision: str) -> Any:
    """The family's own kernels where it has some, else those that work from tables of its moment sets."""
    registry.require_local(family)
    registry.check_kernels(family, "gpu", precision)
    prepare = registry.kernels(family, "gpu")
    own = prepare(device, buffers, family, CLOSEST, precision) if prepare else None
    return own or TabulatedGpu(device, buffers, family, CLOSEST)
