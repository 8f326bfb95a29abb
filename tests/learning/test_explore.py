"""Runs of the exploration: their deviations are those of the models, and what ends a run leaves the frames before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from hpcpot.analysis.deviation import by_frame
from hpcpot.dataset.dataset import from_frames
from hpcpot.dataset.predict import predict
from hpcpot.errors import HpcpotError
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.learning import explore
from hpcpot.learning.explore import COLUMNS, Exploration, Start
from hpcpot.learning.levels import AdaptiveLevels, Levels
from hpcpot.potential import files
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.settings import PotentialSection


def argon(repeat: int = 2, a: float = 5.4) -> Atoms:
    atoms = bulk("Ar", "fcc", a, cubic=True) * (repeat, 1, 1)
    atoms.rattle(0.05, seed=1)
    return atoms


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[PotentialRef, ...]:
    """Three members that differ a little in their depth."""
    folder = tmp_path_factory.mktemp("models")
    for k, depth in enumerate((0.0104, 0.0106, 0.0101)):
        model = LennardJones(("Ar",), np.array([[depth]]), np.array([[3.4]]), 7.0)
        files.save(model, folder / f"argon_{k}.h5", {})
    return tuple(reference(folder / f"argon_{k}.h5") for k in range(3))


def reference(path: Path) -> PotentialRef:
    return PotentialRef.of(PotentialSection(file=path, outside="ignore"))


def exploration(models: tuple[PotentialRef, ...], **changes) -> Exploration:
    given = {
        "models": models,
        "by_grade": False,
        "levels": {"argon": Levels(1e-5, 1.0)},
        "relative_force": None,
        "relative_virial": None,
        "integrator": "nvt_langevin",
        "timestep": 2.0,
        "steps": 20,
        "frames": 5,
        "skip_steps": 0,
        "melt": None,
        "stop_above": None,
    }
    return Exploration(**given | changes)


def start(**changes) -> Start:
    given = {"atoms": argon(), "system": "argon", "temperature": 60.0, "pressure": np.nan, "melt_steps": 0, "seed": 4}
    return Start(**given | changes)


@pytest.mark.parametrize("relative", [None, 0.1])
def test_deviations_are_those_of_the_models(relative, models):
    row = explore.compute(start(), exploration=exploration(models, relative_force=relative, relative_virial=relative))
    assert row.keys() == COLUMNS.keys()
    assert row["step"].tolist() == [0, 4, 8, 12, 16, 20] and row["steps"] == 20 and row["ended"] == ""
    assert row["kept"].tolist() == list(range(6))
    n = len(row["species"])
    frames = [
        Atoms(row["species"], row["positions"][k * n : (k + 1) * n], cell=row["cells"][k], pbc=row["periodic"])
        for k in range(6)
    ]
    np.testing.assert_allclose(frames[0].get_all_distances(mic=True), argon().get_all_distances(mic=True), atol=1e-9)
    data = from_frames(frames)
    found = [predict(data, model.load()) for model in models]
    wanted = by_frame(
        np.stack([labels.energies for labels in found]),
        np.stack([labels.forces for labels in found]),
        np.stack([labels.virials for labels in found]),
        data.first,
        relative,
        relative,
    )
    np.testing.assert_allclose(row["deviation"], wanted["max_devi_f"], rtol=1e-10)
    np.testing.assert_allclose(row["virial_deviation"], wanted["max_devi_v"], rtol=1e-10)


def test_only_frames_that_may_become_candidates_are_kept(models):
    whole = explore.compute(start(), exploration=exploration(models))["deviation"]
    middle = float(np.sort(whole)[3])
    row = explore.compute(start(), exploration=exploration(models, levels={"argon": Levels(middle, 1.0)}))
    assert row["kept"].tolist() == np.flatnonzero(whole >= middle).tolist() and len(row["kept"]) == 3
    adaptive = AdaptiveLevels(float(np.sort(whole)[4]), force_count=2)
    row = explore.compute(start(), exploration=exploration(models, levels={"argon": adaptive}))
    assert len(row["kept"]) == 5


def test_a_barostat_changes_the_cell_and_a_melt_comes_before(models):
    begin = start(pressure=0.5, melt_steps=12)
    row = explore.compute(begin, exploration=exploration(models, integrator="npt_nose_hoover", melt=200.0))
    assert row["step"].tolist() == [0, 4, 8, 12, 16, 20] and row["steps"] == 32
    volumes = np.linalg.det(row["cells"])
    assert len(np.unique(volumes)) == 6
    shapes = row["cells"] / np.cbrt(volumes)[:, None, None]
    np.testing.assert_allclose(shapes, np.broadcast_to(shapes[0], shapes.shape), atol=1e-12)
    skipped = explore.compute(start(), exploration=exploration(models, skip_steps=5))
    assert skipped["step"].tolist() == [8, 12, 16, 20]


def test_a_run_that_ends_early_keeps_its_frames(models):
    whole = explore.compute(start(), exploration=exploration(models))["deviation"]
    limit = float(whole[:3].max()) * (1 + 1e-9)
    first = int(np.argmax(whole > limit))
    row = explore.compute(start(), exploration=exploration(models, stop_above=limit))
    np.testing.assert_array_equal(row["deviation"], whole[: first + 1])
    assert "must stay below stop_above" in row["ended"] and row["steps"] == 4 * first
    hot = start(temperature=19000.0)
    row = explore.compute(hot, exploration=exploration(models, integrator="nve", steps=2000, frames=500, timestep=20.0))
    assert row["ended"] and 0 < len(row["step"]) < 500


def test_a_start_that_cannot_be_evaluated_fails(models):
    atoms = argon()
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(HpcpotError):
        explore.compute(start(atoms=atoms), exploration=exploration(models))
