"""Arguments of the compiled kernels of moment tensor potentials: basis, radial functions, neighbours."""

from __future__ import annotations

from math import factorial, prod
from typing import NamedTuple

import numpy as np

from hpcpot.potential.moment_tensor.basis import monomials_of
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moments.sets import Environment, monomials


class Layout(NamedTuple):
    """A basis laid out for the kernels: moments numbered anew, so that those summed over neighbours come first.

    Attributes:
        blocks: (b, 3) int64, radial function, rank and first moment of each set of moments summed over neighbours.
        n_summed: how many these are. n_moments: of all.
        traces: (t, 4) int64, moment 0 = moment 1 + moment 2 + moment 3, in order.
        products: (m, 4) int32, rows a, b, k, factor, and scalars, as in Basis, in these numbers.
        highest: largest rank. factorials: (a,) float64, p! q! k! of the monomials up to that rank, by rank.
    """

    blocks: np.ndarray
    n_summed: int
    n_moments: int
    traces: np.ndarray
    products: np.ndarray
    scalars: np.ndarray
    highest: int
    factorials: np.ndarray


class RadialFunctions(NamedTuple):
    """f_mu of the centres of one species: (cutoff - r)^2 sum_b weights T_b(x), x = (r - low) stretch - 1.

    Attributes:
        weights: (species, mu, b) float64, by neighbour species. low, cutoff: Å. stretch: 1/Å.
    """

    weights: np.ndarray
    low: float
    stretch: float
    cutoff: float


class Neighbors(NamedTuple):
    """The neighbours of the centres of one species.

    Attributes:
        first, kinds, distances, directions: as first, neighbor_species, ... of moments.sets.Environment.
        order: (n,) int64, centres by their number of neighbours, some or all.
    """

    first: np.ndarray
    kinds: np.ndarray
    distances: np.ndarray
    directions: np.ndarray
    order: np.ndarray


def layout(model: MomentTensor) -> Layout:
    """Lay out the basis of a model."""
    ranks: dict[tuple[int, int], int] = {}
    for mu, *powers in model.basics.tolist():
        nu = sum(powers)
        ranks[mu, nu % 2] = max(nu, ranks.get((mu, nu % 2), 0))
    number: dict[tuple[int, ...], int] = {}
    blocks = []
    for (mu, _), nu in sorted(ranks.items()):
        blocks.append((mu, nu, len(number)))
        for powers in monomials_of(nu):
            number[(mu, *powers)] = len(number)
    n_summed, traces = len(number), []
    for mu, top, _ in blocks:
        for nu in range(top - 2, -1, -2):
            for a, b, c in monomials_of(nu):
                number[mu, a, b, c] = len(number)
                above = ((mu, a + 2, b, c), (mu, a, b + 2, c), (mu, a, b, c + 2))
                traces.append((number[mu, a, b, c], *(number[key] for key in above)))
    basics = np.array([number[tuple(row)] for row in model.basics.tolist()])
    composite = np.arange(model.basis.n_moments - len(basics)) + len(number)
    renumbered = np.concatenate([basics, composite])
    a, b, factor, k = model.products.T
    highest = max(nu for _, nu, _ in blocks)
    return Layout(
        blocks=np.array(blocks, np.int64),
        n_summed=n_summed,
        n_moments=len(number) + len(composite),
        traces=np.array(traces, np.int64).reshape(-1, 4),
        products=np.stack([renumbered[a], renumbered[b], renumbered[k], factor], axis=1).astype(np.int32),
        scalars=renumbered[model.scalars],
        highest=highest,
        factorials=np.array([prod(map(factorial, powers)) for powers in monomials(highest).tolist()], np.float64),
    )


def radial_functions(model: MomentTensor, i: int) -> RadialFunctions:
    """Radial functions of the centres of species i."""
    stretch = 2.0 / (model.cutoff - model.min_distance)
    return RadialFunctions(model.scaling * model.radial[i], float(model.min_distance), stretch, float(model.cutoff))


def neighbors_of(env: Environment) -> Neighbors:
    """Neighbours of an environment."""
    order = np.argsort(np.diff(env.first), kind="stable")
    return Neighbors(env.first, env.neighbor_species, env.distances, env.directions, order)
