"""Frames that sites are taken from: those of one trajectory, or of structure files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from ase import Atoms

from hpcpot.commands.onsite.settings import FramesSection
from hpcpot.errors import ConfigError, HpcpotError, StructureError
from hpcpot.storage.content import content_key
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.structures import is_trajectory, note_if_frozen_are_unknown
from hpcpot.structure import constraints, files
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.settings import options_of
from hpcpot.units import FS_PER_PS


@dataclass(frozen=True)
class FramePlace:
    """A frame in its file.

    Attributes:
        path: the file. number: there. name: for people. options: to read it with.
        error: why the frame cannot be read.
    """

    path: Path
    number: int
    name: str
    options: StructureOptions
    error: HpcpotError | None = None

    def read(self) -> Atoms:
        """Read the frame.

        Raises:
            HpcpotError: it cannot be read, or is not there.
        """
        if self.error is not None:
            raise self.error
        if not is_trajectory(self.path):
            return files.frame(self.path, self.options, self.number)
        reader = _opened(self.path, self.path.stat().st_mtime_ns if self.path.is_file() else 0)
        if not 0 <= self.number < len(reader):
            raise StructureError(
                f"{self.path} = {len(reader)} frames: frame {self.number} is needed; the file has changed, begin anew."
            )
        return reader.frame(self.number)


@dataclass(frozen=True)
class FrameSource:
    """The frames of one trajectory of hpcpot, or of structure files, one file after the other.

    Attributes:
        places: of each frame.
        times: (frames,) float64, ps; nan for structure files.
        steps: (frames,) int64; the number of the frame for structure files.
        is_trajectory: whether frames follow one another, with the same atoms in the same order.
    """

    places: tuple[FramePlace, ...]
    times: np.ndarray
    steps: np.ndarray
    is_trajectory: bool

    def name(self, k: int) -> str:
        return self.places[k].name

    def read(self, k: int) -> Atoms:
        return self.places[k].read()

    def chosen(self, section: FramesSection, say: Callable[[str], None]) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the frames in the window of time, and of those of them that sites are taken from."""
        window = self.window(section.from_ps, section.to_ps)
        chosen = spaced(window, section.count)
        if len(chosen) < section.count:
            say(f"frames: {len(chosen)}, all that there are; {section.count} were asked for")
        return window, chosen

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
            present = f"{self.times[0]:g} to {self.times[-1]:g} ps"
            raise ConfigError(
                f"frames.from_ps, to_ps = {low:g} to {high:g} ps: must hold frames of {self.places[0].path.name}, which has "
                f"{present}; give another window."
            )
        return inside


def find(section: FramesSection) -> FrameSource:
    """Find the frames of a config.

    Raises:
        OutputError: not a trajectory of hpcpot. ConfigError: a trajectory among several files, or one without frames.
    """
    paths = section.file if isinstance(section.file, list) else [section.file]
    trajectories, options = [path for path in paths if is_trajectory(path)], options_of(section, "frames")
    if trajectories and len(paths) > 1:
        raise ConfigError(
            f"frames.file = {trajectories[0].name} among {len(paths)} files: must be one trajectory of hpcpot, or files of "
            "other formats; run hpcpot onsite for each trajectory."
        )
    if not trajectories:
        places = tuple(place for path in paths for place in _places(path, options))
        return FrameSource(places, np.full(len(places), np.nan), np.arange(len(places)), False)
    with TrajectoryReader(paths[0]) as reader:
        note_if_frozen_are_unknown(reader)
        times, steps = reader.times() / FS_PER_PS, reader.steps()
    if not len(steps):
        raise ConfigError(f"frames.file = {paths[0].name}: must hold frames, and has none yet; wait for the first.")
    return FrameSource(
        tuple(FramePlace(paths[0], k, f"frame {k}", options) for k in range(len(steps))), times, steps, True
    )


def _places(path: Path, options: StructureOptions) -> list[FramePlace]:
    """Frames of a structure file, all of them read once: a format tells neither their number nor which are damaged."""
    errors = [read if isinstance(read, HpcpotError) else None for _, read in files.frames(path, "all", options)]
    names = [path.name] if len(errors) == 1 else [f"{path.name}:{k}" for k in range(len(errors))]
    return [
        FramePlace(path, k, name, options, error) for k, (name, error) in enumerate(zip(names, errors, strict=True))
    ]


def spaced(window: np.ndarray, count: int) -> np.ndarray:
    """`count` frames of a window, equally spaced, the first and the last among them; all if it has fewer."""
    if len(window) <= count:
        return window
    return window[np.linspace(0, len(window) - 1, count).round().astype(int)]


@lru_cache(maxsize=2)
def _opened(path: Path, changed: int) -> TrajectoryReader:
    """Open a trajectory, kept for its other frames.

    Args:
        changed: time of the file's last change: workers of a running scheduler live longer than a file stays the same.
    """
    return TrajectoryReader(path)


def content(atoms: Atoms) -> str:
    """Hash of what the energies of a frame depend on."""
    held = np.flatnonzero(constraints.frozen(atoms))
    frozen = [held] if len(held) else []  # frames without any have the keys of before
    return content_key(atoms.numbers, atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), *frozen)
