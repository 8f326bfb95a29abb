"""Reading trajectories, also while they are being written."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from ase.units import fs

from hpcpot.errors import OutputError
from hpcpot.storage import layout, verify
from hpcpot.storage.hdf5_errors import explained
from hpcpot.structure import constraints

TRAJECTORIES = (".h5md", ".h5", ".hdf5")
"""Endings of the files that it reads."""
EDGES = f"{layout.MAIN}/{layout.BOX}/value"


class TrajectoryReader:
    """The committed rows of a trajectory that hpcpot wrote; its length is the number of frames (rows of position).

    A file in use may be read, locks are ignored; it is seen as it was when it was opened.

    Attributes:
        numbers: (n_atoms,) int32, atomic numbers in order of id.
        masses: (n_atoms,) float64, amu.
        periodic: (3,) bool.
        frozen: (n_atoms,) bool, atoms that do not move; None in files that do not say it.

    Raises:
        OutputError: no such file, or not a trajectory of hpcpot.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with explained(self.path, "read"), ExitStack() as stack:
            self._file = stack.enter_context(h5py.File(self.path, "r", locking=False))
            layout.require_trajectory(self._file, self.path)
            verify.trajectory(self._file)
            first = next(iter(self._file["particles"].values()))
            self.numbers = first["species"][:]
            self.masses = first["mass"][:]
            self.periodic = first["box"].attrs["boundary"] == b"periodic"
            self.frozen = first["frozen"][:] if "frozen" in first else None
            stack.pop_all()  # it stays open

    def __len__(self) -> int:
        return len(self.steps("position"))

    def __enter__(self) -> TrajectoryReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    @property
    def elements(self) -> list[str]:
        """Names of the stored quantities, of `layout.ELEMENTS`."""
        return [name for name in layout.ELEMENTS if self._find(name) is not None]

    def steps(self, element: str = "position") -> np.ndarray:
        """(rows,) int64: at which steps an element was written."""
        step = self._group(element)["step"]
        return self._read(step, slice(0, layout.committed(step)))

    def times(self, element: str = "position") -> np.ndarray:
        """(rows,) float64, fs."""
        return self._read(self._group(element)["time"], slice(0, len(self.steps(element))))

    def values(self, element: str = "position", row: int | slice = slice(None)) -> np.ndarray:
        """One row (n_atoms, ...) or several (rows, n_atoms, ...) of an element, in its unit of `layout.ELEMENTS`.

        Atoms are in order of id.
        """
        rows = range(len(self.steps(element)))[row]
        part = rows if isinstance(rows, int) else slice(rows.start, rows.stop, rows.step)
        return self._read(self._group(element)["value"], part)

    def at_step(self, element: str, step: int) -> np.ndarray | None:
        """The row (n_atoms, ...) of an element that was written at a step; None where there is none."""
        if self._find(element) is None:
            return None
        steps = self.steps(element)
        row = int(np.searchsorted(steps, step))
        return self.values(element, row) if row < len(steps) and steps[row] == step else None

    def frame(self, k: int = -1) -> Atoms:
        """Frame k: positions, cell, boundaries, masses, frozen atoms, and velocities where they were written at its step.

        Raises:
            StructureError: see `structure.checks.refuse_unsound`.
        """
        step = self.steps()[k]
        cell = self._read(self._file[EDGES], range(len(self))[k])
        atoms = Atoms(self.numbers, positions=self.values("position", k), cell=cell, pbc=self.periodic)
        atoms.set_masses(self.masses)
        if (velocities := self.at_step("velocity", int(step))) is not None:
            atoms.set_velocities(velocities / fs)
        if self.frozen is not None and self.frozen.any():
            constraints.freeze(atoms, np.flatnonzero(self.frozen))
        from hpcpot.structure import checks  # Numba: not for those who ask for numbers only

        checks.refuse_unsound(atoms, f"{self.path}, frame {k}")
        return atoms

    def cells(self) -> np.ndarray:
        """(frames, 3, 3) float64, Å, cell vectors in rows, of all frames."""
        return self._read(self._file[EDGES], slice(0, len(self)))

    def observables(self) -> dict[str, np.ndarray]:
        """step, time (fs) and each observable by name: (rows, ...) float64; NaN where a stage has no such number."""
        groups = self._file.get(layout.OBSERVABLES, {})
        if not groups:
            return {}
        step, time = (next(iter(groups.values()))[part] for part in ("step", "time"))
        rows = slice(0, layout.committed(step))
        return {
            "step": self._read(step, rows),
            "time": self._read(time, rows),
            **{name: self._read(group["value"], rows, can_be_nan=True) for name, group in groups.items()},
        }

    def provenance(self) -> list[dict[str, str | int | float]]:
        """Provenance of the file, one dict for each run, in order."""
        with explained(self.path, "read the provenance of"):
            runs = self._file[layout.RUNS].values()
            return [{name: _plain(item[()]) for name, item in run.items()} for run in runs]

    def _read(self, dataset: h5py.Dataset, rows: int | slice, can_be_nan: bool = False) -> np.ndarray:
        """Rows of an array, none of whose numbers is infinite.

        Raises:
            OutputError: it cannot be read, or holds what no run writes.
        """
        with explained(self.path, f"read {dataset.name} of"):
            values = dataset[rows]
            is_bad = np.isinf(values) if can_be_nan else ~np.isfinite(values)
            if is_bad.any():
                raise ValueError(f"numbers that are not finite, of {dataset.name}")
        return values

    def _group(self, element: str) -> h5py.Group:
        group = self._find(element)
        if group is None:
            raise OutputError(
                f"{self.path} = no {element}: its run stored {', '.join(self.elements) or 'observables'}; "
                "run with an interval for it in the output section."
            )
        return group

    def _find(self, element: str) -> h5py.Group | None:
        return next((group[element] for group in self._file["particles"].values() if element in group), None)


def _plain(value: bytes | np.generic) -> str | int | float:
    return value.decode() if isinstance(value, bytes) else value.item()
