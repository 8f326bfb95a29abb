"""Langevin dynamics at constant temperature."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics import random
from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.motion import drift, inverse_masses, kick
from hpcpot.structure.state import State


def init(state: State, engine: Engine, thermostat: Thermostat) -> None:
    """Begin with no heat taken up."""
    state.scalars["heat"] = np.zeros(())


def step(state: State, engine: Engine, dt: float, thermostat: Thermostat) -> None:
    """BAOAB: half kick, half drift, friction and noise, half drift, forces, half kick.

    v <- c v + sqrt((1 - c^2) kT / m) xi,  c = exp(-dt / time)
    Source: Leimkuhler and Matthews, Appl. Math. Res. eXpress 2013, 34 (2013).
    """
    kick(state, 0.5 * dt)
    drift(state, 0.5 * dt)
    c = np.exp(-dt / thermostat.time)
    before = engine.local_kinetic_energy(state)
    thermal = np.sqrt((1.0 - c * c) * thermostat.kT_at(state.step + 1) * inverse_masses(state))
    noise = random.normals(thermostat.seed, state.step, random.Stream.LANGEVIN, state.ids)
    state.velocities = c * state.velocities + thermal[:, None] * noise
    gained = engine.local_kinetic_energy(state) - before
    state.scalars["heat"] = state.scalars["heat"] + engine.ranks.sum(np.array([gained]))[0]
    drift(state, 0.5 * dt)
    engine.evaluate(state)
    kick(state, 0.5 * dt)
    state.step += 1


def conserved(state: State, engine: Engine, thermostat: Thermostat) -> float:
    """Minus the heat taken up from the thermostat, eV."""
    return -float(state.scalars["heat"])
