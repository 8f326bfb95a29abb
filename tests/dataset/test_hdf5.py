"""The file of a data set: bit by bit, whole or not there, and damaged ones refused."""

import os

import h5py
import labelled
import pytest

from hpcpot.dataset import hdf5
from hpcpot.errors import DataError, OutputError


def test_round_trip(tmp_path) -> None:
    data, path = labelled.dataset(4), tmp_path / "data.h5"
    hdf5.write(data, path, {"command": "made"})
    read = hdf5.read(path)
    labelled.assert_same(read, data)
    assert hdf5.fingerprint(read) == hdf5.fingerprint(data) and hdf5.is_dataset(path)
    with h5py.File(path) as file:
        assert file["provenance"].attrs["command"] == "made"
        assert file["forces"].attrs["unit"] == "eV Angstrom-1" and file["forces"].compression == "gzip"
    assert [one.name for one in tmp_path.iterdir()] == ["data.h5"]


def test_the_fingerprint_is_of_the_values() -> None:
    data = labelled.dataset(2)
    moved = labelled.dataset(2)
    moved.forces[0, 0] += 1e-12
    assert hdf5.fingerprint(data) == hdf5.fingerprint(labelled.dataset(2)) != hdf5.fingerprint(moved)


def test_an_existing_file_is_kept(tmp_path) -> None:
    path = tmp_path / "data.h5"
    path.write_text("mine")
    with pytest.raises(OutputError, match="= exists"):
        hdf5.write(labelled.structures(1), path, {})
    assert path.read_text() == "mine"
    hdf5.write(labelled.structures(1), path, {}, overwrite=True)
    assert len(hdf5.read(path)) == 1


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "data.h5"
    hdf5.write(labelled.structures(1), path, {})
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="the disk is full"):
        hdf5.write(labelled.structures(2), path, {}, overwrite=True)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_what_is_no_data_set_is_refused(tmp_path) -> None:
    path = tmp_path / "data.h5"
    with pytest.raises(DataError, match="the path must exist"):
        hdf5.read(path)
    path.write_text("text")
    with pytest.raises(DataError, match="it is no HDF5 file"):
        hdf5.read(path)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "something"
    assert not hdf5.is_dataset(path)
    with pytest.raises(DataError, match="= something, version None: a data set of version 1"):
        hdf5.read(path)


def test_damage_is_noticed(tmp_path) -> None:
    path = tmp_path / "data.h5"
    hdf5.write(labelled.dataset(2), path, {})
    with h5py.File(path, "r+") as file:
        file["energies"][0] += 1.0
    with pytest.raises(DataError, match="= damaged: its values must have the hash"):
        hdf5.read(path)
