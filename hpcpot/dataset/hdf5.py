"""Data sets in HDF5: the fields of `DataSet` as datasets of that name, with their units, and where they are from.

A line with the sha256 of all that follows it (a user block of 512 bytes, which other programs skip), then HDF5:

attributes format, version, elements, hash, hpcpot
/first, /species, ... /sources    see `DataSet`; unit as an attribute
/raw                              energies, forces, virials before a correction was added; not there without one
/provenance                       texts as attributes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np

import hpcpot
from hpcpot.dataset.dataset import DataSet, RawLabels
from hpcpot.errors import DataError
from hpcpot.outputs import Replacement, check_output, refuse_existing
from hpcpot.storage import extents, sealed, trial
from hpcpot.storage.content import content_key
from hpcpot.storage.hdf5_errors import HDF5_ERRORS, explain
from hpcpot.storage.writing import WrittenFile

FORMAT, VERSION = "hpcpot dataset", 2
UNSEALED = 1
"""Version without the line, which is still read."""
KIND = "hpcpot-dataset"
"""Word that the line begins with."""
UNITS = {"positions": "Angstrom", "cells": "Angstrom", "energies": "eV", "forces": "eV Angstrom-1", "virials": "eV"}
TEXTS = ("groups", "sources")
COMPRESSION = {"compression": "gzip", "shuffle": True}
"""Lossless compression of every array."""
ARRAYS = tuple(field.name for field in fields(DataSet) if field.name not in ("elements", "raw"))
RAW = tuple(field.name for field in fields(RawLabels))


def fingerprint(dataset: DataSet) -> str:
    """Hash of all values but raw labels: what a training run names as its data."""
    return content_key(list(dataset.elements), *(_plain(dataset, name) for name in ARRAYS))


def write(dataset: DataSet, path: Path, provenance: Mapping[str, str | int], overwrite: bool = False) -> None:
    """Write a data set, aside and then renamed: a file there is always whole.

    Raises:
        OutputError: the file exists and `overwrite` is not set, or it cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite)
    with Replacement(path) as part:
        write_into(dataset, part, provenance)


def write_into(dataset: DataSet, path: Path, provenance: Mapping[str, str | int]) -> None:
    """Fill a new file.

    Raises:
        OSError: it cannot be written.
    """
    with WrittenFile(path, "w", userblock_size=sealed.USER_BLOCK) as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            elements=list(dataset.elements),
            hash=fingerprint(dataset),
            hpcpot=hpcpot.__version__,
        )
        for name in ARRAYS:
            file.create_dataset(name, data=_plain(dataset, name), **COMPRESSION)
            if name in UNITS:
                file[name].attrs["unit"] = UNITS[name]
        for name in RAW if dataset.raw is not None else ():
            raw = file.create_dataset(
                f"raw/{name}", data=np.ascontiguousarray(getattr(dataset.raw, name)), **COMPRESSION
            )
            raw.attrs["unit"] = UNITS[name]
        file.create_group("provenance").attrs.update(provenance)
    sealed.seal(path, KIND)


def check_derived(path: Path, source: Path, command: str, fact: str, overwrite: bool) -> None:
    """Refuse, before the work, a data set that could not be written, or one that was not made of the same file before.

    Args:
        source: file that it is made of. command: that makes it. fact: what the provenance of such a data set has.
    Raises:
        OutputError: see above.
    """
    check_output(path, overwrite=True)
    if not source.exists():
        refuse_existing(path, overwrite, detail=f", without {source} that it would be made of")
    elif fact not in provenance(path):
        refuse_existing(path, overwrite, detail=f", and not by hpcpot {command}")


def is_dataset(path: Path) -> bool:
    """Test whether a file is a data set of hpcpot."""
    try:
        if sealed.is_sealed(path, KIND):
            return True
        if not (trial.is_hdf5(path) and trial.is_harmless(path)):
            return False
        with h5py.File(path, "r", locking=False) as file:
            return file.attrs.get("format") == FORMAT
    except HDF5_ERRORS:
        return False


def provenance(path: Path) -> dict[str, str]:
    """Provenance of a data set as given to `write`; empty for other files."""
    if not is_dataset(path):
        return {}
    with h5py.File(path, "r", locking=False) as file:
        return {name: str(value) for name, value in file["provenance"].attrs.items()}


def read(path: Path) -> DataSet:
    """Read a data set.

    Raises:
        DataError: no such file, not a data set, of another version, damaged, or with values that none may have.
    """
    path = Path(path)
    try:
        is_sealed = sealed.is_sealed(path, KIND)
        if not (sealed.is_whole(path, KIND) if is_sealed else trial.is_harmless(path)):
            raise _damaged(
                path, "its bytes must have the sha256 of its first line" if is_sealed else "it must be whole"
            )
        with h5py.File(path, "r", locking=False) as file:
            kind, version = file.attrs.get("format"), file.attrs.get("version")
            if kind != FORMAT or version != (VERSION if is_sealed else UNSEALED):
                raise DataError(
                    f"{path} = {kind or 'an HDF5 file'}, version {version}: a data set of version {VERSION} is "
                    "required; make one with hpcpot convert."
                )
            _check_shapes(path, file)
            arrays = {name: _array(file[name], name) for name in ARRAYS}
            raw = RawLabels(*(file["raw"][name][:] for name in RAW)) if "raw" in file else None
            elements, stored = tuple(str(symbol) for symbol in file.attrs["elements"]), str(file.attrs["hash"])
    except HDF5_ERRORS as error:
        raise DataError(str(explain(path, "read", error))) from error
    try:
        dataset = DataSet(elements=elements, **arrays, raw=raw)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    if stored != fingerprint(dataset):
        raise _damaged(path, f"its values must have the hash {stored} that it names")
    return dataset


def _check_shapes(path: Path, file: h5py.File) -> None:
    """Refuse arrays of other lengths than the frames and atoms of the file, before they are read.

    Raises:
        DataError: names the first.
    """
    n, atoms = len(file["energies"]), len(file["species"])
    shapes = {"first": (n + 1,), "species": (atoms,), "positions": (atoms, 3), "forces": (atoms, 3)}
    shapes |= {"cells": (n, 3, 3), "virials": (n, 3, 3), "periodic": (n, 3)}
    for name in ARRAYS:
        extents.check_dataset(file[name])
        required = shapes.get(name, (n,))
        if file[name].shape != required:
            raise _damaged(path, f"{name} must be of shape {required}, not {file[name].shape}")
    for name in RAW if "raw" in file else ():
        extents.check_dataset(file["raw"][name])
        if file["raw"][name].shape != file[name].shape:
            raise _damaged(path, f"raw/{name} must be of shape {file[name].shape}, not {file['raw'][name].shape}")


def _array(member: h5py.Dataset, name: str) -> np.ndarray:
    return member.asstr()[:].astype(str) if name in TEXTS else member[:]


def _damaged(path: Path, required: str) -> DataError:
    return DataError(f"{path} = damaged: {required}; copy it again.")


def _plain(dataset: DataSet, name: str) -> np.ndarray | list[str]:
    """Convert a field to the form in which it is hashed and stored."""
    values = getattr(dataset, name)
    return [str(text) for text in values] if name in TEXTS else np.ascontiguousarray(values)
