"""Energies and pair gradients of a moment tensor potential whose parameters are being trained, LANES atoms side by side.

Neighbours stay where they are in a data set, so they are found once; radial functions are polynomials, exact. To first
order a neighbour's share of the energy is sum_mu f_mu(r) (P_mu(u) + R_mu(u)), P and R homogeneous polynomials, whose values
follow from their gradients: degree * P = u . grad P.
"""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
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
