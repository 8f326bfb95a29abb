"""What is found out of one frame: the same arrays for each, whichever rank has it."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from ase.data import atomic_numbers, chemical_symbols, covalent_radii

from hpcpot.analysis import bonds, reference, strain, stress, voids
from hpcpot.analysis.frames import Arrays
from hpcpot.commands.analyze.pull import Pull
from hpcpot.config import Settings
from hpcpot.errors import ConfigError, OutputError
from hpcpot.storage.reader import TrajectoryReader

REACH = 1.2
"""Longest bond over the sum of the covalent radii, where the config names none."""
NEEDED = ("velocity", "virial")
"""Beside positions, for the stress of regions."""


class FrameAnalysis:
    """Callable with the number of a frame; returns arrays of the parts that are asked for.

        shear, volumetric, d2min (n,) float64, valid (n,) bool              of `strain.strain`
        coordination (n, elements) int32, broken (n,) int32                 of `bonds`
        labels, fraction, volumes, centres, spans, is_outside (KEPT,) bool  of `voids`
        stress (*bins, 3, 3) float64, GPa                                   of `stress.regional`

    Attributes:
        elements: chemical symbols, in order of atomic number.
        shape: of the grid of voids, the same for all frames, no coarser than asked for in any.
    """

    def __init__(self, reader: TrajectoryReader, pull: Pull, settings: Settings):
        self._reader, self._pull, self._settings = reader, pull, settings
        numbers = np.unique(reader.numbers)
        self.elements = [chemical_symbols[number] for number in numbers]
        self._species = np.searchsorted(numbers, reader.numbers)
        longest = np.linalg.norm(pull.cells, axis=2).max(axis=0)
        self.shape = voids.grid_shape(np.diag(longest), settings.voids.spacing_A)

    def __call__(self, frame: int) -> Arrays:
        found: Arrays = {}
        cell = self._reader.cells()[frame]
        positions = self._reader.values("position", frame).astype(float)
        for part in ("strain", "bonds", "voids", "stress"):
            if part in self._settings.parts:
                found |= getattr(self, f"_{part}")(frame, positions, cell)
        return found

    def _strain(self, frame: int, positions: np.ndarray, cell: np.ndarray) -> Arrays:
        return vars(strain.strain(self._neighbors, positions, cell, self._settings.strain.mapping))

    def _bonds(self, frame: int, positions: np.ndarray, cell: np.ndarray) -> Arrays:
        first = self.bonds
        counts = bonds.coordination(positions, cell, first.reference.periodic, first.species, first.cutoffs)
        return {"coordination": counts, "broken": bonds.broken(first, positions, cell, self._settings.bonds.stretch)}

    def _voids(self, frame: int, positions: np.ndarray, cell: np.ndarray) -> Arrays:
        found = voids.find(positions, cell, self._reader.periodic, self.shape, self._settings.voids.radius_A)
        touched = np.bincount(found.labels[self._outside], minlength=256)[1 : voids.KEPT + 1]
        return vars(found) | {"is_outside": touched > 0}

    def _stress(self, frame: int, positions: np.ndarray, cell: np.ndarray) -> Arrays:
        """nan where the frame has no velocities or virials beside it."""
        step, bins = self._reader.steps()[frame], tuple(self._settings.stress.bins)
        if step not in steps_with_stress(self._reader):
            return {"stress": np.full((*bins, 3, 3), np.nan)}
        velocities, virials = (self._beside(name, step) for name in NEEDED)
        return {"stress": stress.regional(positions, velocities, self._reader.masses, virials, cell, bins)}

    def _beside(self, name: str, step: int) -> np.ndarray:
        """An array that was written at the step of a frame."""
        return self._reader.values(name, int(np.searchsorted(self._reader.steps(name), step))).astype(float)

    @cached_property
    def _first(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, cell and boundaries of the reference frame."""
        positions = self._reader.values("position", self._pull.frames[0]).astype(float)
        return positions, self._pull.cells[0], self._reader.periodic

    @cached_property
    def _neighbors(self) -> reference.Reference:
        return reference.make_reference(*self._first, self._settings.strain.cutoff_A)

    @cached_property
    def bonds(self) -> bonds.Bonds:
        """The bonds of the reference frame."""
        return bonds.make_bonds(
            *self._first, self._species, bond_lengths(self.elements, self._settings.bonds.lengths_A)
        )

    @cached_property
    def _outside(self) -> np.ndarray:
        positions, cell, periodic = self._first
        found = voids.find(positions, cell, periodic, self.shape, self._settings.voids.radius_A)
        return voids.outside(found, periodic)


def check(reader: TrajectoryReader, pull: Pull, settings: Settings) -> None:
    """Refuse parts for which the trajectory or the config lack something, before the work.

    Raises:
        OutputError: no frame has virials and velocities beside it. ConfigError: see `bond_lengths`.
    """
    if "bonds" in settings.parts:
        bond_lengths([chemical_symbols[number] for number in np.unique(reader.numbers)], settings.bonds.lengths_A)
    if "stress" in settings.parts and not np.isin(pull.steps, steps_with_stress(reader)).any():
        raise OutputError(
            f"{reader.path} = no frame with virials and velocities: the stress of regions needs both beside positions; "
            "run with output.virial_every and output.velocity_every, or leave stress out of parts."
        )


def steps_with_stress(reader: TrajectoryReader) -> np.ndarray:
    """Steps at which all was written that the stress of regions needs, beside positions."""
    written = [reader.steps(name) for name in NEEDED if name in reader.elements]
    return np.intersect1d(*written) if len(written) == len(NEEDED) else np.zeros(0, int)


def bond_lengths(elements: list[str], given: list | None) -> np.ndarray:
    """Longest bond of each pair of elements, (elements, elements) float64, Å; REACH times covalent radii if not given.

    Raises:
        ConfigError: an element that the trajectory has not, or a pair without a length.
    """
    if given is None:
        radii = np.array([covalent_radii[atomic_numbers[name]] for name in elements])
        return REACH * (radii[:, None] + radii)
    lengths = np.zeros((len(elements), len(elements)))
    for a, b, length in given:
        for name in (a, b):
            if name not in elements:
                raise ConfigError(
                    f"bonds.lengths_A = {name}: must be among the elements of the trajectory, {', '.join(elements)}; "
                    "correct it."
                )
        lengths[elements.index(a), elements.index(b)] = lengths[elements.index(b), elements.index(a)] = length
    lacking = np.argwhere(lengths == 0)
    if len(lacking):
        a, b = (elements[k] for k in lacking[0])
        raise ConfigError(
            f"bonds.lengths_A = no {a}-{b}: must have a length for each pair of elements; add [{a}, {b}, length]."
        )
    return lengths
