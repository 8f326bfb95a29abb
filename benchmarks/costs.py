"""What the functions of a step compute, counted from their arguments and results: FLOP and bytes.

FLOP are counted in the sources of the loops, a multiply-add as two, a division, root, minimum or comparison as one; what
is done only to fill vectors is not counted. Bytes are those loaded and stored, whichever cache they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.deep_potential.cpu import TOGETHER
from hpcpot.potential.moment_tensor.cpu import is_straight
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.program import ContractionProgram, Reduced, slopes
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


PAIR, SHARE = 16, 30
"""FLOP of a pair: its geometry; its share of forces and virial."""


def sweep(family: Chebyshev | MomentTensor, positions: np.ndarray, pairs: Pairs) -> dict[str, float]:
    """FLOP of all atoms once, by phase, of a family that is computed in one pass.

    Counted from the neighbours within the cutoffs; a division, a root or a rounding counts as one.
    """
    within, candidates = int((_distances(positions, pairs) < family.cutoff).sum()), len(pairs.neighbors)
    own = _chebyshev if isinstance(family, Chebyshev) else _moment_tensor
    flop = own(family, positions, pairs, within)
    return {"gather": 8.0 * candidates + PAIR * within, **flop, "scatter": float(SHARE * within)}


def tape_operations(code: Sequence[tuple]) -> int:
    """Additions and multiplications of a straight-line program."""
    return sum(kind in ("add", "sub", "mul") for kind, *_ in code)


def _moment_tensor(family: MomentTensor, positions: np.ndarray, pairs: Pairs, within: int) -> dict[str, float]:
    functions, size = family.radial.shape[2:]
    reduced, n = Reduced.of(family.basis), len(pairs.first) - 1
    contraction = 8 * len(family.products) + 3 * len(family.scalars)
    if is_straight(family.basis):
        contraction = tape_operations(ContractionProgram(family.basis).tape.code)
    return {
        "radial functions": within * (functions * (4.0 * (size - 1) + 5) + 7),
        "sums over neighbours": within * 2.0 * len(reduced),
        "contraction": float(n * contraction),
        "gradients of pairs": float(within * tape_operations(slopes(reduced).code)),
    }


def _chebyshev(family: Chebyshev, positions: np.ndarray, pairs: Pairs, within: int) -> dict[str, float]:
    """Of all phases but the geometry.

    A cutoff function and its slope 44; an order of a sum 3, plain and weighted 5, of both series 5, weighted 9; a pair of
    close neighbours 9 and 30 more, a close neighbour 20 more; an activation and its slope 42.
    """
    n = len(pairs.first) - 1
    centre = np.repeat(np.arange(n), np.diff(pairs.first))
    close = np.bincount(centre[_distances(positions, pairs) < family.angular_cutoff], minlength=n)
    couples = int((close * (close - 1) // 2).sum())
    radial, angular = family.radial_order + 1, family.angular_order + 1
    weights = sum(layer.weights.size for layer in family.networks[0])
    hidden = sum(layer.weights.shape[1] for layer in family.networks[0][:-1])
    return {
        "close neighbours": 44.0 * float(close.sum()),
        "radial sums": within * (44.0 + 3.0 * radial),
        "angular sums": couples * (9.0 + 5.0 * angular),
        "network": n * (4.0 * weights + 42.0 * hidden),
        "radial gradients": within * (8.0 + 5.0 * radial),
        "angular gradients": 20.0 * close.sum() + couples * (30.0 + 9.0 * angular),
    }


def _distances(positions: np.ndarray, pairs: Pairs) -> np.ndarray:
    return np.linalg.norm(pairs.vectors(positions), axis=1)


def _between(bounds: np.ndarray, t: int) -> np.ndarray:
    return bounds[:, t + 1] - bounds[:, t]
