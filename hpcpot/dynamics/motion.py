"""Parts of all equations of motion: kicks, drifts and initial velocities."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics import loops, random
from hpcpot.dynamics.engine import Engine
from hpcpot.structure.state import State, library
from hpcpot.units import AMU


def kick(state: State, dt: float) -> None:
    """v += F / m dt for the mobile atoms."""
    if isinstance(state.velocities, np.ndarray):
        by_species = dt * (1.0 / (AMU * state.masses))
        loops.kick(state.velocities, state.forces, state.species, state.frozen, by_species)
    else:
        state.velocities += (dt * inverse_masses(state))[:, None] * state.forces


def drift(state: State, dt: float) -> None:
    """x += v dt for the owned atoms."""
    if isinstance(state.positions, np.ndarray):
        loops.drift(state.positions, state.velocities, dt)
    else:
        state.positions[: state.n_owned] += dt * state.velocities


def inverse_masses(state: State) -> np.ndarray:
    """1 / m in Å^2/(eV fs^2), 0 for frozen atoms: (n,) float64."""
    inverse = library(state.species).asarray(1.0 / (AMU * state.masses))
    return np.where(state.frozen, 0.0, inverse[state.species[: state.n_owned]])


def draw_velocities(state: State, engine: Engine, kT: float, seed: int, remove_drift: bool) -> None:
    """Draw Maxwell-Boltzmann velocities of the mobile atoms, scaled to exactly kT; remove the total momentum on request."""
    mobile_mass = np.where(state.frozen, 0.0, state.masses[state.species[: state.n_owned]])
    spread = np.sqrt(kT * inverse_masses(state))
    state.velocities = spread[:, None] * random.normals(seed, 0, random.Stream.VELOCITIES, state.ids)
    if remove_drift:
        remove_drift_velocity(state, engine, mobile_mass)
    kinetic = engine.kinetic_energy(state)
    if kinetic > 0.0:
        state.velocities *= np.sqrt(0.5 * engine.degrees_of_freedom(state) * kT / kinetic)


def remove_drift_velocity(state: State, engine: Engine, mobile_mass: np.ndarray) -> None:
    """Subtract the velocity of the centre of mass from the mobile atoms."""
    totals = engine.ranks.sum(np.append(mobile_mass @ state.velocities, mobile_mass.sum()))
    if totals[3] > 0.0:
        state.velocities[~state.frozen] -= totals[:3] / totals[3]
