"""The kernels in Numba, one core, with tabulated radial functions. Channel-innermost loops, so that they vectorise."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.potential.moments import tables
from hpcpot.potential.moments.environment_cpu import environment, scatter  # noqa: F401  Steps calls them by this module
from hpcpot.potential.moments.sets import Environment, MomentSet, monomials
from hpcpot.potential.moments.steps import Steps
from hpcpot.potential.moments.tables import hermite, hermite_slope

DEGREE, PARENT, AXIS, POWERS, LOWER = 0, 1, 2, 3, 6
"""Columns of a recipe: degree; monomial and component whose product it is; its three exponents; its three derivatives'
monomials (times the exponents)."""


@dataclass
class Tabulated:
    """A moment set whose functions lie in tables.

    Attributes:
        moment_set: the set.
        nodes: (species, species, k, 3, C) float64, R_c by centre and neighbour species.
        weights: (species, species, k, 3, rank + 1) float64, w; empty (k = 0) where all weights are 1.
        start, step: Å, first node and spacing.
        recipe: (a, 9) int64, how each monomial and its derivatives are made of others; columns DEGREE, PARENT, ...
    """

    moment_set: MomentSet
    nodes: np.ndarray
    weights: np.ndarray
    start: float
    step: float
    recipe: np.ndarray

    @property
    def sizes(self) -> tuple[int, int, int, bool, bool]:
        """Channels, monomials, rank, by_neighbor, weighted: what the loops are compiled for."""
        return (
            self.nodes.shape[-1],
            len(self.recipe),
            self.moment_set.rank,
            self.moment_set.by_neighbor,
            self.weights.shape[2] > 0,
        )

    @property
    def nbytes(self) -> int:
        return self.nodes.nbytes + self.weights.nbytes


def prepare(family: Any, closest: float, precision: str) -> Steps:
    """Tables of a family's moment sets, and its readout."""
    prepared = [tabulate(moment_set, len(family.elements), closest) for moment_set in family.moment_sets()]
    return Steps(family, sys.modules[__name__], prepared, family.readout)


def tabulate(moment_set: MomentSet, n_species: int, closest: float, tolerance: float = tables.TOLERANCE) -> Tabulated:
    """Tables of all pairs of species on one grid, the finest that any of them needs."""
    groups = []
    for i in range(n_species):
        for j in range(n_species):
            groups.append(partial(moment_set.radial, i=i, j=j))
            if moment_set.weights is not None:
                groups.append(partial(moment_set.weights, i=i, j=j))
    flat, start, step = tables.build(groups, closest, moment_set.cutoff, moment_set.knot, tolerance)
    n_weights = 0 if moment_set.weights is None else moment_set.rank + 1
    split = flat.reshape(len(flat), 3, n_species, n_species, moment_set.channels + n_weights).transpose(2, 3, 0, 1, 4)
    channels = moment_set.channels
    nodes = np.ascontiguousarray(split[..., :channels])
    weights = np.ascontiguousarray(split[..., channels:]) if n_weights else np.zeros((n_species, n_species, 0, 3, 1))
    return Tabulated(moment_set, nodes, weights, start, step, recipe(moment_set.rank))


def recipe(rank: int) -> np.ndarray:
    """Recipe of the monomials up to a rank from one another, (a, 9) int64: columns DEGREE, PARENT, ..."""
    exponents = monomials(rank)
    index = {tuple(e): a for a, e in enumerate(exponents.tolist())}
    rows = np.zeros((len(exponents), 9), np.int64)
    for a, e in enumerate(exponents):
        rows[a, DEGREE], rows[a, POWERS : POWERS + 3] = e.sum(), e
        for axis in np.flatnonzero(e):
            lower = e.copy()
            lower[axis] -= 1
            rows[a, LOWER + axis] = rows[a, PARENT] = index[tuple(lower.tolist())]
            rows[a, AXIS] = axis
    return rows


def _inputs(table: Tabulated, env: Environment) -> tuple:
    """First arguments of both kernels."""
    return (
        env.first,
        env.neighbor_species,
        env.distances,
        env.directions,
        table.moment_set.cutoff,
        table.nodes[env.species],
        table.weights[env.species],
        table.start,
        table.step,
        table.recipe,
    )


def moments(table: Tabulated, env: Environment, n_species: int) -> np.ndarray:
    """See moments.reference."""
    a_ntac = np.zeros(table.moment_set.shape(len(env.centres), n_species))
    _moments_kernel(*table.sizes)(*_inputs(table, env), a_ntac)
    return a_ntac


def pair_forces(table: Tabulated, env: Environment, b_ntac: np.ndarray, g_pc: np.ndarray) -> None:
    """See moments.reference."""
    _pair_forces_kernel(*table.sizes)(*_inputs(table, env), np.ascontiguousarray(b_ntac), g_pc)


@njit(fastmath=FASTMATH, inline="always")
def _evaluate(u, p, recipe, omega):
    """Monomials of direction p, each from one of a degree less."""
    omega[0] = 1.0
    for a in range(1, len(omega)):
        omega[a] = omega[recipe[a, PARENT]] * u[p, recipe[a, AXIS]]


