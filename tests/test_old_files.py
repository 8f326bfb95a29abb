"""Files of version 0.1.0 are read, continued and resumed: tests/data/old/make.py made them with the code of then.

Numbers are compared within tolerances: another processor rounds differently in the steps after a restart.
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import runs
from campaigns import run
from repository import DATA

from hpcpot import config
from hpcpot.commands import schema_of
from hpcpot.config import yaml_text
from hpcpot.dataset import hdf5
from hpcpot.farm.results import Results
from hpcpot.potential import files as potential_files
from hpcpot.storage.reader import TrajectoryReader

RUNS = ("nose_hoover", "langevin", "nve", "stages", pytest.param("nose_hoover_2_ranks", marks=pytest.mark.mpi))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(DATA / "old" / "files.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def copied(old: Path, tmp_path: Path):
    """Makes a copy of a folder of old files that a test may write to."""
    return lambda name: Path(shutil.copytree(old / name, tmp_path / name))


@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_on_from_its_checkpoint(name, copied):
    folder = copied(f"md_{name}")
    done = runs.run(folder / "run.yaml", "--restart", ranks=2 if name.endswith("2_ranks") else 1)
    assert "note: the checkpoint is of hpcpot 0.1.0, without forces: they are evaluated anew" in done.stdout
    whole, parts = runs.contents(folder / "whole.h5md"), runs.contents(folder / "run.h5md")
    assert set(whole) == set(parts) and len(whole) > 10
    for name, values in whole.items():
        steps = steps_of(folder / "whole.h5md", name)
        if folder.name != "md_stages" or steps is None:
            close(parts[name], values, 1e-8, name)
            continue
        # Version 0.1.0 evaluated forces anew at each checkpoint, here once at step 30 and by then in the cell of the next
        # step, so its steps from there are other ones. And it took the virials of the atoms there with ghosts in the cell
        # of the step before. With both put back, this run is that of 0.1.0 bit by bit.
        is_same = steps < 30 if name.endswith("virial/value") else steps <= 30
        assert is_same.sum() >= 2
        close(parts[name][is_same], values[is_same], 1e-8, name)
        if not name.endswith("virial/value"):
            close(parts[name][~is_same], values[~is_same], 1e-4, name)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str) -> None:
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=0.1 * tolerance, err_msg=name)


def steps_of(path: Path, name: str) -> np.ndarray | None:
    """Steps of the rows of a dataset; None of one without rows."""
    with h5py.File(path, "r", locking=False) as file:
        item = file[name].parent.get("step")
        return None if item is None or not item.ndim else item[()]


def test_a_trajectory_is_read(old):
    with TrajectoryReader(old / "md_nose_hoover" / "whole.h5md") as reader:
        assert list(reader.steps("position")) == [0, 20, 40]
        frame = reader.frame(2)
    assert frame.get_chemical_formula() == "Ar32" and np.isfinite(frame.get_velocities()).all()


@pytest.mark.parametrize(
    ("command", "config_name", "results"),
    [
        ("md", "md_stages/run.yaml", "md_stages/run.h5md"),
        ("md", "md_langevin/run.yaml", "md_langevin/run.h5md"),
        ("onsite", "onsite/onsite.yaml", "onsite/onsite.h5"),
        ("relax", "relax/relax.yaml", "relax/relax.h5"),
        ("label", "label/label.yaml", "label/label.h5"),
    ],
)
def test_a_stored_config_is_read_back(command, config_name, results, old, monkeypatch):
    """It is what the config itself says, but for the folder in which it ran."""
    monkeypatch.chdir((old / config_name).parent)
    opened = TrajectoryReader(old / results) if command == "md" else Results(old / results)
    with opened as file:
        facts = file.provenance()[0]
    schema, names = schema_of(command), re.compile(r"/\S*/(?=[^/\s,\]]+)")
    stored = names.sub("", facts["config"])
    settings = config.load_tree(yaml_text.parse(stored)[0], old / config_name, schema)
    words = facts["command"].split()
    overrides = [value for option, value in zip(words, words[1:], strict=False) if option == "--set"]
    assert settings == config.load(old / config_name, schema, overrides)


@pytest.mark.parametrize("family", ["deep_potential", "chebyshev", "moment_tensor", "lennard_jones"])
def test_a_model_is_read(family, old):
    model = potential_files.load(old / "models" / f"{family}.h5")
    known = json.loads((old / "models" / "fingerprints.json").read_text())
    assert potential_files.fingerprint(model) == known[family]


def test_a_data_set_is_read(old):
    data, known = hdf5.read(old / "dataset" / "data.h5"), np.load(old / "dataset" / "data.npz")
    for name in known.files:
        np.testing.assert_array_equal(getattr(data, name), known[name], err_msg=name)


def rows(path: Path) -> dict[str, np.ndarray]:
    with Results(path) as results:
        return {name: results.read(name) for name in results.columns}


def same_rows(before: dict, after: dict) -> None:
    """All that the old code stored is there as it was."""
    assert set(before) == set(after)
    for name, values in before.items():
        for old_value, value in zip(values, after[name], strict=False):
            np.testing.assert_array_equal(value, old_value, err_msg=name)


def test_a_campaign_of_removals_has_nothing_to_do(copied):
    folder = copied("onsite")
    before = rows(folder / "onsite.h5")
    said = run("onsite", folder).stdout
    count = len(before["region"])
    assert f"{count} different items, {count} of them stored already" in said
    same_rows(before, rows(folder / "onsite.h5"))


def test_a_campaign_of_relaxations_does_what_is_missing(copied):
    folder = copied("relax")
    before = rows(folder / "relax.h5")
    said = run("relax", folder, code=1).stdout
    assert "4 different items, 3 of them stored already" in said
    after = rows(folder / "relax.h5")
    assert (len(before["energy"]), len(after["energy"])) == (2, 3)
    same_rows(before, after)


def test_a_campaign_of_labels_does_what_is_missing(copied):
    folder = copied("label")
    before = rows(folder / "label.h5")
    assert "3 different items, 2 of them stored already" in run("label", folder).stdout
    same_rows(before, rows(folder / "label.h5"))


@pytest.mark.parametrize(
    ("family", "tolerance"),
    [("deep_potential", 1e-6), ("chebyshev", 1e-6), ("moment_tensor", 2e-3)],  # L-BFGS enlarges what processors round
)
def test_a_training_goes_on_from_its_checkpoint(family, tolerance, copied):
    folder = copied(f"train_{family}")
    run("train", folder, "--restart")
    model, whole = (potential_files.load(folder / name) for name in ("model.h5", "whole.h5"))
    same_numbers(model, whole, tolerance)


def same_numbers(a: object, b: object, tolerance: float) -> None:
    """All arrays of two models, deep down."""
    if isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    elif isinstance(a, (tuple, list)):
        for one, other in zip(a, b, strict=True):
            same_numbers(one, other, tolerance)
    elif hasattr(a, "__dict__"):
        for name, value in vars(a).items():
            same_numbers(value, getattr(b, name), tolerance)
