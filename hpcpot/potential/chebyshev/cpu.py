"""The Chebyshev descriptor in Numba without tables: recursions over all neighbours of an atom at once.

T_{k+1}(x) = 2 x T_k(x) - T_{k-1}(x) costs one multiply-add, far less than a table's look-up, so the loops run over the
orders outside and over neighbours (radial) or pairs of neighbours (angular) inside, where they vectorise. The network
works on a block of atoms by matrix products, as in every family.
"""

from __future__ import annotations

from math import factorial
from typing import NamedTuple

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import contract
from hpcpot.potential.chebyshev.model import Chebyshev
from hpcpot.potential.network import backward, forward

LANES = 16
"""Rows of neighbours are padded to a multiple of this, so that vector loops have no remainder."""

SINE = np.array([(-1.0) ** k * np.pi ** (2 * k + 1) / factorial(2 * k + 1) for k in range(11)])
COSINE = np.array([(-1.0) ** k * np.pi ** (2 * k) / factorial(2 * k) for k in range(12)])
"""Taylor series of sin(pi t) / t and cos(pi t) in t^2; exact to rounding for |t| <= 1/2."""

X2, CUT, CUT_SLOPE, SPIN, DX, DY, DZ, DISTANCE = range(8)
"""Rows of PaddedNeighbors.pairs: 2 x, f_c, f_c', spin of the neighbour, vector to it, distance."""


class Descriptor(NamedTuple):
    """The descriptor of one centre species, as the kernels take it.

    Attributes:
        spins: (species,) float64, of the neighbours. radial_cutoff, angular_cutoff: Å.
        n_radial, n_angular: orders of each. argument: (2,) float64, y = argument[0] cos + argument[1].
        several: whether there is a part weighted by spins. sine, cosine: SINE, COSINE.
    """

    spins: np.ndarray
    radial_cutoff: float
    angular_cutoff: float
    n_radial: int
    n_angular: int
    argument: np.ndarray
    several: bool
    sine: np.ndarray
    cosine: np.ndarray


class PaddedNeighbors(NamedTuple):
    """The neighbours of the centres of a block within the cutoff, written by `_descriptors`.

    Attributes:
        first: (n, 2) int64, where those of a centre begin and end. atoms: (p,) int32. pairs: (8, p) float64, rows X2 ...
    """

    first: np.ndarray
    atoms: np.ndarray
    pairs: np.ndarray


def prepare(family: Chebyshev, closest: float, precision: str) -> ChebyshevSteps:
    """The kernels of this module."""
    return ChebyshevSteps(family)


