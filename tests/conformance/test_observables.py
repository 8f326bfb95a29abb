"""What must hold of every observable in the table, and of one that another package adds."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import runs
import slabs
import systems
import yaml
from conformance import observable_frames
from conformance.observable_frames import FRAMES, OPTIONS, frame, make, options, sampled, save_models, tables
from mpirun import run_ranks

from hpcpot.analysis.registry import FIELDS, OBSERVABLES, ObservableRow, register
from hpcpot.errors import ExtensionError, StructureError

ALL = pytest.mark.parametrize("name", OBSERVABLES)
OUTSIDE = Path(observable_frames.__file__).with_name("outside")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    save_models(folder)
    return folder


def same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float = 0.0) -> None:
    assert found.keys() == expected.keys() and expected
    for column, values in expected.items():
        assert found[column].shape == values.shape and found[column].dtype == values.dtype, column
        np.testing.assert_allclose(found[column], values, rtol=tolerance, atol=tolerance, err_msg=column)


@ALL
def test_tables_have_columns_of_one_length(name, models):
    for columns in sampled(name, models, range(FRAMES)).result().values():
        assert len({values.shape for values in columns.values()}) == 1
        assert all(values.ndim == 1 and len(values) for values in columns.values())


@ALL
def test_before_the_first_frame_there_is_a_result(name, models):
    assert isinstance(make(name, models).result(), dict)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("field", ["positions", "cell"])
@pytest.mark.parametrize("name", [name for name in OBSERVABLES if name != "height"])
def test_a_frame_that_is_not_finite_is_refused(name, field, number, models):
    values = getattr(frame(1), field).copy()
    values[2] = number
    with pytest.raises(StructureError, match="finite|volume"):
        make(name, models).sample(replace(frame(1), **{field: values}))


@ALL
def test_sampling_changes_no_frame_and_reads_what_the_row_names(name, models):
    observable, seen = make(name, models), frame(1)
    unneeded = FIELDS.keys() - {"positions", *OBSERVABLES[name].needs}
    before = {field: np.copy(getattr(seen, field)) for field in FIELDS}
    for field in unneeded:
        object.__setattr__(seen, field, None)
    observable.sample(seen)
    for field in FIELDS.keys() - unneeded:
        np.testing.assert_array_equal(getattr(seen, field), before[field])


@ALL
def test_a_result_changes_nothing(name, models):
    asked, whole = make(name, models), sampled(name, models, range(FRAMES))
    for k in range(FRAMES):
        asked.sample(frame(k))
        asked.result(), asked.state()
    same(tables({name: asked}), tables({name: whole}))


@ALL
@pytest.mark.parametrize("cuts", [(0, 0, FRAMES), (0, 2, FRAMES), (0, FRAMES, FRAMES), (0, 1, 3, FRAMES)])
def test_parts_merged_are_the_whole(name, models, cuts):
    first, *others = [sampled(name, models, range(a, b)) for a, b in zip(cuts, cuts[1:], strict=False)]
    for other in others:
        first.merge(other)
    same(tables({name: first}), tables({name: sampled(name, models, range(FRAMES))}), 1e-12)


@ALL
@pytest.mark.parametrize("cut", [0, 2, FRAMES])
def test_the_state_goes_through_a_file_bit_by_bit(name, models, cut, tmp_path):
    """As a checkpoint stores it: one dataset a name."""
    with h5py.File(tmp_path / "state.h5", "w") as file:
        for key, values in sampled(name, models, range(cut)).state().items():
            assert "/" not in key
            file[key] = values
    observable = make(name, models)
    with h5py.File(tmp_path / "state.h5") as file:
        observable.restore({key: values[()] for key, values in file.items()})
    for k in range(cut, FRAMES):
        observable.sample(frame(k))
    same(tables({name: observable}), tables({name: sampled(name, models, range(FRAMES))}))


@pytest.mark.mpi
@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_that_share_the_frames_find_what_one_finds(ranks, models, tmp_path):
    run_ranks(ranks, observable_frames.__file__, models, tmp_path / "tables.npz")
    whole = tables({name: sampled(name, models, range(FRAMES)) for name in OBSERVABLES})
    with np.load(tmp_path / "tables.npz") as found:
        same({name.replace(" ", "/"): found[name] for name in found}, whole, 1e-12)


def command(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(OUTSIDE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*runs.HPCPOT, *map(str, arguments)],
        env=runs.environment() | {"PYTHONPATH": path} | environment,
        capture_output=True,
        text=True,
        cwd=cwd,
    )


def observed(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    found = {name: values for name, values in runs.contents(path).items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): found[name] for name in found if not name.startswith("provenance")}


def test_during_a_run_is_as_afterwards(models, tmp_path):
    """All observables, also that of another package, of the same frames."""
    entries = [{"name": name, "every": 2, "options": options(name, models)} for name in OBSERVABLES]
    intervals = {f"output__{name}_every": 2 for name in ("position", "velocity", "force", "energy", "virial")}
    config = runs.prepare(
        tmp_path,
        slabs.slab(),
        systems.deep_potential(),
        observe=entries,
        md__integrator="nve",
        md__steps=6,
        md__timestep_fs=0.2,
        **intervals,
    )
    unknown = command("md", config, cwd=tmp_path)
    assert unknown.returncode == 1 and "observe = " in unknown.stderr and "not height" in unknown.stderr
    done = command("md", config, cwd=tmp_path, HPCPOT_PLUGINS="height")
    assert done.returncode == 0, done.stderr
    during = observed(tmp_path / "run.observed.h5")
    assert during["height/step"].tolist() == [0, 2, 4, 6] and np.isfinite(during["profile_interface/z_L_A"]).all()
    analysis = tmp_path / "analysis.yaml"
    for entry in entries:
        del entry["every"]
    analysis.write_text(
        yaml.safe_dump({"trajectory": "run.h5md", "parts": None, "observe": entries, "output": {"figures": ["png"]}})
    )
    done = command("analyze", analysis, cwd=tmp_path, HPCPOT_PLUGINS="height")
    assert done.returncode == 0, done.stderr
    same(observed(tmp_path / "run_analysis/analysis.h5", "observed_"), during)
    assert (tmp_path / "run_analysis/observed_height.csv").read_text().startswith("step,time_ps,height_A")
    assert (tmp_path / "run_analysis/observed_profile.png").exists()


def test_every_observable_is_checked():
    assert OBSERVABLES.keys() == {"deviation", *OPTIONS}


def test_a_name_is_taken_once_and_needs_are_fields():
    with pytest.raises(ExtensionError, match="observable = strain: is in the table already; choose another name"):
        register(ObservableRow("strain", "elsewhere:Strain", ""))
    with pytest.raises(ExtensionError, match="needs = charges: must be among positions, images, velocities"):
        register(ObservableRow("charge", "elsewhere:Charge", "", needs=("positions", "charges")))
