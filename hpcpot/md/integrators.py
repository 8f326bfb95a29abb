"""Equations of motion: velocity Verlet, alone or with a Nose-Hoover chain or Langevin thermostat.

An integrator is a row of INTEGRATORS: `init` puts its numbers into state.scalars, `step` moves the state by dt, and
`conserved` is what it adds to the total energy to make the conserved quantity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hpcpot.md import random
from hpcpot.md.engine import Engine
from hpcpot.structure.state import State
from hpcpot.units import AMU

CHAIN_LENGTH = 3


@dataclass(frozen=True)
class Thermostat:
    """What a thermostat is asked for.

    Attributes:
        kT, kT_end: eV, at the first and the last step; linear between.
        time: fs, Nose-Hoover damping time, or 1 / friction.
        steps: number of steps of the ramp.
        seed: of the Langevin forces.
    """

    kT: float
    kT_end: float
    time: float
    steps: int
    seed: int

    def kT_at(self, step: int) -> float:
        """Target at a step, eV."""
        return self.kT + (self.kT_end - self.kT) * (min(step / self.steps, 1.0) if self.steps else 0.0)


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
    """Chain at rest, as LAMMPS starts it: rates 0, accelerations of the outer thermostats -kT/Q."""
    kT = thermostat.kT_at(state.step)
    masses = _chain_masses(engine.degrees_of_freedom(state), kT, thermostat.time)
    accelerations = -kT / masses
    accelerations[0] = 0.0
    state.scalars.update(
        chain=np.zeros(CHAIN_LENGTH), chain_rates=np.zeros(CHAIN_LENGTH), chain_accelerations=accelerations,
        kinetic_energy=np.array(engine.kinetic_energy(state)),
    )  # fmt: skip


def nose_hoover_step(state: State, engine: Engine, dt: float, thermostat: Thermostat) -> None:
    """Nose-Hoover chain of 3 around velocity Verlet: chain dt/2, Verlet, chain dt/2.

    Source: Martyna, Tuckerman, Tobias, Klein, Mol. Phys. 87, 1117 (1996), in the order of LAMMPS fix nvt.
    """
    kT = thermostat.kT_at(state.step + 1)
    freedom = engine.degrees_of_freedom(state)
    state.velocities *= _chain_half_step(state.scalars, freedom, kT, thermostat.time, dt)
    nve_step(state, engine, dt, None)
    state.scalars["kinetic_energy"] = np.array(engine.kinetic_energy(state))
    state.velocities *= _chain_half_step(state.scalars, freedom, kT, thermostat.time, dt)


def nose_hoover_conserved(state: State, engine: Engine, thermostat: Thermostat) -> float:
    """g kT eta_1 + kT sum_{k>1} eta_k + 1/2 sum Q eta_rate^2, eV; conserved at constant kT, not along a ramp."""
    kT, freedom = thermostat.kT_at(state.step), engine.degrees_of_freedom(state)
    chain, rates = state.scalars["chain"], state.scalars["chain_rates"]
    masses = _chain_masses(freedom, kT, thermostat.time)
    return float(kT * (freedom * chain[0] + chain[1:].sum()) + 0.5 * (masses * rates**2).sum())


def _chain_masses(freedom: int, kT: float, time: float) -> np.ndarray:
    """Q_1 = g kT time^2, Q_k = kT time^2."""
    masses = np.full(CHAIN_LENGTH, kT * time**2)
    masses[0] *= max(freedom, 1)
    return masses


def _chain_half_step(scalars: dict[str, np.ndarray], freedom: int, kT: float, time: float, dt: float) -> float:
    """Move the chain by dt/2; returns the factor for the velocities, which the kinetic energy already has taken."""
    q = _chain_masses(freedom, kT, time)
    rates, accelerations = scalars["chain_rates"].copy(), scalars["chain_accelerations"].copy()
    twice_kinetic = 2.0 * float(scalars["kinetic_energy"])
    accelerations[0] = (twice_kinetic - freedom * kT) / q[0]
    for k in reversed(range(CHAIN_LENGTH)):
        damping = np.exp(-0.125 * dt * (rates[k + 1] if k + 1 < CHAIN_LENGTH else 0.0))
        rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * damping
    factor = float(np.exp(-0.5 * dt * rates[0]))
    accelerations[0] = (twice_kinetic * factor**2 - freedom * kT) / q[0]
    chain = scalars["chain"] + 0.5 * dt * rates
    for k in range(CHAIN_LENGTH):
        damping = np.exp(-0.125 * dt * (rates[k + 1] if k + 1 < CHAIN_LENGTH else 0.0))
        if k > 0:
            accelerations[k] = (q[k - 1] * rates[k - 1] ** 2 - kT) / q[k]
        rates[k] = (rates[k] * damping + 0.25 * dt * accelerations[k]) * damping
    kinetic = np.array(0.5 * twice_kinetic * factor**2)
    scalars.update(chain=chain, chain_rates=rates, chain_accelerations=accelerations, kinetic_energy=kinetic)
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


class Integrator(NamedTuple):
    """A row of INTEGRATORS; `keeps_momentum` tells whether the centre of mass counts as a degree of freedom."""

    init: Callable[[State, Engine, Thermostat | None], None]
    step: Callable[[State, Engine, float, Thermostat | None], None]
    conserved: Callable[[State, Engine, Thermostat | None], float]
    keeps_momentum: bool


INTEGRATORS = {
    "nve": Integrator(nve_init, nve_step, nve_conserved, True),
    "nvt_nose_hoover": Integrator(nose_hoover_init, nose_hoover_step, nose_hoover_conserved, True),
    "nvt_langevin": Integrator(langevin_init, langevin_step, langevin_conserved, False),
}


def kick(state: State, dt: float) -> None:
    """v += F / m dt for the mobile atoms."""
    state.velocities += (dt * inverse_masses(state))[:, None] * state.forces


def drift(state: State, dt: float) -> None:
    """x += v dt for the owned atoms."""
    state.positions[: state.n_owned] += dt * state.velocities


def inverse_masses(state: State) -> np.ndarray:
    """1 / m in Å^2/(eV fs^2), 0 for frozen atoms: (n,) float64."""
    inverse = 1.0 / (AMU * state.masses)
    return np.where(state.frozen, 0.0, inverse[state.species[: state.n_owned]])


def draw_velocities(state: State, engine: Engine, kT: float, seed: int, remove_drift: bool) -> None:
    """Maxwell-Boltzmann velocities of the mobile atoms, scaled to exactly kT; total momentum removed on request."""
    mobile_mass = np.where(state.frozen, 0.0, state.masses[state.species[: state.n_owned]])
    spread = np.sqrt(kT * inverse_masses(state))
    state.velocities = spread[:, None] * random.normals(seed, 0, random.VELOCITIES, state.ids)
    if remove_drift:
        take_off_drift(state, engine, mobile_mass)
    kinetic = engine.kinetic_energy(state)
    if kinetic > 0.0:
        state.velocities *= np.sqrt(0.5 * engine.degrees_of_freedom(state) * kT / kinetic)


def take_off_drift(state: State, engine: Engine, mobile_mass: np.ndarray) -> None:
    """Subtract the velocity of the centre of mass from the mobile atoms."""
    totals = engine.ranks.sum(np.append(mobile_mass @ state.velocities, mobile_mass.sum()))
    if totals[3] > 0.0:
        state.velocities[~state.frozen] -= totals[:3] / totals[3]