class ChebyshevSteps:
    """Descriptors, network and forces of an aenet potential.

    Attributes:
        nbytes: of the buffers that are kept from call to call.
    """

    def __init__(self, family: Chebyshev):
        self.family = family
        argument = np.array([1.0, 0.0] if family.angular_domain == "cos" else [2.0 / np.pi, -1.0])
        cutoffs = float(family.radial_cutoff), float(family.angular_cutoff)
        orders = int(family.radial_order) + 1, int(family.angular_order) + 1
        self._descriptors = [
            Descriptor(spins, *cutoffs, *orders, argument, len(family.elements) > 1, SINE, COSINE)
            for spins in family.spins
        ]
        self._pairs, self._neighbors = np.zeros((8, 0)), np.zeros(0, np.int32)

    @property
    def nbytes(self) -> int:
        return self._pairs.nbytes + self._neighbors.nbytes

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
        family, n = self.family, len(centres)
        counts = pairs.first[centres + 1] - pairs.first[centres]
        room = int((counts + 2 * LANES).sum())
        if room > len(self._neighbors):
            self._pairs, self._neighbors = np.zeros((8, room)), np.zeros(room, np.int32)
        inputs_nd = np.empty((n, family.scale.shape[1]))
        near = PaddedNeighbors(np.empty((n, 2), np.int64), self._neighbors, self._pairs)
        closest = _descriptors(
            positions, pairs.first, pairs.neighbors, species, centres, self._descriptors[i], near, inputs_nd
        )
        if not closest >= contract.CLOSEST:
            p = np.concatenate([np.arange(start, end) for start, end in near.first])
            neighbors = [family.elements[t] for t in species[self._neighbors[p]]]
            contract.refuse_contact(family.elements[i], neighbors, self._pairs[DISTANCE, p])
        inputs_nd -= family.offset[i]
        inputs_nd *= family.scale[i]
        energies, slopes = forward(family.networks[i], inputs_nd)
        scale = 1.0 / family.energy_scale[i]
        result.energies[centres] = energies[:, 0] * scale + (family.energy_shift[i] + family.atomic_energies[i])
        if result.forces is None:
            return
        gradient_nd = backward(family.networks[i], slopes, np.full((n, 1), scale))
        gradient_nd *= family.scale[i]
        atom_virials = np.zeros((0, 3, 3)) if result.atom_virials is None else result.atom_virials
        _forces(centres, near, gradient_nd, self._descriptors[i], result.forces, result.virial, atom_virials)

    def work(self, i: int, present: int) -> int:
        """See moments.steps.Steps."""
        return 1


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _cut(r, cutoff, sine, cosine):
    """f_c = (cos(pi r / R) + 1) / 2 and its slope, by the series around R / 2."""
    t = r / cutoff - 0.5
    t2 = t * t
    s = sine[10]
    c = cosine[11]
    for k in range(10):
        s = s * t2 + sine[9 - k]
    for k in range(11):
        c = c * t2 + cosine[10 - k]
    return 0.5 - 0.5 * t * s, -0.5 * np.pi / cutoff * c


@njit(fastmath=FASTMATH, error_model="numpy")
def _sums(x2, f, w, prev, cur, order, plain, weighted):
    """plain[k] = sum_p T_k(x_p) f_p and weighted[k] = sum_p w_p T_k(x_p) f_p, k < order; two orders at a time."""
    m = len(x2)
    for p in range(m):
        prev[p] = f[p]
        cur[p] = 0.5 * x2[p] * f[p]
    for k in range(0, order, 2):
        a = b = c = d = 0.0
        for p in range(m):
            t, u = prev[p], cur[p]
            a += t
            b += u
            c += w[p] * t
            d += w[p] * u
            t = x2[p] * u - t
            prev[p] = t
            cur[p] = x2[p] * t - u
        plain[k], weighted[k] = a, c
        if k + 1 < order:
            plain[k + 1], weighted[k + 1] = b, d


@njit(fastmath=FASTMATH, error_model="numpy")
def _series(x2, w, prev, cur, order, c, value, slope):
    """value[p] = sum_k C_k T_k(x_p) and slope[p] = sum_k C_k T_k'(x_p) with C_k = c[0, k] + w_p c[1, k].

    The slope is the series with d_{k-1} = d_{k+1} + 2 k C_k (d_0 halved), held in c[2] and c[3].

    Args:
        c: (4, order rounded up to even) float64; rows 0 and 1 given, the last column 0 where order is odd.
    """
    n = c.shape[1]
    for row in range(2):
        for k in range(n):
            c[2 + row, k] = 0.0
        for k in range(order - 1, 0, -1):
            c[2 + row, k - 1] = (c[2 + row, k + 1] if k + 1 < n else 0.0) + 2.0 * k * c[row, k]
        c[2 + row, 0] *= 0.5
    m = len(x2)
    for p in range(m):
        prev[p] = 1.0
        cur[p] = 0.5 * x2[p]
        value[p] = 0.0
        slope[p] = 0.0
    for k in range(0, n, 2):
        a0, b0, d0, e0 = c[0, k], c[1, k], c[2, k], c[3, k]
        a1, b1, d1, e1 = c[0, k + 1], c[1, k + 1], c[2, k + 1], c[3, k + 1]
        for p in range(m):
            t, u, q = prev[p], cur[p], w[p]
            value[p] += (a0 + q * b0) * t + (a1 + q * b1) * u
            slope[p] += (d0 + q * e0) * t + (d1 + q * e1) * u
            t = x2[p] * u - t
            prev[p] = t
            cur[p] = x2[p] * t - u


