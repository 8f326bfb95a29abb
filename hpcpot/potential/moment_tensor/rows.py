"""Derivatives of atomic energies with respect to the parameters of a moment tensor potential, LANES atoms side by side.

With b = dE_i/dM, dE_i/df_mu(r_j) = sum_a b_mu,a omega_a(u_j), and the radial functions are linear in their
coefficients; the derivative with respect to the coefficient of a basis function is its value.
"""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
from hpcpot.potential.moment_tensor.layout import Neighbors, layout, neighbors_of, radial_functions
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.steps import KINDS, R, contract_back, moments_of, most_neighbors, powers_of
from hpcpot.potential.moments.environment_cpu import environment


class ParameterRows:
    """dE_i/dparameters of atoms.

    Attributes:
        size: parameters: the radial coefficients, the coefficients of the basis, the energies of the species.
    """

    def __init__(self, family: MomentTensor):
        self.family, self._layout = family, layout(family)
        self.size = family.radial.size + len(family.coefficients) + len(family.elements)

    def of(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray, centres: np.ndarray) -> np.ndarray:
        """Rows (centres, size) float64 of some centres (n,) int32, of any species."""
        rows, types = np.empty((len(centres), self.size)), len(self.family.elements)
        for i in range(types):
            mine = np.flatnonzero(species[centres] == i)
            env = environment(positions, pairs, species, centres[mine], self.family.cutoff, None, types)
            rows[mine] = self.of_species(i, neighbors_of(env))
        return rows

    def of_species(self, i: int, near: Neighbors) -> np.ndarray:
        """Rows (n, size) float64 of all atoms of species i, from their neighbours."""
        family, types = self.family, len(self.family.elements)
        rows, n_radial = np.zeros((len(near.order), self.size)), family.radial[i].size
        coefficients = np.empty((len(near.order), len(family.coefficients)))
        weights = np.empty((len(near.order), n_radial))
        _rows(near, radial_functions(family, i), self._layout, family.coefficients, coefficients, weights)
        rows[:, i * n_radial : (i + 1) * n_radial] = family.scaling * weights
        rows[:, family.radial.size : -types] = coefficients
        rows[:, i - types] = 1.0
        return rows


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _rows(near, radial, layout, coefficients, by_coefficients, by_weights):
    """dE_i/dcoefficients (n, scalars), and dE_i/dweights (n, species * mu * b), with respect to scaling * radial."""
    most = most_neighbors(near.first)
    n_species, functions, size = radial.weights.shape
    fields = KINDS + n_species + 2 * functions
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega, back = np.empty((len(layout.factorials), LANES)), np.empty((functions, LANES))
    m, b = np.empty((layout.n_moments, LANES)), np.empty((layout.n_moments, LANES))
    sums = np.empty((n_species * functions * size, LANES))
    scalars = layout.scalars
    for start in range(0, len(near.order), LANES):
        centres = near.order[start : start + LANES]
        rows = moments_of(near, centres, radial, layout, held, present, omega, m)
        contract_back(m, b, layout, coefficients)
        sums[:] = 0.0
        for q in range(rows):
            powers_of(held, q * fields, layout.highest, omega)
            _back_to_functions(omega, layout.blocks, b, back)
            _add_polynomials(held, q * fields, present[q], radial, back, sums)
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
        mu, nu, start = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        low = nu * (nu + 1) * (nu + 2) // 6
        value = load(back, mu)
        for a in range((nu + 1) * (nu + 2) // 2):
            value = value + load(b, start + a) * load(omega, low + a)
        store(back, mu, value)


@njit(fastmath=FASTMATH, error_model="numpy")
def _add_polynomials(held, base, present, radial, back, sums):
    """Add dE/df_mu times (cutoff - r)^2 T_b(x) of a set of neighbours to the rows of their species."""
    _, functions, size = radial.weights.shape
    r = load(held, base + R)
    x = (r - radial.low) * radial.stretch - 1.0
    left = radial.cutoff - r
    for s in range(len(present)):
        if not present[s]:
            continue
        here = load(held, base + KINDS + s) * left * left
        t, after = splat(1.0), x
        for k in range(size):
            value = here * t
            for mu in range(functions):
                row = (s * functions + mu) * size + k
                store(sums, row, load(sums, row) + load(back, mu) * value)
            t, after = after, 2.0 * x * after - t
