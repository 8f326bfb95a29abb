"""Trajectories of hpcpot in ASE, which finds them by an entry point: `ase.io.read("run.h5md", ":")`, `ase gui run.h5md`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ase.utils.plugins import ExternalIOFormat

if TYPE_CHECKING:
    from ase import Atoms

h5md = ExternalIOFormat(desc="trajectory of hpcpot", code="+S", module="hpcpot.storage.ase_io", ext="h5md")
"""The entry point; ASE imports this module with itself, so that all else is imported when a file is read."""


def read_hpcpot_h5md(path: str | Path, index: int | slice = -1) -> Iterator[Atoms]:
    """Read frames, with velocities, and a calculator with energies and forces, where they were written.

    Raises:
        OutputError: not a trajectory of hpcpot. StructureError: no such frame.
    """
    from hpcpot.storage.reader import TrajectoryReader
    from hpcpot.storage.structures import whole_frame

    with TrajectoryReader(path) as reader:
        rows = range(len(reader))
        for k in rows[index] if isinstance(index, slice) else [index]:
            yield whole_frame(Path(path), reader, k)