@njit(fastmath=FASTMATH, error_model="numpy")
def _gather(positions, row, neighbors, i, filled, cutoff2, kept, pairs):
    """Neighbours of centre i within the cutoff, from `at` on; returns their end."""
    x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
    for p in range(row[i], row[i + 1]):
        j = neighbors[p]
        dx, dy, dz = positions[j, 0] - x, positions[j, 1] - y, positions[j, 2] - z
        r2 = dx * dx + dy * dy + dz * dz
        kept[filled], pairs[DX, filled], pairs[DY, filled], pairs[DZ, filled], pairs[DISTANCE, filled] = (
            j,
            dx,
            dy,
            dz,
            r2,
        )
        filled += not r2 >= cutoff2  # without a branch, which would be mispredicted; a NaN stays and is found
    return filled


@njit(fastmath=FASTMATH, error_model="numpy")
def _close(pairs, start, end, cutoff, sine, cosine, close):
    """Neighbours within the angular cutoff: rows of `close` are index, unit vector, 1 / r, f_c, f_c', spin."""
    count = 0
    for p in range(start, end):
        if pairs[DISTANCE, p] < cutoff:
            inverse = 1.0 / pairs[DISTANCE, p]
            f, slope = _cut(pairs[DISTANCE, p], cutoff, sine, cosine)
            close[0, count], close[4, count], close[5, count], close[6, count] = p, inverse, f, slope
            close[1, count] = pairs[DX, p] * inverse
            close[2, count] = pairs[DY, p] * inverse
            close[3, count] = pairs[DZ, p] * inverse
            close[7, count] = pairs[SPIN, p]
            count += 1
    return count


@njit(fastmath=FASTMATH, error_model="numpy")
def _angles(close, count, argument, a):
    """Pairs of close neighbours: rows of `a` are 2 y, f f, spin spin; y = argument[0] cos + argument[1]; padded count."""
    q = 0
    for s in range(1, count):
        x2, f, w = a[0, q : q + s], a[1, q : q + s], a[2, q : q + s]
        for t in range(s):
            c = close[1, s] * close[1, t] + close[2, s] * close[2, t] + close[3, s] * close[3, t]
            x2[t] = 2.0 * (argument[0] * c + argument[1])
            f[t] = close[5, s] * close[5, t]
            w[t] = close[7, s] * close[7, t]
        q += s
    end = _padded(q)
    for p in range(q, end):
        a[0, p], a[1, p], a[2, p] = 0.0, 0.0, 0.0
    return end


@njit(inline="always")
def _padded(count):
    return (count + LANES - 1) // LANES * LANES


@njit(error_model="numpy")
def _room(buffer, rows, count):
    """The buffer, or a wider one that holds `count` columns."""
    if buffer.shape[1] >= count:
        return buffer
    return np.zeros((rows, 2 * count))


