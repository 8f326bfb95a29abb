"""hpcpot's own data sets, see `hpcpot.dataset.hdf5`."""

from __future__ import annotations

from pathlib import Path

from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats.reading import ReadOptions

recognise = hdf5.is_dataset
write = hdf5.write_into


def read(path: Path, root: Path, options: ReadOptions) -> DataSet:
    """Read all frames."""
    return hdf5.read(path)
