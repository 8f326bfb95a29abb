"""Compiled loops of the training of moment tensor potentials, on LANES atoms side by side (see moment_tensor.lanes).

The gradient of a loss of energies, forces and virials needs derivatives of forces with respect to parameters. They are
those of J = sum_i (lambda_i E_i + dE_i along v), v being displacements of the neighbours, which is computed forward
together with its tangent and then backward. With b = dE/dM the adjoint of a moment's tangent is b, and that of the
moment itself lambda b + the tangent of b.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store
from hpcpot.potential.moment_tensor.steps import (
    KINDS,
    R,
    X,
    Y,
    Z,
    add_radial,
    back_through_product,
    back_through_traces,
    contract,
    contract_back,
    gather,
    moments_of,
    most_neighbors,
    powers_of,
    slopes,
    with_factorials,
)


class SitePairs(NamedTuple):
    """The pairs of the sites of one species in a chunk of frames; arrays as in `Sites`."""

    atoms: np.ndarray
    frames: np.ndarray
    first: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    directions: np.ndarray


class Needs(NamedTuple):
    """Products and blocks that each scalar of a basis is made of.

    Attributes:
        products: rows of Layout.products in reverse order that scalar s needs, first_product[s] .. first_product[s + 1].
        blocks, first_block: the same of Layout.blocks.
    """

    products: np.ndarray
    first_product: np.ndarray
    blocks: np.ndarray
    first_block: np.ndarray


ALONG, ACROSS = 0, 1
"""Rows after those of `radial`: displacement along the bond; its three components across, over the distance."""
EXTRA = 4


@njit(error_model="numpy", nogil=True)
def fold(pairs, g, forces, virials):
    """Add the gradients of pairs to forces (atoms, 3) and virials (frames, 3, 3)."""
    atoms, frames, first, neighbors, distances, directions = pairs
    for n in range(len(atoms)):
        i, frame = atoms[n], frames[n]
        for p in range(first[n], first[n + 1]):
            j = neighbors[p]
            for c in range(3):
                forces[i, c] += g[p, c]
                forces[j, c] -= g[p, c]
                for d in range(3):
                    virials[frame, c, d] -= distances[p] * directions[p, c] * g[p, d]


@njit(error_model="numpy", nogil=True)
def displacements(pairs, by_force, by_virial, v):
    """dL/dg of the pairs, (p, 3), from dL/dforces and dL/dvirials."""
    atoms, frames, first, neighbors, distances, directions = pairs
    for n in range(len(atoms)):
        i, frame = atoms[n], frames[n]
        for p in range(first[n], first[n + 1]):
            j = neighbors[p]
            for d in range(3):
                v[p, d] = by_force[i, d] - by_force[j, d]
                for c in range(3):
                    v[p, d] -= distances[p] * directions[p, c] * by_virial[frame, c, d]


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def gradient(near, radial, layout, coefficients, by_energy, v, by_coefficients, by_weights):
    """Add dJ/dparameters of the sites.

    Args:
        near, radial, layout: see hpcpot.potential.moment_tensor.layout.
        by_energy: (n,) float64, lambda. v: (p, 3) float64, displacements of the neighbours.
        by_coefficients: (scalars,); by_weights: (species, mu, b), with respect to scaling * radial; both added to.
    """
    n_species, functions, size = radial.weights.shape
    blocks, scalars, n_summed, highest = layout.blocks, layout.scalars, layout.n_summed, layout.highest
    to_f = KINDS + n_species
    tangent = to_f + 2 * functions
    fields = tangent + EXTRA
    most = most_neighbors(near.first)
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega, omega1 = np.empty((len(layout.factorials), LANES)), np.empty((len(layout.factorials), LANES))
    m, m1 = np.empty((layout.n_moments, LANES)), np.empty((layout.n_moments, LANES))
    b, b1 = np.empty((layout.n_moments, LANES)), np.empty((layout.n_moments, LANES))
    factor, back = np.empty((1, LANES)), np.empty((2 * functions, LANES))
    sums, sums_w = np.zeros((len(scalars), LANES)), np.zeros((n_species * functions * size, LANES))
    for start in range(0, len(near.order), LANES):
        centres = near.order[start : start + LANES]
        rows = near.first[centres[-1] + 1] - near.first[centres[-1]]
        gather(near, centres, rows, radial.cutoff, fields, held, present)
        _gather_tangents(near, v, centres, rows, fields, tangent, held)
        factor[0] = 0.0
        for lane in range(len(centres)):
            factor[0, lane] = by_energy[centres[lane]]
        m[:n_summed], m1[:n_summed] = 0.0, 0.0
        for q in range(rows):
            base = q * fields
            add_radial(held, base, present[q], radial)
            powers_of(held, base, highest, omega)
            _tangents_of_powers(held, base, base + tangent, highest, omega, omega1)
            _add_both(held, base + to_f, base + tangent, functions, omega, omega1, blocks, m, m1)
        contract(m, layout)
        _contract_tangents(m, m1, layout)
        scale = load(factor, 0)
        for s in range(len(scalars)):
            store(sums, s, load(sums, s) + scale * load(m, scalars[s]) + load(m1, scalars[s]))
        contract_back(m, b, layout, coefficients)
        _contract_back_tangents(m, m1, b, b1, layout)
        for k in range(n_summed):
            store(b1, k, load(b1, k) + scale * load(b, k))
        for q in range(rows):
            base = q * fields
            powers_of(held, base, highest, omega)
            _tangents_of_powers(held, base, base + tangent, highest, omega, omega1)
            _back_to_radial(held, base + tangent, omega, omega1, blocks, b, b1, functions, back)
            _back_to_weights(held, base, present[q], radial, back, sums_w)
    for s in range(len(scalars)):
        by_coefficients[s] += sums[s].sum()
    flat = by_weights.reshape(-1)
    for k in range(len(flat)):
        flat[k] += sums_w[k].sum()


@njit(error_model="numpy")
def _gather_tangents(near, v, centres, rows, fields, tangent, held):
    """Displacements of the neighbours, along their bonds and across."""
    first, r, u = near.first, near.distances, near.directions
    for lane in range(LANES):
        count = 0
        if lane < len(centres):
            start = first[centres[lane]]
            count = first[centres[lane] + 1] - start
            for q in range(count):
                p, base = start + q, q * fields + tangent
                along = u[p, 0] * v[p, 0] + u[p, 1] * v[p, 1] + u[p, 2] * v[p, 2]
                held[base + ALONG, lane] = along
                for c in range(3):
                    held[base + ACROSS + c, lane] = (v[p, c] - along * u[p, c]) / r[p]
        for q in range(count, rows):
            for c in range(EXTRA):
                held[q * fields + tangent + c, lane] = 0.0


@njit(fastmath=FASTMATH, error_model="numpy")
def _tangents_of_powers(held, base, tangent, highest, omega, omega1):
    """Tangents of the monomials: as `powers_of`, by the product rule."""
    x, y, z = load(held, base + X), load(held, base + Y), load(held, base + Z)
    x1, y1, z1 = load(held, tangent + ACROSS), load(held, tangent + ACROSS + 1), load(held, tangent + ACROSS + 2)
    store(omega1, 0, splat(0.0))
    before, n = 0, 1
    for degree in range(1, highest + 1):
        to = before + n
        for a in range(n):
            store(omega1, to + a, load(omega1, before + a) * x + load(omega, before + a) * x1)
        for a in range(degree):
            store(omega1, to + n + a, load(omega1, to - degree + a) * y + load(omega, to - degree + a) * y1)
        store(omega1, to + n + degree, load(omega1, to - 1) * z + load(omega, to - 1) * z1)
        before, n = to, n + degree + 1


@njit(fastmath=FASTMATH, error_model="numpy")
def _add_both(held, to_f, tangent, functions, omega, omega1, blocks, m, m1):
    """Add a set of neighbours to the moments and to their tangents."""
    along = load(held, tangent + ALONG)
    for k in range(len(blocks)):
        mu, nu, start = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        f = load(held, to_f + mu)
        f1 = load(held, to_f + functions + mu) * along
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            o = load(omega, low + a)
            store(m, start + a, load(m, start + a) + o * f)
            store(m1, start + a, load(m1, start + a) + o * f1 + load(omega1, low + a) * f)


@njit(fastmath=FASTMATH, error_model="numpy")
def _contract_tangents(m, m1, layout):
    """Tangents of all moments from those summed over neighbours."""
    traces, products = layout.traces, layout.products
    m1[layout.n_summed + len(traces) :] = 0.0
    for t in range(len(traces)):
        store(m1, traces[t, 0], load(m1, traces[t, 1]) + load(m1, traces[t, 2]) + load(m1, traces[t, 3]))
    for t in range(len(products)):
        i, j, k = products[t, 0], products[t, 1], products[t, 2]
        term = load(m1, i) * load(m, j) + load(m, i) * load(m1, j)
        store(m1, k, load(m1, k) + float(products[t, 3]) * term)


@njit(fastmath=FASTMATH, error_model="numpy")
def _contract_back_tangents(m, m1, b, b1, layout):
    """Tangents b1 of the gradients b that `contract_back` has left."""
    traces, products = layout.traces, layout.products
    b1[:] = 0.0
    for t in range(len(products) - 1, -1, -1):
        i, j, k = products[t, 0], products[t, 1], products[t, 2]
        c = float(products[t, 3])
        g, g1 = c * load(b, k), c * load(b1, k)
        store(b1, i, load(b1, i) + g1 * load(m, j) + g * load(m1, j))
        store(b1, j, load(b1, j) + g1 * load(m, i) + g * load(m1, i))
    back_through_traces(b1, traces)


@njit(fastmath=FASTMATH, error_model="numpy")
def _back_to_radial(held, tangent, omega, omega1, blocks, b, b1, functions, back):
    """dJ/df_mu = sum_a b1 omega + b omega', then dJ/df_mu' = along sum_a b omega, of a set of neighbours."""
    along = load(held, tangent + ALONG)
    for mu in range(2 * functions):
        store(back, mu, splat(0.0))
    for k in range(len(blocks)):
        mu, nu, start = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        value, slope = splat(0.0), splat(0.0)
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            o, c = load(omega, low + a), load(b, start + a)
            value = value + load(b1, start + a) * o + c * load(omega1, low + a)
            slope = slope + c * o
        store(back, mu, load(back, mu) + value)
        store(back, functions + mu, load(back, functions + mu) + slope * along)


@njit(fastmath=FASTMATH, error_model="numpy")
def _back_to_weights(held, base, present, radial, back, sums):
    """Add dJ/dw = dJ/df Q + dJ/df' Q' of a set of neighbours to sums (species * mu * b, LANES)."""
    _, functions, size = radial.weights.shape
    stretch = radial.stretch
    r = load(held, base + R)
    x = (r - radial.low) * stretch - 1.0
    left = radial.cutoff - r
    for s in range(len(present)):
        if not present[s]:
            continue
        here = load(held, base + KINDS + s) * left
        t, t1 = splat(1.0), splat(0.0)
        after, after1 = x, splat(1.0)
        for k in range(size):
            value, slope = here * left * t, here * (left * stretch * t1 - 2.0 * t)
            for mu in range(functions):
                row = (s * functions + mu) * size + k
                store(sums, row, load(sums, row) + load(back, mu) * value + load(back, functions + mu) * slope)
            t, t1, after, after1 = after, after1, 2.0 * x * after - t, 2.0 * after + 2.0 * x * after1 - t1


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def linear_rows(pairs, near, radial, layout, needs, energies, forces, virials):
    """Add the energies, forces and virials that each scalar alone would give with a coefficient of 1.

    Args:
        pairs: SitePairs. near, radial, layout: see hpcpot.potential.moment_tensor.layout. needs: Needs.
        energies: (frames, scalars). forces: (atoms, 3, scalars). virials: (frames, 3, 3, scalars), or empty: none.
    """
    n_species, functions, _ = radial.weights.shape
    blocks, scalars, factorials = layout.blocks, layout.scalars, layout.factorials
    first, first_product, first_block = pairs.first, needs.first_product, needs.first_block
    fields = KINDS + n_species + 2 * functions
    most = most_neighbors(first)
    held, present = np.empty((most * fields, LANES)), np.empty((most, n_species), np.bool_)
    omega = np.empty((len(factorials), LANES))
    m, b = np.empty((layout.n_moments, LANES)), np.empty((layout.n_moments, LANES))
    own = blocks[needs.blocks]
    sizes = (own[:, 1] + 1) * (own[:, 1] + 2) // 2
    own[:, 2] = np.cumsum(sizes) - sizes
    slopes_of = np.empty((sizes.sum(), LANES))
    out = np.empty((3 * len(scalars), LANES))
    for start in range(0, len(near.order), LANES):
        centres = near.order[start : start + LANES]
        rows = moments_of(near, centres, radial, layout, held, present, omega, m)
        for s in range(len(scalars)):
            for lane in range(len(centres)):
                energies[pairs.frames[centres[lane]], s] += m[scalars[s], lane]
            _contract_back_one(m, b, layout, scalars[s], needs.products[first_product[s] : first_product[s + 1]])
            with_factorials(b, blocks, factorials)
            for t in range(first_block[s], first_block[s + 1]):
                for a in range(sizes[t]):
                    store(slopes_of, own[t, 2] + a, load(b, blocks[needs.blocks[t], 2] + a))
        for q in range(rows):
            powers_of(held, q * fields, layout.highest - 1, omega)
            for s in range(len(scalars)):
                mine = own[first_block[s] : first_block[s + 1]]
                gx, gy, gz = slopes(held, q * fields, n_species, functions, omega, factorials, mine, slopes_of)
                store(out, 3 * s, gx)
                store(out, 3 * s + 1, gy)
                store(out, 3 * s + 2, gz)
            for lane in range(len(centres)):
                n = centres[lane]
                if q < first[n + 1] - first[n]:
                    p = first[n] + q
                    _scatter_rows(pairs, n, p, lane, out, forces, virials)


@njit(fastmath=FASTMATH, error_model="numpy")
def _contract_back_one(m, b, layout, scalar, used):
    """Gradients b of one scalar with respect to all moments, through the products `used`."""
    b[:] = 0.0
    store(b, scalar, splat(1.0))
    for t in used:
        back_through_product(m, b, layout.products, t)
    back_through_traces(b, layout.traces)


@njit(error_model="numpy")
def _scatter_rows(pairs, n, p, lane, out, forces, virials):
    """Add the gradients of pair p of site n to the forces of both its atoms, and to the virials."""
    i, j, frame = pairs.atoms[n], pairs.neighbors[p], pairs.frames[n]
    r, u = pairs.distances[p], pairs.directions[p]
    n_scalars = forces.shape[2]
    for c in range(3):
        for s in range(n_scalars):
            g = out[3 * s + c, lane]
            forces[i, c, s] += g
            forces[j, c, s] -= g
    if len(virials):
        for a in range(3):
            for c in range(3):
                for s in range(n_scalars):
                    virials[frame, a, c, s] -= r * u[a] * out[3 * s + c, lane]
