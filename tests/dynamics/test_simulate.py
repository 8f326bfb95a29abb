"""`hpcpot.md`: what the command does, from Python."""

from __future__ import annotations

from pathlib import Path

import ase.units
import numpy as np
import pytest
import runs
import systems
from ase.constraints import FixAtoms
from mpirun import run_ranks

import hpcpot
from hpcpot.errors import ConfigError, OutputError, StructureError
from hpcpot.potential import files as potential_files
from hpcpot.storage.reader import TrajectoryReader

KEYS = {
    "integrator": "nvt_nose_hoover",
    "steps": 40,
    "timestep_fs": 2.0,
    "temperature_K": 80.0,
    "initial_temperature_K": 80.0,
    "seed": 3,
    "observables_every": 5,
}


@pytest.fixture
def model(tmp_path, monkeypatch) -> Path:
    """The path of a model of argon, beside which a test runs."""
    monkeypatch.chdir(tmp_path)
    potential_files.save(systems.argon(), tmp_path / "model.h5", {"source": "tests"})
    return tmp_path / "model.h5"


def test_it_does_what_the_command_does(tmp_path):
    runs.run(runs.prepare(tmp_path))
    result = hpcpot.md(
        tmp_path / "argon.extxyz",
        potential=tmp_path / "argon.h5",
        **KEYS,
        trajectory=tmp_path / "python.h5md",
        output={"position_every": 10, "velocity_every": 10, "force_every": 20},
        checkpoint_every=20,
        report=None,
    )
    with TrajectoryReader(tmp_path / "run.h5md") as command, TrajectoryReader(result.trajectory) as python:
        for name in ("position", "velocity", "force"):
            np.testing.assert_array_equal(python.values(name), command.values(name), err_msg=name)
        columns = command.observables()
    assert result.steps == 40 and result.checkpoint == tmp_path / "python.checkpoint.h5" and result.checkpoint.exists()
    assert result.thermo["step"].tolist() == columns["step"].tolist() == list(range(0, 41, 5))
    np.testing.assert_array_equal(result.thermo["temperature_K"], columns["temperature"])
    np.testing.assert_array_equal(result.thermo["pressure_tensor_GPa"], columns["pressure_tensor"])
    assert result.thermo["time_fs"][-1] == 80.0


def test_atoms_come_back_as_they_went_with_what_is_known_of_them(model, capsys):
    atoms = runs.argon()
    atoms.info["name"] = "argon"
    before = atoms.copy()
    result = hpcpot.md(atoms, potential=model, **KEYS)
    assert atoms == before, "the atoms given were changed"
    assert "40 steps of 108 atoms on 1 rank" in capsys.readouterr().out
    after, reference = result.atoms, result.atoms.copy()
    assert after.info["name"] == "argon" and (after.symbols == atoms.symbols).all() and result.trajectory is None
    reference.calc = hpcpot.Calculator(model)
    assert after.get_potential_energy() == pytest.approx(reference.get_potential_energy(), abs=1e-10)
    np.testing.assert_allclose(after.get_forces(), reference.get_forces(), rtol=0, atol=1e-12)
    np.testing.assert_allclose(after.get_stress(), reference.get_stress(), rtol=0, atol=1e-14)
    assert after.get_temperature() == pytest.approx(result.thermo["temperature_K"][-1] * 321 / 324)
    assert result.thermo["potential_energy_eV"][-1] == pytest.approx(after.get_potential_energy())
    scaled = after.get_scaled_positions(wrap=False)
    assert (scaled >= 0).all() and (scaled < 1).all()
    again = hpcpot.md(after, potential=model, integrator="nve", steps=0, timestep_fs=1.0, report=None)
    np.testing.assert_allclose(again.atoms.get_velocities(), after.get_velocities(), rtol=1e-14)
    assert not list(Path.cwd().glob("*.checkpoint.h5"))
    assert capsys.readouterr().out == ""


def test_a_restart_goes_on_bit_by_bit(model):
    atoms, files = runs.argon(), {"checkpoint_every": 20, "report": None}
    whole = hpcpot.md(atoms, potential=model, **KEYS, **files, trajectory="whole.h5md")
    hpcpot.md(atoms, potential=model, **KEYS | {"steps": 20}, **files, trajectory="parts.h5md")
    parts = hpcpot.md(atoms, potential=model, **KEYS, **files, trajectory="parts.h5md", restart=True)
    assert parts.steps == 40
    np.testing.assert_array_equal(parts.atoms.positions, whole.atoms.positions)
    np.testing.assert_array_equal(parts.atoms.get_velocities(), whole.atoms.get_velocities())
    with pytest.raises(OutputError, match="whole.h5md = exists"):
        hpcpot.md(atoms, potential=model, **KEYS, **files, trajectory="whole.h5md")
    hpcpot.md(atoms, potential=model, **KEYS, **files, trajectory="whole.h5md", overwrite=True)


