"""Predictions of a potential for a data set, many frames per call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.errors import SimulationError
from hpcpot.neighbors import batch
from hpcpot.potential import cells
from hpcpot.potential.cells import AnyPotential
from hpcpot.potential.contract import CLOSEST, Grader, refuse_overflow

ROOM = 2048
"""Atoms evaluated at once; a CPU gets no faster with more."""


@dataclass(frozen=True)
class Predicted:
    """Labels by a potential, in the units and signs of `DataSet`.

    Attributes:
        energies: (n,) eV. forces: (atoms, 3) eV/Å. virials: (n, 3, 3) eV.
        truncated: centres with more neighbours than the model has slots, of which only the nearest were used.
    """

    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray
    truncated: int


def predict(
    dataset: DataSet, potential: AnyPotential, room: int = ROOM, advance: Callable[[int], None] = lambda frames: None
) -> Predicted:
    """Energies, forces and virials of all frames.

    Args:
        room: atoms at once.
        advance: called with the number of frames that were done since the last call.
    Raises:
        DataError: an element that the potential does not know.
        StructureError: a frame that is not periodic, with a potential that needs that.
        SimulationError: a frame whose atoms are closer than the potential can say anything about, or a result that is
            not finite.
    """
    dataset = dataset.with_elements(potential.elements)
    n = len(dataset)
    energies, forces, virials, truncated = np.empty(n), np.empty_like(dataset.forces), np.empty((n, 3, 3)), 0
    for rows in chunks(dataset.sizes, room):
        part = dataset.select(rows)
        joined = neighborhoods(part, potential.cutoff)
        points = joined.points(part.positions, part.cells)
        _refuse_contact(part, joined.closest(points))
        for periodic in part.periodic:
            cells.refuse_open(potential, periodic)
        result = cells.compute(potential, joined, points, part.cells, part.species)
        atoms = slice(dataset.first[rows[0]], dataset.first[rows[-1] + 1])
        forces[atoms], virials[rows], energies[rows] = result.forces, result.virials, result.energies
        _refuse_overflow(part, result.energies, forces[atoms])
        truncated += result.truncated
        advance(len(rows))
    return Predicted(energies, forces, virials, truncated)


def frame_grades(dataset: DataSet, grader: Grader, room: int = ROOM) -> np.ndarray:
    """Largest extrapolation grade in each frame, (n,) float64.

    Args:
        dataset: with the elements of the potential, in its order.
    """
    largest = []
    for rows in chunks(dataset.sizes, room):
        part = dataset.select(rows)
        joined = neighborhoods(part, grader.cutoff)
        points = joined.points(part.positions, part.cells)
        grades = grader.grades(points, joined.pairs, part.species[joined.owners])
        largest.append(np.maximum.reduceat(grades, part.first[:-1]))
    return np.concatenate(largest)


def neighborhoods(dataset: DataSet, reach: float) -> batch.Batch:
    """Find the neighbours of all atoms in all frames."""
    return batch.join(
        [
            batch.build(dataset.positions[a:b], cell, periodic, reach)
            for a, b, cell, periodic in zip(
                dataset.first[:-1], dataset.first[1:], dataset.cells, dataset.periodic, strict=True
            )
        ]
    )


def chunks(sizes: np.ndarray, room: int) -> Iterator[np.ndarray]:
    """Rows of frames that follow one another, of at most `room` atoms together or a single one."""
    begin, atoms = 0, 0
    for k, size in enumerate(sizes):
        if k > begin and atoms + size > room:
            yield np.arange(begin, k)
            begin, atoms = k, 0
        atoms += int(size)
    if len(sizes):
        yield np.arange(begin, len(sizes))


def _refuse_contact(dataset: DataSet, distances: np.ndarray) -> None:
    k = int(np.argmin(distances))
    if distances[k] < CLOSEST:
        raise SimulationError(
            f"shortest distance of {dataset.sources[k]} = {distances[k]:.3g} Å: atoms must be {CLOSEST} Å apart, where "
            "potentials begin; leave the frame out (hpcpot dataset lists such frames)."
        )


def _refuse_overflow(dataset: DataSet, energies: np.ndarray, forces: np.ndarray) -> None:
    for k, (a, b) in enumerate(zip(dataset.first[:-1], dataset.first[1:], strict=True)):
        refuse_overflow(np.full(b - a, energies[k]), forces[a:b], dataset.sources[k])
