"""A potential: a family's parameters joined with a set of kernels."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from hpcpot.errors import ConfigError, SimulationError
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moments.sets import MomentSet

CLOSEST = 0.5
"""Å; nearer pairs are an error, not an extrapolation. Tables of radial functions begin here."""

BLOCK = 256
"""Centres worked on at once: moments and gradients of a block stay in cache, its matrix products are large."""

READOUT_BYTES = 48 * 1024
"""Per centre, of the largest readout: 1,600 invariants with their gradient and three layers of 240."""


class Family(Protocol):
    """What a family of potentials is: the moments it needs and its readout."""

    elements: tuple[str, ...]
    cutoff: float
    slots: np.ndarray | None

    def moment_sets(self) -> tuple[MomentSet, ...]: ...

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]: ...


@dataclass
class Result:
    """Energies, forces and virial of a set of centres.

    Attributes:
        energies: (n,) float64, eV, of each centre.
        forces: (m, 3) float64, eV/Å, -dE/dr of all atoms, ghosts too (E: the centres' energies).
        virial: (3, 3) float64, eV, sum r (x) f = -dE/d(strain).
        truncated: centres with more neighbours than the model has slots; only the nearest were used.
    """

    energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray
    truncated: int


def kernels(name: str) -> ModuleType:
    """The kernel set of that name: reference (exact radial functions, NumPy) or cpu (tables, Numba)."""
    if name == "reference":
        from hpcpot.potential.moments import reference

        return reference
    if name == "cpu":
        from hpcpot.potential.moments import cpu

        return cpu
    raise ConfigError(f"potential.kernels = {name}: must be cpu or reference; cpu is the fast one.")


class Potential:
    """E = sum_i F_{s_i}(A_i): moments, readout, pair forces, block by block of equal species."""

    def __init__(self, family: Family, kernel_set: str = "cpu", block: int = BLOCK):
        self.family = family
        self.kernel_set = kernel_set
        self.block = block
        self.elements = tuple(family.elements)
        self.cutoff = float(family.cutoff)
        self._kernels = kernels(kernel_set)
        self._prepared, self._readout = self._kernels.prepare(family, CLOSEST)

    def compute(self, pairs: Pairs, species: np.ndarray) -> Result:
        """Energies of the centres of `pairs`, and their forces on all atoms.

        Args:
            pairs: centres first among the positions.
            species: (m,) int32, index into `elements`.
        Raises:
            SimulationError: two atoms closer than CLOSEST.
        """
        n, n_species = len(pairs.first) - 1, len(self.elements)
        result = Result(np.empty(n), np.zeros(pairs.positions.shape), np.zeros((3, 3)), 0)
        for i in range(n_species):
            of_species = np.flatnonzero(species[:n] == i).astype(np.int32)
            for start in range(0, len(of_species), self.block):
                self._compute_block(pairs, species, i, of_species[start : start + self.block], result)
        return result

    def working_bytes(self, pairs_per_atom: float) -> int:
        """About what `compute` needs besides its arguments and result: one block, and the tables."""
        n_moments = sum(int(np.prod(s.shape(1, len(self.elements)))) for s in self.family.moment_sets())
        block = self.block * (READOUT_BYTES + 3 * 8 * n_moments + 64 * pairs_per_atom)
        return int(block) + sum(getattr(p, "nbytes", 0) for p in self._prepared)

    def _compute_block(self, pairs: Pairs, species: np.ndarray, i: int, centres: np.ndarray, result: Result) -> None:
        k, n_species = self._kernels, len(self.elements)
        env = k.environment(pairs, species, centres, self.cutoff, self.family.slots, n_species)
        closest = env.distances.min(initial=np.inf)
        if not closest >= CLOSEST:
            self._refuse_contact(env, closest)
        moments = [k.moments(prepared, env, n_species) for prepared in self._prepared]
        energies, gradients = self._readout(i, moments, env.counts)
        pair_gradients = np.zeros((len(env.distances), 3))
        for prepared, gradient in zip(self._prepared, gradients, strict=True):
            k.pair_forces(prepared, env, gradient, pair_gradients)
        result.energies[centres] = energies
        result.truncated += env.truncated
        k.scatter(env, pair_gradients, result.forces, result.virial)

    def _refuse_contact(self, env: Any, closest: float) -> None:
        p = int(np.argmin(env.distances)) if np.isfinite(closest) else int(np.argmax(~np.isfinite(env.distances)))
        names = self.elements[env.species], self.elements[env.neighbor_species[p]]
        raise SimulationError(
            f"distance {names[0]}-{names[1]} = {env.distances[p]:.3g} Å: atoms must stay {CLOSEST} Å apart, where the "
            "potential's tables begin; check the structure, shorten md.timestep_fs or lower the temperature."
        )
