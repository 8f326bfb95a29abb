"""Forces of a distributed State: pairs, ghosts and the exchange between ranks, hidden behind `evaluate`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from time import perf_counter

import numpy as np

from hpcpot.dynamics import loops
from hpcpot.errors import HpcpotError, SimulationError
from hpcpot.neighbors import pairs as neighbors
from hpcpot.parallel.domain import Domain
from hpcpot.parallel.ranks import Ranks
from hpcpot.potential.contract import Potential
from hpcpot.structure.state import State, library, to_host
from hpcpot.units import AMU, BOLTZMANN

REBALANCE_ABOVE = 1.005
"""Imbalance, the largest work of a rank over the mean, above which a rebuild moves the cut planes."""

UNMOVED = np.eye(3)
"""The motion of a cell that is as it was."""


class Engine:
    """Evaluates the forces of a distributed State, and sums over all ranks, for integrators.

    Attributes:
        pairs: of the last rebuild. rebuilds: their number.
        truncated: largest number of this rank's atoms in one evaluation with more neighbours than the potential has slots.
        stop_requested: number of ranks asked to stop, as of the last evaluation; all stop at the same step.
        seconds: time by phase on this rank.
        built_at: (n, 3) Å, positions of the owned atoms when the pairs were built, in the cell built_cell.
        computed_cell: (3, 3) Å, in which the forces were evaluated.
        mobile: number of atoms of all ranks that are not frozen.
    """

    def __init__(
        self,
        potential: Potential,
        domain: Domain,
        ranks: Ranks,
        skin: float,
        balance: bool = True,
        maximum_temperature: float = np.inf,
        keeps_momentum: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ):
        self.potential, self.domain, self.ranks = potential, domain, ranks
        self.skin, self.balance = skin, balance
        self.maximum_temperature, self.keeps_momentum = maximum_temperature, keeps_momentum
        self._stop = stop
        self.pairs: neighbors.Pairs | None = None
        self.rebuilds = 0
        self.truncated = 0
        self.stop_requested = 0
        self.seconds: dict[str, float] = defaultdict(float)
        self.built_at, self.built_cell, self.computed_cell = np.zeros((0, 3)), domain.cell, domain.cell
        self.mobile = 0

    def start(self, state: State, migrate: bool = True) -> None:
        """Distribute the atoms, build pairs and compute the first forces.

        Args:
            migrate: False where the atoms have the owners and the order that a checkpoint without forces gave them.
        """
        self.count_mobile(state)
        self.pairs = None
        if migrate and self.balance:
            self.domain.balance(state)
        self.rebuild(state, migrate)
        if migrate and self._is_uneven(state):  # as the pairs now tell
            self.rebuild(state)
        self.compute(state)

    def resume(self, state: State, built_at: np.ndarray, built_cell: np.ndarray) -> None:
        """Go on where a checkpoint was written, as if it had not been: pairs are those of the last rebuild, forces stay.

        Args:
            built_at, built_cell: see Engine, from the checkpoint, with its owners and order of the atoms.
        """
        self.count_mobile(state)
        positions, cell = state.positions, state.cell
        state.positions, state.cell = built_at, built_cell
        self.domain.set_cell(built_cell)
        self.rebuild(state, migrate=False)
        state.positions[: state.n_owned] = positions
        if not np.array_equal(cell, built_cell):
            self._set_cell(state, cell)
        self.computed_cell = cell
        self.domain.halo(state)

    def count_mobile(self, state: State) -> None:
        """Count the mobile atoms of all ranks; to be called whenever `frozen` changes."""
        self.mobile = int(self.ranks.sum(np.array([np.count_nonzero(~state.frozen)]))[0])

    def evaluate(self, state: State) -> None:
        """Evaluate forces, energies and virial; migrate atoms and rebuild pairs where needed.

        Raises (on all ranks together):
            SimulationError: a position that is not finite, an atom that moved farther than the cutoff since the pairs
                were built, a temperature above the maximum, or two atoms closer than the potential allows.
        """
        began = perf_counter()
        motion, allowed = self._motion_of_cell(state)
        farthest = self._farthest(state, motion)
        is_lost = not farthest <= self.potential.cutoff
        kinetic = self.local_kinetic_energy(state)
        flags = self.ranks.sum(np.array([farthest > allowed, is_lost, self._stop(), kinetic], float))
        self.stop_requested = int(flags[2])
        if flags[1]:
            self.ranks.agree(self._lost_atom(state, motion) if is_lost else None)
        self._check_temperature(flags[3])
        self._add_time("exchange", began)
        if flags[0]:
            self.rebuild(state)
        else:
            began = perf_counter()
            self.domain.halo(state)
            self._add_time("exchange", began)
        self.compute(state)

    def check_stop(self) -> bool:
        """Ask all ranks, between two evaluations, whether any is to stop."""
        self.stop_requested = int(self.ranks.sum(np.array([float(self._stop())]))[0])
        return bool(self.stop_requested)

    def rebuild(self, state: State, migrate: bool = True) -> None:
        """Hand atoms to their owners, find ghosts and build pairs."""
        began = perf_counter()
        if migrate:
            if self._is_uneven(state):
                self.domain.balance(state, self._work(state))
            self.domain.migrate(state)
        self.domain.build_halo(state)
        self._add_time("exchange", began)
        began = perf_counter()
        self.pairs = self.potential.pairs(state.positions, state.n_owned, self.potential.cutoff + self.skin)
        self.built_at, self.built_cell = state.positions[: state.n_owned].copy(), state.cell
        self.rebuilds += 1
        self._add_time("neighbours", began)

    def _is_uneven(self, state: State) -> bool:
        if not self.balance or self.ranks.size == 1:
            return False
        return self.domain.imbalance(self._work(state)) > REBALANCE_ABOVE

    def _work(self, state: State) -> np.ndarray:
        """Cost of the potential for each owned atom, (n,) int64; the same for all before there are pairs."""
        if self.pairs is None:
            return np.ones(state.n_owned, np.int64)
        return self.potential.work(self.pairs, state.species)

    def _motion_of_cell(self, state: State) -> tuple[np.ndarray, float]:
        """The cell's own motion since the pairs were built, and how far an atom may have moved beside it.

        With F = C_built^-1 C and displacements u = x - x_built F, a pair r apart was built at most
        (r + 2 |u|) / s apart, s the least singular value of F. For r = cutoff that must be within cutoff + skin.

        Returns:
            (3, 3) F, and the largest |u| that keeps the pairs whole, Å.
        """
        if state.cell is self.built_cell or (state.cell == self.built_cell).all():
            return UNMOVED, 0.5 * self.skin
        motion = np.linalg.solve(self.built_cell, state.cell)
        least = np.linalg.svd(motion, compute_uv=False)[-1]
        return motion, 0.5 * (self.skin - (1.0 - least) * (self.potential.cutoff + self.skin))

    def _farthest(self, state: State, motion: np.ndarray) -> float:
        """Largest displacement of an owned atom beside the cell's motion, Å; NaN if there is one."""
        if isinstance(state.positions, np.ndarray):
            return float(np.sqrt(loops.farthest(state.positions, self.built_at, motion)))
        return longest(self._displacements(state, motion))

    def _displacements(self, state: State, motion: np.ndarray) -> np.ndarray:
        """Displacements of the owned atoms beside the cell's motion since the pairs were built, (n, 3) Å."""
        built_at = self.built_at if motion is UNMOVED else self.built_at @ library(self.built_at).asarray(motion)
        return state.positions[: state.n_owned] - built_at

    def compute(self, state: State) -> None:
        """Evaluate forces, energies and virial with the present pairs and ghosts."""
        began = perf_counter()
        error, result = None, None
        try:
            result = self.potential.compute(state.positions, self.pairs, state.species)
        except HpcpotError as caught:  # raised below on all ranks, so that none waits for this one
            error = caught
        self._add_time("potential", began)
        began = perf_counter()
        self.ranks.agree(error)
        self.domain.fold(result.forces)
        state.forces = result.forces[: state.n_owned]
        state.energies, state.virial, self.computed_cell = result.energies, result.virial, state.cell
        self.truncated = max(self.truncated, result.truncated)
        self._add_time("exchange", began)

    def atom_virials(self, state: State) -> np.ndarray:
        """Virials of the owned atoms, half of each pair's term to each partner: (n, 3, 3) eV.

        They are of the configuration of the forces, and their sum is state.virial: a deformation of the cell, which comes
        after the forces, is undone and done again.
        """
        positions, cell = state.positions[: state.n_owned].copy(), state.cell
        has_stretched = not np.array_equal(cell, self.computed_cell)
        if has_stretched:
            back = np.linalg.solve(cell, self.computed_cell)
            state.positions[: state.n_owned] = positions @ library(positions).asarray(back)
            self._set_cell(state, self.computed_cell)
        self.domain.halo(state)
        virials = self.potential.compute(state.positions, self.pairs, state.species, atom_virials=True).atom_virials
        self.domain.fold(virials)
        if has_stretched:
            state.positions[: state.n_owned] = positions
            self._set_cell(state, cell)
        return virials[: state.n_owned]

    def _set_cell(self, state: State, cell: np.ndarray) -> None:
        state.cell = cell
        self.domain.set_cell(cell)

    def local_kinetic_energy(self, state: State) -> float:
        """This rank's share of the kinetic energy, eV."""
        v = state.velocities
        if isinstance(v, np.ndarray):
            return 0.5 * AMU * loops.kinetic(v, state.species, state.masses)
        return 0.5 * AMU * float(atom_masses(state) @ squares(v))

    def fluxes(self, state: State) -> tuple[np.ndarray, np.ndarray]:
        """Momentum flux sum m v (x) v and virial of all atoms, (3, 3) each, eV: the terms of the pressure."""
        mass = AMU * atom_masses(state)
        local = np.stack([to_host((mass[:, None] * state.velocities).T @ state.velocities), state.virial])
        momentum, virial = self.ranks.sum(local)
        return momentum, virial

    def kinetic_energy(self, state: State) -> float:
        """Kinetic energy of all atoms, eV."""
        return float(self.ranks.sum(np.array([self.local_kinetic_energy(state)]))[0])

    def degrees_of_freedom(self, state: State) -> int:
        """3 N of the mobile atoms, less 3 where the integrator keeps the momentum and no atom is frozen."""
        return max(3 * self.mobile - (3 if self.keeps_momentum and self.mobile == state.n_atoms else 0), 0)

    def temperature(self, kinetic_energy: float, state: State) -> float:
        """K; 0 without degrees of freedom."""
        freedom = self.degrees_of_freedom(state)
        return 2.0 * kinetic_energy / (freedom * BOLTZMANN) if freedom else 0.0

    def _check_temperature(self, kinetic: float) -> None:
        temperature = 2.0 * kinetic / (3.0 * max(self.mobile, 1) * BOLTZMANN)
        if not temperature <= self.maximum_temperature:
            error = SimulationError(
                f"temperature = {temperature:.6g} K: must stay below md.maximum_temperature_K = "
                f"{self.maximum_temperature:g}; shorten md.timestep_fs, or check the structure and the potential."
            )
            self.ranks.agree(error)  # all ranks come here with the same sum

    def _lost_atom(self, state: State, motion: np.ndarray) -> SimulationError:
        distance = np.linalg.norm(to_host(self._displacements(state, motion)), axis=1)
        k = int(np.argmax(np.where(np.isfinite(distance), distance, np.inf)))
        element = state.elements[int(state.species[k])]
        return SimulationError(
            f"atom {state.ids[k]} ({element}) = moved {distance[k]:.3g} Å since its pairs were built: must stay "
            f"below the cutoff of {self.potential.cutoff:g} Å; shorten md.timestep_fs, or check the structure and the "
            "potential."
        )

    def _add_time(self, phase: str, began: float) -> None:
        self.seconds[phase] += perf_counter() - began


def atom_masses(state: State) -> np.ndarray:
    """(n,) amu, of the owned atoms."""
    return library(state.species).asarray(state.masses)[state.species[: state.n_owned]]


def longest(vectors: np.ndarray) -> float:
    """The largest length of (n, 3) vectors; 0 without any, NaN if there is one."""
    return float(np.sqrt(squares(vectors).max())) if len(vectors) else 0.0


def squares(vectors: np.ndarray) -> np.ndarray:
    """Squared lengths of (n, 3) vectors; without einsum for CuPy, which would make a matrix product of each row."""
    if isinstance(vectors, np.ndarray):
        return np.einsum("ij,ij->i", vectors, vectors)
    return (vectors * vectors).sum(axis=1)
