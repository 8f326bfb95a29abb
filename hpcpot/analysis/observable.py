"""Observables: quantities measured frame by frame, over a trajectory (`analysis.frames`) or during a run.

An observable is a class with a row in `analysis.registry`. A complete one:

    class Height:
        def __init__(self, first: Frame, axis: int = 2):             # the reference frame, and its options
            self.axis, self.rows = axis, Rows()
        def sample(self, frame: Frame) -> None:
            self.rows.add(frame, {"height_A": np.ptp(frame.positions[:, self.axis])})
        def merge(self, other: "Height") -> None:
            self.rows.merge(other.rows)
        def result(self) -> dict[str, Columns]:
            return {"height": self.rows.columns()}
        def state(self) -> Arrays:
            return self.rows.state()
        def restore(self, arrays: Arrays) -> None:
            self.rows.restore(arrays)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from hpcpot.storage.tables import Columns
from hpcpot.units import FS_PER_PS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Frame:
    """All atoms at one step, ordered by id. Arrays that an observable's row does not name may be None.

    Attributes:
        step: of the run. time: fs.
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool.
        numbers: (n,) int, atomic numbers. masses: (n,) float64, amu.
        positions: (n, 3) float64, Å, wrapped into the cell. images: (n, 3) int32, boundary crossings since the start.
        velocities: (n, 3) float64, Å/fs. forces: (n, 3) float64, eV/Å. energies: (n,) float64, eV.
        virials: (n, 3, 3) float64, eV, positive in compression.
    """

    step: int
    time: float
    cell: np.ndarray
    periodic: np.ndarray
    numbers: np.ndarray
    masses: np.ndarray
    positions: np.ndarray
    images: np.ndarray | None = None
    velocities: np.ndarray | None = None
    forces: np.ndarray | None = None
    energies: np.ndarray | None = None
    virials: np.ndarray | None = None

    @property
    def atoms(self) -> Atoms:
        """The frame as ASE atoms."""
        return Atoms(self.numbers, self.positions, cell=self.cell, pbc=self.periodic)

    def species(self) -> tuple[list[str], np.ndarray]:
        """The elements in order of atomic number, and for each atom which of them it is, (n,) int."""
        numbers, species = np.unique(self.numbers, return_inverse=True)
        return [chemical_symbols[number] for number in numbers], species

    def has(self, names: Iterable[str]) -> bool:
        """Tell whether the frame has all of these arrays."""
        return all(getattr(self, name) is not None for name in names)


class Observable(Protocol):
    """An accumulator of frames, built as `Class(first, **options)` from the reference frame and its options.

    Frames arrive in order of step.
    """

    def sample(self, frame: Frame) -> Arrays | None:
        """Accumulate a frame. May return arrays of its atoms or regions, which `hpcpot analyze` stores and draws."""

    def merge(self, other: Observable) -> None:
        """Append the frames of another instance with the same options, which all come after the frames of this one."""

    def result(self) -> dict[str, Columns]:
        """Tables by name, of the frames sampled so far; column names end in their unit: stress_GPa."""

    def state(self) -> Arrays:
        """Accumulators by name, for a checkpoint or another rank; names without a slash."""

    def restore(self, arrays: Arrays) -> None:
        """Restore the accumulators, so that sampling continues bit for bit."""


@runtime_checkable
class Drawable(Protocol):
    """An observable with a figure."""

    def draw(self, figure: Figure) -> None:
        """Draw the result."""


class Rows:
    """A table with a row per frame: numbers or arrays by column."""

    def __init__(self) -> None:
        self._columns: dict[str, list] = {}

    def __len__(self) -> int:
        return len(self._columns.get("step", ()))

    def add(self, frame: Frame, values: dict[str, float | np.ndarray]) -> None:
        """Append a row: step, time_ps and the values, with the same names for each frame."""
        for name, value in {"step": frame.step, "time_ps": frame.time / FS_PER_PS, **values}.items():
            self._columns.setdefault(name, []).append(value)

    def columns(self) -> Columns:
        """Columns by name, (rows, ...) each."""
        return {name: np.array(values) for name, values in self._columns.items()}

    def merge(self, other: Rows) -> None:
        """Append the rows of later frames."""
        for name, values in other._columns.items():
            self._columns.setdefault(name, []).extend(values)

    def state(self) -> Arrays:
        return self.columns()

    def restore(self, arrays: Arrays) -> None:
        self._columns = {name: list(values) for name, values in arrays.items()}


def joined(**parts: Arrays) -> Arrays:
    """Join the states of several parts into one, from which `part` takes them."""
    return {f"{name} {key}": values for name, arrays in parts.items() for key, values in arrays.items()}


def part(arrays: Arrays, name: str) -> Arrays:
    """Arrays of one part of a `joined` state."""
    return {key.removeprefix(f"{name} "): values for key, values in arrays.items() if key.startswith(f"{name} ")}


def tables_of(name: str, observable: Observable) -> dict[str, Columns]:
    """Tables of an observable, each under a name that begins with that of the observable."""
    result = observable.result()
    return {name if table == name else f"{name}_{table}": columns for table, columns in result.items()}
