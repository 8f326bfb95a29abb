"""What the functions of a step compute, counted from their arguments and results: FLOP and bytes.

FLOP are counted in the sources of the loops, a multiply-add as two, a division, root, minimum or comparison as one; what
is done only to fill vectors is not counted. Bytes are those loaded and stored, whichever cache they come from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.deep_potential.cpu import TOGETHER
from hpcpot.potential.moments.sets import Environment

Cost = tuple[float, float]
"""FLOP and bytes."""


def environment(
    env: Environment, positions: np.ndarray, pairs: Pairs, species: np.ndarray, centres: np.ndarray, *_: Any
) -> Cost:
    """A near neighbour: vector and square, stored; one within the cutoff: root, inverse, unit vector, sorted by species."""
    near, kept = int((pairs.first[centres + 1] - pairs.first[centres]).sum()), len(env.distances)
    return 8.0 * near + 5.0 * kept, near * (4 + 24 + 4 + 32) + kept * (2 * 4 + 4 + 32 + 4 + 4 + 8 + 24)


def switch(_: None, bounds: np.ndarray, t: int, r_p: np.ndarray, *rest: Any) -> Cost:
    """The switch with its slope, and the place in the table."""
    count, terms = _between(bounds, t).sum(), rest[4]
    return 42.0 * count, count * (8 + 4 + 5 * terms.itemsize)


def moments(
    _: None, bounds: np.ndarray, t: int, u_pc: Any, terms: Any, interval: Any, nodes: np.ndarray, *rest: Any
) -> Cost:
    """A function of a pair: 11 from the table, 8 into four moments, which are loaded and stored once for TOGETHER pairs."""
    counts, width, size = _between(bounds, t), nodes.shape[2], nodes.itemsize
    pairs, together = counts.sum(), (-(-counts // TOGETHER)).sum()
    return pairs * (19.0 * width + 26.0), pairs * (8 * width * size + 24 + 3 * size + 4) + together * 8 * width * size


def pair_forces(
    _: None, bounds: np.ndarray, t: int, r_p: Any, u_pc: Any, terms: Any, interval: Any, nodes: np.ndarray, *rest: Any
) -> Cost:
    """A function of a pair: 22 for value and slope, 9 along the pair, 8 for the four sums."""
    pairs, width, size = _between(bounds, t).sum(), nodes.shape[2], nodes.itemsize
    return pairs * (39.0 * width + 75.0), pairs * (10 * width * size + 8 + 24 + 5 * size + 4 + 24)


def scatter(_: None, env: Environment, *rest: Any) -> Cost:
    """Forces of both partners, virial."""
    pairs = len(env.distances)
    return 27.0 * pairs, pairs * (4 + 24 + 24 + 8 + 48)


def invariants(
    _: None, a_nak: np.ndarray, offset: int, low: Any, kept_q: np.ndarray, at: int, d_nd: np.ndarray
) -> Cost:
    """An invariant: four products."""
    n, kept = len(a_nak), int(kept_q.sum())
    return 7.0 * n * kept, n * ((4 * kept + 4 * len(kept_q)) * a_nak.itemsize + kept * d_nd.itemsize)


def gradient(
    _: None,
    a_nak: np.ndarray,
    offset: int,
    low: Any,
    kept_q: np.ndarray,
    mask: Any,
    at: int,
    g_nd: np.ndarray,
    *rest: Any,
) -> Cost:
    """An invariant: the mask, and by both of its factors."""
    n, kept, size = len(a_nak), int(kept_q.sum()), a_nak.itemsize
    return 17.0 * n * kept, n * (kept * (g_nd.itemsize + 13 * size) + 12 * len(kept_q) * size)


def tanh(_: None, z: np.ndarray, *rest: Any) -> Cost:
    """readout_cpu.tanh_layer in float64, tanh_layer_32 in float32."""
    return (41.0 if z.dtype == np.float64 else 27.0) * z.size, 3.0 * z.nbytes


def product(_: np.ndarray, a: np.ndarray, b: np.ndarray, **options: Any) -> Cost:
    (n, k), m = a.shape, b.shape[1]
    return 2.0 * n * k * m, (n * k + k * m + n * m) * a.itemsize


def chebyshev(family: Chebyshev, positions: np.ndarray, pairs: Pairs) -> dict[str, Cost]:
    """All atoms once: by phase. Counted from the neighbours within the two cutoffs.

    Radial, a neighbour: f_c and its slope 92; an order 2 for T and 3 for its two sums. Angular, a close neighbour: f_c
    and unit vector 96; a pair of them: cosine and factors 9, an order 5. Forces, an order: recursion 2, and 4 each for value
    and slope; a neighbour 8 more, a pair of close ones 45.
    """
    near, n = len(pairs.neighbors), len(pairs.first) - 1
    r = np.linalg.norm(pairs.vectors(positions), axis=1)
    centre = np.repeat(np.arange(n), np.diff(pairs.first))
    kept = int((r < family.radial_cutoff).sum())
    close = np.bincount(centre[r < family.angular_cutoff], minlength=n)
    couples, close = int((close * (close - 1) // 2).sum()), int(close.sum())
    radial, angular = family.radial_order + 1, family.angular_order + 1
    radial_2, angular_2 = radial + radial % 2, angular + angular % 2  # two orders at a time
    weights = sum(layer.weights.size for layer in family.networks[0])
    hidden = sum(layer.weights.shape[1] for layer in family.networks[0][:-1])
    values = sum(sum(layer.weights.shape) for layer in family.networks[0])
    # Sums: each two orders x, weight and two T are loaded, two T stored; forces: value and slope as well.
    return {
        "environment": (8.0 * near, near * (4 + 24) + near * 5 * 8),
        "descriptors": (
            kept * (92.0 + 5.0 * radial) + 96.0 * close + couples * (9.0 + 5.0 * angular),
            kept * (7 * 8 + radial_2 / 2 * 6 * 8) + close * 16 * 8 + couples * (11 * 8 + angular_2 / 2 * 6 * 8),
        ),
        "network products": (4.0 * n * weights, n * 2 * 8 * values),
        "tanh": (20.0 * n * hidden, n * 3 * 8 * hidden),
        "pair forces": (
            kept * (8.0 + 10.0 * radial_2) + 96.0 * close + couples * (54.0 + 10.0 * angular_2),
            kept * (10 * 8 + radial_2 / 2 * 10 * 8) + close * 16 * 8 + couples * (23 * 8 + angular_2 / 2 * 10 * 8),
        ),
        "scatter": (24.0 * kept, kept * (6 * 8 + 4 + 48)),
    }


def _between(bounds: np.ndarray, t: int) -> np.ndarray:
    return bounds[:, t + 1] - bounds[:, t]
