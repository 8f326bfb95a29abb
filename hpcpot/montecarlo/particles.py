"""Atoms whose number changes: positions, species and the energy of each, with the bins that find those near a place."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.compiled import njit
from hpcpot.errors import ConfigError, SimulationError, StructureError
from hpcpot.montecarlo import grid as grids
from hpcpot.montecarlo.changes import WIDTH, Changes, Surroundings, Workspace
from hpcpot.neighbors import batch
from hpcpot.potential.contract import Potential, Result
from hpcpot.potential.range import Points
from hpcpot.structure import constraints

WIDE = 0.8
"""Width of a bin over the cutoff: the ball around a change, of twice the cutoff, is then read fastest."""
LARGEST_DRIFT = 1e-6
"""eV/atom: energies kept by increments that differ more from those computed anew are wrong, not rounded."""


class Particles:
    """Atoms in a cell that is periodic along all axes, the present state of a Markov chain.

    Attributes:
        n: atoms, in the first n rows of the arrays; one that goes leaves its row to the last.
        positions: (room, 3) float64, Å, wrapped. species: (room,) int32, index into the potential's elements.
        energies: (room,) float64, eV. held: (room,) bool, frozen atoms, which no trial touches.
        cell: (3, 3) float64, Å, rows. volume: Å³. grid: the bins.
        virial: (3, 3) float64, eV, of the last `check`; None before. evaluations: centres of changes computed, in all.

    Raises:
        ConfigError: a potential without energies of atoms that depend on their neighbours alone.
        StructureError: an axis that is not periodic.
    """

    def __init__(self, atoms: Atoms, potential: Potential, energies: np.ndarray | None = None):
        """Args: atoms: as `structure.checks.check` gives them. energies: (n,) eV, of a restart; None: compute them."""
        if potential.kernel_set == "ase":
            raise ConfigError(
                "potential = an ASE calculator: gives the energy of a whole cell only, which each trial would compute anew; "
                "use a model of hpcpot, such as one trained on the calculator's labels."
            )
        if potential.reach > potential.cutoff:
            raise ConfigError(
                f"potential = energies that depend on atoms up to {potential.reach:g} Å away, beyond its cutoff of "
                f"{potential.cutoff:g} Å: trials compute those within the cutoff anew; use a potential without messages."
            )
        if not np.all(atoms.pbc):
            axis = "abc"[int(np.flatnonzero(~np.asarray(atoms.pbc))[0])]
            raise StructureError(
                f"structure = not periodic along {axis}: atoms are inserted anywhere in a cell, which must be periodic along "
                "all axes; set pbc, with vacuum where it is wanted."
            )
        self.potential, self.virial, self.evaluations = potential, None, 0
        self._workspace = Workspace()
        n = len(atoms)
        self.n, room = n, 2 * n + 64
        self.positions, self.species = np.zeros((room, 3)), np.zeros(room, np.int32)
        self.energies, self.held = np.zeros(room), np.zeros(room, bool)
        self.species[:n] = [potential.elements.index(symbol) for symbol in atoms.symbols]
        self.held[:n] = constraints.frozen(atoms)
        self.place(atoms.positions, atoms.cell.array, energies)

    def place(self, positions: np.ndarray, cell: np.ndarray, energies: np.ndarray | None = None) -> None:
        """Put all atoms somewhere else, into another cell, and compute their energies unless they are given."""
        n = self.n
        self.cell, self.volume = np.array(cell, float), abs(float(np.linalg.det(cell)))
        self.positions[:n] = grids.wrap(positions, self.cell) if energies is None else positions
        self.sort()
        self.energies[:n] = self.computed() if energies is None else energies

    def sort(self) -> None:
        """Sort the atoms into new bins, so that what follows depends on the order of the rows alone."""
        self.grid = grids.build(self.positions[: self.n], self.cell, WIDE * self.potential.cutoff)

    @property
    def energy(self) -> float:
        """Potential energy of all atoms, eV."""
        return float(self.energies[: self.n].sum())

    def points(self) -> Points:
        """All atoms with their periodic images."""
        positions = self.positions[: self.n]
        near = batch.build(positions, self.cell, np.ones(3, bool), self.potential.cutoff)
        return Points.of(near, self.species[: self.n], positions, self.cell)

    def computed(self) -> np.ndarray:
        """The energy of each atom from nothing but the positions, (n,) float64, eV."""
        return self._result(forces=False).energies

    def _result(self, forces: bool) -> Result:
        if self.n == 0:
            return Result(np.zeros(0), np.zeros((0, 3)), np.zeros((3, 3)), 0)
        points = self.points()
        return self.potential.compute(points.positions, points.pairs, points.species, forces=forces)

    def check(self) -> float:
        """Compare the energies with those computed anew, and take these over, with `virial`; the difference, eV/atom.

        Raises:
            SimulationError: more than rounding.
        """
        result = self._result(forces=True)
        anew, self.virial = result.energies, result.virial
        drift = abs(float(anew.sum()) - self.energy) / max(self.n, 1)
        if not drift <= LARGEST_DRIFT:
            raise SimulationError(
                f"energy = {self.energy:.9g} eV by increments, {float(anew.sum()):.9g} eV computed anew: must agree within "
                f"{LARGEST_DRIFT:g} eV/atom; the potential's energies of atoms depend on more than neighbours within its "
                "cutoff, or it has fewer slots than neighbours: use another."
            )
        self.energies[: self.n] = anew
        return drift

    def number(self, kind: int) -> int:
        """Atoms of a species that are not frozen."""
        return int(np.count_nonzero((self.species[: self.n] == kind) & ~self.held[: self.n]))

    def evaluate(self, changes: Changes) -> tuple[np.ndarray, Surroundings, np.ndarray]:
        """The change of the energy by each of some changes, (k,) float64, eV.

        Also returns the surroundings and the new energies of their centres, which `accept` takes over.
        """
        near = self._workspace.surround(changes, self.positions, self.species, self.grid, self.potential.cutoff)
        self.evaluations += len(near.atoms)
        energies = np.zeros(0)
        if len(near.atoms):  # none where an atom without neighbours goes
            energies = self.potential.compute(near.points, near.pairs, near.kinds, forces=False).energies
        return _differences(changes.removed, near.atoms, near.owners, energies, self.energies), near, energies

    def accept(self, changes: Changes, k: int, near: Surroundings, energies: np.ndarray) -> None:
        """Make a change of those that were evaluated the present state."""
        if self.n + WIDTH > len(self.positions):
            self.positions, self.species, self.energies, self.held = (
                np.concatenate([array, np.zeros_like(array)])
                for array in (self.positions, self.species, self.energies, self.held)
            )
        self.n, fits = _apply(
            *(k, changes.removed, changes.places, changes.species),
            *(near.atoms, near.owners, near.points, energies),
            *(self.n, self.positions, self.species, self.energies, self.held, self.grid),
        )
        if not fits:
            self.sort()


@njit()
def _differences(removed, atoms, owners, anew, energies):
    """The change of the energy by each change: new less old energies of its centres, less those of the removed atoms."""
    change = np.zeros(len(removed))
    for k in range(len(removed)):
        for a in range(2):
            if removed[k, a] >= 0:
                change[k] -= energies[removed[k, a]]
    for centre in range(len(atoms)):
        change[owners[centre]] += anew[centre]
        if atoms[centre] >= 0:
            change[owners[centre]] -= energies[atoms[centre]]
    return change


@njit()
def _apply(k, removed, places, added, atoms, owners, points, anew, n, positions, species, energies, held, grid):
    """Make a change: how many atoms there are then, and whether all fit into their bins.

    An atom that is added beside a removed one takes its row. The rows have room for two more.
    """
    of_added, fits = np.zeros(2), True
    for centre in range(len(atoms)):
        if owners[centre] != k:
            continue
        if atoms[centre] >= 0:
            energies[atoms[centre]] = anew[centre]
            continue
        for a in range(2):
            if added[k, a] >= 0 and (points[centre] == places[k, a]).all():
                of_added[a] = anew[centre]
    for a in range(2):
        if removed[k, a] >= 0 and added[k, a] >= 0:
            grids.take(removed[k, a], positions[removed[k, a]], grid)
    for turn in range(2):
        a = 1 - turn if removed[k, 1] > removed[k, 0] else turn  # the last row first
        atom = removed[k, a]
        if atom >= 0 and added[k, a] < 0:
            n -= 1
            grids.take(atom, positions[atom], grid)
            if atom != n:
                grids.take(n, positions[n], grid)
                positions[atom], species[atom] = positions[n], species[n]
                energies[atom], held[atom] = energies[n], held[n]
                fits &= grids.put(atom, positions[atom], grid)
    for a in range(2):
        if added[k, a] >= 0:
            atom = removed[k, a]
            if atom < 0:
                atom = n
                n += 1
            grids.wrap_point(places[k, a], grid, positions[atom])
            species[atom], energies[atom], held[atom] = added[k, a], of_added[a], False
            fits &= grids.put(atom, positions[atom], grid)
    return n, fits