@njit(fastmath=FASTMATH, error_model="numpy")
def _descriptors(positions, row, neighbors, species, centres, descriptor, near, inputs):
    """Neighbours of the centres, and their descriptors; returns the least distance, NaN if one is.

    Args:
        row, neighbors: as first and neighbors of Pairs. descriptor: Descriptor. near: PaddedNeighbors, written.
        inputs: (n, inputs) float64, written.
    """
    first, kept, pairs = near
    spins, radial_cutoff, angular_cutoff, n_radial, n_angular, argument, several, sine, cosine = descriptor
    work, close, angle = np.zeros((2, 256)), np.zeros((8, 64)), np.zeros((3, 256))
    plain, weighted = np.empty(max(n_radial, n_angular)), np.empty(max(n_radial, n_angular))
    filled, closest = 0, np.inf
    half = n_radial + n_angular
    for n in range(len(centres)):
        start = filled
        filled = _gather(positions, row, neighbors, centres[n], start, radial_cutoff * radial_cutoff, kept, pairs)
        end = start + _padded(filled - start)
        first[n, 0], first[n, 1] = start, filled
        # Slices, since an index known not to be negative is what lets these loops vectorise.
        distance, spin, x2 = pairs[DISTANCE, start:end], pairs[SPIN, start:end], pairs[X2, start:end]
        cut, cut_slope = pairs[CUT, start:end], pairs[CUT_SLOPE, start:end]
        for p in range(filled - start, end - start):
            distance[p], spin[p] = radial_cutoff * radial_cutoff, 0.0
        for p in range(filled - start):
            spin[p] = spins[species[kept[start + p]]]
        for p in range(end - start):
            r = np.sqrt(distance[p])
            distance[p] = r
            x2[p] = 4.0 * r / radial_cutoff - 2.0
            cut[p], cut_slope[p] = _cut(r, radial_cutoff, sine, cosine)
        for p in range(filled - start):
            closest = distance[p] if distance[p] < closest or distance[p] != distance[p] else closest  # nan stays
        for p in range(filled - start, end - start):
            cut[p] = 0.0
        work = _room(work, 2, end - start)
        _sums(x2, cut, spin, work[0, : end - start], work[1, : end - start], n_radial, plain, weighted)
        for k in range(n_radial):
            inputs[n, k] = plain[k]
            if several:
                inputs[n, half + k] = weighted[k]
        close = _room(close, 8, filled - start)
        count = _close(pairs, start, filled, angular_cutoff, sine, cosine, close)
        angle = _room(angle, 3, _padded(count * count // 2))
        m = _angles(close, count, argument, angle)
        work = _room(work, 2, m)
        _sums(angle[0, :m], angle[1, :m], angle[2, :m], work[0, :m], work[1, :m], n_angular, plain, weighted)
        for k in range(n_angular):
            inputs[n, n_radial + k] = plain[k]
            if several:
                inputs[n, half + n_radial + k] = weighted[k]
        filled = end
    return closest


@njit(fastmath=FASTMATH, error_model="numpy")
def _forces(centres, near, gradient, descriptor, forces, virial, atom_virials):
    """Forces and virials from the gradient of the energies with respect to the descriptors.

    Args:
        near, descriptor: as for `_descriptors`. gradient: (n, inputs) float64.
        forces, virial, atom_virials: as in Result, added to; atom_virials may be empty.
    """
    first, kept, pairs = near
    _, radial_cutoff, angular_cutoff, n_radial, n_angular, argument, several, sine, cosine = descriptor
    x_slope = 2.0 / radial_cutoff
    work, close, angle, g = np.zeros((4, 256)), np.zeros((8, 64)), np.zeros((3, 256)), np.zeros((3, 256))
    c_radial, c_angular = np.zeros((4, n_radial + n_radial % 2)), np.zeros((4, n_angular + n_angular % 2))
    half = n_radial + n_angular
    for n in range(len(centres)):
        start, stop = first[n, 0], first[n, 1]
        m = _padded(stop - start)
        end = start + m
        work, g = _room(work, 4, m), _room(g, 3, m)
        for k in range(n_radial):
            c_radial[0, k] = gradient[n, k]
            c_radial[1, k] = gradient[n, half + k] if several else 0.0
        value, slope = work[2, :m], work[3, :m]
        _series(
            pairs[X2, start:end], pairs[SPIN, start:end], work[0, :m], work[1, :m], n_radial, c_radial, value, slope
        )
        gx, gy, gz = g[0, :m], g[1, :m], g[2, :m]
        cut, cut_slope, distance = pairs[CUT, start:end], pairs[CUT_SLOPE, start:end], pairs[DISTANCE, start:end]
        x, y, z = pairs[DX, start:end], pairs[DY, start:end], pairs[DZ, start:end]
        for p in range(m):
            along = (value[p] * cut_slope[p] + slope[p] * x_slope * cut[p]) / distance[p]
            gx[p], gy[p], gz[p] = along * x[p], along * y[p], along * z[p]
        close = _room(close, 8, stop - start)
        count = _close(pairs, start, stop, angular_cutoff, sine, cosine, close)
        if count > 1:
            angle = _room(angle, 3, _padded(count * count // 2))
            m = _angles(close, count, argument, angle)
            work = _room(work, 4, m)
            for k in range(n_angular):
                c_angular[0, k] = gradient[n, n_radial + k]
                c_angular[1, k] = gradient[n, half + n_radial + k] if several else 0.0
            value, slope = work[2, :m], work[3, :m]
            _series(angle[0, :m], angle[2, :m], work[0, :m], work[1, :m], n_angular, c_angular, value, slope)
            _angular_gradient(close, count, start, argument, angle, value, slope, g)
        _scatter(centres[n], start, stop, kept, pairs, g, forces, virial, atom_virials)


@njit(fastmath=FASTMATH, error_model="numpy")
def _angular_gradient(close, count, start, argument, angle, value, slope, g):
    """Add d/dr of sum over pairs of neighbours of series(y) f f, to the gradient of each of the two."""
    gx, gy, gz = g[0], g[1], g[2]
    q = 0
    for s in range(1, count):
        ux, uy, uz, inverse_s = close[1, s], close[2, s], close[3, s], close[4, s]
        sx = sy = sz = along = 0.0
        for t in range(s):
            by_cos = argument[0] * slope[q + t] * angle[1, q + t]
            vx, vy, vz = close[1, t], close[2, t], close[3, t]
            c = ux * vx + uy * vy + uz * vz
            sx += by_cos * vx
            sy += by_cos * vy
            sz += by_cos * vz
            along += value[q + t] * close[5, t] * close[6, s] - by_cos * c * inverse_s
            own = value[q + t] * close[5, s] * close[6, t] - by_cos * c * close[4, t]
            across = by_cos * close[4, t]
            p = int(close[0, t]) - start
            gx[p] += across * ux + own * vx
            gy[p] += across * uy + own * vy
            gz[p] += across * uz + own * vz
        p = int(close[0, s]) - start
        gx[p] += sx * inverse_s + along * ux
        gy[p] += sy * inverse_s + along * uy
        gz[p] += sz * inverse_s + along * uz
        q += s


@njit(fastmath=FASTMATH, error_model="numpy")
def _scatter(i, start, stop, kept, pairs, g, forces, virial, atom_virials):
    """Gradients (3, p) of the neighbours of centre i to the forces of both, and to the virials."""
    gx, gy, gz = g[0, : stop - start], g[1, : stop - start], g[2, : stop - start]
    fx = fy = fz = 0.0
    xx = xy = xz = yx = yy = yz = zx = zy = zz = 0.0
    row_x, row_y, row_z = pairs[DX, start:stop], pairs[DY, start:stop], pairs[DZ, start:stop]
    for p in range(stop - start):
        dx, dy, dz, x, y, z = row_x[p], row_y[p], row_z[p], gx[p], gy[p], gz[p]
        fx += x
        fy += y
        fz += z
        xx += dx * x
        xy += dx * y
        xz += dx * z
        yx += dy * x
        yy += dy * y
        yz += dy * z
        zx += dz * x
        zy += dz * y
        zz += dz * z
    for p in range(stop - start):
        j = kept[start + p]
        forces[j, 0] -= gx[p]
        forces[j, 1] -= gy[p]
        forces[j, 2] -= gz[p]
    forces[i, 0] += fx
    forces[i, 1] += fy
    forces[i, 2] += fz
    virial[0, 0] -= xx
    virial[0, 1] -= xy
    virial[0, 2] -= xz
    virial[1, 0] -= yx
    virial[1, 1] -= yy
    virial[1, 2] -= yz
    virial[2, 0] -= zx
    virial[2, 1] -= zy
    virial[2, 2] -= zz
    if len(atom_virials):
        for p in range(stop - start):
            q, j = start + p, kept[start + p]
            for a in range(3):
                for b, slope in enumerate((gx[p], gy[p], gz[p])):
                    share = -0.5 * pairs[DX + a, q] * slope
                    atom_virials[i, a, b] += share
                    atom_virials[j, a, b] += share
