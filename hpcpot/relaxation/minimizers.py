"""Minimisers: each moves the rows of many structures by one step from their forces.

A minimiser is the numbers that it keeps, with their start, and a function step(rows, options) -> moves (rows, 3).
Structures do not know of each other: each follows the path that it would follow alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.relaxation.rows import Kept, Rows

FIRE_START, FIRE_LONGEST, FIRE_WAIT, FIRE_FASTER, FIRE_SLOWER, FIRE_MIXING, FIRE_MIXING_FACTOR = (
    0.1,
    1.0,
    5,
    1.1,
    0.5,
    0.1,
    0.99,
)
"""Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006); the time steps are those of ASE."""

MEMORY = 20
"""Pairs of moves and changes of force that L-BFGS remembers."""
STIFFNESS = 70.0
"""eV/Å², of the first step of L-BFGS; that of ASE."""
RISE = {"float64": 1.0e-9, "mixed": 3.0e-7}
"""eV per row, above the round-off of a potential of that precision; more makes L-BFGS go back."""
RETREAT = 0.25
"""Part of the last step that is left after going back."""

SMALLEST_SQUARE = 1.0e-300

CAP_MOVE, CAP_STRAIN = 0.2, 0.02
"""Å and 1, largest component of a step of the damped dynamics."""


@dataclass(frozen=True)
class Options:
    """What minimisers may be told.

    Attributes:
        longest_step: Å: of FIRE the length of the whole step, of L-BFGS the longest move of an atom.
        potim: of the damped dynamics: atoms move by 0.1 potim Å²/eV times their force.
        smass: friction of the damped dynamics, 2 is steepest descent; None: velocities follow the forces (quench).
        rise: eV per row, of the enthalpy, after which L-BFGS goes back.
    """

    longest_step: float = 0.2
    potim: float = 0.4
    smass: float | None = 2.0
    rise: float = RISE["float64"]


@dataclass(frozen=True)
class Minimizer:
    """One row of MINIMIZERS."""

    kept: Kept
    step: Callable[[Rows, Options], np.ndarray]


def fire(rows: Rows, options: Options) -> np.ndarray:
    """FIRE: dynamics that turn towards the force, and stop when they go uphill. As ase.optimize.FIRE, move by move."""
    one, forces = rows.by_structure, rows.forces
    velocities = rows.by_row["velocity"]
    power = rows.dot(forces, velocities)
    started, downhill = one["started"], power > 0.0
    squares = np.maximum(rows.dot(forces, forces), SMALLEST_SQUARE)
    mixing = one["mixing"] * np.sqrt(rows.dot(velocities, velocities) / squares)
    mixed = rows.spread(1.0 - one["mixing"]) * velocities + rows.spread(mixing) * forces
    velocities = np.where(rows.spread(downhill), mixed, 0.0)
    longer = downhill & (one["downhill_steps"] > FIRE_WAIT)
    one["time_step"] = np.where(longer, np.minimum(FIRE_FASTER * one["time_step"], FIRE_LONGEST), one["time_step"])
    one["mixing"] = np.where(longer, FIRE_MIXING_FACTOR * one["mixing"], one["mixing"])
    one["downhill_steps"] = np.where(downhill, one["downhill_steps"] + 1, 0)
    uphill = started & ~downhill
    one["time_step"] = np.where(uphill, FIRE_SLOWER * one["time_step"], one["time_step"])
    one["mixing"] = np.where(uphill, FIRE_MIXING, one["mixing"])
    one["started"] = np.ones(len(started), bool)
    velocities += rows.spread(one["time_step"]) * forces
    rows.by_row["velocity"] = velocities
    moves = rows.spread(one["time_step"]) * velocities
    lengths = np.sqrt(rows.dot(moves, moves))
    return moves * rows.spread(np.minimum(1.0, options.longest_step / np.maximum(lengths, 1e-30)))


def lbfgs(rows: Rows, options: Options) -> np.ndarray:
    """L-BFGS without a line search: after a rise of the enthalpy it goes back, takes less of the step, and forgets."""
    moves, one = np.empty_like(rows.x), rows.by_structure
    _lbfgs(
        rows.first,
        rows.sizes,
        rows.x,
        rows.forces,
        rows.enthalpies,
        rows.by_row["last_x"],
        rows.by_row["last_forces"],
        one["last_enthalpy"],
        rows.by_row["moves"],
        rows.by_row["changes"],
        one["inverse"],
        one["pairs"],
        options.longest_step,
        options.rise,
        moves,
    )
    return moves


@njit()
def _lbfgs(
    firsts,
    sizes,
    x,
    forces,
    enthalpies,
    last_x,
    last_forces,
    last_enthalpy,
    moves,
    changes,
    inverse,
    pairs,
    longest,
    rise,
    out,
):
    memory = moves.shape[1]
    weights = np.empty(memory)
    for b in range(len(firsts)):
        rows = slice(firsts[b], firsts[b] + sizes[b])
        d = out[rows]
        if enthalpies[b] > last_enthalpy[b] + rise * sizes[b]:
            d[:] = (1.0 - RETREAT) * (last_x[rows] - x[rows])
            pairs[b] = 0
            continue
        scale = 1.0 / STIFFNESS
        if np.isfinite(last_enthalpy[b]):
            k = pairs[b] % memory
            s, y = moves[rows, k], changes[rows, k]
            s[:], y[:] = x[rows] - last_x[rows], last_forces[rows] - forces[rows]
            curvature = (s * y).sum()
            if curvature > 1e-8 * (s * s).sum():
                inverse[b, k] = 1.0 / curvature
                pairs[b] += 1
        d[:] = forces[rows]
        known = min(pairs[b], memory)
        for back in range(known):
            k = (pairs[b] - 1 - back) % memory
            weights[k] = inverse[b, k] * (moves[rows, k] * d).sum()
            d -= weights[k] * changes[rows, k]
        if known > 0:
            k = (pairs[b] - 1) % memory
            scale = 1.0 / (inverse[b, k] * (changes[rows, k] ** 2).sum())
        d *= scale
        for forth in range(known):
            k = (pairs[b] - known + forth) % memory
            d += (weights[k] - inverse[b, k] * (changes[rows, k] * d).sum()) * moves[rows, k]
        if not (d * forces[rows]).sum() > 0.0:
            d[:] = forces[rows] / STIFFNESS
            pairs[b] = 0
        longest_move = np.sqrt((d * d).sum(axis=1).max())
        if longest_move > longest:
            d *= longest / longest_move
        last_x[rows], last_forces[rows], last_enthalpy[b] = x[rows], forces[rows], enthalpies[b]


def damped(rows: Rows, options: Options) -> np.ndarray:
    """Damped dynamics: v <- [(1 - mu/2) v + 2 alpha F] / (1 + mu/2), x <- x + v; mu = 2 is steepest descent.

    Atoms move at fixed fractional coordinates of the cell by alpha F, alpha = 0.1 potim Å²/eV; the cell h <- h (1 + e)
    with e = alpha / L² (-V sigma), L³ = V. Components of a step are capped at CAP_MOVE and CAP_STRAIN. Without mu
    ("quench"): v <- F (F v) / (F F) where that is downhill, else 0; then v <- v + alpha F.
    """
    one, alpha, of_cell = rows.by_structure, 0.1 * options.potim, rows.of_cell
    deformations, velocities = rows.deformations, rows.by_row["velocity"]
    scales = rows.scales[:, None, None]
    volumes = np.abs(np.linalg.det(rows.cells @ deformations.swapaxes(1, 2)))
    lengths = np.cbrt(volumes)[:, None, None]
    forces = np.einsum("rb,rbc->rc", rows.forces, np.linalg.inv(deformations)[rows.structure])
    forces[of_cell] = rows.forces[of_cell] @ deformations.swapaxes(1, 2) * scales / lengths  # with velocities L e
    forces -= _drift(rows, forces)
    mu = options.smass
    if mu is None:
        follow = np.maximum(rows.dot(forces, velocities), 0.0) / np.maximum(rows.dot(forces, forces), SMALLEST_SQUARE)
        velocities = rows.spread(follow) * forces + alpha * forces
    else:
        velocities = ((1.0 - 0.5 * mu) * velocities + 2.0 * alpha * forces) / (1.0 + 0.5 * mu)
    caps = np.full((len(velocities), 1), CAP_MOVE)
    caps[of_cell] = CAP_STRAIN * lengths
    capped = np.clip(velocities, -caps, caps)
    one["capped"] += np.add.reduceat((capped != velocities).any(axis=1), rows.first) > 0
    rows.by_row["velocity"] = capped
    strained = np.eye(3) + capped[of_cell] / lengths
    after = strained @ deformations
    moves = np.einsum("rb,rbc->rc", capped, np.linalg.inv(after.swapaxes(1, 2))[rows.structure])
    moves[of_cell] = scales * (after - deformations)
    return moves


def _drift(rows: Rows, forces: np.ndarray) -> np.ndarray:
    """The mean force on the atoms of each structure, for each row; 0 for cells, and where any atom is frozen."""
    is_atom = rows.is_atom[:, None]
    mean = np.add.reduceat(np.where(is_atom, forces, 0.0), rows.first) / (rows.sizes - 3.0)[:, None]
    loose = np.logical_and.reduceat(rows.free, rows.first)
    return np.where(is_atom & rows.spread(loose), mean[rows.structure], 0.0)


VECTOR = np.zeros(3)
MINIMIZERS = {
    "fire": Minimizer(
        Kept(
            {"velocity": VECTOR},
            {"time_step": FIRE_START, "mixing": FIRE_MIXING, "downhill_steps": 0, "started": False},
        ),
        fire,
    ),
    "lbfgs": Minimizer(
        Kept(
            {"last_x": VECTOR, "last_forces": VECTOR, "moves": np.zeros((MEMORY, 3)), "changes": np.zeros((MEMORY, 3))},
            {"last_enthalpy": np.inf, "inverse": np.zeros(MEMORY), "pairs": 0},
            power=0.5,
        ),
        lbfgs,
    ),
    "damped": Minimizer(Kept({"velocity": VECTOR}, {"capped": 0}), damped),
}
"""By name; `damped` is the relaxation dynamics of VASP (IBRION=3), with the metric documented above."""
