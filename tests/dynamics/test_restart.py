"""Checkpoints: a restarted run is the uninterrupted one."""

import numpy as np
import pytest
import systems
from runs import argon, contents, dataset, prepare, run


def continued(folder, *, first_ranks=1, second_ranks=1, **changes):
    """40 steps in one go, and 20 + 20, both with a checkpoint at 20: contents of both trajectories."""
    whole, parts = folder / "whole", folder / "parts"
    whole.mkdir(), parts.mkdir()
    run(prepare(whole, **changes), ranks=first_ranks)
    config = prepare(parts, **changes)
    run(config, "--set", "md.steps=20", ranks=first_ranks)
    run(config, "--restart", ranks=second_ranks)
    return contents(whole / "run.h5md"), contents(parts / "run.h5md")


@pytest.mark.parametrize("integrator", ["nve", "nvt_nose_hoover", "nvt_langevin"])
def test_restart_is_bitwise(integrator, tmp_path):
    whole, parts = continued(tmp_path, md__integrator=integrator)
    assert set(whole) == set(parts) and len(whole) > 10
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values, err_msg=name)


@pytest.mark.mpi
def test_restart_is_bitwise_on_two_ranks(tmp_path):
    whole, parts = continued(tmp_path, first_ranks=2, second_ranks=2)
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values, err_msg=name)


@pytest.mark.mpi
def test_restart_is_bitwise_with_vacuum_frozen_atoms_and_moving_cuts(tmp_path):
    whole, parts = continued(
        tmp_path,
        first_ranks=3,
        second_ranks=3,
        atoms=systems.vacuum(),
        model=systems.deep_potential(),
        md__integrator="nvt_langevin",
        md__timestep_fs=1.0,
        md__temperature_K=600.0,
        md__initial_temperature_K=600.0,
        frozen__region_A=[None, None, [None, 3.0]],
        neighbors__skin_A=0.3,
    )
    for name, values in whole.items():
        np.testing.assert_array_equal(parts[name], values, err_msg=name)


@pytest.mark.mpi
@pytest.mark.parametrize(("first", "second"), [(2, 3), (3, 1)])
def test_checkpoint_goes_on_with_other_ranks(first, second, tmp_path):
    whole, parts = continued(tmp_path, first_ranks=first, second_ranks=second)
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_restart_without_checkpoint_and_with_another_integrator(tmp_path):
    config = prepare(tmp_path)
    done = run(config, "--restart", code=1)
    assert "run.checkpoint.h5 =" in done.stderr and "Traceback" not in done.stderr
    run(config, "--set", "md.steps=20")
    done = run(config, "--restart", "--set", "md.integrator=nvt_langevin")
    assert dataset(tmp_path / "run.h5md", "observables/temperature/step")[-1] == 40


def test_restart_of_a_finished_run_does_nothing_more(tmp_path):
    config = prepare(tmp_path)
    run(config)
    before = contents(tmp_path / "run.h5md")
    run(config, "--restart")
    after = contents(tmp_path / "run.h5md")
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values, err_msg=name)


def test_restart_says_what_of_the_config_it_does_not_read(tmp_path):
    """Another structure of as many atoms, and other frozen atoms, are no part of a run that goes on."""
    config, told = prepare(tmp_path), "is not what the run began with"
    run(config, "--set", "md.steps=20")
    assert told not in run(config, "--set", "md.steps=22", "--restart").stdout
    moved = argon()
    moved.rattle(0.05, seed=2)
    moved.write(tmp_path / "moved.extxyz")
    for steps in (24, 26):  # also once it has gone on
        changed = ("--set", "structure.file=moved.extxyz", "--set", "frozen.ids=[0]")
        done = run(config, "--set", f"md.steps={steps}", "--restart", *changed)
        for section in ("structure", "frozen"):
            assert f"note: {section} {told}" in done.stdout
