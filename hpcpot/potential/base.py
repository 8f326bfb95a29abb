"""A potential: a family's parameters joined with a set of kernels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from hpcpot.errors import ConfigError, SimulationError
from hpcpot.neighbors.pairs import Pairs, build
from hpcpot.potential.moments.sets import MomentSet

CLOSEST = 0.5
"""Å; nearer pairs are an error, not an extrapolation. Tables of radial functions begin here."""

BLOCK = 512
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
        forces: (m, 3) float64, eV/Å, -dE/dr of all atoms, ghosts too (E: the centres' energies), or None.
        virial: (3, 3) float64, eV, sum r (x) f = -dE/d(strain), or None.
        truncated: centres with more neighbours than the model has slots; only the nearest were used.
        atom_virials: (m, 3, 3) float64, eV, or None: -1/2 r_ij (x) dE_i/dr_ij to each of i and j, summed over all pairs.
            Of a many-body potential this is one partition among others; only sums over regions compare.
    """

    energies: np.ndarray
    forces: np.ndarray | None
    virial: np.ndarray | None
    truncated: int
    atom_virials: np.ndarray | None = None


def kernels(name: str) -> ModuleType:
    """The kernel set of that name: reference (exact radial functions, NumPy) or cpu (Numba)."""
    if name == "reference":
        from hpcpot.potential.moments import reference

        return reference
    if name == "cpu":
        from hpcpot.potential.moments import cpu

        return cpu
    raise ConfigError(f"potential.kernels = {name}: must be cpu or reference; cpu is the fast one.")


class Potential:
    """E = sum_i F_{s_i}(A_i), block by block of centres of one species with the same species around them."""

    device_name = "cpu"

    def __init__(self, family: Family, kernel_set: str = "cpu", precision: str = "float64", block: int = BLOCK):
        """As fast as `kernel_set` is; precision is float64 or mixed (float32 network and tables, float64 sums)."""
        self.family = family
        self.kernel_set, self.precision = kernel_set, precision
        self.block = block
        self.elements = tuple(family.elements)
        self.cutoff = float(family.cutoff)
        self._model = kernels(kernel_set).prepare(family, CLOSEST, precision)

    @staticmethod
    def pairs(positions: np.ndarray, n_centres: int, reach: float) -> Pairs:
        """Neighbours as `compute` takes them, see neighbors.pairs.build."""
        return build(positions, n_centres, reach)

    def compute(self, pairs: Pairs, species: np.ndarray, forces: bool = True, atom_virials: bool = False) -> Result:
        """Energies of the centres of `pairs`, and their forces on all atoms.

        Args:
            pairs: centres first among the positions.
            species: (m,) int32, index into `elements`.
            forces: False for energies alone, in about half the time; forces and virial are then None.
            atom_virials: also share the virial among the atoms.
        Raises:
            SimulationError: two atoms closer than CLOSEST.
        """
        n, m = len(pairs.first) - 1, len(pairs.positions)
        result = Result(
            np.empty(n),
            np.zeros((m, 3)) if forces else None,
            np.zeros((3, 3)) if forces else None,
            0,
            np.zeros((m, 3, 3)) if forces and atom_virials else None,
        )
        for i, present, alike in self._alike(pairs, species):
            for start in range(0, len(alike), self.block):
                self._model.add(pairs, species, i, present, alike[start : start + self.block], result)
        return result

    def work(self, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """What `compute` costs for each centre, (n,) int64 in one unit, to share them out over ranks."""
        work = np.ones(len(pairs.first) - 1, np.int64)
        for i, present, alike in self._alike(pairs, species):
            work[alike] = self._model.work(i, present)
        return work

    def _alike(self, pairs: Pairs, species: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Centres of a species with the same species around them: the species, these as bits, and (k,) int32 of them."""
        present, n_species = pairs.neighbor_species(species), len(self.elements)
        kinds = species[: len(present)] + n_species * present
        for kind in np.unique(kinds).tolist():
            yield kind % n_species, kind // n_species, np.flatnonzero(kinds == kind).astype(np.int32)

    def working_bytes(self, pairs_per_atom: float) -> int:
        """About what `compute` needs besides its arguments and result: one block, and the tables."""
        n_moments = sum(int(np.prod(s.shape(1, len(self.elements)))) for s in self.family.moment_sets())
        return int(self.block * (READOUT_BYTES + 3 * 8 * n_moments + 64 * pairs_per_atom)) + self._model.nbytes


def refuse_contact(element: str, neighbors: list[str], distances: np.ndarray) -> None:
    """Stop where two atoms are closer than tables and training data reach, or a position is not finite."""
    finite = np.isfinite(distances)
    p = int(np.argmin(distances)) if finite.all() else int(np.argmax(~finite))
    raise SimulationError(
        f"distance {element}-{neighbors[p]} = {distances[p]:.3g} Å: atoms must stay {CLOSEST} Å apart, where the "
        "potential's tables begin; check the structure, shorten md.timestep_fs or lower the temperature."
    )
