"""Watches of a run. Lennard-Jones forces are proportional to epsilon, so deviations of a committee are known."""

from dataclasses import replace

import ase.io
import numpy as np
import pytest
import systems
from ase.build import bulk
from runs import contents, prepare, run

from hpcpot.dynamics.settings import DeviationSection
from hpcpot.dynamics.uncertainty import check_folder, kept_frames
from hpcpot.errors import OutputError
from hpcpot.neighbors import batch
from hpcpot.potential import files
from hpcpot.potential.moment_tensor.extrapolation import Extrapolation
from hpcpot.potential.moment_tensor.rows import ParameterRows

SOFT = {
    "md__integrator": "nve",
    "md__timestep_fs": 0.5,
    "md__temperature_K": None,
    "md__steps": 20,
    "deviation__grade": True,
}


def save(folder, name, **changes):
    files.save(replace(systems.argon(), **changes), folder / name, {"source": "tests"})
    return name


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
def test_deviations_are_observables(ranks, tmp_path):
    other = save(tmp_path, "other.h5", epsilon=1.2 * systems.argon().epsilon)
    run(prepare(tmp_path, deviation__files=[other], output__force_every=10, md__steps=20), ranks=ranks)
    rows = contents(tmp_path / "run.h5md")
    forces = np.linalg.norm(rows["particles/trajectory_force/force/value"], axis=2)
    for name, expected in (("max", forces.max(axis=1)), ("min", forces.min(axis=1)), ("mean", forces.mean(axis=1))):
        np.testing.assert_allclose(rows[f"observables/{name}_force_deviation/value"][::2], 0.1 * expected, rtol=1e-9)


def test_a_run_ends_with_a_checkpoint_where_the_models_disagree(tmp_path):
    other = save(tmp_path, "other.h5", epsilon=3.0 * systems.argon().epsilon)
    done = run(prepare(tmp_path, deviation__files=[other], deviation__stop_above_eV_A=1e-4), code=1)
    assert "dev/(eV/A)" in done.stdout and "max_force_deviation at step 0 = " in done.stderr
    assert "must stay below deviation.stop_above_eV_A, 0.0001" in done.stderr
    assert list(tmp_path.glob("*checkpoint*"))


def test_a_member_that_does_not_fit_is_refused(tmp_path):
    other = save(tmp_path, "other.h5", cutoff=8.0)
    done = run(prepare(tmp_path, deviation__files=[other]), code=1)
    assert "deviation.files = model 0 of Ar with cutoff 8 Å" in done.stderr


def crystal():
    return systems.mixed(bulk("Si", "diamond", 5.4, cubic=True) * 2, seed=1)


def graded():
    """A potential of small forces with random active rows."""
    model = systems.moment_tensor(level=6)
    size = ParameterRows(model).size
    active = np.random.default_rng(4).normal(size=(size, size))
    return replace(model, coefficients=1e-3 * model.coefficients, active=active)


def grades(positions, cell):
    species = (np.array(crystal().get_chemical_symbols()) == "Si").astype(np.int32)
    found = batch.build(positions, cell, np.ones(3, bool), 4.5)
    return Extrapolation(graded()).grades(found.points, found.pairs, species[found.owners])


