"""Energies of structures as their forces and virials tell them, which no constant between energies changes.

    e = w . f        f of a frame: sums over its atoms, to an atom
    f = sums of g(r_ij) over neighbours of each element, and |T|^2 with T = sum of g(r_ij) u u ... u (0 to 3 unit vectors)

The weights w are fitted to forces and virials alone, -d(e)/d(positions) and -d(e)/d(strain), by Bayesian linear regression
(MacKay, Neural Comput. 4, 415 (1992)). The sums are those of moment tensor potentials (Shapeev, Multiscale Model. Simul. 14,
1153 (2016)), of low order; of frames of one kind they leave some meV/atom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.predict import chunks, neighborhoods

REACH = 6.0
"""Å: how far neighbours are seen."""
PAIRS, PAIR_WIDTH = np.arange(1.75, REACH, 0.4), 0.4
TENSORS, TENSOR_WIDTH = np.arange(1.9, REACH, 0.55), 0.55
"""Å: distances and width of the Gaussians on which they are; of the sums over pairs, and of the tensors."""
RANK = 3
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
    pairs = _Pairs(data)
    values, forces, virials = [], [], []

    def add(value: np.ndarray, derivative: np.ndarray | None) -> None:
        """value: (atoms, k) of each centre; derivative: (pairs, 3, k) of it by the vector to the neighbour."""
        values.append(np.add.reduceat(value, data.first[:-1], axis=0))
        if derivative is not None:
            forces.append(pairs.forces(derivative))
            virials.append(pairs.virials(derivative))

    n_elements = len(data.elements)
    shape, slope = _shapes(pairs.distances, PAIRS, PAIR_WIDTH)
    for t in range(n_elements):
        for s in range(t, n_elements):
            chosen = ((pairs.first_species == t) & (pairs.second_species == s)).astype(float)[:, None]
            gradient = pairs.units[:, :, None] * (slope * chosen)[:, None, :] if with_derivatives else None
            add(pairs.by_centre(shape * chosen), gradient)
    shape, slope = _shapes(pairs.distances, TENSORS, TENSOR_WIDTH)
    elements = [*range(n_elements)] if 1 < n_elements <= MOST_ELEMENTS else []
    for neighbor in (None, *elements):
        chosen = (
            np.ones((len(shape), 1)) if neighbor is None else (pairs.second_species == neighbor).astype(float)[:, None]
        )
        for value, gradient in _squares(pairs, shape * chosen, slope * chosen, with_derivatives):
            for t in range(n_elements):
                is_centre = (data.species == t).astype(float)
                masked = None if gradient is None else gradient * is_centre[pairs.centres][:, None, None]
                add(value * is_centre[:, None], masked)
    if not with_derivatives:
        return FrameSums(np.concatenate(values, axis=1), np.empty(0), np.empty(0))
    joined = np.concatenate(forces, axis=2)
    return FrameSums(
        np.concatenate(values, axis=1), joined.reshape(-1, joined.shape[2]), np.concatenate(virials, axis=2)
    )


def _squares(pairs: _Pairs, shape: np.ndarray, slope: np.ndarray, with_derivatives: bool):
    """Squares of tensors of rank 0 to RANK, (atoms, k), and their derivatives, (pairs, 3, k) or None."""
    units, steep = pairs.units, shape / pairs.distances[:, None]
    power = lower = np.ones((len(units), 1))
    for rank in range(RANK + 1):
        if rank:
            lower, power = power, (power[:, :, None] * units[:, None, :]).reshape(len(units), -1)
        tensor = pairs.by_centre(power[:, :, None] * shape[:, None, :])
        gradient = None
        if with_derivatives:
            own = tensor[pairs.centres]
            along = np.einsum("pa,pak->pk", power, own)
            gradient = 2 * units[:, :, None] * (slope * along)[:, None, :]
            if rank:
                turned = np.einsum("pa,pack->pck", lower, own.reshape(len(units), -1, 3, own.shape[2]))
                gradient += 2 * rank * steep[:, None, :] * (turned - units[:, :, None] * along[:, None, :])
        yield (tensor**2).sum(axis=1), gradient


def _shapes(distances: np.ndarray, centres: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Gaussians that fade out at REACH, and their slopes, (pairs, k)."""
    fade = 0.5 * (1 + np.cos(np.pi * distances / REACH))[:, None]
    fall = -0.5 * np.pi / REACH * np.sin(np.pi * distances / REACH)[:, None]
    away = (distances[:, None] - centres) / width
    bell = np.exp(-0.5 * away**2)
    return bell * fade, bell * (fall - away / width * fade)


class _Pairs:
    """All pairs of frames within REACH, by centre.

    Attributes:
        centres, others: (pairs,) atoms. distances: (pairs,) Å. units: (pairs, 3), from the centre.
        first_species, second_species: (pairs,).
    """

    def __init__(self, data: DataSet):
        batch = neighborhoods(data, REACH)
        points, first = batch.points(data.positions, data.cells), batch.pairs.first
        centres = np.repeat(np.arange(len(first) - 1), np.diff(first))
        vectors = points[batch.pairs.neighbors] - points[centres]
        distances = np.linalg.norm(vectors, axis=1)
        inside = distances < REACH
        self.vectors, self.distances = vectors[inside], distances[inside]
        self.centres, self.others = centres[inside], batch.owners[batch.pairs.neighbors[inside]]
        self.units = self.vectors / self.distances[:, None]
        self.first_species, self.second_species = data.species[self.centres], data.species[self.others]
        n = len(data.species)
        self._by_centre, self._by_other = _ends(self.centres, n), _ends(self.others, n)
        self._order = np.argsort(self.others, kind="stable")
        self._by_frame = _ends(data.frame_of[self.centres], len(data))

    def by_centre(self, values: np.ndarray) -> np.ndarray:
        return _segments(values, self._by_centre)

    def forces(self, derivative: np.ndarray) -> np.ndarray:
        """(atoms, 3, k) of (pairs, 3, k) by the vectors."""
        return self.by_centre(derivative) - _segments(derivative[self._order], self._by_other)

    def virials(self, derivative: np.ndarray) -> np.ndarray:
        """(frames, 6, k) of (pairs, 3, k) by the vectors."""
        components = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
        rows = [-_segments(self.vectors[:, a, None] * derivative[:, b, :], self._by_frame) for a, b in components]
        return np.stack(rows, axis=1)


def _ends(labels: np.ndarray, count: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=count))])


def _segments(values: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Sums of rows from end to end; 0 for none."""
    sums = np.zeros((len(ends) - 1, *values.shape[1:]))
    has_some = ends[1:] > ends[:-1]
    if has_some.any():
        sums[has_some] = np.add.reduceat(values, ends[:-1][has_some], axis=0)
    return sums
