"""Frames that sites are taken from: those of one trajectory, or structure files that each hold one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot.errors import ConfigError, StructureError
from hpcpot.storage.content import content_key
from hpcpot.storage.reader import TRAJECTORIES, TrajectoryReader
from hpcpot.structure import files
from hpcpot.units import FS_PER_PS


@dataclass(frozen=True)
class FrameSource:
    """The frames of one trajectory, or of structure files.

    Attributes:
        paths: one trajectory, or a structure file for each frame.
        times: (frames,) float64, ps; nan for structure files.
        steps: (frames,) int64; the number of the file for structure files.
    """

    paths: tuple[Path, ...]
    times: np.ndarray
    steps: np.ndarray

    @property
    def is_trajectory(self) -> bool:
        """True where frames follow one another, with the same atoms in the same order."""
        return self.paths[0].suffix in TRAJECTORIES

    def place(self, k: int) -> tuple[Path, int]:
        """The file of frame k, and its number there."""
        return (self.paths[0], k) if self.is_trajectory else (self.paths[k], 0)

    def name(self, k: int) -> str:
        return f"frame {k}" if self.is_trajectory else self.paths[k].name

    def read(self, k: int) -> Atoms:
        return read(*self.place(k))

    def window(self, from_ps: float | None, to_ps: float | None) -> np.ndarray:
        """Numbers of the frames in a window of time.

        Raises:
            ConfigError: there is none, or structure files have no time.
        """
        if not self.is_trajectory:
            if from_ps is not None or to_ps is not None:
                raise ConfigError(
                    "frames.from_ps = a window: structure files have no time; leave out from_ps and to_ps."
                )
            return np.arange(len(self.times))
        low, high = (default if end is None else end for end, default in ((from_ps, -np.inf), (to_ps, np.inf)))
        inside = np.flatnonzero((self.times >= low - 1e-9) & (self.times <= high + 1e-9))
        if not len(inside):
            present = f"{self.times[0]:g} to {self.times[-1]:g} ps" if len(self.times) else "no frames yet"
            raise ConfigError(
                f"frames.from_ps, to_ps = {low:g} to {high:g} ps: must hold frames of {self.paths[0].name}, which has "
                f"{present}; give another window."
            )
        return inside


def find(source: Path | Sequence[Path]) -> FrameSource:
    """The frames of a config's `frames.file`.

    Raises:
        OutputError: not a trajectory of hpcpot. ConfigError: a trajectory among several files.
    """
    paths = tuple(source) if isinstance(source, list) else (source,)
    trajectories = [path for path in paths if path.suffix in TRAJECTORIES]
    if trajectories and len(paths) > 1:
        raise ConfigError(
            f"frames.file = {trajectories[0].name} among {len(paths)} files: must be one trajectory, or structure "
            "files; run hpcpot onsite for each trajectory."
        )
    if not trajectories:
        return FrameSource(paths, np.full(len(paths), np.nan), np.arange(len(paths)))
    with TrajectoryReader(paths[0]) as reader:
        return FrameSource(paths, reader.times() / FS_PER_PS, reader.steps())


def spaced(window: np.ndarray, count: int) -> np.ndarray:
    """`count` frames of a window, equally spaced, the first and the last among them; all if it has fewer."""
    if len(window) <= count:
        return window
    return window[np.linspace(0, len(window) - 1, count).round().astype(int)]


def read(path: Path, k: int) -> Atoms:
    """Frame k of a trajectory, or the structure of a file."""
    if path.suffix not in TRAJECTORIES:
        return files.read(path)
    reader = _opened(path, path.stat().st_mtime_ns if path.is_file() else 0)
    if not 0 <= k < len(reader):
        raise StructureError(f"{path} = {len(reader)} frames: frame {k} is needed; the file has changed, begin anew.")
    return reader.frame(k)


@lru_cache(maxsize=2)
def _opened(path: Path, changed: int) -> TrajectoryReader:
    """Open a trajectory, kept for its other frames.

    Args:
        changed: time of the file's last change: workers of a running scheduler live longer than a file stays the same.
    """
    return TrajectoryReader(path)


def content(atoms: Atoms) -> str:
    """Hash of what the energies of a frame depend on."""
    return content_key(atoms.numbers, atoms.positions, atoms.cell.array, np.asarray(atoms.pbc))
