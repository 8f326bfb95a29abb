"""Frames of trajectories of hpcpot, as structures: a row of `hpcpot.structure.formats`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

import h5py
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot.errors import HpcpotError, OutputError, StructureError
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


COLUMNS = ("velocity", "force", "potential_energy", "virial", "image")
"""What a frame may have besides positions."""


def whole_frame(
    path: Path, reader: TrajectoryReader, index: int, columns: Collection[str] = COLUMNS, unwrapped: bool = False
) -> Atoms:
    """Read a frame with those of some columns that were written at its step.

    Velocities are the atoms'; energies (eV), forces (eV/Å) and, with virials, the configurational part of the stress
    (eV/Å³) are results of its calculator; virials (n, 9) in eV and images (n, 3) are arrays. Step and time_fs are in info.

    Args:
        unwrapped: positions without the jumps across periodic boundaries since the run began.
    Raises:
        OutputError: not a trajectory of hpcpot. StructureError: no such frame.
    """
    atoms = frame(path, reader, index)
    k = range(len(reader))[index]
    step = int(reader.steps()[k])
    if "velocity" not in columns:
        atoms.arrays.pop("momenta", None)
    if unwrapped:
        if (images := reader.at_step("image", step)) is None:
            raise OutputError(
                f"{path} = no images of step {step}: they tell how often an atom crossed the boundaries; leave --unwrapped out."
            )
        atoms.positions += images @ atoms.cell.array
    stored = {name: reader.at_step(name, step) for name in columns if name != "velocity"}
    values = {name: array for name, array in stored.items() if array is not None}
    results = {}
    if "potential_energy" in values:
        results = {"energies": values["potential_energy"], "energy": float(values["potential_energy"].sum())}
    if "force" in values:
        results["forces"] = values["force"]
    if "virial" in values:
        atoms.arrays["virials"] = values["virial"].reshape(-1, 9)
        if atoms.pbc.all():
            stress = -values["virial"].sum(axis=0) / atoms.get_volume()
            results["stress"] = (0.5 * (stress + stress.T)).flat[[0, 4, 8, 5, 2, 1]]
    if "image" in values:
        atoms.arrays["image"] = values["image"]
    if results:
        atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.info |= {"step": step, "time_fs": float(reader.times()[k])}
    return atoms


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
