"""Trainings from data to model file, in this process."""

from dataclasses import replace

import numpy as np
import pytest
import reports
import torch
from trainings import dataset, settings, train, write_data

from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import join
from hpcpot.errors import DataError, OutputError, TrainingError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.calculator import evaluate
from hpcpot.potential.files import fingerprint, load
from hpcpot.storage import checkpoint
from hpcpot.training import batches, by_gradient, curve, geometry, job, optimiser, step
from hpcpot.training.chebyshev import start as chebyshev_task
from hpcpot.training.deep_potential import start as deep_potential_task
from hpcpot.training.workers import Workers

TASKS = {"deep_potential": deep_potential_task, "chebyshev": chebyshev_task}
CPU = torch.device("cpu")


@pytest.mark.parametrize("family", TASKS)
def test_training_lowers_the_errors_and_writes_what_it_learnt(family, tmp_path):
    assert train(tmp_path, family, training={"steps": 60, "print_every": 10}) == 0
    rows = curve.read(tmp_path / "model.curve.csv")
    assert [r["step"] for r in rows] == [10, 20, 30, 40, 50, 60]
    for name in ("rmse_energy_training_eV_per_atom", "rmse_force_validation_eV_per_A"):
        assert rows[-1][name] < 0.97 * rows[0][name]
    assert (tmp_path / "model.curve.png").stat().st_size > 10_000
    for name in ("model.curve.csv", "model.h5"):
        section = reports.section_of(tmp_path / name, "train", charts=1)
        force = section.quantities["force error, validation"]
        assert force.value == pytest.approx(1e3 * rows[-1]["rmse_force_validation_eV_per_A"]) and force.unit == "meV/Å"
    arrays, common, _ = checkpoint.read(tmp_path / "model.checkpoint.h5", SERIAL)
    found = job.make(settings(tmp_path, family), tmp_path, False, lambda: False, print)
    model, _, _ = TASKS[family].make_task(found, torch.float64, CPU)
    optimiser.fill(model.parameters, arrays["parameters"])
    assert int(common["step"]) == 60
    exported = load(tmp_path / "model.h5")
    assert fingerprint(model.export()) == fingerprint(exported)
    one = geometry.of_frame(model, found.training, 0)
    predicted, potential = step.predict(model, one), BlockPotential(exported, "reference")
    result = evaluate(found.training.frame(0), potential)
    energy = float(predicted.energies[0]) + found.training.counts[0] @ model.constant_energies
    assert abs(energy - result.energies.sum()) < 1e-9
    np.testing.assert_allclose(predicted.forces, result.forces, rtol=0, atol=1e-9)


def test_energies_alone_train_without_forces(tmp_path):
    assert train(tmp_path, "chebyshev", loss={"force_weight": 0.0}, training={"steps": 60, "batch_size": 8}) == 0
    rows = curve.read(tmp_path / "model.curve.csv")
    assert rows[-1]["rmse_energy_training_eV_per_atom"] < 0.7 * rows[0]["rmse_energy_training_eV_per_atom"]
    assert np.isnan(rows[-1]["rmse_force_training_eV_per_A"])


