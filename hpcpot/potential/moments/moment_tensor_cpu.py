"""Moment tensor potentials in Numba: atoms of one species side by side in vector lanes, through all three steps.

So sums over neighbours and contractions alike run at the width of the vector unit. Radial functions are polynomials,
cheaper than a table's look-up and exact.

Unit vectors make lower moments traces of higher ones: M_{mu,nu} = sum over x, y, z of the M_{mu,nu+2} with two more
powers of it. So only the two highest ranks of each radial function are summed over neighbours (84 of 130 moments at
level 16). A neighbour's share of the energy is then sum_mu f_mu(r) (P_mu(u) + R_mu(u)) to first order, P and R homogeneous
polynomials, whose values follow from their gradients: degree * P = u . grad P.
"""

from __future__ import annotations

from math import factorial, prod

import numpy as np

from hpcpot.compiled import njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import base
from hpcpot.potential.moment_tensor import MomentTensor
from hpcpot.potential.moments.environment_cpu import environment, scatter
from hpcpot.potential.moments.lanes import LANES, load, splat, store
from hpcpot.potential.moments.moment_tensor_basis import monomials_of
from hpcpot.potential.moments.sets import monomials

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}

X, Y, Z, R, INVERSE, KINDS = 0, 1, 2, 3, 4, 5
"""Rows of a set of neighbours, one of each atom side by side: unit vector, r, 1 / r; then a row for each species, 1 where
the neighbour is of it; f_mu; f_mu'."""


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
                number[mu, *powers] = len(number)
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
        self.factorials = np.array([prod(map(factorial, powers)) for powers in monomials(self.highest).tolist()], np.float64)


class MomentTensorSteps:
    """Moments, contractions and forces of a moment tensor potential."""

    nbytes = 0

    def __init__(self, family: MomentTensor):
        self.family, self.plan = family, Plan(family)
        self._weights = family.scaling * family.radial
        self._domain = (family.min_distance, 2.0 / (family.cutoff - family.min_distance), family.cutoff)

    def add(
        self, pairs: Pairs, species: np.ndarray, i: int, present: int, centres: np.ndarray, result: base.Result
    ) -> None:
        """As Steps.add."""
        family, plan = self.family, self.plan
        env = environment(pairs, species, centres, family.cutoff, None, len(family.elements))
        closest = env.distances.min(initial=np.inf)
        if not closest >= base.CLOSEST:
            neighbors = [family.elements[t] for t in env.neighbor_species]
            base.refuse_contact(family.elements[i], neighbors, env.distances)
        energies, g_pc = np.empty(len(centres)), np.empty((len(env.distances), 3))
        by_count = np.argsort(np.diff(env.first), kind="stable")
        _block(
            env.first, env.neighbor_species, env.distances, env.directions, by_count, self._weights[i], self._domain,
            plan.highest, plan.factorials, plan.blocks, plan.n_summed, plan.traces, plan.products, plan.scalars,
            plan.n_moments, family.coefficients, result.forces is not None, energies, g_pc,
        )  # fmt: skip
        result.energies[centres] = energies + family.species_energies[i]
        if result.forces is not None:
            scatter(env, g_pc, result.forces, result.virial, result.atom_virials)


@njit(fastmath=FASTMATH, error_model="numpy")
def _block(
    first, kinds, r, u, order, weights, domain, highest, factorials, blocks, n_summed, traces, products, scalars, n_moments,
    coefficients, forces, energies, g,
):  # fmt: skip
    """Energies of the centres and gradients of their pairs, LANES centres at a time."""
    most = 0
    for n in range(len(order)):
        most = max(most, first[n + 1] - first[n])
    n_species, functions, _ = weights.shape
    fields = KINDS + n_species + 2 * functions
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega = np.empty((len(factorials), LANES))
    m, b = np.empty((n_moments, LANES)), np.empty((n_moments, LANES))
    total = np.empty((1, LANES))
    for start in range(0, len(order), LANES):
        centres = order[start : start + LANES]
        rows = first[centres[-1] + 1] - first[centres[-1]]
        _gather(first, kinds, r, u, centres, rows, domain[2], fields, held, present)
        m[:n_summed] = 0.0
        for q in range(rows):
            at = q * fields
            _radial(held, at, present[q], weights, domain)
            _monomials(held, at, highest, omega)
            _sum(held, at + KINDS + n_species, omega, blocks, m)
        _contract(m, traces, products, n_summed)
        _energies(m, scalars, coefficients, total)
        for lane in range(len(centres)):
            energies[centres[lane]] = total[0, lane]
        if forces:
            _contract_back(m, b, traces, products, scalars, coefficients)
            _scale(b, blocks, factorials)
            for q in range(rows):
                _monomials(held, q * fields, highest - 1, omega)
                _slopes(held, q * fields, n_species, functions, omega, factorials, blocks, b)
            _put_back(first, centres, held, fields, g)


