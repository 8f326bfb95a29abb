"""Checkpoints: bit by bit, on as many ranks and on others, and never a half one."""

import os

import h5py
import numpy as np
import pytest
from mpirun import run_ranks

from hpcpot.errors import OutputError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage import checkpoint

ARRAYS = {
    "positions": np.random.default_rng(0).normal(size=(5, 3)),
    "ids": np.array([4, 1, 0, 3, 2]),
    "species": np.array([0, 1, 1, 0, 1], np.int32),
    "frozen": np.array([True, False, False, True, False]),
    "none": np.zeros((5, 0)),
}
COMMON = {
    "step": 12,
    "cell": np.eye(3) * np.pi,
    "potential": "Å model",
    "empty": "",
    "scalar xi": np.array([0.1, -0.0, np.nan]),
    "energy": -1.0 / 3.0,
    "zero": np.array(2.5),
}

WRITE = """
import sys
import numpy as np
from hpcpot.parallel.ranks import start
from hpcpot.storage import checkpoint
ranks = start()
counts = [3, 0, 4, 2, 1][: ranks.size]
n, before = counts[ranks.rank], sum(counts[: ranks.rank])
x = np.random.default_rng(1).normal(size=(10, 3))[before : before + n]
checkpoint.write(sys.argv[1], ranks, {"x": x, "ids": np.arange(before, before + n)[::-1]}, {"step": 7})
"""

READ = """
import sys
import numpy as np
from hpcpot.parallel.ranks import start
from hpcpot.storage import checkpoint
ranks = start()
arrays, common, same = checkpoint.read(sys.argv[1], ranks)
if same:
    counts = [3, 0, 4, 2, 1][: ranks.size]
    assert len(arrays["x"]) == counts[ranks.rank]
    assert (arrays["ids"] == np.arange(counts[ranks.rank])[::-1] + sum(counts[: ranks.rank])).all()
x = np.concatenate(ranks.all_gather(arrays["x"]))
assert x.tobytes() == np.random.default_rng(1).normal(size=(10, 3))[: len(x)].tobytes()
ids = np.concatenate(ranks.all_gather(arrays["ids"]))
assert sorted(ids) == list(range(len(ids))) and common["step"] == 7
if ranks.is_root:
    print("same layout" if same else "even split", len(x))
"""


def test_everything_comes_back_bit_by_bit(tmp_path):
    path = tmp_path / "run.checkpoint.h5"
    checkpoint.write(path, SERIAL, ARRAYS, COMMON)
    arrays, common, same_layout = checkpoint.read(path, SERIAL)
    assert same_layout
    assert arrays.keys() == ARRAYS.keys() and common.keys() == COMMON.keys()
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype and arrays[name].shape == value.shape
        assert arrays[name].tobytes() == value.tobytes()
    for name, value in COMMON.items():
        if isinstance(value, str):
            assert common[name] == value
        else:
            assert np.array(common[name]).tobytes() == np.array(value).tobytes()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("writers", "readers", "expected"),
    [
        (3, 3, "same layout 7"),
        (2, 2, "same layout 3"),
        (3, 2, "even split 7"),
        (2, 3, "even split 3"),
        (1, 3, "even split 3"),
    ],
)
def test_ranks(tmp_path, writers, readers, expected):
    path = tmp_path / "run.checkpoint.h5"
    run_ranks(writers, "-c", WRITE, path, timeout=60)
    assert expected in run_ranks(readers, "-c", READ, path, timeout=60).stdout


def test_new_replaces_old_at_once(tmp_path, monkeypatch):
    path = tmp_path / "run.checkpoint.h5"
    checkpoint.write(path, SERIAL, ARRAYS, {"step": 1})
    old = path.read_bytes()
    seen = []
    monkeypatch.setattr(os, "replace", lambda a, b: seen.append((a.read_bytes(), b.read_bytes())))
    checkpoint.write(path, SERIAL, ARRAYS, {"step": 2})
    (new, before), part = seen[0], tmp_path / "run.checkpoint.h5.part"
    assert before == old and new == part.read_bytes()
    assert checkpoint.read(part, SERIAL)[1]["step"] == 2
    monkeypatch.undo()
    checkpoint.write(path, SERIAL, ARRAYS, {"step": 3})  # over the .part that a killed run has left
    assert checkpoint.read(path, SERIAL)[1]["step"] == 3 and not part.exists()


@pytest.mark.parametrize("stage", ["_begin", "_add", "_publish"])
def test_error_keeps_the_old_checkpoint(tmp_path, monkeypatch, stage):
    path = tmp_path / "run.checkpoint.h5"
    checkpoint.write(path, SERIAL, ARRAYS, {"step": 1})
    function = {"_begin": "WrittenFile", "_add": None, "_publish": None}[stage]

    def fail(*_, **__):
        raise OSError("errno = 28, error message = 'No space left on device', buf")

    if function:
        monkeypatch.setattr(checkpoint, "WrittenFile", fail)
    elif stage == "_add":
        monkeypatch.setattr(checkpoint.WrittenFile, "flush", fail)
    else:
        monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OutputError, match=r"No space left on device\): the disk is full; free some space"):
        checkpoint.write(path, SERIAL, ARRAYS, {"step": 2})
    monkeypatch.undo()
    assert checkpoint.read(path, SERIAL)[1]["step"] == 1
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_unwritable_folder(tmp_path):
    with pytest.raises(OutputError, match="cannot be written .*the path must exist; make its folder"):
        checkpoint.write(tmp_path / "absent" / "a.h5", SERIAL, ARRAYS, {})


@pytest.mark.mpi
def test_errors_reach_all_ranks(tmp_path):
    done = run_ranks(3, "-c", WRITE, tmp_path / "absent" / "a.h5", check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.count("cannot be written") == 1
    done = run_ranks(3, "-c", READ, tmp_path / "absent.h5", check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.count("cannot read it") == 1


def test_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "a.h5"
    checkpoint.write(path, SERIAL, ARRAYS, COMMON)
    whole = path.read_bytes()
    for length in (0, 100, 3000, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(OutputError, match="a.h5 = cannot read it .*: it (ends too early|is no HDF5 file)"):
            checkpoint.read(path, SERIAL)
    path.unlink()
    with h5py.File(path, "w") as file:
        file["counts"] = [1]
    with pytest.raises(OutputError, match="a.h5 = no checkpoint: .* give its path"):
        checkpoint.read(path, SERIAL)


def test_another_version_names_its_hpcpot(tmp_path):
    path = tmp_path / "a.h5"
    checkpoint.write(path, SERIAL, ARRAYS, COMMON)
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 4
        file.attrs["hpcpot"] = "9.1"
    with pytest.raises(
        OutputError, match="of version 4, by hpcpot 9.1: .* reads versions 2 to 3; go on with the hpcpot"
    ):
        checkpoint.read(path, SERIAL)
