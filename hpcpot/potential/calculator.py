"""ASE calculators: hpcpot's potentials for ASE, and ASE's calculators as reference potentials."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import ase
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from ase.geometry import complete_cell

from hpcpot.errors import DomainError, ModelError
from hpcpot.neighbors import pairs as neighbors
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential.base import Family, Potential, Result
from hpcpot.potential.files import load
from hpcpot.structure.state import State


class Calculator(AseCalculator):
    """ASE calculator of any potential that hpcpot reads.

    Energy (eV), forces (eV/Å), stress (eV/Å³, tension positive, Voigt xx yy zz yz xz xy; where the cell has a volume),
    energies (eV per atom). Any cell and any pbc.

    Args:
        model: a file or list of files that `hpcpot.potential.files.load` reads, a shipped name, or parameters.
        kernels: cpu (tables) or reference (exact radial functions, slow).
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(self, model: str | Path | Sequence[Path] | Family, kernels: str = "cpu", **parameters):
        super().__init__(**parameters)
        family = load(model) if isinstance(model, (str, Path, list, tuple)) else model
        self.potential = Potential(family, kernels)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        result = evaluate(self.atoms, self.potential)
        energy = float(result.energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": result.energies, "forces": result.forces}
        if self.atoms.cell.rank == 3:
            stress = -result.virial / self.atoms.get_volume()
            self.results["stress"] = (0.5 * (stress + stress.T)).flat[[0, 4, 8, 5, 2, 1]]


def evaluate(atoms: ase.Atoms, potential: Potential) -> Result:
    """Energies, forces and virial of one structure, atoms in their own order.

    Raises:
        ModelError: an element that the potential does not know.
    """
    unknown = sorted(set(atoms.symbols) - set(potential.elements))
    if unknown:
        raise ModelError(
            f"structure = has {', '.join(unknown)}: the potential knows {', '.join(potential.elements)} only; "
            "use a potential that was trained with them."
        )
    n = len(atoms)
    species = np.array([potential.elements.index(s) for s in atoms.symbols], np.int32)
    cell = complete_cell(atoms.cell.array)
    state = State(
        cell,
        atoms.pbc,
        potential.elements,
        np.ones(len(potential.elements)),
        atoms.positions.copy(),
        species,
        np.arange(n),
        np.zeros((n, 3)),
        np.zeros((n, 3), np.int32),
        np.zeros(n, bool),
        n,
        n,
    )
    domain = Domain(cell, atoms.pbc, SERIAL, potential.cutoff)
    domain.migrate(state)
    domain.build_halo(state)
    pairs = neighbors.build(state.positions, n, potential.cutoff)
    result = potential.compute(pairs, state.species)
    domain.fold(result.forces)
    back = np.argsort(state.ids)
    return Result(result.energies[back], result.forces[:n][back], result.virial, result.truncated)


REACH = 4.0
"""Å; cutoff of an AsePotential: no pair is used, but a move of more than this in one go is taken for an explosion."""


class AsePotential:
    """Any ASE calculator as the potential of one small cell on one rank: a reference to run dynamics with.

    It has the interface of `Potential`, but asks the calculator for the whole cell, so ghosts and pairs do not matter.
    Per-atom energies are the calculator's where it has them, else equal shares of the energy.
    """

    def __init__(self, calculator: AseCalculator, atoms: ase.Atoms):
        """For dynamics of `atoms`: their number, cell and periodicity stay."""
        self.calculator, self.elements = calculator, tuple(sorted(set(atoms.symbols)))
        self.cutoff = REACH
        self._n, self._cell, self._periodic = len(atoms), atoms.cell.array.copy(), atoms.pbc.copy()

    pairs = staticmethod(neighbors.build)

    def compute(self, pairs: neighbors.Pairs, species: np.ndarray) -> Result:
        """As `Potential.compute`; forces on ghosts are zero.

        Raises:
            DomainError: this rank has not all atoms of the cell.
        """
        n = len(pairs.first) - 1
        if n != self._n:
            raise DomainError(
                f"ranks = {n} of {self._n} atoms on one rank: an ASE calculator needs the whole cell; run on one rank."
            )
        symbols = [self.elements[s] for s in species[:n]]
        atoms = ase.Atoms(symbols, pairs.positions[:n], cell=self._cell, pbc=self._periodic)
        atoms.calc = self.calculator
        energy, forces = atoms.get_potential_energy(), np.zeros(pairs.positions.shape)
        forces[:n] = atoms.get_forces()
        per_atom = "energies" in self.calculator.implemented_properties
        energies = atoms.get_potential_energies() if per_atom else np.full(n, energy / n)
        virial = np.zeros((3, 3))
        if "stress" in self.calculator.implemented_properties and self._periodic.any():
            virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        return Result(np.array(energies), forces, virial, 0)
