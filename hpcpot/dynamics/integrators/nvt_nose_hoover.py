"""Velocity Verlet with a Nose-Hoover chain at constant temperature."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics import chain
from hpcpot.dynamics.controls import Thermostat
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.integrators import nve
from hpcpot.structure.state import State


def init(state: State, engine: Engine, thermostat: Thermostat) -> None:
    """Begin with the chain at rest."""
    kT = thermostat.kT_at(state.step)
    q = chain.masses(engine.degrees_of_freedom(state), kT, thermostat.time)
    state.scalars.update(chain.at_rest(q, kT), kinetic_energy=np.array(engine.kinetic_energy(state)))


def step(state: State, engine: Engine, dt: float, thermostat: Thermostat) -> None:
    """Nose-Hoover chain of 3 around velocity Verlet: chain dt/2, Verlet, chain dt/2, in the order of LAMMPS fix nvt."""
    kT = thermostat.kT_at(state.step + 1)
    chain_half_step(state, engine, kT, dt, thermostat)
    nve.step(state, engine, dt, None)
    state.scalars["kinetic_energy"] = np.array(engine.kinetic_energy(state))
    chain_half_step(state, engine, kT, dt, thermostat)


def conserved(state: State, engine: Engine, thermostat: Thermostat) -> float:
    """Energy in the chain, eV; conserved with the total energy at constant kT, not along a ramp or with drag."""
    kT, freedom = thermostat.kT_at(state.step), engine.degrees_of_freedom(state)
    return chain.energy(state.scalars, chain.masses(freedom, kT, thermostat.time), freedom, kT)


def chain_half_step(state: State, engine: Engine, kT: float, dt: float, thermostat: Thermostat) -> float:
    """Move the thermostat's chain by dt/2 and scale the velocities; returns the factor."""
    freedom = engine.degrees_of_freedom(state)
    q = chain.masses(freedom, kT, thermostat.time)
    twice_kinetic = 2.0 * float(state.scalars["kinetic_energy"])
    drag = 1.0 - dt * thermostat.drag / thermostat.time
    factor = chain.half_step(state.scalars, q, twice_kinetic, freedom, kT, dt, drag)
    state.velocities *= factor
    state.scalars["kinetic_energy"] = np.array(0.5 * twice_kinetic * factor**2)
    return factor
