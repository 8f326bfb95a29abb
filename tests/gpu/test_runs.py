"""`hpcpot md` with device: gpu."""

from __future__ import annotations

import argparse
import signal

import numpy as np
import pytest
import runs
from systems import chebyshev, crystal

from hpcpot.errors import ConfigError
from hpcpot.gpu import device as devices
from hpcpot.md.arguments import add_arguments
from hpcpot.md.command import run_command
from hpcpot.storage.reader import TrajectoryReader


@pytest.fixture(autouse=True)
def gpu(monkeypatch, device):
    """A GPU for this process; what listens to signals is put back."""
    monkeypatch.setattr(devices, "count", lambda: (1, ""))
    monkeypatch.setattr(devices, "Gpu", lambda number: device)
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def md(folder, name, *arguments, **changes):
    folder = folder / name
    folder.mkdir(exist_ok=True)
    changes = {
        "md__timestep_fs": 1.0, "md__temperature_K": 900.0, "md__initial_temperature_K": 900.0, "device": "gpu",
        "md__thermostat_time_fs": 20.0, "neighbors__skin_A": 0.5,
    } | changes  # fmt: skip
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    config = folder / "run.yaml"
    if not config.exists():
        runs.prepare(folder, crystal(2), chebyshev(), **changes)
    return run_command(parser.parse_args([str(config), *arguments])), folder / "run.h5md"


def frames(path):
    with TrajectoryReader(path) as reader:
        return {name: reader.values(name) for name in ("position", "velocity", "force")} | reader.observables()


@pytest.mark.parametrize("integrator", ["nvt_nose_hoover", "npt_nose_hoover"])
def test_the_trajectory_is_that_of_the_cpu(integrator, tmp_path, capsys, device):
    """The first stays on the device; of the second the host moves the atoms."""
    changes = {"md__integrator": integrator} | ({"md__barostat_axes": ["x", "y"]} if integrator.startswith("npt") else {})
    code, on_gpu = md(tmp_path, "gpu", **changes)
    assert code == 0
    said = capsys.readouterr().out
    assert f"device: gpu, 1 rank on 1 GPU: gpu ({device.name})" in said
    assert ("note: pairs and forces are the GPU's, but the host moves the atoms" in said) == integrator.startswith("npt")
    code, on_cpu = md(tmp_path, "cpu", device="cpu", **changes)
    assert code == 0
    found, wanted = frames(on_gpu), frames(on_cpu)
    assert len(wanted["position"]) == 5
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("integrator", ["nvt_nose_hoover", "nvt_langevin"])
def test_restart_is_bitwise_whenever_the_host_looked(integrator, tmp_path):
    _, whole = md(tmp_path, "whole", md__integrator=integrator)
    md(tmp_path, "parts", md__integrator=integrator, md__steps=20, output__observables_every=3)
    _, parts = md(tmp_path, "parts", "--restart", "--set", "md.steps=40")
    with TrajectoryReader(whole) as one, TrajectoryReader(parts) as other:
        for name in ("position", "velocity", "force"):
            np.testing.assert_array_equal(one.values(name)[-1], other.values(name)[-1], err_msg=name)


def test_dry_run_says_what_the_gpu_needs(tmp_path, capsys):
    code, _ = md(tmp_path, "dry", "--dry-run")
    assert code == 0
    assert "estimated memory of the GPU: " in capsys.readouterr().out


def test_reference_kernels_are_for_the_cpu(tmp_path, capsys):
    with pytest.raises(ConfigError, match="device = gpu .*: potential.kernels: reference runs on the CPU only; set"):
        md(tmp_path, "reference", potential__kernels="reference")
    code, _ = md(tmp_path, "auto", potential__kernels="reference", device="auto", md__steps=1)
    assert code == 0 and "device: cpu\n" in capsys.readouterr().out
