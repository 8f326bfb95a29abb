"""A Deep Potential on one core: loops over the pairs of one neighbour species at a time, in reduced radial functions.

One small table at a time is in use, and its width is a constant of the loops, which therefore vectorise. In mixed
precision tables, moments and network are float32; positions, distances, energies and sums of forces stay float64.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from functools import cache

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential import contract
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.deep_potential.reduced import PRECISIONS, Readout
from hpcpot.potential.moments import tables
from hpcpot.potential.moments.environment_cpu import environment, scatter
from hpcpot.potential.moments.steps import check_distances
from hpcpot.potential.moments.tables import hermite, hermite_slope

FRACTION, RADIAL, RADIAL_SLOPE, ANGULAR, ANGULAR_SLOPE = range(5)
"""Rows of the terms of each pair: its place in an interval of the table; w_0, w_0', w_1, w_1'."""

BESIDES = {np.float64: 0, np.float32: 300}
"""kFLOP that the part of a step is worth that is the same for all atoms; measured. The rest is in proportion to the network."""

TOGETHER = 4
"""Pairs whose radial functions are added to the moments at once: loads and stores of the moments are the bottleneck."""


class WeightNumber(IntEnum):
    """Places of `weight_numbers`: switch from and to, Å; protection; 1 / (s0 N), mean_0 / (s0 N), 1 / (s1 N).

    s0 and s1: deviations of the radial and the angular entries; N: slots of all species.
    """

    SWITCH_FROM = 0
    SWITCH_TO = 1
    PROTECTION = 2
    RADIAL = 3
    OFFSET = 4
    ANGULAR = 5
    N_NUMBERS = 6


def prepare(family: DeepPotential, closest: float, precision: str) -> DeepPotentialSteps | None:
    """The kernels of this module, or None with a skip around the first fitting layer.

    Such a skip adds the invariants themselves, of which the reduced form has others.
    """
    return None if family.has_first_skip else DeepPotentialSteps(family, closest, precision)


class DeepPotentialSteps:
    """Tables and readout of a Deep Potential, and what a block of atoms needs of memory.

    Attributes:
        nbytes: of the tables.
    """

    def __init__(self, family: DeepPotential, closest: float, precision: str):
        self.family = family
        self.readout = Readout(family, closest, precision)
        self._dtype = PRECISIONS[precision].dtype
        self.nodes, self.start, self.step = self._tabulate(closest, PRECISIONS[precision].tables)
        self.nbytes = sum(nodes.nbytes for row in self.nodes for nodes in row)
        self._buffers: dict[str, np.ndarray] = {}

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
        family, n, n_species = self.family, len(centres), len(self.family.elements)
        env = environment(positions, pairs, species, centres, family.cutoff, family.slots, n_species)
        check_distances(family.elements, env)
        bounds = np.empty((n, n_species + 1), np.int64)
        bounds[:, 0] = env.first[:-1]
        bounds[:, 1:] = env.first[:-1, None] + np.cumsum(env.counts, axis=1)
        count = len(env.distances)
        terms = self._buffer("terms", (5, count), self._dtype)
        interval = self._buffer("interval", (count,), np.int32)
        here = [t for t in range(n_species) if present >> t & 1]
        for t in here:
            _pair_terms(
                bounds,
                t,
                env.distances,
                self.weight_numbers(i, t),
                self.start,
                1.0 / self.step,
                len(self.nodes[i][t]) - 2.0,
                terms,
                interval,
            )
        offsets = self.readout.first_layer(i, present).offsets
        a_nak = self._buffer("moments", (n, 4, offsets[-1]), self._dtype)
        a_nak[...] = 0.0
        for t in here:
            nodes = self.nodes[i][t]
            _moments(nodes.shape[2])(bounds, t, env.directions, terms, interval, nodes, offsets[t], a_nak)
        energies, b_nak = self.readout(i, present, a_nak, env.counts)
        result.energies[centres] = energies
        result.truncated += env.truncated
        if result.forces is None:
            return
        g_pc = self._buffer("gradients", (count, 3), np.float64)
        for t in here:
            nodes = self.nodes[i][t]
            _pair_forces(nodes.shape[2])(
                bounds,
                t,
                env.distances,
                env.directions,
                terms,
                interval,
                nodes,
                1.0 / self.step,
                offsets[t],
                b_nak,
                g_pc,
            )
        scatter(env, g_pc, result.forces, result.virial, result.atom_virials)

    def work(self, i: int, present: int) -> int:
        """See moments.steps.Steps: kFLOP of the network, float32 in float64 counting half, and BESIDES."""
        first = self.readout.first_layer(i, present)
        rows = sum(len(w) * w.itemsize for w in first.weights if w is not None) // self._dtype().itemsize
        products = rows * len(first.layers[0].bias) + sum(layer.weights.size for layer in first.layers[1:])
        return 4 * products // 1000 + BESIDES[self._dtype]

    def _tabulate(self, closest: float, tolerance: float) -> tuple[list[list[np.ndarray]], float, float]:
        """Nodes (k, 3, channels) of each pair of species, on one grid."""
        groups = [curves for row in self.readout.radial for curves in row]
        widths = np.cumsum([0, *self.readout.widths.ravel()])
        flat, start, step = tables.build(groups, closest, self.family.cutoff, self.family.cutoff_smooth, tolerance)
        nodes = [np.ascontiguousarray(flat[:, :, a:b], self._dtype) for a, b in zip(widths, widths[1:], strict=False)]
        n_species = len(self.family.elements)
        return [nodes[i * n_species : (i + 1) * n_species] for i in range(n_species)], start, step

    def weight_numbers(self, i: int, t: int) -> np.ndarray:
        """The numbers of the weights of neighbours t around centres i, in the order of WeightNumber."""
        family, n = self.family, self.family.slots.sum()
        radial, angular = family.deviation[i, t, 0] * n, family.deviation[i, t, 1] * n
        return np.array(
            [
                family.cutoff_smooth,
                family.cutoff,
                family.protection,
                1.0 / radial,
                family.mean[i, t, 0] / radial,
                1.0 / angular,
            ]
        )

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """An array of that shape, whose memory is kept from call to call."""
        size = int(np.prod(shape))
        if name not in self._buffers or self._buffers[name].size < size:
            self._buffers[name] = np.empty(size + size // 4, dtype)
        return self._buffers[name][:size].reshape(shape)


@njit(fastmath=FASTMATH, error_model="numpy")
def _pair_terms(bounds, t, r_p, numbers, start, inverse_step, last, terms, interval):
    """DeepPotential._switch and the place in the table, of the pairs of neighbour species t."""
    low, high, protection, radial, offset, angular = numbers
    inverse_width = 1.0 / (high - low)
    for n in range(len(bounds)):
        for p in range(bounds[n, t], bounds[n, t + 1]):
            r = r_p[p]
            u = min(max((r - low) * inverse_width, 0.0), 1.0)
            w = u * u * u * (u * (15.0 - 6.0 * u) - 10.0) + 1.0
            w1 = -30.0 * u * u * (u - 1.0) * (u - 1.0) * inverse_width
            q = 1.0 / (r + protection)
            v, v1 = r * q, q - r * q * q
            s, s1 = w * q, w1 * q - w * q * q
            terms[RADIAL, p], terms[RADIAL_SLOPE, p] = s * radial - offset, s1 * radial
            terms[ANGULAR, p], terms[ANGULAR_SLOPE, p] = s * v * angular, (s1 * v + s * v1) * angular
            x = (r - start) * inverse_step
            k = int(min(max(0.0, x), last))  # nan: 0, and the fraction is nan
            interval[p] = k
            terms[FRACTION, p] = x - k


@cache
def _moments(channels: int) -> Callable:
    """A'[n, a, offset + k] += U_k(r) w_|a|(r) Omega_a, the number of functions as a constant."""

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(bounds, t, u_pc, terms, interval, nodes, offset, a_nak):
        values = np.zeros((TOGETHER, channels), nodes.dtype)
        omega = np.zeros((4, TOGETHER), nodes.dtype)
        as_type = nodes.dtype.type
        for n in range(len(bounds)):
            for start in range(bounds[n, t], bounds[n, t + 1], TOGETHER):
                omega[:] = 0.0
                for m in range(min(TOGETHER, bounds[n, t + 1] - start)):
                    p = start + m
                    k = interval[p]
                    c0, c1, c2, c3, c4, c5 = hermite(terms[FRACTION, p])
                    b0, b1, b2, b3, b4, b5 = (
                        as_type(c0),
                        as_type(c1),
                        as_type(c2),
                        as_type(c3),
                        as_type(c4),
                        as_type(c5),
                    )
                    for c in range(channels):
                        values[m, c] = (
                            b0 * nodes[k, 0, c]
                            + b1 * nodes[k, 1, c]
                            + b2 * nodes[k, 2, c]
                            + b3 * nodes[k + 1, 0, c]
                            + b4 * nodes[k + 1, 1, c]
                            + b5 * nodes[k + 1, 2, c]
                        )
                    w = terms[ANGULAR, p]
                    omega[0, m] = terms[RADIAL, p]
                    omega[1, m], omega[2, m], omega[3, m] = w * u_pc[p, 0], w * u_pc[p, 1], w * u_pc[p, 2]
                for a in range(4):
                    moments = a_nak[n, a, offset : offset + channels]
                    o0, o1, o2, o3 = omega[a, 0], omega[a, 1], omega[a, 2], omega[a, 3]
                    for c in range(channels):
                        moments[c] += o0 * values[0, c] + o1 * values[1, c] + o2 * values[2, c] + o3 * values[3, c]

    return kernel


