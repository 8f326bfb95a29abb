"""Moment tensor potentials in Numba: atoms of one species side by side in vector lanes, through all three steps.

So sums over neighbours and contractions alike run at the width of the vector unit. Radial functions are polynomials,
cheaper than a table's look-up and exact.

Unit vectors make lower moments traces of higher ones: M_{mu,nu} = sum over x, y, z of the M_{mu,nu+2} with two more
powers of it. So only the two highest ranks of each radial function are summed over neighbours (84 of 130 moments at
level 16). To first order a neighbour's share of the energy is then sum_mu f_mu(r) (P_mu(u) + R_mu(u)), P and R
homogeneous polynomials, whose values follow from their gradients: degree * P = u . grad P.
"""

from __future__ import annotations

from math import factorial, prod

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import contract
from hpcpot.potential.moment_tensor.basis import monomials_of
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.steps import (
    KINDS,
    X,
    Y,
    Z,
    contract_back,
    moments_of,
    most_neighbors,
    powers_of,
    slopes,
    with_factorials,
)
from hpcpot.potential.moments.environment_cpu import environment, scatter
from hpcpot.potential.moments.sets import monomials


class Plan:
    """A basis laid out for the kernels: moments numbered anew, so that those summed over neighbours come first.

    Attributes:
        blocks: (b, 3) int64, radial function, rank and first moment of each set of moments summed over neighbours.
        n_summed: how many these are. n_moments: of all.
        traces: (t, 4) int64, moment 0 = moment 1 + moment 2 + moment 3, in order.
        products: (m, 4) int32, rows a, b, k, factor, and scalars, as in Basis, in these numbers.
        highest: largest rank. factorials: (a,) float64, p! q! k! of the monomials up to that rank, by rank.
    """

    def __init__(self, model: MomentTensor):
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
        self.n_summed = len(number)
        traces = []
        for mu, top, _ in blocks:
            for nu in range(top - 2, -1, -2):
                for a, b, c in monomials_of(nu):
                    number[mu, a, b, c] = len(number)
                    above = ((mu, a + 2, b, c), (mu, a, b + 2, c), (mu, a, b, c + 2))
                    traces.append((number[mu, a, b, c], *(number[key] for key in above)))
        basics = np.array([number[tuple(row)] for row in model.basics.tolist()])
        composite = np.arange(model.basis.n_moments - len(basics)) + len(number)
        renumbered = np.concatenate([basics, composite])
        self.blocks = np.array(blocks, np.int64)
        self.traces = np.array(traces, np.int64).reshape(-1, 4)
        a, b, factor, k = model.products.T
        self.products = np.stack([renumbered[a], renumbered[b], renumbered[k], factor], axis=1).astype(np.int32)
        self.scalars = renumbered[model.scalars]
        self.n_moments = len(number) + len(composite)
        self.highest = int(self.blocks[:, 1].max())
        self.factorials = np.array(
            [prod(map(factorial, powers)) for powers in monomials(self.highest).tolist()], np.float64
        )


def prepare(family: MomentTensor, closest: float, precision: str) -> MomentTensorSteps:
    """The kernels of this module."""
    return MomentTensorSteps(family)


class MomentTensorSteps:
    """Moments, contractions and forces of a moment tensor potential."""

    nbytes = 0

    def __init__(self, family: MomentTensor):
        self.family, self.plan = family, Plan(family)
        self._weights = family.scaling * family.radial
        self._domain = (family.min_distance, 2.0 / (family.cutoff - family.min_distance), family.cutoff)

    def add(
        self,
        positions: np.ndarray,
        pairs: Pairs,
        species: np.ndarray,
        i: int,
        present: int,
        centres: np.ndarray,
        result: contract.Result,
    ) -> None:
        """As Steps.add."""
        family, plan = self.family, self.plan
        env = environment(positions, pairs, species, centres, family.cutoff, None, len(family.elements))
        closest = env.distances.min(initial=np.inf)
        if not closest >= contract.CLOSEST:
            neighbors = [family.elements[t] for t in env.neighbor_species]
            contract.refuse_contact(family.elements[i], neighbors, env.distances)
        energies, g_pc = np.empty(len(centres)), np.empty((len(env.distances), 3))
        by_count = np.argsort(np.diff(env.first), kind="stable")
        evaluate(
            env.first,
            env.neighbor_species,
            env.distances,
            env.directions,
            by_count,
            self._weights[i],
            self._domain,
            plan.highest,
            plan.factorials,
            plan.blocks,
            plan.n_summed,
            plan.traces,
            plan.products,
            plan.scalars,
            plan.n_moments,
            family.coefficients,
            result.forces is not None,
            energies,
            g_pc,
        )
        result.energies[centres] = energies + family.species_energies[i]
        if result.forces is not None:
            scatter(env, g_pc, result.forces, result.virial, result.atom_virials)

    def work(self, i: int, present: int) -> int:
        """As Steps.work."""
        return 1


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def evaluate(
    first,
    kinds,
    r,
    u,
    order,
    weights,
    domain,
    highest,
    factorials,
    blocks,
    n_summed,
    traces,
    products,
    scalars,
    n_moments,
    coefficients,
    forces,
    energies,
    g,
):
    """Energies of the centres and gradients of their pairs, LANES centres at a time."""
    most = most_neighbors(first)
    n_species, functions, _ = weights.shape
    fields = KINDS + n_species + 2 * functions
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega = np.empty((len(factorials), LANES))
    m, b = np.empty((n_moments, LANES)), np.empty((n_moments, LANES))
    total = np.empty((1, LANES))
    for start in range(0, len(order), LANES):
        centres = order[start : start + LANES]
        rows = moments_of(
            first,
            kinds,
            r,
            u,
            centres,
            weights,
            domain,
            highest,
            blocks,
            n_summed,
            traces,
            products,
            held,
            present,
            omega,
            m,
        )
        _energies(m, scalars, coefficients, total)
        for lane in range(len(centres)):
            energies[centres[lane]] = total[0, lane]
        if forces:
            contract_back(m, b, traces, products, scalars, coefficients)
            with_factorials(b, blocks, factorials)
            for q in range(rows):
                powers_of(held, q * fields, highest - 1, omega)
                gx, gy, gz = slopes(held, q * fields, n_species, functions, omega, 0, factorials, blocks, b)
                store(held, q * fields + X, gx)
                store(held, q * fields + Y, gy)
                store(held, q * fields + Z, gz)
            _put_back(first, centres, held, fields, g)


@njit(error_model="numpy")
def _put_back(first, centres, held, fields, g):
    """Gradients of the pairs from the rows X, Y, Z of the neighbours."""
    for lane in range(len(centres)):
        start = first[centres[lane]]
        for q in range(first[centres[lane] + 1] - start):
            for c in range(3):
                g[start + q, c] = held[q * fields + c, lane]


@njit(fastmath=FASTMATH, error_model="numpy")
def _energies(m, scalars, coefficients, total):
    e = splat(0.0)
    for s in range(len(scalars)):
        e = e + coefficients[s] * load(m, scalars[s])
    store(total, 0, e)
