"""The steps of a moment tensor potential on neighbours of LANES atoms side by side: arrays (rows, LANES) float64.

A set of neighbours, one of each atom, has the rows X ... of an array, `at` being its first; the engine and the training
add rows of their own. Monomials are numbered as in hpcpot.potential.moments.sets.monomials, moments as in the
`Layout`. Arguments `near`, `radial` and `layout` are the tuples of hpcpot.potential.moment_tensor.layout.
"""

from __future__ import annotations

from hpcpot.compiled import FASTMATH, njit
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store

X, Y, Z, R, INVERSE, KINDS = 0, 1, 2, 3, 4, 5
"""Rows of a set of neighbours: unit vector, r, 1 / r; from KINDS on a row for each species, 1 where the neighbour is of
it; then f_mu of each mu; then f_mu' of each mu."""


@njit(error_model="numpy")
def most_neighbors(first):
    """Neighbours of the centre with the most."""
    most = 0
    for n in range(len(first) - 1):
        most = max(most, first[n + 1] - first[n])
    return most


@njit(fastmath=FASTMATH, error_model="numpy")
def moments_of(near, centres, radial, layout, held, present, omega, m):
    """All moments of some centres; the sets of their neighbours are left in `held`.

    Returns:
        how many sets.
    """
    n_species, functions, _ = radial.weights.shape
    fields = KINDS + n_species + 2 * functions
    rows = near.first[centres[-1] + 1] - near.first[centres[-1]]
    gather(near, centres, rows, radial.cutoff, fields, held, present)
    m[: layout.n_summed] = 0.0
    for q in range(rows):
        add_radial(held, q * fields, present[q], radial)
        powers_of(held, q * fields, layout.highest, omega)
        add_moments(held, q * fields + KINDS + n_species, omega, layout.blocks, m)
    contract(m, layout)
    return rows


@njit(error_model="numpy")
def gather(near, centres, rows, cutoff, fields, held, present):
    """The neighbours of some centres side by side; where one has no more, neighbours of no species."""
    first, kinds, r, u = near.first, near.kinds, near.distances, near.directions
    n_species = present.shape[1]
    present[:rows] = False
    for lane in range(LANES):
        count = 0
        if lane < len(centres):
            start = first[centres[lane]]
            count = first[centres[lane] + 1] - start
            for q in range(count):
                p, base = start + q, q * fields
                held[base + X, lane], held[base + Y, lane], held[base + Z, lane] = u[p, 0], u[p, 1], u[p, 2]
                held[base + R, lane], held[base + INVERSE, lane] = r[p], 1.0 / r[p]
                for s in range(n_species):
                    held[base + KINDS + s, lane] = 1.0 if kinds[p] == s else 0.0
                present[q, kinds[p]] = True
        for q in range(count, rows):
            base = q * fields
            for field in range(KINDS + n_species):
                held[base + field, lane] = 0.0
            held[base + R, lane] = cutoff


@njit(fastmath=FASTMATH, error_model="numpy")
def add_radial(held, base, present, radial):
    """f_mu = (cutoff - r)^2 sum_b w_b T_b(x) and its slope, by Clenshaw's recursion."""
    weights, stretch = radial.weights, radial.stretch
    n_species, functions, size = weights.shape
    r = load(held, base + R)
    x = (r - radial.low) * stretch - 1.0
    x2 = x + x
    left = radial.cutoff - r
    to_f = base + KINDS + n_species
    for mu in range(functions):
        store(held, to_f + mu, splat(0.0))
        store(held, to_f + functions + mu, splat(0.0))
    for s in range(n_species):
        if not present[s]:
            continue
        factor = load(held, base + KINDS + s) * left
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
def powers_of(held, base, highest, omega):
    """Monomials of the unit vectors, by degree: x times all of the degree before, y times those without x, z^degree."""
    x, y, z = load(held, base + X), load(held, base + Y), load(held, base + Z)
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
def add_moments(held, to_f, omega, blocks, m):
    """Add f_mu omega_a of a set of neighbours to the moments."""
    for k in range(len(blocks)):
        mu, nu, start = blocks[k, 0], blocks[k, 1], blocks[k, 2]
        f = load(held, to_f + mu)
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            store(m, start + a, load(m, start + a) + load(omega, low + a) * f)


@njit(fastmath=FASTMATH, error_model="numpy")
def contract(m, layout):
    """All moments from those summed over neighbours."""
    traces, products = layout.traces, layout.products
    m[layout.n_summed + len(traces) :] = 0.0
    for t in range(len(traces)):
        store(m, traces[t, 0], load(m, traces[t, 1]) + load(m, traces[t, 2]) + load(m, traces[t, 3]))
    for t in range(len(products)):
        k = products[t, 2]
        store(m, k, load(m, k) + float(products[t, 3]) * load(m, products[t, 0]) * load(m, products[t, 1]))


@njit(fastmath=FASTMATH, error_model="numpy")
def contract_back(m, b, layout, coefficients):
    """Gradients b of the energies with respect to all moments."""
    traces, products, scalars = layout.traces, layout.products, layout.scalars
    b[:] = 0.0
    for s in range(len(scalars)):
        store(b, scalars[s], load(b, scalars[s]) + coefficients[s])
    for t in range(len(products) - 1, -1, -1):
        back_through_product(m, b, products, t)
    back_through_traces(b, traces)


@njit(fastmath=FASTMATH, error_model="numpy")
def back_through_product(m, b, products, t):
    """Add to the gradients of the two factors that of their product."""
    i, j = products[t, 0], products[t, 1]
    g = float(products[t, 3]) * load(b, products[t, 2])
    store(b, i, load(b, i) + g * load(m, j))
    store(b, j, load(b, j) + g * load(m, i))


@njit(error_model="numpy")
def back_through_traces(b, traces):
    """Add to the gradients of the terms of traces those of the traces."""
    for t in range(len(traces) - 1, -1, -1):
        g = load(b, traces[t, 0])
        for c in range(1, 4):
            store(b, traces[t, c], load(b, traces[t, c]) + g)


@njit(fastmath=FASTMATH, error_model="numpy")
def with_factorials(b, blocks, factorials):
    """b_a p! q! k!: with monomials divided by their factorials, differentiation brings no factors."""
    for k in range(len(blocks)):
        nu, start = blocks[k, 1], blocks[k, 2]
        low = nu * (nu + 1) * (nu + 2) // 6
        for a in range((nu + 1) * (nu + 2) // 2):
            store(b, start + a, load(b, start + a) * factorials[low + a])


@njit(fastmath=FASTMATH, error_model="numpy")
def slopes(held, base, n_species, functions, omega, factorials, blocks, b):
    """Gradients of the energies with respect to a set of neighbours, whose monomials are omega.

    Args:
        b: gradients with respect to the moments of the blocks, times p! q! k!.
    """
    x, y, z, inverse = load(held, base + X), load(held, base + Y), load(held, base + Z), load(held, base + INVERSE)
    along, gx, gy, gz = splat(0.0), splat(0.0), splat(0.0), splat(0.0)
    to_f = base + KINDS + n_species
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
    return along * x + gx * inverse, along * y + gy * inverse, along * z + gz * inverse
