"""Derivatives of atomic energies with respect to the parameters of a moment tensor potential, LANES atoms side by side.

With b = dE_i/dM, dE_i/df_mu(r_j) = sum_a b_mu,a omega_a(u_j), and the radial functions are linear in their
coefficients; the derivative with respect to the coefficient of a basis function is its value.
"""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.cpu import Plan
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.steps import KINDS, R, contract_back, moments_of, most_neighbors, powers_of
from hpcpot.potential.moments.environment_cpu import environment


class ParameterRows:
    """dE_i/dparameters of atoms.

    Attributes:
        size: parameters: the radial coefficients, the coefficients of the basis, the energies of the species.
    """

    def __init__(self, family: MomentTensor):
        self.family, self._plan = family, Plan(family)
        self.size = family.radial.size + len(family.coefficients) + len(family.elements)

    def of(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Rows (centres, size) float64 of some centres (n,) int32, of any species."""
        rows, types = np.empty((len(centres), self.size)), len(self.family.elements)
        for i in range(types):
            mine = np.flatnonzero(species[centres] == i)
            env = environment(positions, pairs, species, centres[mine], self.family.cutoff, None, types)
            order = np.argsort(np.diff(env.first), kind="stable")
            rows[mine] = self.of_species(i, env.first, env.neighbor_species, env.distances, env.directions, order)
        return rows

    def of_species(
        self, i: int, first: np.ndarray, kinds: np.ndarray, r: np.ndarray, u: np.ndarray, order: np.ndarray
    ) -> np.ndarray:
        """Rows of atoms of species i, from their neighbours.

        Args:
            first, kinds, r, u: as in hpcpot.potential.moments.sets.Environment. order: atoms by number of neighbours.
        """
        family, plan, types = self.family, self._plan, len(self.family.elements)
        rows, one = np.zeros((len(order), self.size)), family.radial[i].size
        coefficients, weights = np.empty((len(order), len(plan.scalars))), np.empty((len(order), one))
        _rows(
            first,
            kinds,
            r,
            u,
            order,
            family.scaling * family.radial[i],
            (family.min_distance, 2.0 / (family.cutoff - family.min_distance), family.cutoff),
            plan.highest,
            len(plan.factorials),
            plan.blocks,
            plan.n_summed,
            plan.traces,
            plan.products,
            plan.scalars,
            plan.n_moments,
            family.coefficients,
            coefficients,
            weights,
        )
        rows[:, i * one : (i + 1) * one] = family.scaling * weights
        rows[:, family.radial.size : -types] = coefficients
        rows[:, i - types] = 1.0
        return rows


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _rows(
    first,
    kinds,
    r,
    u,
    order,
    weights,
    domain,
    highest,
    n_monomials,
    blocks,
    n_summed,
    traces,
    products,
    scalars,
    n_moments,
    coefficients,
    by_coefficients,
    by_weights,
):
    """dE_i/dcoefficients (n, scalars), and dE_i/dweights (n, species * mu * b), with respect to scaling * radial."""
    most = most_neighbors(first)
    n_species, functions, size = weights.shape
    fields = KINDS + n_species + 2 * functions
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega, back = np.empty((n_monomials, LANES)), np.empty((functions, LANES))
    m, b = np.empty((n_moments, LANES)), np.empty((n_moments, LANES))
    sums = np.empty((n_species * functions * size, LANES))
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
        contract_back(m, b, traces, products, scalars, coefficients)
        sums[:] = 0.0
        for q in range(rows):
            powers_of(held, q * fields, highest, omega)
            _back_to_functions(omega, blocks, b, back)
            _add_polynomials(held, q * fields, present[q], functions, size, domain, back, sums)
        for lane in range(len(centres)):
            for s in range(len(scalars)):
                by_coefficients[centres[lane], s] = m[scalars[s], lane]
            for k in range(len(sums)):
                by_weights[centres[lane], k] = sums[k, lane]


@njit(fastmath=FASTMATH, error_model="numpy")
def _back_to_functions(omega, blocks, b, back):
    """dE/df_mu of a set of neighbours."""
    back[:] = 0.0
    for k in range(len(blocks)):
        mu, nu, at = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        low = nu * (nu + 1) * (nu + 2) // 6
        value = load(back, mu)
        for a in range((nu + 1) * (nu + 2) // 2):
            value = value + load(b, at + a) * load(omega, low + a)
        store(back, mu, value)


@njit(fastmath=FASTMATH, error_model="numpy")
def _add_polynomials(held, at, present, functions, size, domain, back, sums):
    """Add dE/df_mu times (cutoff - r)^2 T_b(x) of a set of neighbours to the rows of their species."""
    low, stretch, cutoff = domain
    r = load(held, at + R)
    x = (r - low) * stretch - 1.0
    left = cutoff - r
    for s in range(len(present)):
        if not present[s]:
            continue
        here = load(held, at + KINDS + s) * left * left
        t, after = splat(1.0), x
        for k in range(size):
            value = here * t
            for mu in range(functions):
                row = (s * functions + mu) * size + k
                store(sums, row, load(sums, row) + load(back, mu) * value)
            t, after = after, 2.0 * x * after - t
