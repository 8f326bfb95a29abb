"""Parts of minimisers at a fixed cell, with the criteria of LAMMPS's `minimize`; a step is one iteration.

A minimiser sets state.scalars["converged"] when it is done. Atoms have no velocity.
"""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics.controls import Tolerances
from hpcpot.dynamics.engine import Engine
from hpcpot.structure.state import State

LARGEST_MOVE = 0.1
"""Å, of any coordinate along a line search, and of an atom in a step of FIRE."""

SMALLEST_ENERGY = 1e-8


def at_rest(state: State, engine: Engine, tolerances: Tolerances) -> None:
    """Set velocities to zero and take the present energy for comparison."""
    state.velocities = np.zeros_like(state.velocities)
    state.scalars.update(energy=np.array(total_energy(state, engine)), converged=np.zeros(()))


def mobile_forces(state: State) -> np.ndarray:
    """(n, 3) eV/Å, zero for frozen atoms."""
    return np.where(state.frozen[:, None], 0.0, state.forces)


def is_done(energy: float, before: float, force_squared: float, tolerances: Tolerances) -> bool:
    """Check the criteria of convergence."""
    if force_squared < tolerances.force**2 or force_squared == 0.0:
        return True
    scale = 0.5 * (abs(energy) + abs(before) + SMALLEST_ENERGY)
    return np.isfinite(before) and abs(energy - before) < tolerances.energy * scale


def total_energy(state: State, engine: Engine) -> float:
    """Potential energy of all atoms, eV."""
    return total(engine, state.energies)


def total(engine: Engine, values: np.ndarray) -> float:
    """Sum of an array over all ranks."""
    return float(engine.ranks.sum(np.array([float(values.sum())]))[0])
