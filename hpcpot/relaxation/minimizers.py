"""Minimisers: each moves the rows of many structures by one step from their forces.

A minimiser is its memory, and a function step(coordinates, options) -> moves (rows, 3). Structures do not know of each
other: each follows the path that it would follow alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit
from hpcpot.relaxation.coordinates import MinimizerMemory, RelaxationCoordinates

FIRE_START, FIRE_LONGEST = 0.1, 1.0
FIRE_WAIT, FIRE_FASTER, FIRE_SLOWER = 5, 1.1, 0.5
FIRE_MIXING, FIRE_MIXING_FACTOR = 0.1, 0.99
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
class MinimizerOptions:
    """Parameters of minimisers.

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

    memory: MinimizerMemory
    step: Callable[[RelaxationCoordinates, MinimizerOptions], np.ndarray]


def fire(coordinates: RelaxationCoordinates, options: MinimizerOptions) -> np.ndarray:
    """FIRE: dynamics that turn towards the force, and stop when they go uphill. As ase.optimize.FIRE, move by move."""
    numbers, forces, spread = coordinates.by_structure, coordinates.forces, coordinates.spread
    velocities = coordinates.by_row["velocity"]
    power = coordinates.dot(forces, velocities)
    started, downhill = numbers["started"], power > 0.0
    squares = np.maximum(coordinates.dot(forces, forces), SMALLEST_SQUARE)
    mixing = numbers["mixing"] * np.sqrt(coordinates.dot(velocities, velocities) / squares)
    mixed = spread(1.0 - numbers["mixing"]) * velocities + spread(mixing) * forces
    velocities = np.where(spread(downhill), mixed, 0.0)
    longer = downhill & (numbers["downhill_steps"] > FIRE_WAIT)
    faster = np.minimum(FIRE_FASTER * numbers["time_step"], FIRE_LONGEST)
    numbers["time_step"] = np.where(longer, faster, numbers["time_step"])
    numbers["mixing"] = np.where(longer, FIRE_MIXING_FACTOR * numbers["mixing"], numbers["mixing"])
    numbers["downhill_steps"] = np.where(downhill, numbers["downhill_steps"] + 1, 0)
    uphill = started & ~downhill
    numbers["time_step"] = np.where(uphill, FIRE_SLOWER * numbers["time_step"], numbers["time_step"])
    numbers["mixing"] = np.where(uphill, FIRE_MIXING, numbers["mixing"])
    numbers["started"] = np.ones(len(started), bool)
    velocities += spread(numbers["time_step"]) * forces
    coordinates.by_row["velocity"] = velocities
    moves = spread(numbers["time_step"]) * velocities
    lengths = np.sqrt(coordinates.dot(moves, moves))
    return moves * spread(np.minimum(1.0, options.longest_step / np.maximum(lengths, 1e-30)))


def lbfgs(coordinates: RelaxationCoordinates, options: MinimizerOptions) -> np.ndarray:
    """L-BFGS without a line search: after a rise of the enthalpy it goes back, takes less of the step, and forgets."""
    moves = np.empty_like(coordinates.x)
    present = _Point(coordinates.x, coordinates.forces, coordinates.enthalpies)
    by_row, by_structure = coordinates.by_row, coordinates.by_structure
    last = _Point(by_row["last_x"], by_row["last_forces"], by_structure["last_enthalpy"])
    history = _History(by_row["moves"], by_row["changes"], by_structure["inverse"], by_structure["pairs"])
    _lbfgs(coordinates.first, coordinates.sizes, present, last, history, options.longest_step, options.rise, moves)
    return moves


class _Point(NamedTuple):
    """A point on the path of the structures: x and forces (rows, 3), Å and eV/Å; enthalpies (structures,), eV."""

    x: np.ndarray
    forces: np.ndarray
    enthalpies: np.ndarray


class _History(NamedTuple):
    """The last MEMORY moves s and changes of force y of L-BFGS, in turn.

    Attributes:
        moves, changes: (rows, MEMORY, 3). inverse: (structures, MEMORY), 1 / (s y).
        pairs: (structures,) int64, how many there have been since it last forgot.
    """

    moves: np.ndarray
    changes: np.ndarray
    inverse: np.ndarray
    pairs: np.ndarray