@cache
def _pair_forces(channels: int) -> Callable:
    """g[p] = sum_ak B[n, a, offset + k] d(U_k w_|a| Omega_a)/dr, the number of functions as a constant."""

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(bounds, t, r_p, u_pc, terms, interval, nodes, inverse_step, offset, b_nak, g_pc):
        as_type = nodes.dtype.type
        zero = as_type(0.0)
        for n in range(len(bounds)):
            q0_c, q1_c = b_nak[n, 0, offset : offset + channels], b_nak[n, 1, offset : offset + channels]
            q2_c, q3_c = b_nak[n, 2, offset : offset + channels], b_nak[n, 3, offset : offset + channels]
            for p in range(bounds[n, t], bounds[n, t + 1]):
                k = interval[p]
                low, high = nodes[k], nodes[k + 1]
                c0, c1, c2, c3, c4, c5 = hermite(terms[FRACTION, p])
                b0, b1, b2, b3, b4, b5 = as_type(c0), as_type(c1), as_type(c2), as_type(c3), as_type(c4), as_type(c5)
                c0, c1, c2, c3, c4, c5 = hermite_slope(terms[FRACTION, p])
                d0, d1, d2, d3, d4, d5 = as_type(c0), as_type(c1), as_type(c2), as_type(c3), as_type(c4), as_type(c5)
                ux, uy, uz, w = u_pc[p, 0], u_pc[p, 1], u_pc[p, 2], terms[ANGULAR, p]
                o0, o1, o2, o3 = as_type(terms[RADIAL, p]), as_type(w * ux), as_type(w * uy), as_type(w * uz)
                along = p0 = p1 = p2 = p3 = zero
                for c in range(channels):
                    l0, l1, l2, h0, h1, h2 = low[0, c], low[1, c], low[2, c], high[0, c], high[1, c], high[2, c]
                    value = b0 * l0 + b1 * l1 + b2 * l2 + b3 * h0 + b4 * h1 + b5 * h2
                    slope = d0 * l0 + d1 * l1 + d2 * l2 + d3 * h0 + d4 * h1 + d5 * h2
                    q0, q1, q2, q3 = q0_c[c], q1_c[c], q2_c[c], q3_c[c]
                    along += (o0 * q0 + o1 * q1 + o2 * q2 + o3 * q3) * slope
                    p0 += q0 * value
                    p1 += q1 * value
                    p2 += q2 * value
                    p3 += q3 * value
                across = p1 * ux + p2 * uy + p3 * uz
                change = along * inverse_step + p0 * terms[RADIAL_SLOPE, p] + across * terms[ANGULAR_SLOPE, p]
                turn = w / r_p[p]
                change -= across * turn
                g_pc[p, 0], g_pc[p, 1], g_pc[p, 2] = (
                    change * ux + p1 * turn,
                    change * uy + p2 * turn,
                    change * uz + p3 * turn,
                )

    return kernel