@njit(error_model="numpy")
def _gather(first, kinds, r, u, centres, rows, cutoff, fields, held, present):
    """The neighbours of some centres side by side; where one has no more, neighbours of no species."""
    n_species = present.shape[1]
    present[:rows] = False
    for lane in range(LANES):
        count = 0
        if lane < len(centres):
            start = first[centres[lane]]
            count = first[centres[lane] + 1] - start
            for q in range(count):
                p, at = start + q, q * fields
                held[at + X, lane], held[at + Y, lane], held[at + Z, lane] = u[p, 0], u[p, 1], u[p, 2]
                held[at + R, lane], held[at + INVERSE, lane] = r[p], 1.0 / r[p]
                for s in range(n_species):
                    held[at + KINDS + s, lane] = 1.0 if kinds[p] == s else 0.0
                present[q, kinds[p]] = True
        for q in range(count, rows):
            at = q * fields
            for field in range(KINDS + n_species):
                held[at + field, lane] = 0.0
            held[at + R, lane] = cutoff


@njit(error_model="numpy")
def _put_back(first, centres, held, fields, g):
    """Gradients of the pairs from where `_slopes` left them."""
    for lane in range(len(centres)):
        start = first[centres[lane]]
        for q in range(first[centres[lane] + 1] - start):
            for c in range(3):
                g[start + q, c] = held[q * fields + c, lane]


@njit(fastmath=FASTMATH, error_model="numpy")
def _radial(held, at, present, weights, domain):
    """f_mu = (cutoff - r)^2 sum_b w_b T_b(x) and its slope, by Clenshaw's recursion."""
    n_species, functions, size = weights.shape
    low, stretch, cutoff = domain
    r = load(held, at + R)
    x = (r - low) * stretch - 1.0
    x2 = x + x
    left = cutoff - r
    to_f = at + KINDS + n_species
    for mu in range(functions):
        store(held, to_f + mu, splat(0.0))
        store(held, to_f + functions + mu, splat(0.0))
    for s in range(n_species):
        if not present[s]:
            continue
        factor = load(held, at + KINDS + s) * left
        for mu in range(functions):
            c, above = splat(weights[s, mu, size - 1]), splat(0.0)
            d, d_above = splat(0.0), splat(0.0)
            for b in range(size - 2, -1, -1):
                # The last step of the recursion is that of T_0 and T_1, with x in the place of 2 x.
                y = x if b == 0 else x2
                d, d_above = (c + y * d if b == 0 else c + c + y * d) - d_above, d
                c, above = weights[s, mu, b] + y * c - above, c
            store(held, to_f + mu, load(held, to_f + mu) + factor * left * c)
            slope = factor * (d * left * stretch - (c + c))
            store(held, to_f + functions + mu, load(held, to_f + functions + mu) + slope)


@njit(fastmath=FASTMATH, error_model="numpy")
def _monomials(held, at, highest, omega):
    """Monomials of the unit vectors: of each degree x times all of the degree before, y times those without x, z^degree."""
    x, y, z = load(held, at + X), load(held, at + Y), load(held, at + Z)
    store(omega, 0, splat(1.0))
    before, n = 0, 1
    for degree in range(1, highest + 1):
        to = before + n
        for a in range(n):
            store(omega, to + a, load(omega, before + a) * x)
        for a in range(degree):
            store(omega, to + n + a, load(omega, to - degree + a) * y)
        store(omega, to + n + degree, load(omega, to - 1) * z)
        before, n = to, n + degree + 1


