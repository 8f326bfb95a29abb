"""Stages: their config, their restart, what they leave in the trajectory."""

import os

import numpy as np
import pytest
import yaml
from runs import contents, dataset, prepare, run

STAGES = {
    "minimise": {"integrator": "cg", "steps": 12, "energy_tolerance": 0.0, "force_tolerance_eV_A": 0.0},
    "fire": {"integrator": "fire", "steps": 8, "energy_tolerance": 0.0, "force_tolerance_eV_A": 0.0},
    "heat": {"integrator": "nvt_nose_hoover", "steps": 8, "initial_temperature_K": 20.0, "temperature_end_K": 90.0},
    "free": {"integrator": "npt_nose_hoover", "steps": 8, "barostat_axes": ["x", "y", "z"], "pressure_GPa": 0.05},
    "pull": {
        "integrator": "npt_nose_hoover",
        "steps": 8,
        "barostat_axes": ["x", "z"],
        "deform": "cell",
        "drag": 1.0,
        "deform_axis": "y",
        "strain_rate_per_ps": 2.0,
    },
    "grip": {
        "integrator": "nvt_langevin",
        "steps": 8,
        "deform": "grips",
        "deform_axis": "z",
        "strain_rate_per_ps": -0.5,
    },
    "drag": {"integrator": "nve", "steps": 8, "deform": "grips", "deform_axis": "z", "grip_force_eV_A": 0.5},
}
ENDS = np.cumsum([stage["steps"] for stage in STAGES.values()])


