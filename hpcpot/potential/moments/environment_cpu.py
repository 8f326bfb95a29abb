"""Neighbours within the cutoff, and forces from the gradients of their pairs, in Numba."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moments.sets import Environment


def environment(
    positions: np.ndarray,
    pairs: Pairs,
    species: np.ndarray,
    centres: np.ndarray,
    cutoff: float,
    slots: np.ndarray | None,
    n_species: int,
) -> Environment:
    """See moments.reference; here the neighbours of each centre are sorted by species."""
    capacity = int((pairs.first[centres + 1] - pairs.first[centres]).sum())
    first = np.empty(len(centres) + 1, np.int64)
    neighbors, neighbor_species = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    distances, directions = np.empty(capacity), np.empty((capacity, 3))
    counts = np.zeros((len(centres), n_species))
    room = np.full(n_species, np.iinfo(np.int32).max, np.int64) if slots is None else slots
    truncated = _environment(
        positions,
        pairs.first,
        pairs.neighbors,
        species,
        centres,
        cutoff * cutoff,
        room,
        first,
        neighbors,
        neighbor_species,
        distances,
        directions,
        counts,
    )
    p = first[-1]
    i = int(species[centres[0]]) if len(centres) else 0
    return Environment(
        centres, i, first, neighbors[:p], neighbor_species[:p], distances[:p], directions[:p], counts, int(truncated)
    )


def scatter(
    env: Environment, g_pc: np.ndarray, forces: np.ndarray, virial: np.ndarray, atom_virials: np.ndarray | None
) -> None:
    """See moments.reference."""
    _scatter(env.first, env.centres, env.neighbors, env.distances, env.directions, g_pc, forces, virial)
    if atom_virials is not None:
        _scatter_virials(env.first, env.centres, env.neighbors, env.distances, env.directions, g_pc, atom_virials)


@njit(error_model="numpy")
def _environment(
    positions,
    row,
    neighbors_in,
    species,
    centres,
    cutoff2,
    room,
    first,
    neighbors,
    kinds,
    distances,
    directions,
    counts,
):
    filled, truncated = 0, 0
    n_species = counts.shape[1]
    first[0] = 0
    kept, vectors, where = np.empty(0, np.int32), np.empty((0, 4)), np.empty(n_species, np.int64)
    for n in range(len(centres)):
        i = centres[n]
        x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
        if len(kept) < row[i + 1] - row[i] + 1:
            kept, vectors = (
                np.empty(2 * (row[i + 1] - row[i]) + 1, np.int32),
                np.empty((2 * (row[i + 1] - row[i]) + 1, 4)),
            )
        count = 0
        for p in range(row[i], row[i + 1]):
            j = neighbors_in[p]
            dx, dy, dz = positions[j, 0] - x, positions[j, 1] - y, positions[j, 2] - z
            r2 = dx * dx + dy * dy + dz * dz
            kept[count] = j
            vectors[count, 0], vectors[count, 1], vectors[count, 2], vectors[count, 3] = dx, dy, dz, r2
            count += not r2 >= cutoff2  # without a branch, which would be mispredicted; a NaN stays and is found
        for q in range(count):
            counts[n, species[kept[q]]] += 1.0
        end = filled
        for s in range(n_species):
            where[s] = end
            end += int(counts[n, s])
        for q in range(count):
            s = species[kept[q]]
            p = where[s]
            where[s] += 1
            r = np.sqrt(vectors[q, 3])
            inverse = 1.0 / r
            neighbors[p], kinds[p], distances[p] = kept[q], s, r
            for c in range(3):
                directions[p, c] = vectors[q, c] * inverse
        filled = end
        full = False
        for s in range(n_species):
            full = full or counts[n, s] > room[s]
        if full:
            filled = _keep_nearest(
                first[n], filled, room.sum(), room, neighbors, kinds, distances, directions, counts[n]
            )
            truncated += 1
        first[n + 1] = filled
    return truncated


@njit(error_model="numpy")
def _keep_nearest(start, end, total, room, neighbors, kinds, distances, directions, counts):
    """Drop what the reference kernel drops of the neighbours start..end; returns the new end and sets the counts."""
    order = np.argsort(distances[start:end], kind="mergesort")
    keep = np.zeros(end - start, np.bool_)
    counts[:] = 0.0
    for q in order[:total]:
        s = kinds[start + q]
        if counts[s] < room[s]:
            keep[q] = True
            counts[s] += 1.0
    filled = start
    for p in range(start, end):
        if keep[p - start]:
            neighbors[filled], kinds[filled], distances[filled] = neighbors[p], kinds[p], distances[p]
            for c in range(3):
                directions[filled, c] = directions[p, c]
            filled += 1
    return filled


@njit(error_model="numpy")
def _scatter(first, centres, neighbors, r, u, g, forces, virial):
    for n in range(len(centres)):
        fx = fy = fz = 0.0
        for p in range(first[n], first[n + 1]):
            j = neighbors[p]
            gx, gy, gz = g[p, 0], g[p, 1], g[p, 2]
            fx += gx
            fy += gy
            fz += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
            for a in range(3):
                d = r[p] * u[p, a]
                virial[a, 0] -= d * gx
                virial[a, 1] -= d * gy
                virial[a, 2] -= d * gz
        i = centres[n]
        forces[i, 0] += fx
        forces[i, 1] += fy
        forces[i, 2] += fz


@njit(error_model="numpy")
def _scatter_virials(first, centres, neighbors, r, u, g, atom_virials):
    for n in range(len(centres)):
        i = centres[n]
        for p in range(first[n], first[n + 1]):
            j = neighbors[p]
            for a in range(3):
                d = -0.5 * r[p] * u[p, a]
                for b in range(3):
                    atom_virials[i, a, b] += d * g[p, b]
                    atom_virials[j, a, b] += d * g[p, b]
