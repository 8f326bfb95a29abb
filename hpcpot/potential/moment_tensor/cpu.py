"""Moment tensor potentials in Numba: atoms of one species side by side in vector lanes, through all three steps.

So sums over neighbours and contractions alike run at the width of the vector unit. Radial functions are polynomials,
cheaper than a table's look-up and exact.

Unit vectors make lower moments traces of higher ones: M_{mu,nu} = sum over x, y, z of the M_{mu,nu+2} with two more
powers of it. So only the two highest ranks of each radial function are summed over neighbours (84 of 130 moments at
level 16). To first order a neighbour's share of the energy is then sum_mu f_mu(r) (P_mu(u) + R_mu(u)), P and R
homogeneous polynomials, whose values follow from their gradients: degree * P = u . grad P.
"""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import contract
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
from hpcpot.potential.moment_tensor.layout import layout, neighbors_of, radial_functions
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
from hpcpot.potential.moments.steps import check_distances


def prepare(family: MomentTensor, closest: float, precision: str) -> MomentTensorSteps:
    """The kernels of this module."""
    return MomentTensorSteps(family)


class MomentTensorSteps:
    """Moments, contractions and forces of a moment tensor potential."""

    nbytes = 0

    def __init__(self, family: MomentTensor):
        self.family, self._layout = family, layout(family)
        self._radial = [radial_functions(family, i) for i in range(len(family.elements))]

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
        """See moments.steps.Steps."""
        family = self.family
        env = environment(positions, pairs, species, centres, family.cutoff, None, len(family.elements))
        check_distances(family.elements, env)
        energies, g_pc = np.empty(len(centres)), np.empty((len(env.distances), 3))
        near, with_forces = neighbors_of(env), result.forces is not None
        evaluate(near, self._radial[i], self._layout, family.coefficients, with_forces, energies, g_pc)
        result.energies[centres] = energies + family.species_energies[i]
        if with_forces:
            scatter(env, g_pc, result.forces, result.virial, result.atom_virials)

    def work(self, i: int, present: int) -> int:
        """See moments.steps.Steps."""
        return 1


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def evaluate(near, radial, layout, coefficients, forces, energies, g):
    """Energies of the centres and gradients of their pairs, LANES centres at a time.

    Args:
        near, radial, layout: see hpcpot.potential.moment_tensor.layout. coefficients: (scalars,) float64.
        forces: whether the gradients are asked for. energies: (n,) float64; g: (p, 3) float64; both written.
    """
    most = most_neighbors(near.first)
    n_species, functions, _ = radial.weights.shape
    fields = KINDS + n_species + 2 * functions
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega = np.empty((len(layout.factorials), LANES))
    m, b = np.empty((layout.n_moments, LANES)), np.empty((layout.n_moments, LANES))
    total = np.empty((1, LANES))
    for start in range(0, len(near.order), LANES):
        centres = near.order[start : start + LANES]
        rows = moments_of(near, centres, radial, layout, held, present, omega, m)
        _energies(m, layout.scalars, coefficients, total)
        for lane in range(len(centres)):
            energies[centres[lane]] = total[0, lane]
        if forces:
            contract_back(m, b, layout, coefficients)
            with_factorials(b, layout.blocks, layout.factorials)
            for q in range(rows):
                powers_of(held, q * fields, layout.highest - 1, omega)
                gx, gy, gz = slopes(held, q * fields, n_species, functions, omega, layout.factorials, layout.blocks, b)
                store(held, q * fields + X, gx)
                store(held, q * fields + Y, gy)
                store(held, q * fields + Z, gz)
            _put_back(near.first, centres, held, fields, g)


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