def test_a_restart_wants_a_checkpoint_of_the_same_atoms(model):
    atoms = runs.argon()
    with pytest.raises(ConfigError, match="output.checkpoint = null: is required for a restart"):
        hpcpot.md(atoms, potential=model, **KEYS, report=None, restart=True)
    hpcpot.md(atoms, potential=model, **KEYS, report=None, trajectory="run.h5md", checkpoint_every=20)
    with pytest.raises(StructureError, match=r"atoms = Ar107: must be those of .*run.checkpoint.h5 \(Ar108\)"):
        hpcpot.md(atoms[1:], potential=model, **KEYS, report=None, trajectory="run.h5md", restart=True)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"structure": {"file": "si.extxyz"}}, "structure.file = si.extxyz .*: the structure is the first argument"),
        ({"md": {"steps": 2}, "steps": 3}, r"md.steps = 2 and 3 \(hpcpot.md\): is given twice; keep one"),
    ],
)
def test_nothing_that_is_given_is_dropped(keys, message, model):
    with pytest.raises(ConfigError, match=message):
        hpcpot.md(runs.argon(), potential=model, integrator="nve", timestep_fs=1, **keys)


def test_sections_and_stages(model):
    result = hpcpot.md(
        runs.argon(),
        potential={"file": str(model), "kernels": "cpu"},
        frozen={"ids": np.array([0, 5])},
        timestep_fs=2.0,
        stages={"rest": {"integrator": "fire", "steps": 5}, "heat": {"integrator": "nve", "steps": 10}},
        neighbors={"skin_A": 0.5},
        device="cpu",
        report=None,
    )
    assert result.steps == 15 and set(result.thermo["stage"]) == {0.0, 1.0}
    [held] = result.atoms.constraints
    assert isinstance(held, FixAtoms) and held.index.tolist() == [0, 5]
    np.testing.assert_array_equal(result.atoms.get_velocities()[[0, 5]] / ase.units.fs, 0.0)


def test_all_that_is_wrong_is_said_at_once(model):
    with pytest.raises(ConfigError) as caught:
        hpcpot.md(runs.argon(), potential=model, integrator="nvt", steps=10, timestep_fs=-1, temprature_K=300, output=5)
    lines = str(caught.value).splitlines()
    assert any(line.startswith("md.timestep_fs = -1 (hpcpot.md): must be > 0") for line in lines)
    assert any(line.startswith("md.integrator = nvt (hpcpot.md): must be nve | nvt_nose_hoover") for line in lines)
    assert any(
        line.startswith("temprature_K = 300 (hpcpot.md): unknown key") and "temperature_K" in line for line in lines
    )
    assert any(line.startswith("output = 5 (hpcpot.md): is a section; give its keys") for line in lines)
    with pytest.raises(ConfigError, match="md.temperature_K = null .*: is required for nvt_langevin"):
        hpcpot.md(runs.argon(), potential=model, integrator="nvt_langevin", steps=10, timestep_fs=1)
    message = (
        r"elements = \['Ar'\] \(hpcpot.md\): is a key of the sections structure and frozen; give it in one of them"
    )
    with pytest.raises(ConfigError, match=message):
        hpcpot.md(runs.argon(), potential=model, integrator="nve", steps=10, timestep_fs=1, elements=["Ar"])


SCRIPT = """
import sys, numpy as np, hpcpot, runs
result = hpcpot.md(runs.argon(), potential=sys.argv[1], integrator="nve", steps=20, timestep_fs=2.0,
                   initial_temperature_K=80.0)
if result.atoms is not None:
    np.savez(sys.argv[2], positions=result.atoms.positions, energy=result.thermo["total_energy_eV"][-1])
"""


@pytest.mark.mpi
def test_a_script_runs_on_all_its_ranks(model, tmp_path):
    done = run_ranks(2, "-c", SCRIPT, model, tmp_path / "two.npz")
    assert "108 atoms (Ar), 2 ranks as " in done.stdout
    keys = {"integrator": "nve", "steps": 20, "timestep_fs": 2.0, "initial_temperature_K": 80.0}
    one = hpcpot.md(runs.argon(), potential=model, **keys, report=None)
    two = np.load(tmp_path / "two.npz")
    np.testing.assert_allclose(two["positions"], one.atoms.positions, rtol=0, atol=1e-10)
    assert two["energy"] == pytest.approx(one.thermo["total_energy_eV"][-1], abs=1e-10)
