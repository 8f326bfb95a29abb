"""ASE calculators: hpcpot's potentials for ASE, and ASE's calculators as reference potentials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import ase
import numpy as np
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from ase.geometry import complete_cell

from hpcpot.errors import ConfigError, DomainError, ModelError, SimulationError
from hpcpot.neighbors import batch
from hpcpot.neighbors import pairs as neighbors
from hpcpot.notices import notice
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.launch import is_first
from hpcpot.parallel.ranks import SERIAL, launched_size
from hpcpot.potential import cells
from hpcpot.potential.contract import (
    CLOSEST,
    CellPotential,
    Family,
    Potential,
    Result,
    refuse_contact,
    refuse_overflow,
    refuse_unsound,
)
from hpcpot.potential.files import load_with_range
from hpcpot.potential.range import OUTSIDE_NOTE, Points, note_if_assumed
from hpcpot.structure import checks, images
from hpcpot.structure.state import State


class Calculator(AseCalculator):
    """ASE calculator of any potential that hpcpot reads.

    Energy (eV), forces (eV/Å), stress (eV/Å³, tension positive, Voigt xx yy zz yz xz xy; where the cell has a volume),
    energies (eV per atom). Any cell and any pbc. A graph network has no energies of atoms, takes cells that are periodic along
    all axes, and its forces are no gradient of a smooth energy, which is told. A structure outside the range that the
    potential was trained in is told once, as a Python warning; so is that each rank of mpirun computes by itself.

    Args:
        model: a file or list of files that `hpcpot.potential.files.load` reads, a shipped name, or parameters.
        kernels: cpu (tables) or reference (exact radial functions, slow). device: cpu, gpu or auto, of a graph network.
    Raises:
        ModelError: neither a file that is read nor parameters. DependencyError: a graph network, and no torch.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(
        self, model: str | Path | Sequence[Path] | Family, kernels: str = "cpu", device: str = "cpu", **parameters
    ):
        super().__init__(**parameters)
        family, self._trained = model, None
        if isinstance(model, (str, Path, list, tuple)):
            family, self._trained = load_with_range(model)
            note_if_assumed(model, self._trained)
        elif not hasattr(model, "elements"):
            raise ModelError(
                f"model = {type(model).__name__}: must be a file, a list of files, a shipped name or the parameters of a "
                "potential; name one."
            )
        self.family = family
        self.potential = cells.prepare(family, kernels, device=device)
        if launched_size() > 1 and is_first():
            notice(f"Calculator: {launched_size()} ranks", EACH_RANK)
        if cells.is_whole(self.potential):
            notice("model: graph network", NO_GRADIENT)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if cells.is_whole(self.potential):
            self.results = _of_cell(self.atoms, self.potential, self._judge)
            return
        try:
            result = evaluate(self.atoms, self.potential, self._judge)
        except SimulationError:  # of a run, by elements; here the structure is at fault, and the atoms can be named
            checks.check(self.atoms, self.potential.elements)
            raise
        energy = float(result.energies.sum())
        self.results = {"energy": energy, "free_energy": energy, "energies": result.energies, "forces": result.forces}
        if self.atoms.cell.rank == 3:
            self.results["stress"] = _stress(result.virial, self.atoms)

    def _judge(self, points: Points, energy: float) -> None:
        """Tell, the first time, that a structure is outside the range that the potential was trained in."""
        if self._trained is not None and (text := self._trained.outside(points, energy)):
            self._trained = None
            notice(text, OUTSIDE_NOTE)


EACH_RANK = (
    "each computes whole structures by itself; hpcpot.md, or `hpcpot md --ranks`, divides one structure among ranks, and the "
    "farm many structures among processes."
)
NO_GRADIENT = (
    "forces are no gradient of a smooth energy: energy is not conserved in dynamics with them; relax structures with them, and "
    "take another model for dynamics."
)


def _of_cell(atoms: ase.Atoms, potential: CellPotential, judge: Callable[[Points, float], None]) -> dict[str, Any]:
    """Results of a calculator by a potential of whole cells.

    Raises:
        See `evaluate`; StructureError also of a cell that is not periodic along all axes.
    """
    species, cell = _species(atoms, potential.elements), atoms.cell.array
    cells.refuse_open(potential, atoms.pbc)
    checks.check(atoms, potential.elements)
    near = batch.build(np.array(atoms.positions, np.float64), cell, atoms.pbc, potential.cutoff)
    joined, points = batch.join([near]), near.points
    result = cells.compute(potential, joined, points, cell[None], species)
    energy = float(result.energies[0])
    judge(Points.of(near, species, near.positions, cell), energy)
    refuse_overflow(np.full(len(atoms), energy), result.forces)
    return {
        "energy": energy,
        "free_energy": energy,
        "forces": result.forces,
        "stress": _stress(result.virials[0], atoms),
    }


def _stress(virial: np.ndarray, atoms: ase.Atoms) -> np.ndarray:
    """(6,) eV/Å³ in Voigt's order."""
    stress = -virial / atoms.get_volume()
    return (0.5 * (stress + stress.T)).flat[[0, 4, 8, 5, 2, 1]]


def _species(atoms: ase.Atoms, elements: tuple[str, ...]) -> np.ndarray:
    """(n,) int32, the number of each atom's element; refuses atoms that are unsound or not known; see `evaluate`."""
    checks.refuse_unsound(atoms)
    unknown = sorted(set(atoms.symbols) - set(elements))
    if unknown:
        raise ModelError(
            f"structure = has {', '.join(unknown)}: the potential knows {', '.join(elements)} only; "
            "use a potential that was trained with them."
        )
    return np.array([elements.index(s) for s in atoms.symbols], np.int32)