@njit(fastmath=FASTMATH, error_model="numpy")
def _sum(held, to_f, omega, blocks, m):
    """Add f_mu omega_a of a set of neighbours to the moments."""
    for k in range(len(blocks)):
        mu, nu, at = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        f = load(held, to_f + mu)
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            store(m, at + a, load(m, at + a) + load(omega, low + a) * f)


@njit(fastmath=FASTMATH, error_model="numpy")
def _scale(b, blocks, factorials):
    """b_a p! q! k!: with monomials divided by their factorials, differentiation brings no factors."""
    for k in range(len(blocks)):
        nu, at = blocks[k, 1], blocks[k, 2]
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            store(b, at + a, load(b, at + a) * factorials[low + a])


@njit(fastmath=FASTMATH, error_model="numpy")
def _slopes(held, at, n_species, functions, omega, factorials, blocks, b):
    """Gradients of the energies with respect to a set of neighbours, into their X, Y, Z."""
    x, y, z, inverse = load(held, at + X), load(held, at + Y), load(held, at + Z), load(held, at + INVERSE)
    along, gx, gy, gz = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    to_f = at + KINDS + n_species
    for k in range(len(blocks)):
        nu, to = blocks[k, 1], blocks[k, 2]
        f, slope = load(held, to_f + blocks[k, 0]), load(held, to_f + functions + blocks[k, 0])
        if nu == 0:
            along = along + slope * load(b, to)
            continue
        sx, sy, sz = splat(0.0), splat(0.0), splat(0.0)
        a, low = 0, (nu - 1) * nu * (nu + 1) // 6
        for behind in range(nu):
            # Monomials of degree nu - 1 with `behind` powers of y and z; the numbers of x, y, z times them are known.
            for _ in range(behind + 1):
                o = load(omega, low + a) * (1.0 / factorials[low + a])
                sx = sx + o * load(b, to + a)
                sy = sy + o * load(b, to + a + behind + 1)
                sz = sz + o * load(b, to + a + behind + 2)
                a += 1
        along = along + slope * (sx * x + sy * y + sz * z) * (1.0 / nu)
        gx, gy, gz = gx + f * sx, gy + f * sy, gz + f * sz
    along = along - (gx * x + gy * y + gz * z) * inverse
    store(held, at + X, along * x + gx * inverse)
    store(held, at + Y, along * y + gy * inverse)
    store(held, at + Z, along * z + gz * inverse)


@njit(fastmath=FASTMATH, error_model="numpy")
def _contract(m, traces, products, n_summed):
    """All moments from those summed over neighbours."""
    m[n_summed + len(traces) :] = 0.0
    for t in range(len(traces)):
        store(m, traces[t, 0], load(m, traces[t, 1]) + load(m, traces[t, 2]) + load(m, traces[t, 3]))
    for t in range(len(products)):
        k = products[t, 2]
        store(m, k, load(m, k) + float(products[t, 3]) * load(m, products[t, 0]) * load(m, products[t, 1]))


@njit(fastmath=FASTMATH, error_model="numpy")
def _energies(m, scalars, coefficients, total):
    e = splat(0.0)
    for s in range(len(scalars)):
        e = e + coefficients[s] * load(m, scalars[s])
    store(total, 0, e)


@njit(fastmath=FASTMATH, error_model="numpy")
def _contract_back(m, b, traces, products, scalars, coefficients):
    """Gradients b of the energies with respect to all moments."""
    b[:] = 0.0
    for s in range(len(scalars)):
        store(b, scalars[s], load(b, scalars[s]) + coefficients[s])
    for t in range(len(products) - 1, -1, -1):
        i, j = products[t, 0], products[t, 1]
        g = float(products[t, 3]) * load(b, products[t, 2])
        store(b, i, load(b, i) + g * load(m, j))
        store(b, j, load(b, j) + g * load(m, i))
    for t in range(len(traces) - 1, -1, -1):
        g = load(b, traces[t, 0])
        for c in range(1, 4):
            store(b, traces[t, c], load(b, traces[t, c]) + g)
