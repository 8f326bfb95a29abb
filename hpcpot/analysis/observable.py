"""Observables: what is measured of frames, the same over a trajectory (`analysis.frames`) and during a run.

An observable is a class of a module, with a row in `analysis.registry`. This is all that it needs:

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
from typing import TYPE_CHECKING, Protocol

import numpy as np
from ase import Atoms

from hpcpot.storage.tables import Columns
from hpcpot.units import FS_PER_PS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Frame:
    """All atoms at one step, in order of id. Arrays that the observable's row does not name may be None.

    Attributes:
        step: of the run. time: fs.
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool.
        numbers: (n,) int, atomic numbers. masses: (n,) float64, amu.
        positions: (n, 3) float64, Å, wrapped into the cell. images: (n, 3) int32, boundaries crossed since the start.
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
        """Positions, cell and boundaries for ASE."""
        return Atoms(self.numbers, self.positions, cell=self.cell, pbc=self.periodic)

    def has(self, names: Iterable[str]) -> bool:
        """Whether the frame has all of these arrays."""
        return all(getattr(self, name) is not None for name in names)


class Observable(Protocol):
    """Constructed as `Class(first, **options)`, `first` being the frame that others are compared with.

    Frames arrive in order of step.
    """

    def sample(self, frame: Frame) -> Arrays | None:
        """Accumulate a frame; may return arrays of its atoms or regions, for those who store or draw them."""

    def merge(self, other: Observable) -> None:
        """Add the frames of another part, constructed alike, all of which follow those of this one."""

    def result(self) -> dict[str, Columns]:
        """Tables by name, of what was sampled so far; units at the end of the names of columns: stress_GPa."""

    def state(self) -> Arrays:
        """The accumulators, for a checkpoint or another rank."""

    def restore(self, arrays: Arrays) -> None:
        """Put back the accumulators that `state` gave: bit by bit, as if sampling had not been interrupted."""


class Drawable(Protocol):
    """An observable that has a figure."""

    def draw(self, figure: Figure) -> None:
        """Draw the result."""


class Rows:
    """Numbers or arrays of each frame: a table with a row a frame, in order of step."""

    def __init__(self) -> None:
        self._columns: dict[str, list] = {}

    def __len__(self) -> int:
        return len(self._columns.get("step", ()))

    def add(self, frame: Frame, values: dict[str, float | np.ndarray]) -> None:
        """Append a row: step, time_ps and the values, of the same names for each frame."""
        for name, value in {"step": frame.step, "time_ps": frame.time / FS_PER_PS, **values}.items():
            self._columns.setdefault(name, []).append(value)

    def columns(self) -> Columns:
        """(rows, ...) by name."""
        return {name: np.array(values) for name, values in self._columns.items()}

    def merge(self, other: Rows) -> None:
        """Add the rows of the frames that follow."""
        for name, values in other._columns.items():
            self._columns.setdefault(name, []).extend(values)

    def state(self) -> Arrays:
        return self.columns()

    def restore(self, arrays: Arrays) -> None:
        self._columns = {name: list(values) for name, values in arrays.items()}


def joined(**parts: Arrays) -> Arrays:
    """One state of several parts; `part` takes them out again."""
    return {f"{name} {key}": values for name, arrays in parts.items() for key, values in arrays.items()}


def part(arrays: Arrays, name: str) -> Arrays:
    """The arrays of one part of a `joined` state."""
    return {key.removeprefix(f"{name} "): values for key, values in arrays.items() if key.startswith(f"{name} ")}


def tables_of(name: str, observable: Observable) -> dict[str, Columns]:
    """The result of an observable, tables under names that begin with its own."""
    result = observable.result()
    return {name if table == name else f"{name}_{table}": columns for table, columns in result.items()}