@pytest.mark.parametrize("ranks", [1, pytest.param(2, marks=pytest.mark.mpi)])
def test_grades_are_observables_and_frames_are_kept(ranks, tmp_path):
    limits = {"deviation__keep_above_grade": 1e-9, "deviation__stop_above_grade": 1e9}
    done = run(prepare(tmp_path, crystal(), graded(), **SOFT, **limits), ranks=ranks)
    assert " grade" in done.stdout and "such frames go to" in done.stdout
    rows, cell = contents(tmp_path / "run.h5md"), crystal().cell.array
    positions = rows["particles/trajectory/position/value"]
    assert len(positions) == 3
    for k, name in enumerate(("step_0000000000", "step_0000000010", "step_0000000020")):
        expected = grades(positions[k], cell)
        for which, value in (("max", expected.max()), ("min", expected.min()), ("mean", expected.mean())):
            found = rows[f"observables/{which}_extrapolation_grade/value"][2 * k]
            assert found == pytest.approx(value, rel=1e-6)
        kept = ase.io.read(tmp_path / "run_doubtful" / f"{name}.extxyz")
        np.testing.assert_allclose(kept.arrays["extrapolation_grade"], expected, rtol=1e-6)
        np.testing.assert_allclose(kept.positions, positions[k], atol=1e-7)
        assert kept.symbols.get_chemical_formula() == crystal().symbols.get_chemical_formula()
    assert len(list((tmp_path / "run_doubtful").iterdir())) == 5  # as many as rows of observables


def test_frames_of_an_earlier_run_are_not_mixed_with_new_ones(tmp_path):
    wanted = DeviationSection(folder=tmp_path / "frames", keep_above_grade=2.0)
    check_folder(wanted, overwrite=False, restarted=False)
    wanted.folder.mkdir()
    old = wanted.folder / "step_0000000010.extxyz"
    old.touch()
    with pytest.raises(OutputError, match="deviation.folder = .*frames: has 1 frame of an earlier run"):
        check_folder(wanted, overwrite=False, restarted=False)
    check_folder(wanted, overwrite=False, restarted=True)
    assert old.exists()
    check_folder(wanted, overwrite=True, restarted=False)
    assert kept_frames(wanted) == [old]  # which the writer of the trajectory removes
    for path in (tmp_path / "nowhere" / "frames", tmp_path / "file"):
        (tmp_path / "file").touch()
        with pytest.raises(OutputError, match="must be a folder that is writable or can be made"):
            check_folder(replace(wanted, folder=path), overwrite=False, restarted=False)


def test_a_run_ends_with_a_checkpoint_where_the_grade_is_high(tmp_path):
    done = run(prepare(tmp_path, crystal(), graded(), **SOFT, deviation__stop_above_grade=1e-3), code=1)
    assert "max_extrapolation_grade at step 0 = " in done.stderr
    assert "must stay below deviation.stop_above_grade, 0.001" in done.stderr
    assert list(tmp_path.glob("*checkpoint*")) and not (tmp_path / "run_doubtful").exists()


def test_a_grade_needs_an_active_set(tmp_path):
    done = run(prepare(tmp_path, deviation__grade=True), code=1)
    assert "extrapolation grade = needs an active set, which this model has not" in done.stderr


def test_thresholds_need_what_they_are_for(tmp_path):
    done = run(prepare(tmp_path, deviation__stop_above_grade=3.0, deviation__keep_above_eV_A=0.1), code=1)
    assert "deviation.stop_above_grade = 3" in done.stderr and "is for deviation.grade: true" in done.stderr
    assert "is for deviation.files: the other models" in done.stderr


def test_kept_frames_need_a_folder(tmp_path):
    keeps = {"deviation__grade": True, "deviation__keep_above_grade": 2.0, "output__checkpoint": "c.h5"}
    done = run(prepare(tmp_path, **keeps, output__trajectory=None), code=1)
    assert "deviation.folder = null" in done.stderr and "is required to keep frames without a trajectory" in done.stderr


def test_a_restart_goes_on_in_a_folder_that_the_config_names(tmp_path):
    limits = {"deviation__keep_above_grade": 1e-9, "deviation__folder": str(tmp_path / "frames")}
    config = prepare(tmp_path, crystal(), graded(), **SOFT, **limits)
    run(config, "--set", "md.steps=10")
    run(config, "--restart", "--set", "md.steps=15")
    assert [path.name for path in sorted((tmp_path / "frames").iterdir())] == [
        f"step_{step:010d}.extxyz" for step in (0, 5, 10, 15)
    ]
