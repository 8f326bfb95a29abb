"""Files of hpcpot by what they are, for messages about one that is given where another is needed."""

from __future__ import annotations

from pathlib import Path

import h5py

from hpcpot.storage import trial
from hpcpot.storage.hdf5_errors import HDF5_ERRORS

CREATOR = "h5md/creator"
WORDS = {"hpcpot dataset": "a data set of hpcpot", "hpcpot-model": "a model of hpcpot"}
"""Attribute `format` -> words."""
STARTS = {b"hpcpot-dataset ": "a data set of hpcpot", b"hpcpot-model ": "a model of hpcpot"}
"""First bytes of a file with a checksum -> words."""


def is_trajectory(file: h5py.File) -> bool:
    """Tell whether a file is a trajectory of hpcpot."""
    return CREATOR in file and file[CREATOR].attrs.get("name") == b"hpcpot"


def is_tables(file: h5py.File) -> bool:
    """Tell whether a file holds tables of hpcpot, see `storage.tables`."""
    return isinstance(file.get("provenance/hpcpot"), h5py.Dataset)


def kind_of(file: h5py.File) -> str:
    """Say what an HDF5 file of hpcpot is and what reads it; "" for one of another program."""
    name, form = Path(file.filename).name, file.attrs.get("format")
    if form == "hpcpot results":
        command = file.attrs.get("kind", "a farm")
        return f"results of hpcpot {command}, which `hpcpot results {name}` shows and exports"
    if form == "hpcpot checkpoint":
        return "a checkpoint, from which --restart goes on; its structures are in the trajectory of the run"
    if form in WORDS:
        return WORDS[form]
    if is_tables(file):
        return "tables of hpcpot, of which `hpcpot report` makes a page"
    if is_trajectory(file):
        return f"a trajectory of hpcpot, of which `hpcpot convert {name} -o run.extxyz` writes the frames"
    return ""


def kind_at(path: Path) -> str:
    """The same of a path; "" also where there is no file that can be opened."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
        for begin, words in STARTS.items():
            if start.startswith(begin):
                return words
        if not (trial.is_hdf5(path) and trial.is_harmless(path)):
            return ""
        with h5py.File(path, "r", locking=False) as opened:
            return kind_of(opened)
    except HDF5_ERRORS:
        return ""
