"""Frames of trajectories of hpcpot, as structures: a row of `hpcpot.structure.formats`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import h5py
from ase import Atoms

from hpcpot.errors import HpcpotError, StructureError
from hpcpot.notices import notice
from hpcpot.storage import trial
from hpcpot.storage.hdf5_errors import HDF5_ERRORS
from hpcpot.storage.reader import TRAJECTORIES, TrajectoryReader
from hpcpot.structure.formats import StructureOptions

FROZEN = re.compile(r"^frozen:\n(?:  .*\n)*?  (?:elements|ids|region_A):(?! null)", re.MULTILINE)
"""In the config of a run that froze atoms by its section."""


def is_trajectory(path: Path) -> bool:
    """Test whether a file is a trajectory of hpcpot: by its name, or an HDF5 file with the group h5md."""
    if path.suffix not in TRAJECTORIES or not path.is_file():
        return False
    if path.suffix == ".h5md":
        return True
    try:
        if not (trial.is_hdf5(path) and trial.is_harmless(path)):
            return False
        with h5py.File(path, "r", locking=False) as file:
            return "h5md" in file
    except HDF5_ERRORS:
        return False


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a frame: positions, cell, masses, frozen atoms, and velocities where they were written at its step.

    Raises:
        OutputError: not a trajectory of hpcpot. StructureError: no such frame.
    """
    with TrajectoryReader(path) as reader:
        note_if_frozen_are_unknown(reader)
        return frame(path, reader, index)


def note_if_frozen_are_unknown(reader: TrajectoryReader) -> None:
    """Say that a run froze atoms of which its file, of an older hpcpot, keeps nothing but the config."""
    if reader.frozen is not None:
        return
    if any(FROZEN.search(str(run.get("config", ""))) for run in reader.provenance()):
        notice(
            reader.path,
            "not known which atoms are frozen: an older hpcpot wrote it, whose config has the section frozen; all atoms "
            "move unless the new config freezes them.",
        )


def frame(path: Path, reader: TrajectoryReader, index: int) -> Atoms:
    """Read a frame of an open trajectory; see `read`."""
    if not -len(reader) <= index < len(reader):
        raise StructureError(
            f"{path} = {len(reader)} frames: frame {index} is asked for; frames count from 0, or from the end as -1, -2."
        )
    return reader.frame(index)


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | HpcpotError]:
    """Read all frames."""
    with TrajectoryReader(path) as reader:
        note_if_frozen_are_unknown(reader)
        for k in range(len(reader)):
            try:
                yield frame(path, reader, k)
            except HpcpotError as error:
                yield error


def count(path: Path) -> int:
    """Number of frames."""
    with TrajectoryReader(path) as reader:
        return len(reader)