def prepare_stages(folder, stages=STAGES, **changes):
    """An argon run of stages; md has what they share."""
    config = prepare(
        folder,
        **{
            "output__checkpoint_every": 4,
            "output__position_every": 4,
            "output__velocity_every": 4,
            "output__observables_every": 1,
            "md__barostat_time_fs": 400.0,
        }
        | changes,
    )
    tree = yaml.safe_load(config.read_text())
    tree["md"].pop("steps"), tree["md"].pop("integrator"), tree["md"].pop("initial_temperature_K")
    config.write_text(yaml.safe_dump(tree | {"stages": stages}, sort_keys=False))
    return config


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run of all stages in one go."""
    folder = tmp_path_factory.mktemp("whole")
    done = run(prepare_stages(folder))
    return contents(folder / "run.h5md"), done.stdout


STOP_AT = (
    "import os\nimport hpcpot.dynamics.engine as engine\nwhole = engine.Engine.evaluate\n"
    "def evaluate(self, state):\n    whole(self, state)\n    self.stop_requested = state.step + 1 >= STOP\n"
    "engine.Engine.evaluate = evaluate\n"
)


def run_in_parts(folder, stops, monkeypatch, stages=STAGES, ranks=1):
    """Stop at these steps, and go on each time; contents of the trajectory."""
    config = prepare_stages(folder, stages)
    for number, step in enumerate(stops):
        (folder / "sitecustomize.py").write_text(STOP_AT.replace("STOP", str(step)))
        with monkeypatch.context() as patch:
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
            run(config, *(["--restart"] if number else []), ranks=ranks, code=75)
    run(config, "--restart", ranks=ranks)
    return contents(folder / "run.h5md")


def test_restart_is_bitwise_in_and_between_all_stages(whole, tmp_path, monkeypatch):
    found = run_in_parts(tmp_path, (3, 12, 25, 31, 42, 48, 53), monkeypatch)
    assert set(found) == set(whole[0])
    for name, values in whole[0].items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_steps_times_and_numbers_of_stages(whole):
    """Every step has one row, minimisers take no time, and a row at a boundary is the first of the next stage."""
    rows, printed = whole
    steps, stage = rows["observables/cell_lengths/step"], rows["observables/stage/value"]
    np.testing.assert_array_equal(steps, np.arange(ENDS[-1] + 1))
    np.testing.assert_array_equal(stage[:-1], np.searchsorted(ENDS, steps[:-1], side="right"))
    times = rows["observables/cell_lengths/time"]
    np.testing.assert_allclose(times, 2.0 * np.maximum(steps - 20, 0))
    assert printed.count("not converged after") == 2
    for name in STAGES:
        assert f"stage {name}: " in printed


def test_strain_and_cell_of_each_stage(whole):
    """Strain counts from the start of the stage, and from the first that deforms on."""
    rows, _ = whole
    steps, strain, lengths = (
        rows[f"observables/{name}"] for name in ("cell_lengths/step", "engineering_strain/value", "cell_lengths/value")
    )
    free, pull, grip = ENDS[2], ENDS[3], ENDS[4]
    np.testing.assert_array_equal(lengths[steps <= free], np.tile(lengths[0], (free + 1, 1)))
    assert (np.ptp(lengths[free : pull + 1], axis=0) > 0).all()
    local = steps[pull : grip + 1] - pull
    np.testing.assert_allclose(strain[pull : grip + 1, 1], 2.0e-3 * 2.0 * local, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(lengths[pull : grip + 1], lengths[pull] * (1.0 + strain[pull : grip + 1]), rtol=1e-12)
    np.testing.assert_array_equal(lengths[grip:], np.tile(lengths[grip], (len(lengths) - grip, 1)))
    assert (np.diff(strain[grip : ENDS[5] + 0, 2]) < 0.0).all()


def test_stress_by_present_and_by_initial_area(whole):
    rows, _ = whole
    tensor, stress = rows["observables/pressure_tensor/value"], rows["observables/stress/value"]
    np.testing.assert_array_equal(stress, -np.diagonal(tensor, axis1=1, axis2=2))
    lengths, pull, grip = rows["observables/cell_lengths/value"], ENDS[3], ENDS[4]
    area = np.prod(lengths, axis=1)[:, None] / lengths
    rows_of_pull = slice(pull, grip + 1)
    expected = stress[rows_of_pull] * area[rows_of_pull] / area[pull]
    np.testing.assert_allclose(rows["observables/nominal_stress/value"][rows_of_pull], expected, rtol=1e-12)


def test_minimisers_lower_the_energy_and_heat_draws_velocities(whole):
    rows, _ = whole
    energy, temperature = rows["observables/potential_energy/value"], rows["observables/temperature/value"]
    assert (np.diff(energy[: ENDS[0] + 1]) <= 1e-8).all() and energy[ENDS[1]] <= energy[ENDS[0]]
    assert (temperature[: ENDS[1]] == 0.0).all()
    assert temperature[ENDS[1]] == pytest.approx(20.0)


def test_boxes_of_frames_follow_the_cell(whole):
    rows, _ = whole
    boxes, frames = rows["particles/trajectory/box/edges/value"], rows["particles/trajectory/box/edges/step"]
    lengths = rows["observables/cell_lengths/value"][frames]
    np.testing.assert_allclose(np.linalg.norm(boxes, axis=2), lengths, rtol=1e-12)


@pytest.mark.mpi
def test_all_stages_on_three_ranks(whole, tmp_path):
    run(prepare_stages(tmp_path), ranks=3)
    for name, values in contents(tmp_path / "run.h5md").items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(values, whole[0][name], rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.mpi
def test_restart_is_bitwise_on_two_ranks(tmp_path, monkeypatch):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    stages = {name: STAGES[name] for name in ("minimise", "pull", "grip")}
    run(prepare_stages(tmp_path / "whole", stages), ranks=2)
    found = run_in_parts(tmp_path / "parts", (8, 24), monkeypatch, stages, ranks=2)
    for name, values in contents(tmp_path / "whole" / "run.h5md").items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_another_integrator_goes_on_with_the_deformation(tmp_path):
    """Within a stage a restart may change the integrator; strain and time go on."""
    stages = {"pull": STAGES["pull"] | {"steps": 16}}
    config = prepare_stages(tmp_path, stages)
    run(config, "--set", "stages.pull.steps=8")
    run(config, "--restart", "--set", "stages.pull.integrator=nve", "--set", "stages.pull.barostat_axes=null")
    strain = dataset(tmp_path / "run.h5md", "observables/engineering_strain/value")[:, 1]
    np.testing.assert_allclose(strain, 2e-3 * 2.0 * np.arange(17), rtol=1e-12)


def test_checkpoint_of_a_stage_that_the_config_lacks(tmp_path):
    config = prepare_stages(tmp_path, {"heat": STAGES["heat"], "pull": STAGES["pull"]})
    run(config)
    config.write_text(config.read_text().replace("pull:", "press:"))
    done = run(config, "--restart", code=1)
    assert "checkpoint in stage pull: the config must have it, and has heat, press" in done.stderr


def test_a_stage_of_no_steps_leaves_no_rows(tmp_path):
    stages = {"heat": STAGES["heat"], "nothing": {"integrator": "nve", "steps": 0}, "free": STAGES["free"]}
    config = prepare_stages(tmp_path, stages)
    run(config)
    np.testing.assert_array_equal(dataset(tmp_path / "run.h5md", "observables/stage/step"), np.arange(17))
    run(config, "--restart")
    np.testing.assert_array_equal(dataset(tmp_path / "run.h5md", "observables/stage/step"), np.arange(17))


def test_two_rigid_halves_leave_nothing_to_move(tmp_path):
    config = prepare_stages(tmp_path, {"part": STAGES["grip"] | {"integrator": "nvt_nose_hoover"}})
    run(config, "--set", "grips.fraction=0.5")
    assert (dataset(tmp_path / "run.h5md", "observables/temperature/value") == 0.0).all()
    way = dataset(tmp_path / "run.h5md", "observables/grip_displacement/value")
    assert np.isfinite(dataset(tmp_path / "run.h5md", "observables/grip_force/value")).all()
    np.testing.assert_allclose(np.diff(way), way[-1] / 8)


def strains(folder, stages, axis, **changes):
    """Time in ps since the first deformation, and engineering strain along an axis, at every step of these stages."""
    run(prepare_stages(folder, stages, **changes))
    time, strain = (
        dataset(folder / "run.h5md", f"observables/engineering_strain/{part}") for part in ("time", "value")
    )
    return time / 1000.0, strain[:, axis]


def test_rate_and_strain_of_a_cell_share_their_reference(tmp_path):
    """In a second stage, too: 0.5 per ps of the first length, 24 steps of 2 fs a stage."""
    pull = {"integrator": "nvt_langevin", "steps": 24, "deform": "cell", "deform_axis": "y", "strain_rate_per_ps": 0.5}
    time, strain = strains(tmp_path, {"one": pull, "two": pull}, 1)
    np.testing.assert_allclose(strain, 0.5 * time, rtol=0, atol=1e-12)
    assert strain[-1] == pytest.approx(0.048)


def test_a_rate_after_a_change_of_the_cell_is_that_of_the_strain(tmp_path):
    pull = {"integrator": "nvt_langevin", "steps": 8, "deform": "cell", "deform_axis": "y", "strain_rate_per_ps": 5.0}
    rest = {"integrator": "npt_nose_hoover", "steps": 8, "barostat_axes": ["y"]}
    _, strain = strains(tmp_path, {"one": pull, "rest": rest, "two": pull}, 1)
    assert abs(strain[16] - strain[8]) > 1e-7
    for first in (0, 16):
        np.testing.assert_allclose(np.diff(strain[first : first + 9]), 5.0 * 0.002, rtol=0, atol=1e-12)


def test_grips_of_successive_stages_are_the_same_atoms_and_go_on(tmp_path):
    """Boxes that the moving grip leaves in the first stage: chosen anew it would have no atom."""
    pull = {"integrator": "nve", "steps": 8, "deform": "grips", "deform_axis": "z", "strain_rate_per_ps": 4.0}
    boxes = {
        "grips__fixed_region_A": [[None, None], [None, None], [None, 1.0]],
        "grips__moving_region_A": [[None, None], [None, None], [13.0, 13.9]],
    }
    time, strain = strains(tmp_path, {"one": pull, "two": pull}, 2, **boxes)
    np.testing.assert_allclose(strain, 4.0 * time, rtol=0, atol=1e-12)
    moved = dataset(tmp_path / "run.h5md", "observables/grip_displacement/value")
    assert moved[-1] == pytest.approx(2.0 * moved[8], rel=1e-12) and moved[8] > 0.8
