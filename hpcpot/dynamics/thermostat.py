"""Velocity Verlet, alone or with a Nose-Hoover chain or Langevin thermostat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.dynamics import chain, random
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.motion import drift, inverse_masses, kick
from hpcpot.structure.state import State


@dataclass(frozen=True)
class Thermostat:
    """What a thermostat is asked for.

    Attributes:
        kT, kT_end: eV, at the first and the last step; linear between.
        time: fs, Nose-Hoover damping time, or 1 / friction.
        steps: number of steps of the ramp. first: step at which it begins.
        seed: of the Langevin forces.
        drag: of LAMMPS's fix nvt and fix npt, on the rates of chains and barostat; 0 for none.
    """

    kT: float
    kT_end: float
    time: float
    steps: int
    seed: int
    first: int = 0
    drag: float = 0.0

    def kT_at(self, step: int) -> float:
        """Target at a step, eV."""
        done = min((step - self.first) / self.steps, 1.0) if self.steps else 0.0
        return self.kT + (self.kT_end - self.kT) * done


def nve_init(state: State, engine: Engine, thermostat: Thermostat | None) -> None:
    """Nothing to prepare."""


def nve_step(state: State, engine: Engine, dt: float, thermostat: Thermostat | None) -> None:
    """Velocity Verlet: v += a dt/2; x += v dt; a = F(x)/m; v += a dt/2."""
    kick(state, 0.5 * dt)
    drift(state, dt)
    engine.evaluate(state)
    kick(state, 0.5 * dt)
    state.step += 1


def nve_conserved(state: State, engine: Engine, thermostat: Thermostat | None) -> float:
    return 0.0


def nose_hoover_init(state: State, engine: Engine, thermostat: Thermostat) -> None:
    """Chain at rest."""
    kT = thermostat.kT_at(state.step)
    q = chain.masses(engine.degrees_of_freedom(state), kT, thermostat.time)
    state.scalars.update(chain.at_rest(q, kT), kinetic_energy=np.array(engine.kinetic_energy(state)))


def nose_hoover_step(state: State, engine: Engine, dt: float, thermostat: Thermostat) -> None:
    """Nose-Hoover chain of 3 around velocity Verlet: chain dt/2, Verlet, chain dt/2, in the order of LAMMPS fix nvt."""
    kT = thermostat.kT_at(state.step + 1)
    chain_half_step(state, engine, kT, dt, thermostat)
    nve_step(state, engine, dt, None)
    state.scalars["kinetic_energy"] = np.array(engine.kinetic_energy(state))
    chain_half_step(state, engine, kT, dt, thermostat)


def nose_hoover_conserved(state: State, engine: Engine, thermostat: Thermostat) -> float:
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


def langevin_init(state: State, engine: Engine, thermostat: Thermostat) -> None:
    """No heat taken up yet."""
    state.scalars["heat"] = np.zeros(())


def langevin_step(state: State, engine: Engine, dt: float, thermostat: Thermostat) -> None:
    """BAOAB: half kick, half drift, friction and noise, half drift, forces, half kick.

    v <- c v + sqrt((1 - c^2) kT / m) xi,  c = exp(-dt / time)
    Source: Leimkuhler and Matthews, Appl. Math. Res. eXpress 2013, 34 (2013).
    """
    kick(state, 0.5 * dt)
    drift(state, 0.5 * dt)
    c = np.exp(-dt / thermostat.time)
    before = engine.local_kinetic_energy(state)
    thermal = np.sqrt((1.0 - c * c) * thermostat.kT_at(state.step + 1) * inverse_masses(state))
    noise = random.normals(thermostat.seed, state.step, random.LANGEVIN, state.ids)
    state.velocities = c * state.velocities + thermal[:, None] * noise
    gained = engine.local_kinetic_energy(state) - before
    state.scalars["heat"] = state.scalars["heat"] + engine.ranks.sum(np.array([gained]))[0]
    drift(state, 0.5 * dt)
    engine.evaluate(state)
    kick(state, 0.5 * dt)
    state.step += 1


def langevin_conserved(state: State, engine: Engine, thermostat: Thermostat) -> float:
    """Minus the heat taken up from the thermostat, eV."""
    return -float(state.scalars["heat"])
