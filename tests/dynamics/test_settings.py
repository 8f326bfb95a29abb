"""Stages, barostat, deformation and grips in the config: overlays, and a message for each thing that does not fit."""

import pytest

from hpcpot import config
from hpcpot.dynamics.settings import SCHEMA
from hpcpot.errors import ConfigError

TEXT = """
structure: {file: start.extxyz}
potential: {file: model.h5}
md: {timestep_fs: 1, temperature_K: 300}
stages:
  minimise: {integrator: cg, steps: 10}
  equilibrate: {integrator: nvt_nose_hoover, steps: 100, temperature_K: 400}
  pull: {integrator: npt_nose_hoover, steps: 50, barostat_axes: [x, z], deform: cell, deform_axis: y,
         strain_rate_per_ps: 0.01}
output: {trajectory: out.h5}
"""


@pytest.fixture
def load(tmp_path):
    for name in ("start.extxyz", "model.h5"):
        (tmp_path / name).touch()

    def read(*overrides, text=TEXT):
        (tmp_path / "run.yaml").write_text(text)
        return config.load(tmp_path / "run.yaml", SCHEMA, overrides)

    return read


def test_a_stage_has_its_own_keys_those_of_md_and_defaults(load):
    settings = load("stages.pull.steps=60", "md.timestep_fs=0.5", "md.drag=1", "stages.minimise.drag=0")
    stages = settings.stages
    assert list(stages) == ["minimise", "equilibrate", "pull"] and settings.md is None
    assert [stage.steps for stage in stages.values()] == [10, 100, 60]
    assert [stage.temperature_K for stage in stages.values()] == [300, 400, 300]
    assert [stage.drag for stage in stages.values()] == [0, 1, 1]
    assert {stage.timestep_fs for stage in stages.values()} == {0.5}
    assert stages["pull"].barostat_time_fs == 1000 and stages["pull"].deform_axis == "y"


def test_dump_of_stages_is_read_back_the_same(load):
    settings = load()
    assert load(text=config.dump(settings)) == settings


def test_help_tells_of_stages():
    assert "stages.NAME.KEY" in config.reference(SCHEMA)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["stages.pull.timestep=1"],
            r"stages.pull.timestep = 1 \(--set\): unknown key; did you mean stages.pull.timestep_fs\?",
        ),
        (["stages.push.steps=1"], r"stages.push.steps = 1 \(--set\): unknown key"),
        (["stages.pull.steps=-1"], r"stages.pull.steps = -1 \(--set\): must be >= 0"),
        (["md.timestep_fs=-1"], r"^md.timestep_fs = -1 \(--set\): must be > 0; typical 0.5 to 2.$"),
        (["stages.pull.temperature_K=null"], "stages.pull.temperature_K = null .*: is required for npt_nose_hoover"),
        (["stages.pull.barostat_axes=null"], r"stages.pull.barostat_axes = null .*give axes, e.g. \[x, y, z\]"),
        (["stages.pull.barostat_axes=[x, w]"], "stages.pull.barostat_axes = .* each entry must be x | y | z"),
        (
            ["stages.pull.deform_axis=z"],
            "stages.pull.deform_axis = z .*is in stages.pull.barostat_axes, too; .* keep one",
        ),
        (["stages.pull.deform_axis=null"], "stages.pull.deform_axis = null .*: is required for deform: cell"),
        (
            ["stages.pull.strain_rate_per_ps=null"],
            "stages.pull.strain_rate_per_ps = null .*: is required for deform: cell",
        ),
        (["stages.pull.strain_rate_per_ps=-20"], "the strain after 50 steps of 1 fs would be -1; must stay above -1"),
        (["md.barostat_coupling=isotropic"], "stages.equilibrate.barostat_coupling = isotropic .*has no barostat"),
        (["stages.pull.grip_force_eV_A=1"], "stages.pull.grip_force_eV_A = 1 .*: is for deform: grips"),
        (["stages.pull.deform=grips"], r"stages.pull.barostat_axes = \['x', 'z'\] .*: would move the grips"),
        (
            ["stages.pull.barostat_time_fs=5"],
            "stages.pull.barostat_time_fs = 5 .*: must be >= 10 stages.pull.timestep_fs",
        ),
        (["stages.pull.drag=200"], "stages.pull.drag = 200 .*: must be below the damping times in time steps"),
        (["stages.minimise.deform=cell"], "stages.minimise.deform = cell .*: cg takes no time in which to deform"),
        (
            ["stages.minimise.temperature_end_K=9"],
            "stages.minimise.temperature_end_K = 9 .*: cg has no thermostat to ramp",
        ),
        (
            ["stages.equilibrate.barostat_axes=[x]"],
            "stages.equilibrate.barostat_axes = .*nvt_nose_hoover has no barostat",
        ),
        (
            ["stages.equilibrate.deform_axis=x"],
            "stages.equilibrate.deform_axis = x .*: is for deform; set stages.equilib",
        ),
        (["grips.fraction=0.6"], "grips.fraction = 0.6 .*: must be <= 0.5, where the grips meet"),
        (
            ["grips.moving_region_A=[null, null, [1, 2]]"],
            "grips.fixed_region_A = null .*: is required with the other grip",
        ),
        (["stages=1"], r"stages = 1 \(--set\): unknown key"),
    ],
)
def test_messages(load, overrides, message):
    with pytest.raises(ConfigError, match=message):
        load(*overrides)


def test_grips_take_a_rate_or_a_force(load):
    grips = ["stages.pull.deform=grips", "stages.pull.integrator=nvt_langevin", "stages.pull.barostat_axes=null"]
    load(*grips)
    load(*grips, "stages.pull.strain_rate_per_ps=null", "stages.pull.grip_force_eV_A=0.1")
    for more in (["stages.pull.grip_force_eV_A=0.1"], ["stages.pull.strain_rate_per_ps=null"]):
        with pytest.raises(ConfigError, match="strain_rate_per_ps = .*: or grip_force_eV_A must be given, one of them"):
            load(*grips, *more)


@pytest.mark.parametrize("stages", ["5", "[a, b]", "{}", "{a.b: {steps: 1}}", "{a: 3}"])
def test_stages_are_sections_by_name(load, stages):
    with pytest.raises(ConfigError, match="^stages.* = .*: (must be names without dots|is a section)"):
        load(text=TEXT[: TEXT.index("stages:")] + f"stages: {stages}\noutput: {{trajectory: out.h5}}\n")


def test_all_that_is_wrong_is_told_once(load):
    with pytest.raises(ConfigError) as caught:
        load("md.thermostat_time_fs=0", "stages.pull.steps=x")
    assert str(caught.value).count("thermostat_time_fs") == 1 and "stages.pull.steps = x" in str(caught.value)
