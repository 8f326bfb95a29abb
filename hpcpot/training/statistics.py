"""Statistics of the data that a Deep Potential takes before training: slots, normalisation, energies of atoms.

Source: deepmd-kit 3.2, deepmd/utils/{update_sel,env_mat_stat,out_stat}.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.neighbors import batch as neighbors
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.moments.environment_cpu import environment
from hpcpot.training.batches import Systems

FLOOR = 1e-2
"""Least deviation of a component (data_stat_protect)."""
ABSENT = 0.1
"""Deviation for centres of a type that has no atoms."""
SLOT_FACTOR = 1.1


@dataclass(frozen=True)
class Reach:
    """most: (species,) int64, neighbours of a species that one atom has at most. shortest: Å, distance of two atoms."""

    most: np.ndarray
    shortest: float


def reach(data: DataSet, cutoff: float) -> Reach:
    """Neighbours within the cutoff, in all frames."""
    most, shortest = np.zeros(len(data.elements), np.int64), np.inf
    for points, pairs, species in _frames(data, np.arange(len(data)), cutoff):
        atoms = np.arange(len(pairs.first) - 1, dtype=np.int32)
        env = environment(points, pairs, species, atoms, cutoff, None, len(data.elements))
        most = np.maximum(most, env.counts.max(axis=0).astype(np.int64))
        shortest = min(shortest, env.distances.min(initial=np.inf))
    return Reach(most, float(shortest))


def slots(given: str | list[int], most: np.ndarray) -> np.ndarray:
    """The neighbour slots of each type: as given, or by "auto:factor" a multiple of 4, >= factor * most."""
    if isinstance(given, list):
        return np.array(given, np.int64)
    factor = float(given.partition(":")[2] or SLOT_FACTOR)
    return 4 * (((most * factor).astype(np.int64) + 3) // 4)


def sample(systems: Systems, n_batches: int) -> np.ndarray:
    """Frames for statistics: of each system as many as n_batches batches have, evenly spaced."""
    rows = []
    for frames, size in zip(systems.frames, systems.batch_sizes, strict=True):
        count = min(len(frames), n_batches * size)
        rows.append(frames[np.linspace(0, len(frames) - 1, count).round().astype(int)])
    return np.sort(np.concatenate(rows))


def normalisation(
    data: DataSet, rows: np.ndarray, family: DeepPotential, zero_mean: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of the rows (s, w x, w y, w z) of centres of each type, empty slots being zeros.

    mean = (<s>, 0, 0, 0), deviation = (sqrt(<s^2> - <s>^2), d, d, d) with d of the three other components pooled.

    Args:
        rows: frames to take.
        family: gives the switch, the cutoff and the slots; its mean must be 0 and its deviation 1.
    Returns:
        (types, types, 4) each, the same for all neighbour types.
    """
    types = len(family.elements)
    sums, slots_seen = np.zeros((types, 4)), np.zeros(types)
    weights, n_slots = family.moment_sets()[0].weights, family.slots.sum()
    for points, pairs, species in _frames(data, rows, family.cutoff):
        for i in range(types):
            atoms = np.flatnonzero(species[: len(pairs.first) - 1] == i).astype(np.int32)
            env = environment(points, pairs, species, atoms, family.cutoff, family.slots, types)
            s, w = (weights(env.distances, i, 0)[0] * n_slots).T
            angular = w[:, None] * env.directions
            sums[i] += s.sum(), (s * s).sum(), angular.sum(), (angular * angular).sum()
            slots_seen[i] += len(atoms) * n_slots
    mean, deviation = np.zeros((types, types, 4)), np.full((types, types, 4), ABSENT)
    for i in np.flatnonzero(slots_seen):
        s, s2, a, a2 = sums[i] / slots_seen[i] / np.array([1.0, 1.0, 3.0, 3.0])
        deviation[i, :, 0] = max(np.sqrt(max(s2 - s * s, 0.0)), FLOOR)
        deviation[i, :, 1:] = max(np.sqrt(max(a2 - a * a, 0.0)), FLOOR)
        mean[i, :, 0] = 0.0 if zero_mean else s
    return mean, deviation


def atomic_energies(data: DataSet, rows: np.ndarray) -> np.ndarray:
    """(elements,) eV: least squares, of minimum norm, of the frames' energies on their numbers of atoms."""
    return np.linalg.lstsq(data.counts[rows].astype(np.float64), data.energies[rows], rcond=None)[0]


def _frames(data: DataSet, rows: np.ndarray, cutoff: float) -> Iterator[tuple[Pairs, np.ndarray]]:
    """Pairs and species of all points of each frame."""
    for k in rows:
        mine = slice(data.first[k], data.first[k + 1])
        near = neighbors.build(data.positions[mine], data.cells[k], data.periodic[k], cutoff)
        yield near.points, near.pairs, data.species[mine][near.owners]
