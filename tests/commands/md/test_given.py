"""`hpcpot md STRUCTURE`: the config that it makes is checked by the schema, printed, saved, and runs alike."""

from __future__ import annotations

import argparse
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule

from hpcpot import cli, config
from hpcpot.commands.md.arguments import add_arguments
from hpcpot.commands.md.given import load
from hpcpot.dynamics.settings import SCHEMA
from hpcpot.errors import ConfigError
from hpcpot.storage.reader import TrajectoryReader

SI = ("si.cif", "--potential", "lisi_mtp", "--temperature", "300", "--ps", "0.05")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    ase.io.write("si.cif", bulk("Si", cubic=True) * 2)
    return tmp_path


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_config_runs_to_the_same_trajectory(capsys):
    assert cli.main(["md", *SI, "--save-config", "run.yaml"]) == 0
    printed = capsys.readouterr().out
    text = Path("run.yaml").read_text()
    assert all(f"  {line}\n" in printed for line in text.splitlines()[1:])
    assert config.load("run.yaml", SCHEMA) == load(parsed(*SI))[0]
    with TrajectoryReader("si_md.h5md") as reader:
        first, steps = reader.values("position"), reader.steps()
    assert cli.main(["md", "run.yaml", "--overwrite"]) == 0
    with TrajectoryReader("si_md.h5md") as reader:
        np.testing.assert_array_equal(reader.values("position"), first)
        assert reader.periodic.all() and steps[-1] == 50


def test_defaults_are_those_of_the_structure():
    settings, _ = load(parsed(*SI))
    assert (settings.md.integrator, settings.md.timestep_fs, settings.md.steps) == ("nvt_nose_hoover", 1.0, 50)
    assert settings.md.initial_temperature_K == settings.md.temperature_K == 300
    half, _ = load(parsed(*SI, "--timestep", "0.5", "--pressure", "1", "-o", "other.h5md"))
    assert (half.md.integrator, half.md.steps, half.md.pressure_GPa) == ("npt_nose_hoover", 100, 1.0)
    assert half.output.trajectory == Path("other.h5md") and half.md.barostat_axes == ["x", "y", "z"]
    ase.io.write("water.xyz", molecule("H2O"))
    water, _ = load(parsed("water.xyz", *SI[1:]))
    assert water.md.timestep_fs == 0.5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("si.cif",), r"--ps = missing: is required to run a structure without a config, e.g. --ps 10"),
        (("interface_si100",), "`hpcpot example interface_si100` writes a config"),
        (("si.cif", "--ps", "1"), r"--temperature = missing: is required"),
        (("si.cif", "--ps", "1", "--temperature", "300"), r"potential.file = missing \(command line\): is required"),
        ((*SI, "--ps", "-1"), r"--ps = -1: must be a time > 0 in picoseconds"),
        ((*SI, "--timestep", "fast"), r"md.timestep_fs = fast: must be a number > 0"),
        ((*SI, "--potential", "lisi_mpt"), r"potential.file = lisi_mpt \(--potential\): must be a file"),
        ((*SI, "--temperature", "0"), r"md.temperature_K = 0.0 \(command line\): must be > 0"),
        (("run.yaml", "--ps", "3"), r"--ps = 3.0: is for a structure file, and run.yaml is a config"),
    ],
)
def test_what_lacks_or_does_not_go_together_is_told(words, told):
    with pytest.raises(ConfigError, match=told):
        load(parsed(*words))


def test_a_saved_config_is_not_replaced(capsys):
    Path("run.yaml").write_text("mine")
    assert cli.main(["md", *SI, "--save-config", "run.yaml"]) == 1
    assert "run.yaml = exists" in capsys.readouterr().err and Path("run.yaml").read_text() == "mine"
