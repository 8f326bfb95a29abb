"""A calculator of ASE as the potential of relaxations: one structure after the other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

from hpcpot.errors import ConfigError, FarmError
from hpcpot.labelling import calculators
from hpcpot.neighbors.batch import Batch
from hpcpot.potential.contract import CLOSEST, CellResult
from hpcpot.storage.content import content_key

CONTACT = 2.0 * CLOSEST
"""Å; neighbours are looked for so far only, to tell atoms that come too close."""


@dataclass(frozen=True)
class CalculatorRef:
    """Which calculator a campaign uses, in place of a `PotentialRef`.

    Attributes:
        name: of its class or function. arguments: as JSON. fingerprint: of what it is, with versions and files.
    """

    name: str
    arguments: str
    fingerprint: str
    kernels: str = "calculator"
    precision: str = "float64"
    trained: None = None

    @classmethod
    def of(cls, name: str, arguments: dict[str, Any], made_by: str) -> CalculatorRef:
        """Refer to a calculator. Args: made_by: what `labelling.task.identity` says of it."""
        return cls(name, json.dumps(arguments), content_key(made_by))

    @property
    def cites(self) -> tuple[str, ...]:
        """Keys of hpcpot.citations."""
        return calculators.works(self.name)

    def load(self) -> CalculatorPotential:
        """Build it, or take it from this process's cache.

        Raises:
            FarmError: it cannot be built here: no item is at fault.
        """
        return _load(self)


@lru_cache(maxsize=1)
def _load(ref: CalculatorRef) -> CalculatorPotential:
    try:
        return CalculatorPotential(calculators.build(ref.name, json.loads(ref.arguments)))
    except ConfigError as error:
        raise FarmError(f"{error}") from error


class CalculatorPotential:
    """Energies, forces and virials of whole structures by a calculator of ASE; see contract.CellPotential."""

    kernel_set, precision, device_name, cutoff = "calculator", "float64", "cpu", CONTACT
    elements = tuple(chemical_symbols[1:])

    def __init__(self, calculator: Any):
        self._calculator = calculator

    def compute_cells(self, joined: Batch, points: np.ndarray, cells: np.ndarray, species: np.ndarray) -> CellResult:
        """See contract.CellPotential."""
        ends = np.append(joined.starts[1:], len(species))
        energies, forces, virials = np.empty(len(cells)), np.empty((len(species), 3)), np.empty((len(cells), 3, 3))
        for k, (start, end) in enumerate(zip(joined.starts, ends, strict=True)):
            atoms = Atoms(species[start:end] + 1, points[start:end], cell=cells[k], pbc=True)
            atoms.calc = self._calculator
            energies[k] = atoms.get_potential_energy(force_consistent=True)
            forces[start:end] = atoms.get_forces(apply_constraint=False)
            virials[k] = -atoms.get_volume() * voigt_6_to_full_3x3_stress(atoms.get_stress(apply_constraint=False))
        return CellResult(energies, forces, virials)