def evaluate(
    atoms: ase.Atoms, potential: Potential, judge: Callable[[Points, float], None] = lambda points, energy: None
) -> Result:
    """Energies, forces and virial of one structure, atoms in their own order.

    Args:
        judge: takes the structure with its images, and its energy, eV.
    Raises:
        StructureError: atoms or a cell that cannot be simulated. ModelError: an element that the potential does not know.
        SimulationError: atoms too close, or a result that is not finite.
    """
    species, n = _species(atoms, potential.elements), len(atoms)
    cell = complete_cell(atoms.cell.array)
    images.refuse_many_images(n, cell, atoms.pbc, potential.reach)
    state = State(
        cell,
        atoms.pbc,
        potential.elements,
        np.ones(len(potential.elements)),
        np.array(atoms.positions, np.float64),
        species,
        np.arange(n),
        np.zeros((n, 3)),
        np.zeros((n, 3), np.int32),
        np.zeros(n, bool),
        n,
        n,
    )
    domain = Domain(cell, atoms.pbc, SERIAL, potential.reach)
    domain.migrate(state)
    domain.build_halo(state)
    pairs = neighbors.build(state.positions, n, potential.cutoff)
    result = potential.compute(state.positions, pairs, state.species)
    ids = np.concatenate([state.ids, np.zeros(len(state.positions) - n, np.int64)])
    for swap in domain.swaps:
        ids[swap.start : swap.stop] = ids[swap.send]
    judge(Points(state.positions, pairs, state.species, ids), float(result.energies.sum()))
    domain.fold(result.forces)
    back = np.argsort(state.ids)
    energies, forces = result.energies[back], result.forces[:n][back]
    refuse_overflow(energies, forces)
    return Result(energies, forces, result.virial, result.truncated)


CUTOFF = 4.0
"""Å, of an AsePotential: no pair is used, but a move of more than this in one go is taken for an explosion."""


class AsePotential:
    """Any ASE calculator as the potential of one small cell on one rank: a reference to run dynamics with.

    A contract.Potential that asks the calculator for the whole cell, so ghosts and pairs do not matter. Per-atom
    energies are the calculator's where it has them, else equal shares of the energy.
    """

    kernel_set, precision, device_name = "ase", "float64", "cpu"

    def __init__(self, calculator: AseCalculator, atoms: ase.Atoms):
        """Args: atoms: those of the dynamics, whose number, cell and periodicity stay.

        Raises:
            StructureError: atoms or a cell that cannot be simulated.
        """
        checks.refuse_unsound(atoms)
        self.calculator, self.elements = calculator, tuple(sorted(set(atoms.symbols)))
        self.cutoff = self.reach = CUTOFF
        self._n, self._cell, self._periodic = len(atoms), atoms.cell.array.copy(), atoms.pbc.copy()

    pairs = staticmethod(neighbors.build)

    def compute(
        self,
        positions: np.ndarray,
        pairs: neighbors.Pairs,
        species: np.ndarray,
        forces: bool = True,
        atom_virials: bool = False,
    ) -> Result:
        """See contract.Potential; forces on ghosts are zero.

        Raises:
            DomainError: this rank has not all atoms of the cell.
            ConfigError: virials of atoms are asked for.
        """
        if atom_virials:
            raise ConfigError(
                "atom_virials = asked of an ASE calculator: these give the stress of the whole cell only; leave out the "
                "stress of atoms, or use a potential of hpcpot."
            )
        n = len(pairs.first) - 1
        if n != self._n:
            raise DomainError(
                f"ranks = {n} of {self._n} atoms on one rank: an ASE calculator needs the whole cell; run on one rank."
            )
        refuse_unsound(positions, pairs, species, self.elements)
        self._refuse_contact(positions, pairs, species)
        symbols = [self.elements[s] for s in species[:n]]
        atoms = ase.Atoms(symbols, positions[:n], cell=self._cell, pbc=self._periodic)
        atoms.calc = self.calculator
        energy = atoms.get_potential_energy()
        per_atom = "energies" in self.calculator.implemented_properties
        energies = np.array(atoms.get_potential_energies() if per_atom else np.full(n, energy / n))
        if not forces:
            return Result(energies, None, None, 0)
        on_all, virial = np.zeros(positions.shape), np.zeros((3, 3))
        on_all[:n] = atoms.get_forces()
        if "stress" in self.calculator.implemented_properties and self._periodic.any():
            virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
        return Result(energies, on_all, virial, 0)

    def _refuse_contact(self, positions: np.ndarray, pairs: neighbors.Pairs, species: np.ndarray) -> None:
        distances = np.linalg.norm(pairs.vectors(positions), axis=1)
        if not distances.min(initial=np.inf) >= CLOSEST:
            p = int(np.argmin(distances)) if np.isfinite(distances).all() else int(np.argmax(~np.isfinite(distances)))
            i = int(np.searchsorted(pairs.first, p, side="right")) - 1
            near = slice(pairs.first[i], pairs.first[i + 1])
            neighbors_of = [self.elements[s] for s in species[pairs.neighbors[near]]]
            refuse_contact(self.elements[species[i]], neighbors_of, distances[near])

    def work(self, pairs: neighbors.Pairs, species: np.ndarray) -> np.ndarray:
        """See contract.Potential: the same for all."""
        return np.ones(len(pairs.first) - 1, np.int64)

    def working_bytes(self, n: int, m: int, n_pairs: int) -> int:
        """See contract.Potential: unknown, of a calculator."""
        return 0
