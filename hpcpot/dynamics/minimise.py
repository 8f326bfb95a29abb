"""Minimisation of the energy at a fixed cell: conjugate gradients and FIRE, a step being one iteration.

Both stop by the criteria of LAMMPS's `minimize` and then say so in state.scalars["converged"]. Atoms have no velocity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.dynamics.engine import Engine, longest
from hpcpot.dynamics.motion import inverse_masses
from hpcpot.structure.state import State

LARGEST_MOVE = 0.1
"""Å, of any coordinate along a line search, and of an atom in a step of FIRE."""
BACKTRACK, SLOPE = 0.5, 0.4
QUADRATIC_TOLERANCE = 0.1
SMALLEST_GAIN = 1e-8
SMALLEST_ENERGY = 1e-8

FIRE_DELAY, FIRE_GROW, FIRE_SHRINK, FIRE_MIX, FIRE_LONGEST = 5, 1.1, 0.5, 0.1, 10.0


@dataclass(frozen=True)
class Tolerances:
    """When a minimisation is done.

    Attributes:
        energy: of |E - E_before| / (mean of |E| and |E_before|), in one iteration.
        force: eV/Å, of the length of the vector of all forces.
    """

    energy: float
    force: float


def at_rest(state: State, engine: Engine, tolerances: Tolerances) -> None:
    """Velocities are dropped; the energy to compare with is the present one."""
    state.velocities = np.zeros_like(state.velocities)
    state.scalars.update(energy=np.array(_energy(state, engine)), converged=np.zeros(()))


def cg_init(state: State, engine: Engine, tolerances: Tolerances) -> None:
    """The first direction is the force."""
    at_rest(state, engine, tolerances)
    force = mobile_forces(state)
    state.per_atom.update(direction=force.copy(), last_force=force)
    state.scalars["force_squared"] = _sum(engine, force * force)


def cg_step(state: State, engine: Engine, dt: float, tolerances: Tolerances) -> None:
    """One line search and the next direction, of Polak and Ribiere, never negative.

    h <- f + max(0, f . (f - f_before) / |f_before|^2) h
    Source: as LAMMPS min_style cg; Nocedal and Wright, Numerical Optimization (2006), section 5.2.
    """
    scalars = state.scalars
    before = float(scalars["energy"])
    found_lower = _line_search(state, engine)
    force, last = mobile_forces(state), state.per_atom["last_force"]
    energy = _energy(state, engine)
    squared, overlap = engine.ranks.sum(np.array([float(np.vdot(force, force)), float(np.vdot(force, last))]))
    beta = max(0.0, (squared - overlap) / float(scalars["force_squared"])) if scalars["force_squared"] > 0 else 0.0
    state.step += 1
    direction = force + beta * state.per_atom["direction"]
    if _sum(engine, force * direction) <= 0.0:
        direction = force.copy()
    state.per_atom.update(direction=direction, last_force=force)
    converged = not found_lower or _is_done(energy, before, squared, tolerances)
    scalars.update(energy=np.array(energy), force_squared=np.array(squared), converged=np.array(float(converged)))


def _line_search(state: State, engine: Engine) -> bool:
    """Move along the direction to where the energy is lower: backtracking, and a secant step where it is quadratic.

    Returns:
        False, with the atoms where they were, if no step along the direction lowers the energy.
    """
    start = float(state.scalars["energy"])
    slope = _sum(engine, mobile_forces(state) * state.per_atom["direction"])
    direction = np.abs(state.per_atom["direction"])
    steepest = engine.ranks.max(np.array([float(direction.max()) if len(direction) else 0.0]))[0]
    if not slope > 0.0:
        return False
    longest = alpha = min(1.0, LARGEST_MOVE / steepest)
    at, last_energy, last_slope, last_alpha = 0.0, start, slope, 0.0
    while True:
        at = _move_to(state, engine, alpha, at)
        energy, here = _energy(state, engine), _sum(engine, mobile_forces(state) * state.per_atom["direction"])
        change = here - last_slope
        if abs(here) > 1e-28 and abs(change) > 1e-28:
            foreseen = 0.5 * (alpha - last_alpha) * (here + last_slope) + energy
            error = abs(1.0 - foreseen / last_energy) if last_energy else np.inf
            projected = alpha - (alpha - last_alpha) * here / change
            if error <= QUADRATIC_TOLERANCE and 0.0 < projected < longest:
                at = _move_to(state, engine, projected, at)
                energy = _energy(state, engine)
                if energy - start < SMALLEST_GAIN:
                    return True
        ideal = -SLOPE * alpha * slope
        if energy - start <= ideal:
            return True
        last_energy, last_slope, last_alpha = energy, here, alpha
        alpha *= BACKTRACK
        if ideal >= -SMALLEST_GAIN:
            _move_to(state, engine, 0.0, at)
            return False


def _move_to(state: State, engine: Engine, alpha: float, at: float) -> float:
    """Go on along the direction from `at` to alpha, which is returned; atoms may change ranks on the way."""
    state.positions[: state.n_owned] += (alpha - at) * state.per_atom["direction"]
    engine.evaluate(state)
    return alpha


def fire_init(state: State, engine: Engine, tolerances: Tolerances) -> None:
    at_rest(state, engine, tolerances)
    state.per_atom["fire_velocity"] = np.zeros_like(state.velocities)
    state.scalars.update(fire_mix=np.array(FIRE_MIX), fire_stretch=np.ones(()), fire_downhill=np.zeros(()))


def fire_step(state: State, engine: Engine, dt: float, tolerances: Tolerances) -> None:
    """Velocities are turned towards the forces, time steps grow, and both start again when the way is uphill.

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
        if downhill > FIRE_DELAY:
            longer, mix = min(longer * FIRE_GROW, FIRE_LONGEST), mix * 0.99
    else:
        v, mix, longer, downhill = np.zeros_like(v), FIRE_MIX, max(longer * FIRE_SHRINK, 0.02), 0.0
    v = v + (dt * longer * inverse_masses(state))[:, None] * force
    fastest = engine.ranks.max(np.array([longest(v)]))[0]
    move = min(dt * longer, LARGEST_MOVE / fastest) if fastest > 0.0 else 0.0
    state.per_atom["fire_velocity"] = v
    state.positions[: state.n_owned] += move * v
    engine.evaluate(state)
    state.step += 1
    force, before, energy = mobile_forces(state), float(scalars["energy"]), _energy(state, engine)
    squared = _sum(engine, force * force)
    settled = downhill > FIRE_DELAY  # before that velocities begin, and energies differ by little anywhere
    converged = _is_done(energy, before if settled else np.inf, squared, tolerances)
    scalars.update(
        energy=np.array(energy),
        converged=np.array(float(converged)),
        fire_mix=np.array(mix),
        fire_stretch=np.array(longer),
        fire_downhill=np.array(downhill),
    )


def no_conserved(state: State, engine: Engine, tolerances: Tolerances) -> float:
    return 0.0


def mobile_forces(state: State) -> np.ndarray:
    """(n, 3) eV/Å, zero for frozen atoms."""
    return np.where(state.frozen[:, None], 0.0, state.forces)


def _is_done(energy: float, before: float, force_squared: float, tolerances: Tolerances) -> bool:
    if force_squared < tolerances.force**2 or force_squared == 0.0:
        return True
    scale = 0.5 * (abs(energy) + abs(before) + SMALLEST_ENERGY)
    return np.isfinite(before) and abs(energy - before) < tolerances.energy * scale


def _energy(state: State, engine: Engine) -> float:
    return _sum(engine, state.energies)


def _sum(engine: Engine, values: np.ndarray) -> float:
    return float(engine.ranks.sum(np.array([float(values.sum())]))[0])
