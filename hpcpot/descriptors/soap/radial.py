"""Radial functions of SOAP: overlaps of a neighbour's Gaussian with orthonormal combinations of Gaussians.

With alpha = 1 / (2 sigma^2), Gaussians around r_a = a R / n_max (a < n_max, R = reach + sigma sqrt(20 ln 10)) and the
modified spherical Bessel functions i_l of the first kind,

    g_nl(r) = sum_a T_na exp(-alpha (r^2 + r_a^2)) i_l(2 alpha r r_a),   T = L^T C^-1,   C_ab = exp(-alpha (r_a - r_b)^2)

where S = L L^T are the overlaps of the Gaussians over all space. Constant factors drop out of vectors of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import erf, ive

from hpcpot.errors import ConfigError
from hpcpot.potential.moments.sets import Curves

NODES = 20
"""Intervals of a table in a length sigma: the functions are then right to 1e-11 of the largest."""

WORST = 1e9
"""Condition of C up to which the vectors are right to about 1e-10."""


@dataclass(frozen=True)
class Table:
    """The radial functions as quintic Hermite polynomials.

    Attributes:
        nodes: (k, 3, l_max + 1, n_max) float64: g_nl(r) / (2 l + 1)^(1/4), its slope * step and curvature * step^2 at
            r = 0, step, 2 step, ...
        step, reach, width: Å; the last node is at the reach or beyond it.
        centre: (n_max,) float64, g_n0(0) times the weight of the atom itself.
    """

    nodes: np.ndarray
    step: float
    reach: float
    width: float
    centre: np.ndarray


def tabulate(n_max: int, l_max: int, reach: float, width: float, sigma: float, central_weight: float) -> Table:
    """Table of the functions without the taper, which is not smooth."""
    intervals = int(np.ceil(reach * NODES / sigma))
    step = reach / intervals
    value, slope, bend = functions(step * np.arange(intervals + 1), n_max, l_max, reach, sigma)
    nodes = np.stack([value, slope * step, bend * step * step], axis=1)
    nodes /= (2.0 * np.arange(l_max + 1)[:, None] + 1.0) ** 0.25
    return Table(nodes, step, reach, width, central_weight * value[0, 0])


def functions(r: np.ndarray, n_max: int, l_max: int, reach: float, sigma: float) -> Curves:
    """Value, first and second derivative of g_nl, each (points, l_max + 1, n_max) float64; r: (points,) Å."""
    alpha = 0.5 / sigma**2
    centres = _centres(n_max, reach, sigma)
    r = r[:, None, None]
    x = np.maximum(2.0 * alpha * r * centres, 1e-30)  # at 0 the limits come out
    degree = np.arange(l_max + 3)[:, None]
    # exp(-x) i_l(x), which does not overflow, is what scipy's ive holds.
    value = np.sqrt(0.5 * np.pi / x) * ive(degree + 0.5, x) * np.exp(-alpha * (r - centres) ** 2)
    slope = _slopes(value, 2.0 * alpha * centres) - 2.0 * alpha * r * value[:, :-1]
    bend = _slopes(slope, 2.0 * alpha * centres) - 2.0 * alpha * (value[:, :-2] + r * slope[:, :-1])
    weights = transform(n_max, reach, sigma).T
    return value[:, : l_max + 1] @ weights, slope[:, : l_max + 1] @ weights, bend @ weights


def _slopes(value: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Derivative through i_l alone, i_l' = (l i_(l-1) + (l + 1) i_(l+1)) / (2 l + 1), of all degrees but the last."""
    degree = np.arange(value.shape[1] - 1)[:, None]
    below = np.concatenate([value[:, :1], value[:, :-2]], axis=1)
    return factor * (degree * below + (degree + 1) * value[:, 1:]) / (2 * degree + 1)


def transform(n_max: int, reach: float, sigma: float) -> np.ndarray:
    """T, (n_max, n_max) float64.

    Raises:
        ConfigError: Gaussians so near each other that they cannot be told apart.
    """
    alpha = 0.5 / sigma**2
    centres = _centres(n_max, reach, sigma)
    plus, minus = centres[:, None] + centres, centres[:, None] - centres
    near = np.exp(-alpha * minus**2)
    condition = np.linalg.cond(near)
    if condition > WORST:
        raise ConfigError(
            f"n_max of SOAP = {n_max} radial functions within {reach:g} Å: must be as far apart as sigma, {sigma:g} Å, tells "
            "apart; take fewer, or a smaller sigma."
        )
    squares = centres[:, None] ** 2 + centres**2
    overlaps = np.sqrt(2.0) * alpha**1.5 * plus * np.exp(-alpha * squares)
    overlaps += (alpha * np.sqrt(np.pi) * np.exp(-0.5 * alpha * minus**2) * (1.0 + alpha * plus**2)) * (
        1.0 + erf(np.sqrt(0.5 * alpha) * plus)
    )
    return np.linalg.cholesky(overlaps / np.sqrt(128.0 * alpha**5)).T @ np.linalg.inv(near)


def taper(r: np.ndarray, reach: float, width: float) -> np.ndarray:
    """f: 1 up to reach - width, then half a cosine wave, 0 from the reach on."""
    return 0.5 * (1.0 + np.cos(np.pi * np.clip((r - reach) / width + 1.0, 0.0, 1.0)))


def _centres(n_max: int, reach: float, sigma: float) -> np.ndarray:
    return np.arange(n_max) * (reach + sigma * np.sqrt(20.0 * np.log(10.0))) / n_max
