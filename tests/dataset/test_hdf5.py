"""The file of a data set: bit by bit, whole or not there, and damaged ones refused."""

import os

import h5py
import labelled
import numpy as np
import pytest

from hpcpot.dataset import hdf5
from hpcpot.errors import DataError, OutputError
from hpcpot.storage import trial


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


def test_raw_labels_there_and_back(tmp_path) -> None:
    data = labelled.with_raw(labelled.dataset(3))
    hdf5.write(data, tmp_path / "data.h5", {})
    labelled.assert_same_raw(hdf5.read(tmp_path / "data.h5"), data)
    assert hdf5.fingerprint(data) == hdf5.fingerprint(labelled.dataset(3)), "no potential is trained on them"
    assert hdf5.read(tmp_path / "data.h5").select([2, 0]).raw.forces.shape == (16, 3)
    (tmp_path / "cut.h5").write_bytes((tmp_path / "data.h5").read_bytes()[512:])
    with h5py.File(tmp_path / "cut.h5", "a") as file:
        file.attrs["version"] = hdf5.UNSEALED
        del file["raw/forces"]
        file["raw/forces"] = data.forces[1:]
    with pytest.raises(DataError, match=r"raw/forces must be of shape \(32, 3\), not \(31, 3\)"):
        hdf5.read(tmp_path / "cut.h5")


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
    with pytest.raises(DataError, match="= something, version None: a data set of version 2"):
        hdf5.read(path)


def unsealed(path, data, **attributes) -> None:
    """A file as of version 1, without the line that names its sha256."""
    with h5py.File(path, "w") as file:
        facts = {"format": hdf5.FORMAT, "version": 1, "elements": list(data.elements), "hash": hdf5.fingerprint(data)}
        file.attrs.update(facts | attributes)
        for name in hdf5.ARRAYS:
            values = getattr(data, name)
            file.create_dataset(name, data=[str(text) for text in values] if values.dtype.kind == "U" else values)


def test_a_file_without_the_line_is_read(tmp_path) -> None:
    data = labelled.dataset(2)
    unsealed(tmp_path / "old.h5", data)
    labelled.assert_same(hdf5.read(tmp_path / "old.h5"), data)
    unsealed(tmp_path / "old.h5", data, hash="0")
    with pytest.raises(DataError, match="= damaged: its values must have the hash 0 that it names; copy it again"):
        hdf5.read(tmp_path / "old.h5")


def test_damage_is_noticed_before_hdf5_reads_it(tmp_path, monkeypatch) -> None:
    path, rng = tmp_path / "data.h5", np.random.default_rng(2)
    hdf5.write(labelled.dataset(2), path, {})
    whole = path.read_bytes()
    monkeypatch.setattr(h5py, "File", None)
    for place in rng.integers(0, len(whole), 50):
        damaged = bytearray(whole)
        damaged[place] ^= 1 + int(rng.integers(255))
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"data\.h5 = "):
            hdf5.read(path)


def test_a_file_whose_reading_never_ends(tmp_path, monkeypatch) -> None:
    unsealed(tmp_path / "old.h5", labelled.dataset(1))
    monkeypatch.setattr(trial, "READ_ALL", "import signal, sys\nsignal.alarm(1)\nwhile True: pass")
    assert not hdf5.is_dataset(tmp_path / "old.h5")
    with pytest.raises(DataError, match=r"old\.h5 = damaged: it must be whole; copy it again"):
        hdf5.read(tmp_path / "old.h5")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("positions", np.nan, r"position of atom 0 of frame 0 \(made:0\) = \[nan, "),
        ("cells", np.inf, r"cell of frame 0 \(made:0\)"),
        ("energies", -np.inf, r"energy of frame 0 \(made:0\) = -inf"),
        ("species", 7, r"species of atom 0 of frame 0 \(made:0\) = 7"),
    ],
)
def test_values_that_no_data_set_may_have(tmp_path, name, value, words) -> None:
    unsealed(tmp_path / "old.h5", labelled.dataset(1))
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        values = file[name][:]
        values.reshape(-1)[0] = value
        file[name][...] = values
    with pytest.raises(DataError, match=r"old\.h5: " + words):
        hdf5.read(tmp_path / "old.h5")


@pytest.mark.parametrize("elements", [["Li", "../../Si"], ["Li", "Li"], ["Li", "si"], []])
def test_elements_that_are_none(tmp_path, elements) -> None:
    unsealed(tmp_path / "evil.h5", labelled.dataset(1), elements=elements)
    with pytest.raises(DataError, match=r"evil\.h5: (elements|species of atom 0)"):
        hdf5.read(tmp_path / "evil.h5")


def test_an_array_of_another_length_is_refused_before_it_is_read(tmp_path) -> None:
    unsealed(tmp_path / "old.h5", labelled.dataset(1))
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        n = len(file["energies"])
        del file["periodic"]
        file.create_dataset("periodic", data=np.zeros((n + 2**20, 3), bool))
    with pytest.raises(DataError, match=rf"periodic must be of shape \({n}, 3\), not \({n + 2**20}, 3\)"):
        hdf5.read(tmp_path / "old.h5")


def test_an_array_that_claims_terabytes(tmp_path) -> None:
    unsealed(tmp_path / "old.h5", labelled.dataset(1))
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        del file["forces"]
        file.create_dataset("forces", (10**12, 3), float, chunks=(10**8, 3))
    with pytest.raises(
        DataError,
        match=r"old\.h5 = cannot read it \(/forces claims 24000000000000 bytes, the file has \d+\): it must be",
    ):
        hdf5.read(tmp_path / "old.h5")
