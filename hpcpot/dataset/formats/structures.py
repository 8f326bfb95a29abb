"""Frames of data sets of hpcpot, as structures: a row of `hpcpot.structure.formats`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from hpcpot.dataset import hdf5
from hpcpot.errors import HpcpotError, StructureError
from hpcpot.structure.formats import StructureOptions

recognise = hdf5.is_dataset


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a frame, with its labels.

    Raises:
        DataError: not a sound data set. StructureError: no such frame.
    """
    dataset = hdf5.read(path)
    if not -len(dataset) <= index < len(dataset):
        raise StructureError(
            f"{path} = {len(dataset)} frames: frame {index} is asked for; frames count from 0, or from the end as -1, -2."
        )
    return dataset.frame(range(len(dataset))[index])


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | HpcpotError]:
    """Read all frames."""
    dataset = hdf5.read(path)
    yield from map(dataset.frame, range(len(dataset)))


def count(path: Path) -> int:
    """Number of frames."""
    return len(hdf5.read(path))
