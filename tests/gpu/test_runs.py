"""`hpcpot md` with device: gpu."""

from __future__ import annotations

import argparse
import signal

import numpy as np
import pytest
import runs
from systems import chebyshev, crystal

from hpcpot.commands.md.arguments import add_arguments
from hpcpot.commands.md.command import run_command
from hpcpot.errors import ConfigError
from hpcpot.gpu import device as devices
from hpcpot.potential import files as potential_files
from hpcpot.potential.range import TrainedRange
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


CHANGES = {
    "md__timestep_fs": 1.0,
    "md__temperature_K": 900.0,
    "md__initial_temperature_K": 900.0,
    "device": "gpu",
    "md__thermostat_time_fs": 20.0,
    "neighbors__skin_A": 0.5,
}


def md(folder, name, *arguments, **changes):
    folder = folder / name
    folder.mkdir(exist_ok=True)
    changes = CHANGES | changes
    config = folder / "run.yaml"
    if not config.exists():
        runs.prepare(folder, crystal(2), chebyshev(), **changes)
    return run_command(parsed([str(config), *arguments])), folder / "run.h5md"


def parsed(arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def frames(path):
    with TrajectoryReader(path) as reader:
        return {name: reader.values(name) for name in ("position", "velocity", "force")} | reader.observables()


GRAPH = {"md__integrator": "nvt_nose_hoover"}
BY_HOST = {
    "npt": {"md__integrator": "npt_nose_hoover", "md__barostat_axes": ["x", "y"]},
    "pull": {
        "md__integrator": "npt_nose_hoover",
        "md__barostat_axes": ["x"],
        "md__deform": "cell",
        "md__deform_axis": "y",
        "md__strain_rate_per_ps": 1.0,
    },
    "grips": {
        "md__integrator": "nvt_langevin",
        "md__deform": "grips",
        "md__deform_axis": "z",
        "md__strain_rate_per_ps": 1.0,
    },
    "grips by force": {
        "md__integrator": "nvt_nose_hoover",
        "md__deform": "grips",
        "md__deform_axis": "z",
        "md__grip_force_eV_A": 0.5,
    },
    "cg": {"md__integrator": "cg", "md__temperature_K": None, "md__steps": 4, "output__position_every": 1},
    "fire": {"md__integrator": "fire", "md__temperature_K": None, "md__steps": 4, "output__position_every": 1},
}


@pytest.mark.parametrize("name", ["graph", *BY_HOST])
def test_the_trajectory_is_that_of_the_cpu(name, tmp_path, capsys, device):
    """Whether the device does step after step by itself, or the host starts its kernels."""
    changes = BY_HOST.get(name, GRAPH)
    code, on_gpu = md(tmp_path, "gpu", **changes)
    assert code == 0
    said = capsys.readouterr().out
    assert "device: gpu, 1 rank on 1 GPU\n" in said and f"gpu ({device.name}): " in said
    assert ("steps: atoms stay on the GPU; kernel after kernel is started by the host in md" in said) == (
        name in BY_HOST
    )
    assert ("which does step after step without the host, as a CUDA graph" in said) == (name not in BY_HOST)
    code, on_cpu = md(tmp_path, "cpu", device="cpu", **changes)
    assert code == 0
    found, wanted = frames(on_gpu), frames(on_cpu)
    assert len(wanted["position"]) == 5
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("changes", [GRAPH, BY_HOST["npt"]], ids=["graph", "npt"])
def test_leaving_the_trained_range_is_told_as_on_the_cpu(changes, tmp_path, capsys):
    told = {}
    for where in ("gpu", "cpu"):
        (tmp_path / where).mkdir()
        path = runs.prepare(
            tmp_path / where, crystal(2), chebyshev(), **(CHANGES | changes | {"device": where, "md__steps": 20})
        )
        known = TrainedRange(("Li", "Si"), "tests", 1, 4.5, np.array([[2.6, 2.5], [2.5, 2.4]]))
        potential_files.save(chebyshev(), tmp_path / where / "argon.h5", {}, overwrite=True, trained=known)
        assert run_command(parsed([str(path)])) == 0
        told[where] = [line for line in capsys.readouterr().out.splitlines() if "the potential was trained on" in line]
    assert told["gpu"] == told["cpu"] and len(told["cpu"]) >= 2


def test_observables_are_sampled_between_other_outputs(tmp_path):
    """The graph stops at their own interval, and the atoms come to the host."""
    tables = {}
    for where in ("gpu", "cpu"):
        observe = [{"name": "strain", "every": 3}, {"name": "stress", "every": 7, "options": {"bins": [1, 1, 2]}}]
        code, trajectory = md(tmp_path, where, device=where, observe=observe, md__steps=12, **GRAPH)
        assert code == 0
        tables[where] = runs.contents(trajectory.with_suffix(".observed.h5"))
    assert tables["gpu"]["strain/step"].tolist() == [0, 3, 6, 9, 12]
    for name in (name for name in tables["cpu"] if not name.startswith("provenance")):
        np.testing.assert_allclose(tables["gpu"][name], tables["cpu"][name], rtol=1e-7, atol=1e-9, err_msg=name)


def test_stages_hand_the_atoms_on(tmp_path):
    """From the host's kernels to the graph and back, with and without a thermostat."""
    changes = {
        "md__temperature_K": 300.0,
        "md__initial_temperature_K": None,
        "md__steps": 8,
        "output__position_every": 4,
        "output__observables_every": 4,
        "stages__rest__integrator": "fire",
        "stages__rest__steps": 4,
        "stages__heat__initial_temperature_K": 900.0,
        **{f"stages__pull__{name.removeprefix('md__')}": value for name, value in BY_HOST["pull"].items()},
        "stages__go_on__integrator": "nve",
        "stages__go_on__temperature_K": None,
    }
    (_, on_gpu), (_, on_cpu) = md(tmp_path, "gpu", **changes), md(tmp_path, "cpu", device="cpu", **changes)
    found, wanted = frames(on_gpu), frames(on_cpu)
    assert wanted["step"].tolist() == [0, 4, 8, 12, 16, 20, 24, 28]
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("name", ["npt", "pull", "grips", "grips by force", "cg", "fire"])
def test_a_restart_of_what_the_host_starts_is_bitwise(name, tmp_path):
    """Also where the whole run writes no checkpoint."""
    steps = BY_HOST[name].get("md__steps", 40)
    _, whole = md(tmp_path, "whole", output__checkpoint_every=0, **BY_HOST[name])
    md(tmp_path, "parts", **BY_HOST[name] | {"md__steps": steps // 2 - 1})
    _, parts = md(tmp_path, "parts", "--restart", "--set", f"md.steps={steps}")
    expected, found = runs.contents(whole), runs.contents(parts)
    assert set(found) == set(expected)
    for key, values in expected.items():
        np.testing.assert_array_equal(found[key], values, err_msg=key)


def test_a_committee_of_models_shares_the_gpu(tmp_path):
    potential_files.save(chebyshev(seed=4), tmp_path / "other.h5", {"source": "tests"})
    code, path = md(tmp_path, "committee", deviation__files=[str(tmp_path / "other.h5")], **BY_HOST["npt"])
    assert code == 0
    assert (frames(path)["max_force_deviation"] > 0.1).all()


@pytest.mark.parametrize("integrator", ["nve", "nvt_nose_hoover", "nvt_langevin"])
def test_restart_is_bitwise_whenever_the_host_looked(integrator, tmp_path):
    temperature = {"md__temperature_K": None} if integrator == "nve" else {}
    _, whole = md(tmp_path, "whole", md__integrator=integrator, output__checkpoint_every=0, **temperature)
    md(tmp_path, "parts", md__integrator=integrator, md__steps=17, output__observables_every=3, **temperature)
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
