"""Radial functions on a uniform grid in r: quintic Hermite nodes (value, first, second derivative)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.errors import ModelError
from hpcpot.potential.moments.sets import Curves

SPACINGS = (0.08, 0.04, 0.02, 0.01, 0.005, 0.0025)
"""Å, tried from the widest on: a small table stays in cache."""

TOLERANCE = 1.0e-7
"""Largest error of tabulated functions and of their slopes * 1 Å, relative to the range of the largest of a group."""


def build(
    groups: list[Callable[[np.ndarray], Curves]],
    closest: float,
    cutoff: float,
    knot: float | None,
    tolerance: float = TOLERANCE,
) -> tuple[np.ndarray, float, float]:
    """Nodes of the widest grid that reproduces all functions to the tolerance, its start and its spacing.

    The error is measured at the middle and the quarters of each interval, against the exact functions; below 1 Å,
    where functions of 1/r grow without bound, relative to the size of the value there.

    Args:
        groups: each r (points,) -> value, first and second derivative (points, functions).
        closest, cutoff: Å, what the table must span; it ends at the cutoff.
        knot: Å, where a third derivative jumps; a node is put there. None for nowhere.
    Returns:
        nodes (k, 3, functions of all groups) float64: value, first * h, second * h^2; start, Å, <= closest;
        spacing h, Å, start + (k - 1) h = cutoff.
    Raises:
        ModelError: the finest grid misses the tolerance.
    """
    whole = cutoff - (closest if knot is None or not closest < knot < cutoff else knot)
    for spacing in SPACINGS:
        step = whole / np.ceil(whole / spacing)
        intervals = int(np.ceil((cutoff - closest) / step - 1e-9))
        start = cutoff - intervals * step
        r = np.linspace(start, cutoff, intervals + 1)
        nodes = []
        for curves in groups:
            value, first, second = curves(r)
            nodes.append(np.stack([value, first * step, second * step * step], axis=1))
            error = _error(nodes[-1], step, start, curves)
            if not error < tolerance:
                break
        else:
            return np.concatenate(nodes, axis=2), start, step
    raise ModelError(
        f"radial functions = error {error:.1e} in a table of {step:.4f} Å: must be below {tolerance:g}; the model's functions "
        "vary too fast for tables, so use potential.kernels: reference."
    )


def _error(nodes: np.ndarray, step: float, closest: float, curves: Callable[[np.ndarray], Curves]) -> float:
    left = closest + step * np.arange(len(nodes) - 1)
    worst = 0.0
    for t in (0.25, 0.5, 0.75):
        value, slope, _ = curves(left + t * step)
        got, got_slope = interpolate(nodes[:-1], nodes[1:], t, step)
        span = np.ptp(value[left >= min(1.0, left[-1])], axis=0).max() + 1e-300
        value_scale, slope_scale = (np.maximum(span, np.abs(f)) for f in (value, slope))
        worst = max(worst, np.max(np.abs(got - value) / value_scale), np.max(np.abs(got_slope - slope) / slope_scale))
    return worst


def interpolate(left: np.ndarray, right: np.ndarray, t: float, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope at fraction t of the intervals between the nodes left and right, (..., 3, functions) each."""
    nodes = np.concatenate([left, right], axis=-2)
    return np.einsum("k,...kc->...c", basis(t), nodes), np.einsum("k,...kc->...c", basis_slope(t), nodes) / step


def basis(t: float) -> np.ndarray:
    """Quintic Hermite basis for (y0, h y0', h^2 y0'', y1, h y1', h^2 y1'') at t in [0, 1]: (6,)."""
    t2, t3 = t * t, t**3
    s = t3 * (10.0 - 15.0 * t + 6.0 * t2)
    return np.array(
        [
            1.0 - s,
            t - t3 * (6.0 - 8.0 * t + 3.0 * t2),
            0.5 * (t2 - t3 * (3.0 - 3.0 * t + t2)),
            s,
            t3 * (-4.0 + 7.0 * t - 3.0 * t2),
            0.5 * t3 * (1.0 - 2.0 * t + t2),
        ]
    )


def basis_slope(t: float) -> np.ndarray:
    """Derivative of `basis` with respect to t: (6,)."""
    t2 = t * t
    s = 30.0 * t2 * (1.0 - 2.0 * t + t2)
    return np.array(
        [
            -s,
            1.0 - t2 * (18.0 - 32.0 * t + 15.0 * t2),
            t - 0.5 * t2 * (9.0 - 12.0 * t + 5.0 * t2),
            s,
            t2 * (-12.0 + 28.0 * t - 15.0 * t2),
            0.5 * t2 * (3.0 - 8.0 * t + 5.0 * t2),
        ]
    )


@njit(fastmath=FASTMATH, inline="always")
def hermite(t):
    """`basis` as scalars, for compiled loops."""
    t2 = t * t
    t3 = t2 * t
    s = t3 * (10.0 - 15.0 * t + 6.0 * t2)
    return (
        1.0 - s,
        t - t3 * (6.0 - 8.0 * t + 3.0 * t2),
        0.5 * (t2 - t3 * (3.0 - 3.0 * t + t2)),
        s,
        t3 * (-4.0 + 7.0 * t - 3.0 * t2),
        0.5 * t3 * (1.0 - 2.0 * t + t2),
    )


@njit(fastmath=FASTMATH, inline="always")
def hermite_slope(t):
    """`basis_slope` as scalars."""
    t2 = t * t
    s = 30.0 * t2 * (1.0 - 2.0 * t + t2)
    return (
        -s,
        1.0 - t2 * (18.0 - 32.0 * t + 15.0 * t2),
        t - 0.5 * t2 * (9.0 - 12.0 * t + 5.0 * t2),
        s,
        t2 * (-12.0 + 28.0 * t - 15.0 * t2),
        0.5 * t2 * (3.0 - 8.0 * t + 5.0 * t2),
    )
