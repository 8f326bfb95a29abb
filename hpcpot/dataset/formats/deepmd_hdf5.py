"""Systems of DeePMD-kit in an HDF5 file: a group with the members that a folder has, see `deepmd`; FILE#GROUP is one.

Source: deepmodeling/deepmd-kit doc/data/data-conv.md and deepmd/utils/path.py, deepmodeling/dpdata deepmd/hdf5.py.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from hpcpot.dataset.dataset import DataSet, join
from hpcpot.dataset.formats import split_part
from hpcpot.dataset.formats.deepmd import group_of_parts
from hpcpot.dataset.formats.deepmd_system import StoredSystem
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error, source_of
from hpcpot.errors import DataError
from hpcpot.storage import extents, trial
from hpcpot.storage.hdf5_errors import HDF5_ERRORS

KIND = "HDF5 file of systems of DeePMD-kit"
TYPES = "type.raw"


def recognise(path: Path) -> bool:
    """Test whether an HDF5 file holds systems."""
    file = split_part(path)[0]
    try:
        if not (trial.is_hdf5(file) and trial.is_harmless(file)):
            return False
        with h5py.File(file, "r", locking=False) as opened:
            return bool(_systems(opened))
    except HDF5_ERRORS:
        return False


def read(path: Path, root: Path, options: ReadOptions) -> DataSet:
    """Read all systems of a file, by name, or those in the group that FILE#GROUP names.

    Raises:
        DataError: damaged, incomplete or inconsistent, or no such group.
    """
    file, part = split_part(path)
    with as_data_error(path, KIND), h5py.File(file, "r", locking=False) as opened:
        names = _systems(opened)
        inside = [name for name in names if not part or name == part or name.startswith(f"{part}/")]
        if not inside:
            raise DataError(
                f"{path} = no system {part}: must be one of {', '.join(names[:9])}; check the name after #."
            )
        source = source_of(file, root)
        return join([_dataset(file, opened, name, source, options) for name in inside])


def _systems(file: h5py.File) -> list[str]:
    """Names of the groups with a list of types; "" for the file itself."""
    names: list[str] = []
    file.visit(lambda name: names.append(name))  # links are not followed
    return sorted(name.rpartition("/")[0] for name in names if name.rpartition("/")[2] == TYPES)


def _dataset(file: Path, opened: h5py.File, name: str, source: str, options: ReadOptions) -> DataSet:
    group = opened[name] if name else opened
    system = StoredSystem(
        f"{file}#{name}",
        types=_array(group[TYPES]).astype(np.int64).ravel(),
        names=_texts(group["type_map.raw"]) if "type_map.raw" in group else None,
        is_free="nopbc" in group,
        sets={
            member: {
                array.removesuffix(".npy"): _array(values)
                for array, values in group[member].items()
                if array.endswith(".npy")
            }
            for member in sorted(group)
            if member.startswith("set.")
        },
    )
    return system.dataset(f"{source}#{name}", group_of_parts(Path(name).parts) or file.stem, options)


def _array(member: h5py.Dataset) -> np.ndarray:
    extents.check_dataset(member)
    return member[()]


def _texts(member: h5py.Dataset) -> tuple[str, ...]:
    extents.check_dataset(member)
    return tuple(str(text) for text in member.asstr()[()].ravel())
