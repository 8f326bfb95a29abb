"""Minimisation of the energy by FIRE, the fast inertial relaxation engine."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics.controls import Tolerances
from hpcpot.dynamics.engine import Engine, longest
from hpcpot.dynamics.minimise import LARGEST_MOVE, at_rest, is_done, mobile_forces, total, total_energy
from hpcpot.dynamics.motion import inverse_masses
from hpcpot.structure.state import State

DELAY, GROW, SHRINK, MIX, LONGEST = 5, 1.1, 0.5, 0.1, 10.0


def init(state: State, engine: Engine, tolerances: Tolerances) -> None:
    """Begin at rest."""
    at_rest(state, engine, tolerances)
    state.per_atom["fire_velocity"] = np.zeros_like(state.velocities)
    state.scalars.update(fire_mix=np.array(MIX), fire_stretch=np.ones(()), fire_downhill=np.zeros(()))


def step(state: State, engine: Engine, dt: float, tolerances: Tolerances) -> None:
    """Turn velocities towards the forces and lengthen the time step; start both anew where the motion is uphill.

    v <- (1 - a) v + a |v| f/|f|
    Source: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006); semi-implicit Euler of Guenole et al. (2020).
    """
    scalars, force, v = state.scalars, mobile_forces(state), state.per_atom["fire_velocity"]
    products = [float(np.vdot(a, b)) for a, b in ((force, v), (v, v), (force, force))]
    power, v_squared, f_squared = engine.ranks.sum(np.array(products))
    mix, longer, downhill = (float(scalars[f"fire_{name}"]) for name in ("mix", "stretch", "downhill"))
    if power > 0.0:
        v = (1.0 - mix) * v + mix * np.sqrt(v_squared / f_squared) * force
        downhill += 1.0
        if downhill > DELAY:
            longer, mix = min(longer * GROW, LONGEST), mix * 0.99
    else:
        v, mix, longer, downhill = np.zeros_like(v), MIX, max(longer * SHRINK, 0.02), 0.0
    v = v + (dt * longer * inverse_masses(state))[:, None] * force
    fastest = engine.ranks.max(np.array([longest(v)]))[0]
    move = min(dt * longer, LARGEST_MOVE / fastest) if fastest > 0.0 else 0.0
    state.per_atom["fire_velocity"] = v
    state.positions[: state.n_owned] += move * v
    engine.evaluate(state)
    state.step += 1
    force, before, energy = mobile_forces(state), float(scalars["energy"]), total_energy(state, engine)
    squared = total(engine, force * force)
    settled = downhill > DELAY  # before that velocities begin, and energies differ by little anywhere
    converged = is_done(energy, before if settled else np.inf, squared, tolerances)
    scalars.update(
        energy=np.array(energy),
        converged=np.array(float(converged)),
        fire_mix=np.array(mix),
        fire_stretch=np.array(longer),
        fire_downhill=np.array(downhill),
    )


def conserved(state: State, engine: Engine, tolerances: Tolerances) -> float:
    """Contribution to the conserved energy: none."""
    return 0.0
