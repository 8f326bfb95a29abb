"""Energies of structures as their forces and virials tell them, which no constant between energies changes.

    e = w . f        f of a frame: sums over its atoms, to an atom
    f = sums of g(r_ij) over neighbours of each element, and |T|^2 with T = sum of g(r_ij) u u ... u (0 to 3 unit vectors)

The weights w are fitted to forces and virials alone, -d(e)/d(positions) and -d(e)/d(strain), by Bayesian linear regression
(MacKay, Neural Comput. 4, 415 (1992)). The sums are those of moment tensor potentials (Shapeev, Multiscale Model. Simul. 14,
1153 (2016)), of low order; of frames of one kind they leave some meV/atom.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial, prod

import numpy as np

from hpcpot.compiled import FASTMATH, njit
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods

REACH = 6.0
"""Å: how far neighbours are seen."""
PAIRS, PAIR_WIDTH = np.arange(1.75, REACH, 0.4), 0.4
TENSORS, TENSOR_WIDTH = np.arange(1.9, REACH, 0.55), 0.55
"""Å: distances and width of the Gaussians on which they are; of the sums over pairs, and of the tensors."""
RANK = 3
POWERS = np.array([(x, y, r - x - y) for r in range(RANK + 1) for x in range(r + 1) for y in range(r + 1 - x)])
RANKS, MONOMIALS = POWERS.sum(axis=1), len(POWERS)
STARTS = np.searchsorted(RANKS, np.arange(RANK + 2))
TIMES = np.array([factorial(sum(row)) / prod(map(factorial, row)) for row in POWERS.tolist()])
"""Components of symmetric tensors that differ, as powers of x, y, z; ranks, where each starts, and how often each occurs."""
ROOM = 1_000
"""Atoms at once."""
MOST_FRAMES = 16
"""To which weights are fitted; each has 3 N forces."""
MOST_ELEMENTS = 3
"""With more, tensors are of all neighbours together, and not of each element besides."""
ITERATIONS = 50
LEAST_SEEN = 1e-6
"""Of sums whose derivatives are smaller than this part of the largest, as all are by symmetry, nothing is told."""


@dataclass(frozen=True)
class FrameSums:
    """Sums f of frames and their derivatives.

    Attributes:
        values: (frames, f). forces: (3 atoms, f), -df/d(position). virials: (frames, 6, f), -df/d(strain) of xx yy zz yz xz xy.
    """

    values: np.ndarray
    forces: np.ndarray
    virials: np.ndarray


def residuals(data: DataSet) -> np.ndarray | None:
    """Energies that the derivatives leave unexplained, (n,) eV/atom up to a constant; None where they do not tell.

    They do not where they leave more than they explain: labels of other units, or energies of another kind.

    Args:
        data: of one composition, with energies.
    """
    has_strain = bool(np.isfinite(data.virials).all())
    if not np.isfinite(data.forces).all() or not (has_strain or np.ptp(data.cells, axis=0).max() < 1e-6):
        return None
    data = data.with_elements([data.elements[t] for t in np.unique(data.species)])
    chosen = np.unique(np.linspace(0, len(data) - 1, min(len(data), MOST_FRAMES)).astype(int))
    weights = _fit(data.select(chosen), has_strain)
    values = np.concatenate([_sums(data.select(rows), False).values for rows in chunks(data.sizes, ROOM)])
    left, energies = (data.energies - values @ weights) / data.sizes, data.energies / data.sizes
    return left if np.ptp(left) <= max(np.ptp(energies), 1e-9) else None


def _fit(data: DataSet, has_strain: bool) -> np.ndarray:
    """(f,) eV, by forces, and virials where there are some; a virial counts as N^1/2 forces of its size to an atom."""
    count, a, b = 0, 0.0, 0.0
    square = 0.0
    for rows in chunks(data.sizes, ROOM):
        part = data.select(rows)
        sums = _sums(part, True)
        equations, targets = [sums.forces], [part.forces.ravel()]
        if has_strain:
            scale = np.repeat(part.sizes, 6) ** -0.5
            symmetric = 0.5 * (part.virials + part.virials.transpose(0, 2, 1))
            equations.append(sums.virials.reshape(-1, sums.virials.shape[2]) * scale[:, None])
            targets.append(symmetric[:, [0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]].ravel() * scale)
        equation, target = np.concatenate(equations), np.concatenate(targets)
        count, square = count + len(target), square + float(target @ target)
        a, b = a + equation.T @ equation, b + equation.T @ target
    scale = np.sqrt(np.diag(a) / count)
    scale = np.maximum(scale, max(LEAST_SEEN * scale.max(), 1e-12))
    return _weights(a / np.outer(scale, scale), b / scale, square, count) / scale


def _weights(a: np.ndarray, b: np.ndarray, square: float, count: int) -> np.ndarray:
    """Bayesian weights of `count` equations with the normal matrix a, right side b and squared targets `square`."""
    values, vectors = np.linalg.eigh(a)
    is_seen = values > LEAST_SEEN**2 * max(values[-1], 1e-12)
    values, vectors = values[is_seen], vectors[:, is_seen]
    seen = vectors.T @ b
    prior, noise = 1.0, max(0.1 * square / count, 1e-12)
    for _ in range(ITERATIONS):
        ratio = 1.0 / (values + noise / prior)
        means, effective = seen * ratio, float((values * ratio).sum())
        misfit = square - 2 * float(means @ seen) + float((means**2) @ values)
        prior = max(float(means @ means) / max(effective, 1e-9), 1e-12)
        noise = max(misfit / max(count - effective, 1.0), 1e-12)
    return vectors @ means


def _sums(data: DataSet, with_derivatives: bool) -> FrameSums:
    n_elements = len(data.elements)
    kinds = 1 + (n_elements if 1 < n_elements <= MOST_ELEMENTS else 0)
    size = n_elements * (n_elements + 1) // 2 * len(PAIRS) + kinds * (RANK + 1) * n_elements * len(TENSORS)
    atoms = len(data.species) if with_derivatives else 0
    values, forces = np.zeros((len(data), size)), np.zeros((atoms, 3, size))
    virials = np.zeros((len(data) if with_derivatives else 0, 6, size))
    batch = neighborhoods(data, REACH)
    _add_sums(
        batch.points(data.positions, data.cells),
        batch.pairs.first,
        batch.pairs.neighbors,
        batch.owners,
        data.species,
        data.frame_of,
        n_elements,
        kinds,
        values,
        forces,
        virials,
    )
    return FrameSums(values, forces.reshape(-1, size), virials)


@njit(fastmath=FASTMATH, error_model="numpy", nogil=True)
def _add_sums(points, first, neighbors, owners, species, frame_of, n_elements, kinds, values, forces, virials):
    """Add the sums of all atoms to values (frames, f), and their derivatives to forces (atoms, 3, f), virials (frames, 6, f).

    f: sums over pairs by (element, element, Gaussian), the first not after the second, then squares of tensors by (kind of
    neighbours, rank, element of the centre, Gaussian): kind 0 is of all neighbours, the others of one element each.
    """
    n_pairs, n_tensors = len(PAIRS), len(TENSORS)
    tensors = np.zeros((kinds, MONOMIALS, n_tensors))
    powers, slopes = np.zeros(MONOMIALS), np.zeros((MONOMIALS, 3))
    wide, wide_slopes, narrow, narrow_slopes = (
        np.zeros(n_tensors),
        np.zeros(n_tensors),
        np.zeros(n_pairs),
        np.zeros(n_pairs),
    )
    vector, unit, gradient = np.zeros(3), np.zeros(3), np.zeros(3)
    behind = n_elements * (n_elements + 1) // 2 * n_pairs
    for i in range(len(first) - 1):
        t, frame = species[i], frame_of[i]
        tensors[:] = 0.0
        for k in range(first[i], first[i + 1]):
            distance = _pair(points, i, neighbors[k], vector, unit, wide, wide_slopes, powers)
            if not distance < REACH:
                continue
            j = owners[neighbors[k]]
            s = species[j]
            for kind in range(kinds):
                if kind == 0 or kind == s + 1:
                    for m in range(MONOMIALS):
                        for c in range(n_tensors):
                            tensors[kind, m, c] += powers[m] * wide[c]
            if t <= s:
                block = (t * n_elements - t * (t - 1) // 2 + s - t) * n_pairs
                _shapes(distance, PAIRS, PAIR_WIDTH, narrow, narrow_slopes)
                for c in range(n_pairs):
                    values[frame, block + c] += narrow[c]
                    if len(forces):
                        for x in range(3):
                            gradient[x] = narrow_slopes[c] * unit[x]
                        _spread(gradient, vector, i, j, frame, block + c, forces, virials)
        for kind in range(kinds):
            for m in range(MONOMIALS):
                block = behind + ((kind * (RANK + 1) + RANKS[m]) * n_elements + t) * n_tensors
                for c in range(n_tensors):
                    values[frame, block + c] += TIMES[m] * tensors[kind, m, c] ** 2
        for k in range(first[i], first[i + 1] if len(forces) else first[i]):
            distance = _pair(points, i, neighbors[k], vector, unit, wide, wide_slopes, powers)
            if not distance < REACH:
                continue
            j = owners[neighbors[k]]
            s = species[j]
            _slopes(unit, slopes)
            for kind in range(kinds):
                if kind != 0 and kind != s + 1:
                    continue
                for rank in range(RANK + 1):
                    block = behind + ((kind * (RANK + 1) + rank) * n_elements + t) * n_tensors
                    for c in range(n_tensors):
                        along = 0.0
                        gradient[:] = 0.0
                        for m in range(STARTS[rank], STARTS[rank + 1]):
                            twice = 2.0 * TIMES[m] * tensors[kind, m, c]
                            along += twice * powers[m]
                            for x in range(3):
                                gradient[x] += twice * slopes[m, x]
                        steep = wide[c] / distance
                        for x in range(3):
                            gradient[x] = steep * gradient[x] + (wide_slopes[c] - rank * steep) * along * unit[x]
                        _spread(gradient, vector, i, j, frame, block + c, forces, virials)


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _pair(points, i, j, vector, unit, shapes, slopes, powers):
    """Vector and unit vector from point i to point j, Gaussians of TENSORS and monomials; returns the distance."""
    for x in range(3):
        vector[x] = points[j, x] - points[i, x]
    distance = np.sqrt(vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2)
    for x in range(3):
        unit[x] = vector[x] / distance
    _shapes(distance, TENSORS, TENSOR_WIDTH, shapes, slopes)
    for m in range(MONOMIALS):
        powers[m] = unit[0] ** POWERS[m, 0] * unit[1] ** POWERS[m, 1] * unit[2] ** POWERS[m, 2]
    return distance


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _spread(gradient, vector, i, j, frame, column, forces, virials):
    """Add a derivative by the vector from i to j."""
    for x in range(3):
        forces[i, x, column] += gradient[x]
        forces[j, x, column] -= gradient[x]
        virials[frame, x, column] -= vector[x] * gradient[x]
    virials[frame, 3, column] -= vector[1] * gradient[2]
    virials[frame, 4, column] -= vector[0] * gradient[2]
    virials[frame, 5, column] -= vector[0] * gradient[1]


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _shapes(distance, centres, width, values, slopes):
    """Gaussians that fade out at REACH, and their slopes."""
    fade = 0.5 * (1.0 + np.cos(np.pi * distance / REACH))
    fall = -0.5 * np.pi / REACH * np.sin(np.pi * distance / REACH)
    for c in range(len(centres)):
        away = (distance - centres[c]) / width
        bell = np.exp(-0.5 * away * away)
        values[c] = bell * fade
        slopes[c] = bell * (fall - away / width * fade)


@njit(fastmath=FASTMATH, error_model="numpy", inline="always")
def _slopes(unit, slopes):
    """Derivatives of the monomials by x, y and z."""
    for m in range(MONOMIALS):
        for x in range(3):
            slope = float(POWERS[m, x])
            for y in range(3):
                power = POWERS[m, y] - (1 if x == y else 0)
                if power > 0:
                    slope *= unit[y] ** power
            slopes[m, x] = slope