@njit()
def _lbfgs(firsts, sizes, present, last, history, longest, rise, out):
    """Write the moves of all structures into `out` (rows, 3), and the present point into `last`."""
    moves, changes, inverse, pairs = history
    memory = moves.shape[1]
    weights = np.empty(memory)
    for b in range(len(firsts)):
        rows = slice(firsts[b], firsts[b] + sizes[b])
        d = out[rows]
        if present.enthalpies[b] > last.enthalpies[b] + rise * sizes[b]:
            d[:] = (1.0 - RETREAT) * (last.x[rows] - present.x[rows])
            pairs[b] = 0
            continue
        scale = 1.0 / STIFFNESS
        if np.isfinite(last.enthalpies[b]):
            k = pairs[b] % memory
            s, y = moves[rows, k], changes[rows, k]
            s[:], y[:] = present.x[rows] - last.x[rows], last.forces[rows] - present.forces[rows]
            curvature = (s * y).sum()
            if curvature > 1e-8 * (s * s).sum():
                inverse[b, k] = 1.0 / curvature
                pairs[b] += 1
        d[:] = present.forces[rows]
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
        if not (d * present.forces[rows]).sum() > 0.0:
            d[:] = present.forces[rows] / STIFFNESS
            pairs[b] = 0
        longest_move = np.sqrt((d * d).sum(axis=1).max())
        if longest_move > longest:
            d *= longest / longest_move
        last.x[rows], last.forces[rows] = present.x[rows], present.forces[rows]
        last.enthalpies[b] = present.enthalpies[b]


def damped(coordinates: RelaxationCoordinates, options: MinimizerOptions) -> np.ndarray:
    """Damped dynamics: v <- [(1 - mu/2) v + 2 alpha F] / (1 + mu/2), x <- x + v; mu = 2 is steepest descent.

    Atoms move at fixed fractional coordinates of the cell by alpha F, alpha = 0.1 potim Å²/eV; the cell h <- h (1 + e)
    with e = alpha / L² (-V sigma), L³ = V. Components of a step are capped at CAP_MOVE and CAP_STRAIN. Without mu
    ("quench"): v <- F (F v) / (F F) where that is downhill, else 0; then v <- v + alpha F.
    """
    alpha, of_cell, structure = 0.1 * options.potim, coordinates.of_cell, coordinates.structure
    deformations, velocities = coordinates.deformations, coordinates.by_row["velocity"]
    scales = coordinates.scales[:, None, None]
    volumes = np.abs(np.linalg.det(coordinates.cells @ deformations.swapaxes(1, 2)))
    lengths = np.cbrt(volumes)[:, None, None]
    forces = np.einsum("rb,rbc->rc", coordinates.forces, np.linalg.inv(deformations)[structure])
    # With velocities L e of the cell.
    forces[of_cell] = coordinates.forces[of_cell] @ deformations.swapaxes(1, 2) * scales / lengths
    forces -= _drift(coordinates, forces)
    mu = options.smass
    if mu is None:
        squares = np.maximum(coordinates.dot(forces, forces), SMALLEST_SQUARE)
        follow = np.maximum(coordinates.dot(forces, velocities), 0.0) / squares
        velocities = coordinates.spread(follow) * forces + alpha * forces
    else:
        velocities = ((1.0 - 0.5 * mu) * velocities + 2.0 * alpha * forces) / (1.0 + 0.5 * mu)
    caps = np.full((len(velocities), 1), CAP_MOVE)
    caps[of_cell] = CAP_STRAIN * lengths
    capped = np.clip(velocities, -caps, caps)
    is_capped = np.add.reduceat((capped != velocities).any(axis=1), coordinates.first) > 0
    coordinates.by_structure["capped"] += is_capped
    coordinates.by_row["velocity"] = capped
    strained = np.eye(3) + capped[of_cell] / lengths
    after = strained @ deformations
    moves = np.einsum("rb,rbc->rc", capped, np.linalg.inv(after.swapaxes(1, 2))[structure])
    moves[of_cell] = scales * (after - deformations)
    return moves


def _drift(coordinates: RelaxationCoordinates, forces: np.ndarray) -> np.ndarray:
    """The mean force on the atoms of each structure, for each row; 0 for cells, and where any atom is frozen."""
    is_atom = coordinates.is_atom[:, None]
    sums = np.add.reduceat(np.where(is_atom, forces, 0.0), coordinates.first)
    mean = sums / (coordinates.sizes - 3.0)[:, None]
    is_loose = np.logical_and.reduceat(coordinates.free, coordinates.first)
    return np.where(is_atom & coordinates.spread(is_loose), mean[coordinates.structure], 0.0)


VECTOR = np.zeros(3)
MINIMIZERS = {
    "fire": Minimizer(
        MinimizerMemory(
            {"velocity": VECTOR},
            {"time_step": FIRE_START, "mixing": FIRE_MIXING, "downhill_steps": 0, "started": False},
        ),
        fire,
    ),
    "lbfgs": Minimizer(
        MinimizerMemory(
            {"last_x": VECTOR, "last_forces": VECTOR, "moves": np.zeros((MEMORY, 3)), "changes": np.zeros((MEMORY, 3))},
            {"last_enthalpy": np.inf, "inverse": np.zeros(MEMORY), "pairs": 0},
            power=0.5,
        ),
        lbfgs,
    ),
    "damped": Minimizer(MinimizerMemory({"velocity": VECTOR}, {"capped": 0}), damped),
}
"""Minimisers by name; `damped` is the relaxation dynamics of VASP (IBRION=3), with the metric documented above."""
