"""Fits of moment tensor potentials from data to model file."""

from __future__ import annotations

import numpy as np
import pytest
from trainings import train, tree

from hpcpot import config
from hpcpot.dataset import hdf5
from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError, OutputError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.files import fingerprint, load
from hpcpot.storage import checkpoint
from hpcpot.training import curve
from hpcpot.training.settings import SCHEMA

LONG = {"training": {"steps": 120, "print_every": 20}, "moment_tensor": {"tolerance": 0.0}}


def test_a_fit_lowers_the_errors_and_writes_what_it_learnt(tmp_path):
    said: list[str] = []
    assert train(tmp_path, "moment_tensor", say=said.append, **LONG) == 0
    rows = curve.read(tmp_path / "model.curve.csv")
    assert [r["step"] for r in rows] == [20, 40, 60, 80, 100, 120]
    assert rows[-1]["rmse_force_training_eV_per_A"] < 0.9 * rows[0]["rmse_force_training_eV_per_A"]
    assert (tmp_path / "model.curve.png").stat().st_size > 10_000
    model = load(tmp_path / "model.h5")
    data = hdf5.read(tmp_path / "data.h5")
    assert model.elements == ("Li", "Si") and model.cutoff == 4.0 and len(model.scalars) == 9
    forces = predict(data, BlockPotential(model)).forces
    rms = np.sqrt(((forces - data.forces) ** 2).mean())
    assert rms < 1.5 * max(rows[-1][f"rmse_force_{part}_eV_per_A"] for part in curve.PARTS)
    assert model.active.shape == (43, 43)
    assert any("extrapolation grade of the validation frames: median" in line for line in said)
    _, common, _ = checkpoint.read(tmp_path / "model.checkpoint.h5", SERIAL)
    assert int(common["step"]) == 120


def test_an_interrupted_fit_goes_on_bit_by_bit_from_its_last_round(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    assert train(whole, "moment_tensor", **LONG) == 0
    asked = iter([False] * 66 + [True])
    said: list[str] = []
    assert train(parts, "moment_tensor", stop=lambda: next(asked), say=said.append, **LONG) == STOPPED
    assert "stopped by a signal; the same command with --restart goes on from iteration 50" in said
    assert not (parts / "model.h5").exists()
    assert train(parts, "moment_tensor", restart=True, **LONG) == 0
    assert fingerprint(load(whole / "model.h5")) == fingerprint(load(parts / "model.h5"))
    one, other = (curve.read(folder / "model.curve.csv") for folder in (whole, parts))
    assert [r["step"] for r in one] == [r["step"] for r in other]
    with pytest.raises(OutputError, match="checkpoint of another training"):
        train(parts, "moment_tensor", restart=True, training={"seed": 5})


def test_a_fit_ends_when_it_gains_little(tmp_path):
    said: list[str] = []
    wanted = {"tolerance": 0.9, "grade": False, "min_distance_A": 1.0}
    assert train(tmp_path, "moment_tensor", say=said.append, moment_tensor=wanted, training={"steps": 400}) == 0
    assert any("the loss hardly falls any more, so the fit ends" in line for line in said)
    assert curve.read(tmp_path / "model.curve.csv")[-1]["step"] < 200
    model = load(tmp_path / "model.h5")
    assert model.min_distance == 1.0 and model.active is None


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"moment_tensor": {"level": 15}}, "moment_tensor.level = 15 .*: must be an even number from 2 to 28"),
        ({"moment_tensor": {"level": 30}}, "moment_tensor.level = 30 .*: must be an even number from 2 to 28"),
        ({"moment_tensor": {"min_distance_A": 6}}, "min_distance_A = 6.* must be below moment_tensor.cutoff_A, 4"),
        ({"moment_tensor": {"energy_weight": 0, "force_weight": 0}}, "energies or forces must have a weight"),
        ({"training": {"epochs": 3, "steps": None}}, "training.epochs = 3.* set training.steps"),
        ({"training": {"precision": "float32"}}, "training.precision = float32 .*: must be float64"),
        ({"training": {"patience": 3}}, "training.patience = 3 .* moment_tensor.tolerance"),
    ],
)
def test_what_a_config_must_not_ask(tmp_path, sections, message):
    (tmp_path / "data.h5").write_text("")
    with pytest.raises(ConfigError, match=message):
        config.load_tree(tree("moment_tensor", **sections), tmp_path / "config.yaml", SCHEMA)


def test_factors_of_groups_that_are_not_there(tmp_path):
    with pytest.raises(
        ConfigError, match=r"moment_tensor.energy_factors = warm\*: no group of .*: must be of cold, hot"
    ):
        train(tmp_path, "moment_tensor", moment_tensor={"energy_factors": {"hot": 2.0, "warm*": 4.0}})
