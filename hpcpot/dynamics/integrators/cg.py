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
    """Take the force as the first direction."""
    at_rest(state, engine, tolerances)
    force = mobile_forces(state)
    state.per_atom.update(direction=force.copy(), last_force=force)
    state.scalars["force_squared"] = total(engine, force * force)


def step(state: State, engine: Engine, dt: float, tolerances: Tolerances) -> None:
    """Do a line search and choose the next direction, by Polak and Ribiere with beta >= 0.

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
    moved, last_energy, last_slope, last_alpha = 0.0, start, slope, 0.0
    while True:
        moved = _move_to(state, engine, alpha, moved)
        energy, present_slope = (
            total_energy(state, engine),
            total(engine, mobile_forces(state) * state.per_atom["direction"]),
        )
        change = present_slope - last_slope
        if abs(present_slope) > 1e-28 and abs(change) > 1e-28:
            predicted = 0.5 * (alpha - last_alpha) * (present_slope + last_slope) + energy
            error = abs(1.0 - predicted / last_energy) if last_energy else np.inf
            projected = alpha - (alpha - last_alpha) * present_slope / change
            if error <= QUADRATIC_TOLERANCE and 0.0 < projected < longest:
                moved = _move_to(state, engine, projected, moved)
                energy = total_energy(state, engine)
                if energy - start < SMALLEST_GAIN:
                    return True
        ideal = -SLOPE * alpha * slope
        if energy - start <= ideal:
            return True
        last_energy, last_slope, last_alpha = energy, present_slope, alpha
        alpha *= BACKTRACK
        if ideal >= -SMALLEST_GAIN:
            _move_to(state, engine, 0.0, moved)
            return False


def _move_to(state: State, engine: Engine, alpha: float, moved: float) -> float:
    """Move along the direction from `moved` to alpha, which is returned; atoms may change ranks on the way."""
    state.positions[: state.n_owned] += (alpha - moved) * state.per_atom["direction"]
    engine.evaluate(state)
    return alpha


def conserved(state: State, engine: Engine, tolerances: Tolerances) -> float:
    """Contribution to the conserved energy: none."""
    return 0.0