@pytest.mark.parametrize(("family", "kind"), [*((family, None) for family in TASKS), ("deep_potential", "muon")])
def test_an_interrupted_training_goes_on_bit_by_bit(family, kind, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
        write_data(folder)
    wanted = {"training": {"optimiser": kind}}
    assert train(whole, family, **wanted) == 0
    asked = iter([False] * 6 + [True])
    said = []
    assert train(parts, family, stop=lambda: next(asked), say=said.append, **wanted) == STOPPED
    assert "stopped by a signal at step 7; the same command with --restart goes on" in said
    assert not (parts / "model.h5").exists()
    assert train(parts, family, restart=True, **wanted) == 0
    assert fingerprint(load(whole / "model.h5")) == fingerprint(load(parts / "model.h5"))
    one, other = (curve.read(folder / "model.curve.csv") for folder in (whole, parts))
    for a, b in zip(one, other, strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == pytest.approx(
            {k: v for k, v in b.items() if k != "seconds"}, rel=0, abs=0, nan_ok=True
        )


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    assert train(tmp_path, "deep_potential", training={"steps": 4}) == 0
    with pytest.raises(OutputError, match="checkpoint of another training"):
        train(tmp_path, "deep_potential", restart=True, training={"steps": 4, "seed": 5})


def test_a_loss_that_explodes_names_the_batch_and_the_last_good_checkpoint(tmp_path):
    wild = {"learning_rate": {"start": 1e3, "stop": 1e3}, "deep_potential": {"activation_function": "linear"}}
    wild["deep_potential"]["fitting_activation_function"] = "linear"
    with pytest.raises(TrainingError, match=r"loss of step \d+ = .* batch of frames \d+ \(made:\d+\).*checkpoint.h5"):
        train(tmp_path, "deep_potential", training={"steps": 400, "checkpoint_every": 1, "batch_size": 1}, **wild)
    arrays, _, _ = checkpoint.read(tmp_path / "model.checkpoint.h5", SERIAL)
    assert np.isfinite(arrays["parameters"]).all()
    assert not (tmp_path / "model.h5").exists()


def test_training_ends_when_validation_does_not_improve(tmp_path):
    said = []
    fast, short = {"learning_rate": {"start": 1.0, "stop": 1.0}}, {"steps": 300, "print_every": 2, "patience": 2}
    assert train(tmp_path, "deep_potential", say=said.append, training=short, **fast) == 0
    assert any("no better validation in 2 rows, so training ends" in text for text in said)
    _, common, _ = checkpoint.read(tmp_path / "model.checkpoint.h5", SERIAL)
    best = load(tmp_path / "model.h5")
    found = job.make(settings(tmp_path, "deep_potential", **fast), tmp_path, False, lambda: False, print)
    model, _, _ = TASKS["deep_potential"].make_task(found, torch.float64, CPU)
    optimiser.fill(model.parameters, common["best"])
    assert fingerprint(model.export()) == fingerprint(best)


def test_frames_without_labels_are_refused_by_name(tmp_path):

    data = dataset(6)
    energies, forces = data.energies.copy(), data.forces.copy()
    energies[2] = np.nan
    hdf5.write(replace(data, energies=energies), tmp_path / "data.h5", {})
    with pytest.raises(DataError, match=r"energy of frame 2 \(made:2\) = missing, as of 1 of 6 frames"):
        train(tmp_path, "deep_potential")
    forces[data.first[4] : data.first[5]] = np.nan
    hdf5.write(replace(data, forces=forces), tmp_path / "data.h5", {}, overwrite=True)
    with pytest.raises(DataError, match=r"forces of frame 4"):
        train(tmp_path, "deep_potential")
    virials = np.full_like(data.virials, np.nan)
    hdf5.write(replace(data, virials=virials), tmp_path / "data.h5", {}, overwrite=True)
    with pytest.raises(DataError, match="loss.start_pref_v = with no virial in any training frame"):
        train(tmp_path, "deep_potential")


def test_data_that_contradict_themselves_are_refused(tmp_path):
    data = dataset(6)
    twice = join([data, replace(data, energies=data.energies + 3.0)])
    hdf5.write(twice, tmp_path / "data.h5", {})
    message = "contradictory duplicates in 6 frames, the first made:0.*hpcpot dataset --drop"
    with pytest.raises(DataError, match=message):
        train(tmp_path, "deep_potential")


def test_an_empty_part_is_refused(tmp_path):
    write_data(tmp_path, 2)
    with pytest.raises(DataError, match="no part may be empty"):
        train(tmp_path, "deep_potential", data={"validation_fraction": 0.001})


def test_frames_with_large_forces_are_left_out(tmp_path):
    said = []
    found = job.make(settings(tmp_path, "chebyshev"), tmp_path, False, lambda: False, print)
    largest = np.sort(
        [
            np.linalg.norm(found.training.forces[a:b], axis=1).max()
            for a, b in zip(found.training.first, found.training.first[1:], strict=False)
        ]
    )
    wanted = settings(tmp_path, "chebyshev", data={"maximum_force_eV_A": float(largest[-1]) - 1e-9})
    job.make(wanted, tmp_path, False, lambda: False, said.append)
    assert any("frames left out: a force above" in text for text in said)
    wanted = settings(tmp_path, "chebyshev", data={"maximum_force_eV_A": 1e-9})
    with pytest.raises(DataError, match="no frame is below"):
        job.make(wanted, tmp_path, False, lambda: False, print)


def test_rows_of_epochs(tmp_path):
    found = settings(tmp_path, "chebyshev", training={"steps": None, "epochs": 10, "batch_size": 4})
    data = batches.Systems([np.arange(9)], [4], ["all"])
    assert by_gradient.steps(found, data, Workers("cpu")) == 30
