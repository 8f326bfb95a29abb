"""Files of hpcpot that are given where another is needed are told for what they are."""

import h5py
import numpy as np
import pytest

from hpcpot.dataset import places
from hpcpot.errors import DataError, ModelError, OutputError
from hpcpot.farm.results import Results
from hpcpot.potential import files as models
from hpcpot.storage.own import kind_at
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.structure import files as structures

KINDS = {
    "relax.h5": ("hpcpot results", "results of hpcpot relax, which `hpcpot results relax.h5` shows and exports"),
    "run.checkpoint.h5": ("hpcpot checkpoint", "a checkpoint, from which --restart goes on"),
    "data.h5": ("hpcpot dataset", "a data set of hpcpot"),
    "model.h5": ("hpcpot-model", "a model of hpcpot"),
    "run.h5md": (None, "a trajectory of hpcpot, of which `hpcpot convert run.h5md -o run.extxyz` writes the frames"),
}


@pytest.fixture
def folder(tmp_path):
    for name, (form, _) in KINDS.items():
        with h5py.File(tmp_path / name, "w") as file:
            if form:
                file.attrs.update(format=form, kind="relax")
            else:
                file.create_group("h5md/creator").attrs["name"] = np.bytes_("hpcpot")
    return tmp_path


@pytest.mark.parametrize("name", KINDS)
def test_kinds(folder, name):
    assert kind_at(folder / name).startswith(KINDS[name][1])


def test_other_files_are_none(tmp_path):
    (tmp_path / "a").write_bytes(b"\x89HDF\r\n\x1a\nrest")
    (tmp_path / "b").write_text("text")
    assert {kind_at(tmp_path / name) for name in ("a", "b", "absent", "")} == {""}


def test_each_reader_tells_them(folder):
    for read, error, names in (
        (lambda path: places.places_of([path]), DataError, ("relax.h5", "run.checkpoint.h5", "run.h5md")),
        (models.load, ModelError, ("relax.h5", "run.checkpoint.h5", "run.h5md")),
        (structures.read, OutputError, ("relax.h5", "run.checkpoint.h5", "model.h5")),
        (TrajectoryReader, OutputError, ("relax.h5", "data.h5", "model.h5")),
        (Results, OutputError, ("run.checkpoint.h5", "data.h5", "run.h5md")),
    ):
        for name in names:
            with pytest.raises(error, match=f"{name} = {KINDS[name][1][:20]}"):
                read(folder / name)
