"""The kernels in readable NumPy with exact radial functions: the specification that the others are tested against."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moments.sets import Environment, MomentSet, monomials
from hpcpot.potential.moments.steps import Steps


def prepare(family: Any, closest: float, precision: str) -> Steps:
    """The family with its moment sets and readout as they are."""
    return Steps(family, sys.modules[__name__], list(family.moment_sets()), family.readout)


def environment(
    positions: np.ndarray,
    pairs: Pairs,
    species: np.ndarray,
    centres: np.ndarray,
    cutoff: float,
    slots: np.ndarray | None,
    n_species: int,
) -> Environment:
    """Neighbours of the centres within the cutoff, no more than the model has slots.

    Where a species has more than slots[t], DeePMD-kit keeps the nearest sum(slots) of all, and of these the nearest
    slots[t] of each species; so do we, and count the centre as truncated.

    Args:
        species: (m,) int32. centres: (n,) int32, all of one species. slots: (species,) int64 or None.
    """
    neighbors, vectors, first, counts, truncated = [], [], [0], np.zeros((len(centres), n_species)), 0
    for row, i in enumerate(centres):
        j = pairs.neighbors[pairs.first[i] : pairs.first[i + 1]]
        d = positions[j] - positions[i]
        r = np.linalg.norm(d, axis=1)
        near = ~(r >= cutoff)  # a NaN stays, and is refused by who asked
        j, d, r = j[near], d[near], r[near]
        counts[row] = np.bincount(species[j], minlength=n_species)
        if slots is not None and (counts[row] > slots).any():
            nearest = np.argsort(r, kind="stable")[: slots.sum()]
            kept = np.concatenate([nearest[species[j[nearest]] == t][: slots[t]] for t in range(n_species)])
            j, d = j[kept], d[kept]
            counts[row] = np.bincount(species[j], minlength=n_species)
            truncated += 1
        neighbors.append(j)
        vectors.append(d)
        first.append(first[-1] + len(j))
    neighbors = np.concatenate(neighbors) if neighbors else np.zeros(0, np.int32)
    vectors = np.concatenate(vectors) if vectors else np.zeros((0, 3))
    distances = np.linalg.norm(vectors, axis=1)
    return Environment(
        centres,
        int(species[centres[0]]) if len(centres) else 0,
        np.array(first),
        neighbors,
        species[neighbors],
        distances,
        vectors / distances[:, None],
        counts,
        truncated,
    )


def moments(moment_set: MomentSet, env: Environment, n_species: int) -> np.ndarray:
    """A_i[t, a, c] of each centre, (n, t, a, c) float64."""
    a_ntac = np.zeros(moment_set.shape(len(env.centres), n_species))
    row_p, t_p = _rows(env), env.neighbor_species if moment_set.by_neighbor else np.zeros_like(env.neighbor_species)
    omega_pa, _ = angular(moment_set.rank, env.directions)
    inside = env.distances < moment_set.cutoff
    for j in range(n_species):
        p = np.flatnonzero(inside & (env.neighbor_species == j))
        r_pc, w_pa, _, _ = _radial(moment_set, env, p, j)
        np.add.at(a_ntac, (row_p[p], t_p[p]), np.einsum("pa,pc->pac", w_pa * omega_pa[p], r_pc))
    return a_ntac


def pair_forces(moment_set: MomentSet, env: Environment, b_ntac: np.ndarray, g_pc: np.ndarray) -> None:
    """Add to g_pc (pairs, 3) the gradient dE/d(r_j - r_i) = sum_tac B_i[t, a, c] d(R_c w_a Omega_a)/dr of each pair.

    Args:
        b_ntac: (n, t, a, c) float64, dE_i/dA_i.
    """
    row_p, t_p = _rows(env), env.neighbor_species if moment_set.by_neighbor else np.zeros_like(env.neighbor_species)
    omega_pa, slope_pac = angular(moment_set.rank, env.directions)
    inside = env.distances < moment_set.cutoff
    for j in range(b_ntac.shape[1] if moment_set.by_neighbor else int(env.neighbor_species.max(initial=-1)) + 1):
        p = np.flatnonzero(inside & (env.neighbor_species == j))
        r_pc, w_pa, r1_pc, w1_pa = _radial(moment_set, env, p, j)
        b_pac = b_ntac[row_p[p], t_p[p]]
        value_pa = np.einsum("pac,pc->pa", b_pac, r_pc)
        along_p = ((np.einsum("pac,pc->pa", b_pac, r1_pc) * w_pa + value_pa * w1_pa) * omega_pa[p]).sum(axis=1)
        u_pc = env.directions[p]
        across_pc = np.einsum("pa,pax->px", value_pa * w_pa, slope_pac[p])
        across_pc -= (across_pc * u_pc).sum(axis=1)[:, None] * u_pc
        g_pc[p] += along_p[:, None] * u_pc + across_pc / env.distances[p][:, None]


def scatter(
    env: Environment, g_pc: np.ndarray, forces: np.ndarray, virial: np.ndarray, atom_virials: np.ndarray | None
) -> None:
    """Forces and virials from the pair gradients: f_i += g, f_j -= g, virial -= r (x) g, half of it to each atom.

    Args:
        forces: (m, 3) float64, eV/Å. virial: (3, 3) float64, eV. atom_virials: (m, 3, 3) float64, eV. All are added to.
    """
    np.add.at(forces, env.centres[_rows(env)], g_pc)
    np.add.at(forces, env.neighbors, -g_pc)
    r_pc = env.distances[:, None] * env.directions
    virial -= r_pc.T @ g_pc
    if atom_virials is not None:
        half = -0.5 * r_pc[:, :, None] * g_pc[:, None, :]
        np.add.at(atom_virials, env.centres[_rows(env)], half)
        np.add.at(atom_virials, env.neighbors, half)


def angular(rank: int, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Monomials of unit vectors and their plain partial derivatives: (p, a) and (p, a, 3)."""
    powers = monomials(rank)
    table = np.ones((len(directions), 3, rank + 1))  # u^0 ... u^rank of each component
    for k in range(rank):
        table[:, :, k + 1] = table[:, :, k] * directions
    parts = [table[:, axis, powers[:, axis]] for axis in range(3)]
    omega = parts[0] * parts[1] * parts[2]
    slopes = np.zeros((*omega.shape, 3))
    for axis in range(3):
        lowered = table[:, axis, np.maximum(powers[:, axis] - 1, 0)]
        slopes[:, :, axis] = powers[:, axis] * lowered * parts[axis - 2] * parts[axis - 1]
    return omega, slopes


def _rows(env: Environment) -> np.ndarray:
    return np.repeat(np.arange(len(env.centres)), np.diff(env.first))


def _radial(moment_set: MomentSet, env: Environment, p: np.ndarray, j: int) -> tuple[np.ndarray, ...]:
    """R_c, w by monomial, and their slopes for pairs p of neighbour species j."""
    value, slope, _ = moment_set.radial(env.distances[p], env.species, j)
    ranks = monomials(moment_set.rank).sum(axis=1)
    if moment_set.weights is None:
        return value, np.ones((len(p), len(ranks))), slope, np.zeros((len(p), len(ranks)))
    weight, weight_slope, _ = moment_set.weights(env.distances[p], env.species, j)
    return value, weight[:, ranks], slope, weight_slope[:, ranks]
