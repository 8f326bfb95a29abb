"""Potentials on the CPU, computed block by block of centres of one species."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from hpcpot.errors import StructureError
from hpcpot.neighbors.pairs import Pairs, build
from hpcpot.potential import registry
from hpcpot.potential.contract import CLOSEST, Family, Result, refuse_unsound
from hpcpot.potential.registry import KERNEL_SETS

BLOCK = 512
"""Centres worked on at once: moments and gradients of a block stay in cache, its matrix products are large."""

MOST_SPECIES = 57
"""In one structure: species n and the bits of those around it, n 2^n, are one 64-bit integer."""

READOUT_BYTES = 48 * 1024
"""Per centre, of the largest readout: 1,600 invariants with their gradient and three layers of 240."""


class BlockPotential:
    """E = sum_i F_{s_i}(A_i) of a family's parameters, by one of the CPU's kernel sets; a contract.Potential.

    A block holds centres of one species with the same species around them.
    """

    device_name = "cpu"

    def __init__(self, family: Family, kernel_set: str = "cpu", precision: str = "float64", block: int = BLOCK):
        """Args: kernel_set: cpu or reference. precision: float64, or mixed (float32 network and tables, float64 sums)."""
        registry.require_local(family)
        self.family = family
        self.kernel_set, self.precision = kernel_set, precision
        self.block = block
        self.elements = tuple(family.elements)
        self.cutoff = self.reach = float(family.cutoff)
        self._steps = _prepare(family, kernel_set, precision)

    pairs = staticmethod(build)

    def compute(
        self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, forces: bool = True, atom_virials: bool = False
    ) -> Result:
        """See contract.Potential; energies alone take about half the time."""
        refuse_unsound(positions, pairs, species, self.elements)
        if hasattr(self._steps, "compute"):
            return self._steps.compute(positions, pairs, species, forces, atom_virials)
        n, m = len(pairs.first) - 1, len(positions)
        result = Result(
            np.empty(n),
            np.zeros((m, 3)) if forces else None,
            np.zeros((3, 3)) if forces else None,
            0,
            np.zeros((m, 3, 3)) if forces and atom_virials else None,
        )
        for i, present, centres in self._by_environment(pairs, species):
            for start in range(0, len(centres), self.block):
                block = centres[start : start + self.block]
                self._steps.add(positions, pairs, species, i, present, block, result)
        return result

    def work(self, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """See contract.Potential; all the same in a sweep."""
        if hasattr(self._steps, "compute"):
            return np.ones(len(pairs.first) - 1, np.int64)
        work = np.ones(len(pairs.first) - 1, np.int64)
        for i, present, centres in self._by_environment(pairs, species):
            work[centres] = self._steps.work(i, present)
        return work

    def _by_environment(self, pairs: Pairs, species: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """Groups of centres of one species with the same species around them: species, those as bits, centres (k,) int32."""
        occurring, compact = range(len(self.elements)), species
        if len(self.elements) > MOST_SPECIES:
            occurring, compact = _occurring(species)
        present, n_species = pairs.neighbor_species(compact), len(occurring)
        kinds = compact[: len(present)] + n_species * present
        for kind in np.unique(kinds).tolist():
            around = sum(1 << t for k, t in enumerate(occurring) if kind // n_species >> k & 1)
            yield occurring[kind % n_species], around, np.flatnonzero(kinds == kind).astype(np.int32)

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """See contract.Potential: one block, and the tables, or what the family's own kernels need."""
        if hasattr(self._steps, "working_bytes"):
            return self._steps.working_bytes(n, m, n_pairs)
        n_moments = sum(int(np.prod(s.shape(1, len(self.elements)))) for s in self.family.moment_sets())
        return int(self.block * (READOUT_BYTES + 3 * 8 * n_moments + 64 * n_pairs / max(n, 1))) + self._steps.nbytes


def _occurring(species: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The species that occur, and the place of each atom's among them: of a potential of more elements than fit.

    Raises:
        StructureError: too many of them.
    """
    occurring = np.unique(species)
    if len(occurring) > MOST_SPECIES:
        raise StructureError(
            f"elements = {len(occurring)} in one structure: must be at most {MOST_SPECIES}; divide the structure."
        )
    return occurring.tolist(), np.searchsorted(occurring, species)


def _prepare(family: Family, kernel_set: str, precision: str) -> Any:
    """The family's own kernels where it has some, else those that serve all.

    Raises:
        ConfigError: an unknown kernel set, or mixed precision where there is none.
    """
    registry.check_kernels(family, kernel_set, precision)
    prepare = registry.kernels(family, kernel_set)
    own = prepare(family, CLOSEST, precision) if prepare else None
    return own or import_module(KERNEL_SETS[kernel_set]).prepare(family, CLOSEST, precision)
