"""`hpcpot train` as a user starts it."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import yaml
from trainings import settings, tree, write_data

from hpcpot import cli
from hpcpot.farm.results import Results
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential.files import fingerprint, load
from hpcpot.training import curve, job, optimiser, step
from hpcpot.training.batches import BatchSampler
from hpcpot.training.deep_potential import start as deep_potential_task
from hpcpot.training.frames import FrameCache

HPCPOT = [sys.executable, "-m", "hpcpot"]


def prepare(folder, family="deep_potential", **sections):
    write_data(folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(tree(family, **sections)))
    return "config.yaml"


def run(folder, *arguments, launcher=HPCPOT):
    return subprocess.run([*launcher, "train", *arguments], cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_signal_leaves_a_checkpoint_and_restart_goes_on(tmp_path):
    config = prepare(tmp_path, training={"steps": 100_000, "print_every": 5})
    process = subprocess.Popen([*HPCPOT, "train", config], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    curve = tmp_path / "model.curve.csv"
    while not curve.exists() or len(curve.read_text().splitlines()) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert "the same command with --restart goes on" in text
    assert (tmp_path / "model.checkpoint.h5").exists() and not (tmp_path / "model.h5").exists()


def test_existing_output_and_a_missing_checkpoint_are_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = prepare(tmp_path, training={"steps": 2, "print_every": 1})
    assert cli.main(["train", config, "--restart"]) == 1
    assert "no such checkpoint: --restart goes on from one" in capsys.readouterr().err
    assert cli.main(["train", config]) == 0
    assert cli.main(["train", config]) == 1
    assert "exists: hpcpot does not overwrite by itself; use --restart or --overwrite" in capsys.readouterr().err
    assert cli.main(["train", config, "--overwrite", "--restart"]) == 1
    assert cli.main(["train", config, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.step=5", "training.step = 5 (--set): unknown key; did you mean training.steps?"),
        ("training.epochs=5", "one of training.steps and training.epochs is required, and the other must be null"),
        ("deep_potential.sel=many", "deep_potential.sel = many (--set): must be auto, auto:FACTOR, or a list"),
        ("deep_potential.sel=[4]", "deep_potential.sel = [4] (--set): must have a number for each of the 2 elements"),
        ("deep_potential.axis_neuron=9", "must be at most the last of deep_potential.neuron, 8"),
        ("deep_potential.cutoff_smooth_A=5", "must be below deep_potential.cutoff_A, 4"),
        (
            "training.batch_size=auto:x",
            "training.batch_size = auto:x (--set): must be frames, a list of them, auto, auto:ATOMS",
        ),
        ("learning_rate.stop=1", "learning_rate.stop = 1 (--set): must not be above learning_rate.start"),
        ("data.files=nowhere", "data.files = nowhere: must be a file or folder: none beside the config"),
        ("device=gpu", "device = gpu: torch"),
    ],
)
def test_wrong_settings_are_named(change, message, tmp_path, monkeypatch, capsys):
    if change == "device=gpu" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", prepare(tmp_path, training={"steps": 2}), "--set", change]) == 1
    assert message in capsys.readouterr().err


def test_dry_run_tells_the_settings_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", prepare(tmp_path), "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert "10 frames to train on, 2 to judge by" in text and "checkpoint: model.checkpoint.h5" in text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["config.yaml", "data.h5"]


def test_a_committee_is_trained_by_the_farm_and_completed(tmp_path):
    config = prepare(tmp_path, training={"steps": 4, "print_every": 2}, committee={"members": 2})
    done = run(tmp_path, config, "--workers", "1")
    assert done.returncode == 0, done.stderr
    models = [load(tmp_path / f"model_{k}.h5") for k in range(2)]
    assert fingerprint(models[0]) != fingerprint(models[1])
    np.testing.assert_array_equal(models[0].mean, models[1].mean)
    with Results(tmp_path / "model.committee.h5") as rows:
        assert sorted(rows.read("seed")) == [0, 1]
        assert (rows.read("steps") == 4).all() and np.isfinite(rows.read("rmse_force_validation_eV_per_A")).all()
    assert "ms/step" in (tmp_path / "model_1.log").read_text()
    assert "model_1.h5: " in done.stdout and "2 of 2 done" in done.stdout


def test_two_processes_of_torchrun_take_the_mean_gradient_of_their_batches(tmp_path):
    config = prepare(tmp_path, training={"steps": 3, "print_every": 3})
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = run(tmp_path, config, launcher=[*torchrun, "-m", "hpcpot"])
    assert done.returncode == 0, done.stderr
    assert "2 processes" in done.stdout and done.stdout.count("model: model.h5") == 1
    assert len(curve.read(tmp_path / "model.curve.csv")) == 1

    found = job.make(settings(tmp_path, "deep_potential", training={"steps": 3}), tmp_path, False, lambda: False, print)
    model, loss, systems = deep_potential_task.make_task(found, torch.float64, torch.device("cpu"))
    frames = FrameCache(found.training, model, model.constant_energies, True, 1e9)
    sampler = BatchSampler(systems, "prob_sys_size", 0)
    adam = optimiser.Optimiser("adam", model.parameters)
    rates = [found.settings.learning_rate.start * r for r in (1.0, 0.01 ** (1 / 3), 0.01 ** (2 / 3))]
    for rate in rates:
        for p in model.parameters:
            p.grad = torch.zeros_like(p)
        for _ in range(2):
            joined, labels = frames.batch(sampler.next())
            step.add_gradient(model, joined, lambda prediction: 0.5 * loss(prediction, labels, rate))  # noqa: B023
        adam.step(rate)
    wanted, exported = model.export(), load(tmp_path / "model.h5")
    for net, other in zip(wanted.fittings, exported.fittings, strict=True):
        for a, b in zip(net, other, strict=True):
            np.testing.assert_allclose(a.weights, b.weights, rtol=0, atol=1e-9)


def test_without_torch_the_package_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "find_spec", lambda name: None)
    assert cli.main(["train", prepare(tmp_path)]) == 1
    assert "torch, which is not installed: pip install 'hpcpot[train]'" in capsys.readouterr().err


def test_importing_the_command_does_not_import_torch():
    code = (
        "import sys, hpcpot.commands.train, hpcpot.cli; hpcpot.cli._parser(['train']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60).returncode == 0