@cache
def _moments_kernel(channels: int, n_monomials: int, rank: int, by_neighbor: bool, weighted: bool) -> Callable:
    """The moments loop with its sizes as constants: rows of moments then provably do not overlap, and it vectorises."""

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(first, kinds, r, u, cutoff, nodes, weights, start, step, recipe, a_ntac):
        last = nodes.shape[1] - 2.0
        inverse_step = 1.0 / step
        w = np.ones(rank + 1)
        omega = np.empty(n_monomials)
        for n in range(len(first) - 1):
            for p in range(first[n], first[n + 1]):
                if r[p] >= cutoff:
                    continue
                s = kinds[p]
                t = s if by_neighbor else 0
                x = (r[p] - start) * inverse_step
                k = int(min(max(0.0, x), last))  # nan: 0, and the polynomials are nan
                b0, b1, b2, b3, b4, b5 = hermite(x - k)
                if weighted:
                    for m in range(rank + 1):
                        w[m] = (
                            b0 * weights[s, k, 0, m]
                            + b1 * weights[s, k, 1, m]
                            + b2 * weights[s, k, 2, m]
                            + b3 * weights[s, k + 1, 0, m]
                            + b4 * weights[s, k + 1, 1, m]
                            + b5 * weights[s, k + 1, 2, m]
                        )
                _evaluate(u, p, recipe, omega)
                for a in range(n_monomials):
                    omega[a] *= w[recipe[a, DEGREE]]
                for c in range(channels):
                    value = (
                        b0 * nodes[s, k, 0, c]
                        + b1 * nodes[s, k, 1, c]
                        + b2 * nodes[s, k, 2, c]
                        + b3 * nodes[s, k + 1, 0, c]
                        + b4 * nodes[s, k + 1, 1, c]
                        + b5 * nodes[s, k + 1, 2, c]
                    )
                    for a in range(n_monomials):
                        a_ntac[n, t, a, c] += omega[a] * value

    return kernel


@cache
def _pair_forces_kernel(channels: int, n_monomials: int, rank: int, by_neighbor: bool, weighted: bool) -> Callable:
    """The loop of the pair forces with its sizes as constants."""

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(first, kinds, r, u, cutoff, nodes, weights, start, step, recipe, b_ntac, g_pc):
        last = nodes.shape[1] - 2.0
        inverse_step = 1.0 / step
        w, w1 = np.ones(rank + 1), np.zeros(rank + 1)
        omega = np.empty(n_monomials)
        for n in range(len(first) - 1):
            for p in range(first[n], first[n + 1]):
                if r[p] >= cutoff:
                    continue
                s = kinds[p]
                t = s if by_neighbor else 0
                x = (r[p] - start) * inverse_step
                k = int(min(max(0.0, x), last))  # nan: 0, and the polynomials are nan
                b0, b1, b2, b3, b4, b5 = hermite(x - k)
                d0, d1, d2, d3, d4, d5 = hermite_slope(x - k)
                if weighted:
                    for m in range(rank + 1):
                        l0, l1, l2 = weights[s, k, 0, m], weights[s, k, 1, m], weights[s, k, 2, m]
                        h0, h1, h2 = weights[s, k + 1, 0, m], weights[s, k + 1, 1, m], weights[s, k + 1, 2, m]
                        w[m] = b0 * l0 + b1 * l1 + b2 * l2 + b3 * h0 + b4 * h1 + b5 * h2
                        w1[m] = (d0 * l0 + d1 * l1 + d2 * l2 + d3 * h0 + d4 * h1 + d5 * h2) * inverse_step
                ux, uy, uz = u[p, 0], u[p, 1], u[p, 2]
                along = 0.0
                gx = gy = gz = 0.0
                _evaluate(u, p, recipe, omega)
                for c in range(channels):
                    l0, l1, l2 = nodes[s, k, 0, c], nodes[s, k, 1, c], nodes[s, k, 2, c]
                    h0, h1, h2 = nodes[s, k + 1, 0, c], nodes[s, k + 1, 1, c], nodes[s, k + 1, 2, c]
                    value = b0 * l0 + b1 * l1 + b2 * l2 + b3 * h0 + b4 * h1 + b5 * h2
                    slope = (d0 * l0 + d1 * l1 + d2 * l2 + d3 * h0 + d4 * h1 + d5 * h2) * inverse_step
                    for a in range(n_monomials):
                        b, m = b_ntac[n, t, a, c], recipe[a, DEGREE]
                        along += b * (slope * w[m] + value * w1[m]) * omega[a]
                        q = b * value * w[m]
                        gx += q * recipe[a, POWERS] * omega[recipe[a, LOWER]]
                        gy += q * recipe[a, POWERS + 1] * omega[recipe[a, LOWER + 1]]
                        gz += q * recipe[a, POWERS + 2] * omega[recipe[a, LOWER + 2]]
                inverse_r = 1.0 / r[p]
                along -= (gx * ux + gy * uy + gz * uz) * inverse_r
                g_pc[p, 0] += along * ux + gx * inverse_r
                g_pc[p, 1] += along * uy + gy * inverse_r
                g_pc[p, 2] += along * uz + gz * inverse_r

    return kernel
