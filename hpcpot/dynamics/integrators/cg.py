"""Minimisation of the energy by conjugate gradients, a step being a line search."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics.controls import Tolerances
from hpcpot.dynamics.engine import Engine
from hpcpot.dynamics.minimise import LARGEST_MOVE, at_rest, is_done, mobile_forces, total, total_energy
from hpcpot.structure.state import State

BACKTRACK, SLOPE = 0.5, 0.4
QUADRATIC_TOLERANCE = 0.1
SMALLEST_GAIN = 1e-8


def init(state: State, engine: Engine, tolerances: Tolerances) -> None:
    """The first direction is the force."""
    at_rest(state, engine, tolerances)
    force = mobile_forces(state)
    state.per_atom.update(direction=force.copy(), last_force=force)
    state.scalars["force_squared"] = total(engine, force * force)


def step(state: State, engine: Engine, dt: float, tolerances: Tolerances) -> None:
    """One line search and the next direction, of Polak and Ribiere, never negative.

    h <- f + max(0, f . (f - f_before) / |f_before|^2) h
    Source: as LAMMPS min_style cg; Nocedal and Wright, Numerical Optimization (2006), section 5.2.
    """
    scalars = state.scalars
    before = float(scalars["energy"])
    found_lower = _line_search(state, engine)
    force, last = mobile_forces(state), state.per_atom["last_force"]
    energy = total_energy(state, engine)
    squared, overlap = engine.ranks.sum(np.array([float(np.vdot(force, force)), float(np.vdot(force, last))]))
    beta = max(0.0, (squared - overlap) / float(scalars["force_squared"])) if scalars["force_squared"] > 0 else 0.0
    state.step += 1
    direction = force + beta * state.per_atom["direction"]
    if total(engine, force * direction) <= 0.0:
        direction = force.copy()
    state.per_atom.update(direction=direction, last_force=force)
    converged = not found_lower or is_done(energy, before, squared, tolerances)
    scalars.update(energy=np.array(energy), force_squared=np.array(squared), converged=np.array(float(converged)))


def _line_search(state: State, engine: Engine) -> bool:
    """Move along the direction to where the energy is lower: backtracking, and a secant step where it is quadratic.

    Returns:
        False, with the atoms where they were, if no step along the direction lowers the energy.
    """
    start = float(state.scalars["energy"])
    slope = total(engine, mobile_forces(state) * state.per_atom["direction"])
    direction = np.abs(state.per_atom["direction"])
    steepest = engine.ranks.max(np.array([float(direction.max()) if len(direction) else 0.0]))[0]
    if not slope > 0.0:
        return False
    longest = alpha = min(1.0, LARGEST_MOVE / steepest)
    at, last_energy, last_slope, last_alpha = 0.0, start, slope, 0.0
    while True:
        at = _move_to(state, engine, alpha, at)
        energy, here = total_energy(state, engine), total(engine, mobile_forces(state) * state.per_atom["direction"])
        change = here - last_slope
        if abs(here) > 1e-28 and abs(change) > 1e-28:
            foreseen = 0.5 * (alpha - last_alpha) * (here + last_slope) + energy
            error = abs(1.0 - foreseen / last_energy) if last_energy else np.inf
            projected = alpha - (alpha - last_alpha) * here / change
            if error <= QUADRATIC_TOLERANCE and 0.0 < projected < longest:
                at = _move_to(state, engine, projected, at)
                energy = total_energy(state, engine)
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


def conserved(state: State, engine: Engine, tolerances: Tolerances) -> float:
    """Nothing is conserved."""
    return 0.0
