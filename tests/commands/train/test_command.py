"""`hpcpot train` as a user starts it."""

import os
import re
import signal
import subprocess
import sys
import time
from argparse import Namespace

import numpy as np
import pytest
import reports
import torch
import yaml
from trainings import settings, tree, write_data

from hpcpot import cli, config
from hpcpot.commands.train import command
from hpcpot.errors import ConfigError, DataError
from hpcpot.farm.item import Failure
from hpcpot.farm.results import Results, Store
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import torch_device
from hpcpot.potential.files import fingerprint, load
from hpcpot.storage.content import content_key
from hpcpot.training import curve, job, optimiser, step
from hpcpot.training.batches import BatchSampler
from hpcpot.training.committee import COLUMNS
from hpcpot.training.deep_potential import start as deep_potential_task
from hpcpot.training.frames import FrameCache
from hpcpot.training.settings import member

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
    section = reports.section_of(tmp_path / "model.committee.h5", "train", charts=0)
    assert len(section.tables["members"]["model"]) == 2


NEW_KEYS = "group|unconverged|energy_key|forces_key|virial_key|virial_is|energy_unit|force_unit|skip_bad|temperatures_K"


def test_a_committee_of_an_older_config_goes_on(tmp_path, monkeypatch):
    """Results whose config lacks keys that came later belong to it as long as these have their defaults."""
    monkeypatch.chdir(tmp_path)
    arguments = Namespace(config=prepare(tmp_path, committee={"members": 2}), overwrite=False)

    def planned(**data):
        found = settings(tmp_path, "deep_potential", committee={"members": 2}, data=data)
        return command.prepare(found, arguments, lambda: False)

    begun = planned()
    old = re.sub(rf"(?m)^  ({NEW_KEYS}): .*\n", "", begun.identity["config"])
    assert old.count("\n") == begun.identity["config"].count("\n") - 10
    identity = {"config": old, "data": begun.identity["data"]}
    facts = {"kind": "train", "columns": COLUMNS, "provenance": {}, "expected_rows": 2}
    with Store(begun.results, **facts, identity=identity, existing="continue") as store:
        store.append([("a", "member 0", Failure("E", "m"))])
    again = planned()
    assert again.identity == identity
    member_text = re.sub(
        rf"(?m)^  ({NEW_KEYS}): .*\n", "", config.dump(member(settings(tmp_path, "deep_potential"), 1), ("farm",))
    )
    assert again.items[1].key == content_key(identity["data"], member_text)
    with Store(again.results, **facts, identity=dict(again.identity), existing="continue") as store:
        assert list(store.keys()) == ["a"]
    assert "  unconverged: keep\n" in planned(unconverged="keep").identity["config"]
    arguments.overwrite = True
    assert planned().identity == begun.identity


@pytest.mark.parametrize("then", ["", "farm:\n  cluster: slurm\n  workers: 7\n"], ids=["none", "of an older version"])
def test_other_workers_are_the_same_committee(then, tmp_path, monkeypatch):
    """Also of a version whose results name the farm."""
    monkeypatch.chdir(tmp_path)
    arguments = Namespace(config=prepare(tmp_path, committee={"members": 2}), overwrite=False)

    def planned(**farm):
        found = settings(tmp_path, "deep_potential", committee={"members": 2}, farm=farm)
        return command.prepare(found, arguments, lambda: False)

    begun = planned(workers=1)
    identity = begun.identity | {"config": begun.identity["config"] + then}
    facts = {"kind": "train", "columns": COLUMNS, "provenance": {}, "expected_rows": 2}
    with Store(begun.results, **facts, identity=identity, existing="continue") as store:
        store.append([("a", "member 0", Failure("E", "m"))])
    again = planned(workers=2, retries=5)
    assert again.identity == identity
    assert then or [item.key for item in again.items] == [item.key for item in begun.items]


@pytest.mark.parametrize(
    ("keys", "energy"),
    [
        ({"energy_key": "MACE_energy", "energy_unit": "Ha"}, -0.5 * 27.211386245988),
        ({"energy_key": "other", "forces_key": "pull", "group": "all"}, -2.0),
    ],
)
def test_the_data_section_has_the_options_of_readers(tmp_path, keys, energy):
    frame = (
        '2\nLattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3:{forces}:R:3 MACE_energy=-0.5 other=-2.0\n'
        "1 0 0 0 0 0 1\n2 0 0 {z} 0 0 -1\n"
    )
    frames = [frame.format(forces=keys.get("forces_key", "forces"), z=2.0 + 0.1 * k) for k in range(4)]
    (tmp_path / "a.extxyz").write_text("".join(frames))
    unit = {"force_unit": "eV/A"} if "energy_unit" in keys else {}
    found = settings(tmp_path, "chebyshev", data={"files": "a.extxyz", "elements": ["Si", "Li"], **keys, **unit})
    made = job.make(found, tmp_path, False, lambda: False, print)
    assert made.training.energies.tolist() == pytest.approx([energy] * 3, rel=1e-9)
    assert made.training.forces[0].tolist() == [0, 0, 1] and made.training.elements == ("Si", "Li")
    assert set(made.training.groups) == {keys.get("group", "a")}


def test_readers_name_keys_of_the_config(tmp_path):
    (tmp_path / "a.extxyz").write_text(
        '1\nLattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3 MACE_energy=-1\nSi 0 0 0\n'
    )
    with pytest.raises(DataError, match="MACE_energy.*data.energy_key MACE_energy"):
        job.make(settings(tmp_path, "chebyshev", data={"files": "a.extxyz"}), tmp_path, False, lambda: False, print)
    with pytest.raises(ConfigError, match="data.energy_unit = foot .*: must be a unit of energy, such as eV, Ha"):
        settings(tmp_path, "chebyshev", data={"energy_unit": "foot"})
    with pytest.raises(ConfigError, match="data.virial_is = stress_GPa .*: needs data.virial_key"):
        settings(tmp_path, "chebyshev", data={"virial_is": "stress_GPa"})


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
    monkeypatch.setattr(torch_device, "find_spec", lambda name: None)
    assert cli.main(["train", prepare(tmp_path)]) == 1
    assert "torch, which is not installed: pip install 'hpcpot[train]'" in capsys.readouterr().err


def test_importing_the_command_does_not_import_torch():
    code = (
        "import sys, hpcpot.commands.train, hpcpot.cli; hpcpot.cli._parser(['train']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, timeout=60).returncode == 0
