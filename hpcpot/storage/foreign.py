"""Trajectories of other programs, read whole, with what `TrajectoryReader` offers of those of hpcpot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import fs

from hpcpot.errors import ConfigError, HpcpotError, StructureError
from hpcpot.notices import notice
from hpcpot.structure import files
from hpcpot.structure.formats import StructureOptions

TIME, STEP = "time_fs", "step"
"""Keys of info in extended XYZ as hpcpot writes it."""
DOUBTFUL = 0.4
"""Move between two frames, in parts of the cell, that is too near to the half at which it is taken for another."""


class ForeignTrajectory:
    """Frames of a file of structures: of the same atoms in the same order, all at once in memory.

    Atoms are wrapped into their cells, and boundary crossings counted between successive frames, in which no atom moves by half
    of a cell or more; so it is the same whether the file has them wrapped or not.

    Args:
        frame_fs: time between frames, where the file does not say times.

    Attributes:
        numbers, masses, periodic, frozen: see `TrajectoryReader`.

    Raises:
        StructureError: the file cannot be read, or its frames are of other atoms. ConfigError: times are not known.
    """

    def __init__(self, path: str | Path, options: StructureOptions, frame_fs: float | None):
        self.path = Path(path)
        self._frames = [_sound(frame.structure) for frame in files.frames(path, "all", options)]
        first = self._frames[0]
        for number, atoms in enumerate(self._frames):
            _require_same(self.path, number, first, atoms)
        self.numbers, self.masses = first.numbers.astype(np.int32), first.get_masses()
        self.periodic, self.frozen = np.asarray(first.pbc), None
        self._times = self._read_times(frame_fs)
        steps = [atoms.info.get(STEP) for atoms in self._frames]
        self._steps = np.array(range(len(steps)) if None in steps else steps, np.int64)
        self._cells = np.array([atoms.cell.array for atoms in self._frames])
        self._values = self._read_values()

    def _read_times(self, frame_fs: float | None) -> np.ndarray:
        """(frames,) float64, fs.

        Raises:
            ConfigError: neither the file nor the config says them, or both.
        """
        stated = [atoms.info.get(TIME) for atoms in self._frames]
        if None in stated and frame_fs is None:
            raise ConfigError(
                f"frames.interval_fs = null: {self.path.name} does not say times; give the time between its frames in fs."
            )
        if None not in stated and frame_fs is not None:
            raise ConfigError(f"frames.interval_fs = {frame_fs:g}: {self.path.name} says times itself; leave it out.")
        times = np.arange(len(stated)) * frame_fs if frame_fs is not None else np.array(stated, float)
        if not (np.diff(times) > 0).all():
            raise StructureError(
                f"{self.path} = times that do not grow: must be frames in the order of time; sort them."
            )
        return times

    def _read_values(self) -> dict[str, np.ndarray]:
        """Arrays (frames, n, ...) by the names of `layout.ELEMENTS`."""
        inverse = np.linalg.inv(self._cells)
        places = np.array([atoms.positions for atoms in self._frames]) @ inverse
        crossings = -np.cumsum(np.rint(np.diff(places, axis=0, prepend=places[:1])) * self.periodic, axis=0)
        moves = np.abs(np.diff(places + crossings, axis=0))[..., self.periodic]
        if moves.max(initial=0.0) > DOUBTFUL:
            notice(
                self.path,
                f"atoms move by more than {DOUBTFUL:g} of the cell between frames: crossings of boundaries are uncertain, and "
                "so is what displacements say; write frames more often.",
            )
        cells = np.floor(places) * self.periodic
        values = {"position": (places - cells) @ self._cells, "image": (crossings + cells).astype(np.int32)}
        if all(atoms.has("momenta") for atoms in self._frames):
            values["velocity"] = np.array([atoms.get_velocities() * fs for atoms in self._frames])
        if all("virials" in atoms.arrays for atoms in self._frames):
            values["virial"] = np.array([atoms.arrays["virials"] for atoms in self._frames]).reshape(
                len(self._frames), -1, 3, 3
            )
        return values

    def __len__(self) -> int:
        return len(self._frames)

    def __enter__(self) -> ForeignTrajectory:
        return self

    def __exit__(self, *_: object) -> None:
        self._frames = []

    @property
    def elements(self) -> list[str]:
        """Names of the quantities that it has."""
        return list(self._values)

    def steps(self, element: str = "position") -> np.ndarray:
        """(frames,) int64, those that the file says, else the numbers of the frames."""
        return self._steps

    def times(self, element: str = "position") -> np.ndarray:
        """(frames,) float64, fs."""
        return self._times

    def values(self, element: str = "position", row: int | slice = slice(None)) -> np.ndarray:
        """One row (n, ...) or several of an element."""
        return self._values[element][row]

    def cells(self) -> np.ndarray:
        """(frames, 3, 3) float64, Å."""
        return self._cells

    def frame(self, k: int = -1) -> Atoms:
        """Frame k as the file has it."""
        return self._frames[k]

    def observables(self) -> dict[str, np.ndarray]:
        """None."""
        return {}

    def provenance(self) -> list[dict[str, str | int | float]]:
        """None."""
        return []


def _sound(structure: Atoms | HpcpotError) -> Atoms:
    if isinstance(structure, HpcpotError):
        raise structure
    return structure


def _require_same(path: Path, number: int, first: Atoms, atoms: Atoms) -> None:
    if len(atoms) != len(first) or (atoms.numbers != first.numbers).any() or (atoms.pbc != first.pbc).any():
        raise StructureError(
            f"{path} = other atoms in frame {number} than in frame 0: a trajectory must have the same atoms in the same order, "
            "with the same boundaries; sort them, or take frames apart."
        )
