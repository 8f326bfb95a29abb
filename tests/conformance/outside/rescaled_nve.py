"""An integrator of another package: velocity Verlet, after which all velocities are scaled to the target temperature."""

import numpy as np

from hpcpot.dynamics.integrators import Integrator, nve, register


def init(state, engine, thermostat):
    state.scalars["heat"] = np.zeros(())


def step(state, engine, dt, thermostat):
    nve.step(state, engine, dt, None)
    kinetic = engine.kinetic_energy(state)
    target = 0.5 * engine.degrees_of_freedom(state) * thermostat.kT_at(state.step)
    state.velocities *= np.sqrt(target / kinetic)
    state.scalars["heat"] = state.scalars["heat"] + target - kinetic


def conserved(state, engine, thermostat):
    return -float(state.scalars["heat"])


register(Integrator("nvt_rescaled", __name__, has_thermostat=True))
