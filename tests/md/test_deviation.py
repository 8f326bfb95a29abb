"""A committee that watches a run. Lennard-Jones forces are proportional to epsilon, so deviations are known."""

from dataclasses import replace

import numpy as np
import pytest
import systems
from runs import contents, prepare, run

from hpcpot.potential import files


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
    assert "max_force_deviation at step 0 = " in done.stderr
    assert "must stay below deviation.stop_above_eV_A, 0.0001" in done.stderr
    assert list(tmp_path.glob("*checkpoint*"))


def test_a_member_that_does_not_fit_is_refused(tmp_path):
    other = save(tmp_path, "other.h5", cutoff=8.0)
    done = run(prepare(tmp_path, deviation__files=[other]), code=1)
    assert "deviation.files = model 0 of Ar with cutoff 8 Å" in done.stderr
