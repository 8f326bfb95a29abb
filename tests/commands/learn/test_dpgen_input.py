"""A param.json of dpgen as a config of `hpcpot learn`: what each keyword becomes, is noted for, or is refused with."""

import copy
import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from repository import DATA

from hpcpot.commands.learn import dpgen_input
from hpcpot.dataset import dataset
from hpcpot.errors import ConfigError, DataError, HpcpotError
from hpcpot.learning import dpgen_tree
from hpcpot.notices import InputNotice

PARAM = json.loads((DATA / "dpgen/iteration.json").read_text())["param_json"]
CALCULATOR = ("calculator.class=ase.calculators.emt.EMT",)


def changed(changes: dict) -> dict:
    """The golden param.json with other values; "job.temps" is of its only job, ... removes a keyword."""
    param = copy.deepcopy(PARAM)
    for name, value in changes.items():
        place = param["model_devi_jobs"][0] if name.startswith("job.") else param
        place.pop(key := name.removeprefix("job."), None)
        if value is not ...:
            place[key] = value
    return param


def load(folder: Path, changes: dict, overrides=CALCULATOR):
    """Settings, and what was noted."""
    (folder / "param.json").write_text(json.dumps(changed(changes)))
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", InputNotice)
        settings = dpgen_input.load(folder / "param.json", overrides)
    return settings, "\n".join(str(note.message) for note in noted)


def stage(folder: Path, changes: dict):
    (settings, _) = load(folder, changes)
    return settings.stages["job_000"]


def test_the_golden_param_json(tmp_path):
    settings, notes = load(tmp_path, {})
    assert settings.data.files == ["sys0", "sys1"] and settings.data.held_out_fraction == 0.0
    assert settings.systems == {"000": ["confs0/POSCAR.*"], "001": ["confs1/POSCAR.*"]}
    assert settings.training.members == 4
    given = settings.training.config
    assert given["family"] == "deep_potential" and given["training"]["steps"] == 1000
    assert given["training"]["batch_size"] == "auto"
    assert given["deep_potential"]["sel"] == [40, 40] and given["learning_rate"]["stop"] == 1e-8
    assert list(settings.stages) == ["job_000"]
    only = settings.stages["job_000"]
    assert (only.systems, only.temperatures_K, only.pressures_GPa) == (["000", "001"], [300, 600], [1e-4])
    assert (only.integrator, only.timestep_fs, only.steps, only.frames) == ("npt_nose_hoover", 2.0, [100], 10)
    assert (only.skip_steps, only.labels_per_system, only.most_iterations) == (10, 5, 1)
    assert (only.force_low_eV_A, only.force_high_eV_A) == (0.15, 0.35)
    assert only.virial_low_eV is None and only.virial_high_eV is None and only.adaptive_count is None
    assert (only.accurate_percent, only.fewer_from_percent) == (90, 50)
    assert (settings.selection.length_ratio, settings.selection.height_ratio) == (5, 5)
    assert settings.selection.wrap_ratio is None and settings.selection.minimum_distance_A == 0.0
    assert "fp_task_min = not used: every label is trained on" in notes
    assert "name it, --set calculator.class=module.Name" in notes


def test_a_calculator_is_required(tmp_path):
    with pytest.raises(ConfigError, match=r"calculator\.class = missing"):
        load(tmp_path, {}, ())
    _, notes = load(tmp_path, {"fp_style": "vasp"})
    assert (
        "fp_style vasp = labels are those of a calculator of ASE: name it, --set calculator.class=ase.calculators.vasp"
        in notes
    )


def test_paths_are_below_their_prefixes(tmp_path):
    changes = {
        "init_data_prefix": "/data/init",
        "sys_configs_prefix": "../start",
        "sys_configs": [["a/*/POSCAR", "b.vasp"]],
    }
    settings, _ = load(tmp_path, {**changes, "job.sys_idx": [0]})
    assert settings.data.files == ["/data/init/sys0", "/data/init/sys1"]
    assert settings.systems == {"000": ["../start/a/*/POSCAR", "../start/b.vasp"]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"job.dt": 0.0005}, {"timestep_fs": 0.5}),
        ({"job.ensemble": "nvt", "job.press": ...}, {"integrator": "nvt_nose_hoover", "pressures_GPa": None}),
        ({"job.ensemble": "nve", "job.press": ...}, {"integrator": "nve"}),
        ({"job.ensemble": "npt-i", "job.press": [1e4, 5e4]}, {"pressures_GPa": [1.0, 5.0]}),
        ({"job.nsteps": 5000, "job.trj_freq": 50}, {"steps": [5000], "frames": 100}),
        ({"model_devi_f_trust_lo": [0.1, 0.2]}, {"force_low_eV_A": {"000": 0.1, "001": 0.2}}),
        ({"model_devi_f_trust_hi": {"0": 0.4, "1": 0.5}}, {"force_high_eV_A": {"000": 0.4, "001": 0.5}}),
        ({"model_devi_f_trust_hi": [0.4, 0.4]}, {"force_high_eV_A": 0.4}),
        ({"job.sys_idx": [1], "model_devi_f_trust_lo": [0.1, 0.2]}, {"force_low_eV_A": 0.2, "systems": ["001"]}),
        ({"job.model_devi_f_trust_lo": 0.2}, {"force_low_eV_A": 0.2}),
        ({"job.model_devi_f_trust_hi": {"0": 0.4, "1": 0.5}}, {"force_high_eV_A": {"000": 0.4, "001": 0.5}}),
        (
            {"model_devi_v_trust_lo": 0.02, "model_devi_v_trust_hi": 0.05},
            {"virial_low_eV": 0.02, "virial_high_eV": 0.05},
        ),
        (
            {"model_devi_v_trust_lo": 1e10, "model_devi_v_trust_hi": 1e10},
            {"virial_low_eV": None, "virial_high_eV": None},
        ),
        ({"model_devi_v_trust_lo": 0.02}, {"virial_low_eV": 0.02, "virial_high_eV": 1e10}),
        ({"model_devi_adapt_trust_lo": True}, {"adaptive_count": 10, "adaptive_percent": 0.0, "force_low_eV_A": None}),
        (
            {"model_devi_adapt_trust_lo": True, "model_devi_numb_candi_f": 20, "model_devi_perc_candi_f": 1.5},
            {"adaptive_count": 20, "adaptive_percent": 1.5},
        ),
        ({"use_relative": True, "epsilon": 1.0}, {"relative_force_eV_A": 1.0}),
        ({"fp_accurate_soft_threshold": ...}, {"accurate_percent": 90, "fewer_from_percent": None}),
        ({"fp_accurate_threshold": ..., "fp_accurate_soft_threshold": ...}, {"accurate_percent": 100}),
    ],
)
def test_what_a_job_becomes(tmp_path, changes, expected):
    only = stage(tmp_path, changes)
    assert {name: getattr(only, name) for name in expected} == expected


def test_boxes(tmp_path):
    settings, _ = load(tmp_path, {"fp_skip_bad_box": "wrap_ratio:1.5;tilt_ratio:2; min_distance:1.2"})
    selection = settings.selection
    assert (selection.wrap_ratio, selection.tilt_ratio, selection.minimum_distance_A) == (1.5, 2, 1.2)


@pytest.mark.parametrize(
    ("changes", "notes"),
    [
        (
            {"training_reuse_numb_steps": 5},
            ["training_reuse_numb_steps = not used: says more about training_reuse_iter"],
        ),
        ({"cluster_cutoff": 3.5}, ["cluster_cutoff = not used: says more about use_clusters"]),
        (
            {"job.trj_freq": 30},
            ["[0].trj_freq = 30 does not divide nsteps, 100: a frame is judged every 33 steps, and the last"],
        ),
        ({"dp_compress": True}, ["dp_compress = not used: concerns DeePMD-kit and LAMMPS only"]),
        ({"init_batch_size": [4, 4]}, ["init_batch_size = not used: the batch size is that of default_training_param"]),
        ({"model_devi_e_trust_lo": 0.01}, ["model_devi_e_trust_lo = not used: energies choose no frames"]),
        ({"job.taut": 0.2}, [r"model_devi_jobs[0].taut = not used: thermostat and barostat have times"]),
        ({"job.Ts": [50], "job.temps": ...}, ["Ts = an older name of temps: read as that"]),
        ({"job.t_freq": 20, "job.trj_freq": ...}, ["t_freq = an older name of trj_freq"]),
        ({"job.ens": "nvt", "job.ensemble": ...}, ["ens = an older name", "press = not used: nvt keeps the cell"]),
        ({"job.sys_idx": ["0-2"]}, ["sys_idx = a text: read as in older versions"]),
        (
            {"use_relative_v": True, "epsilon_v": 1.0, "model_devi_v_trust_lo": 0.1, "model_devi_v_trust_hi": 0.2},
            ["use_relative_v = the deviation of the virial is divided by the mean of all nine"],
        ),
        ({"_comment": "x", "job._idx": 3, "job.rev_mat": {}, "mlp_engine": "dp", "shuffle_poscar": False}, []),
    ],
)
def test_what_is_noted(tmp_path, changes, notes):
    before = len(load(tmp_path, {})[1].splitlines())
    _, noted = load(tmp_path, changes)
    assert all(note in noted for note in notes), noted
    assert len(noted.splitlines()) == before + len(notes)


def test_ranges_of_older_versions(tmp_path):
    changes = {"sys_configs": [[f"{k}.vasp"] for k in range(8)], "job.sys_idx": ["1-6:2", 7, "0"]}
    assert stage(tmp_path, changes).systems == ["001", "003", "005", "007", "000"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_devi_engine": "gromacs"}, r"model_devi_engine = gromacs \(param\.json\): must be lammps"),
        ({"shuffle_poscar": True}, r"shuffle_poscar = true .*: is not supported; shuffle the species"),
        ({"use_ele_temp": 1}, r"use_ele_temp = 1 .*: is not supported; electronic temperatures"),
        ({"training_init_model": True}, r"training_init_model = true .*each iteration trains from scratch"),
        ({"training_reuse_iter": 3, "training_reuse_old_ratio": 0.9}, r"training_reuse_iter = 3 .*: is not supported"),
        (
            {"training_reuse_iter": 0},
            r"training_reuse_iter = 0 .*: is not supported; each iteration trains from scratch",
        ),
        ({"pick_data": "pool", "model_devi_jobs": ...}, r"of dpgen simplify: must be one of dpgen run; .*steps: \[0\]"),
        ({"model_devi_numb_candi_v": 5}, r"model_devi_numb_candi_v = 5 .*adaptive levels are those of the force"),
        (
            {"job.template": {"lmp": "a"}},
            r"model_devi_jobs\[0\]\.template = .*is not supported; give temps, press, nsteps",
        ),
        ({"job.nbeads": 8}, r"nbeads = 8 .*: is not supported; nuclei are classical"),
        ({"job.ensemble": "npt-t"}, r"ensemble = npt-t .*: must be nve, nvt, npt, npt-i: barostats are isotropic"),
        ({"fp_task_mx": 3}, r"fp_task_mx = 3 .*: unknown keyword; did you mean fp_task_max\?"),
        ({"job.temp": [3]}, r"model_devi_jobs\[0\]\.temp = .*: unknown keyword; did you mean temps\?"),
        ({"job.Ts": [3]}, r"Ts = \[3\] .*: is an older name of temps, which is there, too; keep one"),
        ({"type_map": ["Li", "Lx"]}, r"type_map = .*: must be a list of elements"),
        ({"mass_map": [6.0, 28.0]}, r"mass_map = .*: must be the masses of Li, Si: 6\.94, 28\.085; isotopes"),
        ({"sys_format": "lammps/lmp"}, r"sys_format = lammps/lmp .*: must be vasp/poscar"),
        ({"sys_configs": "confs"}, r"sys_configs = confs .*: must be a list with a list of paths"),
        ({"sys_configs": ["confs0", "confs1"]}, r"sys_configs\[0\] = confs0 .*: must be a list of paths"),
        ({"job.sys_idx": [2]}, r"sys_idx = \[2\] .*: must be numbers of systems in sys_configs, 0 to 1"),
        ({"model_devi_f_trust_lo": [0.1]}, r"model_devi_f_trust_lo = \[0\.1\] .*: must have a level for system 1"),
        ({"model_devi_f_trust_lo": ...}, r"model_devi_f_trust_lo = null .*: must be a number"),
        ({"model_devi_f_trust_lo": 0.4}, r"force_low_eV_A = 0\.4 .*must be below force_high_eV_A"),
        ({"use_relative": True}, r"epsilon = null .*: must be a number"),
        ({"fp_skip_bad_box": "length:5"}, r"fp_skip_bad_box = length:5 .*keys are length_ratio"),
        (
            {"fp_accurate_soft_threshold": 0.95},
            r"fp_accurate_soft_threshold = 0\.95 .*: must be a number from 0 to 0\.9",
        ),
        ({"numb_models": ...}, r"numb_models = null .*: must be a number >= 1"),
        ({"default_training_param": ...}, r"default_training_param = null .*: must be an input\.json of DeePMD-kit"),
        ({"default_training_param": {"training": {}}}, r"default_training_param = .*has no section model"),
        ({"job.nsteps": "many"}, r"nsteps = many .*: must be a number >= 1"),
        ({"model_devi_jobs": []}, r"model_devi_jobs = 0 jobs .*: must be more than the 0 iterations"),
        ({"model_devi_jobs": ...}, r"has no model_devi_jobs: must be a param\.json of dpgen run"),
    ],
)
def test_what_is_refused(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, changes)


def test_training_templates(tmp_path):
    template = copy.deepcopy(PARAM["default_training_param"])
    template["training"] |= {"seed": 5, "systems": ["old"], "batch_size": "mixed:8"}
    other = copy.deepcopy(template)
    other["training"]["seed"] = 6
    settings, _ = load(tmp_path, {"default_training_param": [template, other]})
    assert settings.training.config["training"]["batch_size"] == "mixed:8"
    assert "data" not in settings.training.config
    other["training"]["numb_steps"] = 5
    with pytest.raises(ConfigError, match=r"default_training_param = 2 templates .*must be equal but for seeds"):
        load(tmp_path, {"default_training_param": [template, other]})
    template["model"]["descriptor"]["type"] = "dpa2"
    with pytest.raises(ConfigError, match=r"default_training_param\.model\.descriptor\.type = dpa2"):
        load(tmp_path, {"default_training_param": template})
    template = copy.deepcopy(PARAM["default_training_param"])
    template["model"]["type_map"] = ["Si", "Li"]
    with pytest.raises(ConfigError, match=r"model\.type_map = .*must be type_map, "):
        load(tmp_path, {"default_training_param": template})


ODD = (None, True, "x", "", -1, 0, 1e400, math.nan, [], [[]], [None], {}, {"a": {}}, [0, "b"], 10**30)


@pytest.mark.parametrize("name", sorted([*PARAM, *(f"job.{name}" for name in PARAM["model_devi_jobs"][0])]))
def test_odd_values_are_settings_or_told(tmp_path, name):
    for value in ODD:
        try:
            load(tmp_path, {name: value})
        except HpcpotError as error:
            assert 10 < len(str(error)) < 2000, value


def tree(folder: Path) -> None:
    """One iteration that is done, with two labelled frames, and one that is not."""
    atoms = Atoms("LiSi", [[0, 0, 0], [2, 2, 2]], cell=[5, 5, 5], pbc=True)
    frames = [
        dataset.Labelled(
            ["Li", "Si"], atoms.positions, atoms.cell.array, atoms.pbc, -k, np.zeros((2, 3)), None, "g", str(k)
        )
        for k in range(2)
    ]
    run = dpgen_tree.TreeRun(0, 0, {}, np.array([0, 10, 20]), np.full((3, 6), 0.2), {10: atoms})
    classes = {(run.name, 0): 0, (run.name, 10): 1, (run.name, 20): 2}
    labels = {0: dataset.build(frames, ("Li", "Si"))}
    dpgen_tree.write(
        folder, [dpgen_tree.TreeIteration(0, (run,), classes, labels, {0: [(run.name, 10)]})], ("Li", "Si")
    )
    (folder / "iter.000001/00.train").mkdir(parents=True)
    with (folder / "record.dpgen").open("a") as file:
        file.write("1 0\n1 1\n")


def test_a_tree_beside_it_is_gone_on_from(tmp_path):
    tree(tmp_path / "run")
    jobs = [PARAM["model_devi_jobs"][0] | {"temps": [t]} for t in (300, 400, 500)]
    settings, notes = load(tmp_path / "run", {"model_devi_jobs": jobs})
    assert settings.data.files == ["sys0", "sys1", "iter.000000/02.fp"]
    assert {name: job.temperatures_K for name, job in settings.stages.items()} == {"job_001": [400], "job_002": [500]}
    assert "iter.000000 = is done, 2 labelled frames are data; 1 frames were accurate, 1 candidates, 1 failed" in notes
    with pytest.raises(ConfigError, match=r"model_devi_jobs = 1 jobs .*: must be more than the 1 iteration of record"):
        load(tmp_path / "run", {})
    with pytest.raises(DataError, match=r"= Si: must be one of Li"):
        load(tmp_path / "run", {"type_map": ["Li"], "mass_map": "auto", "model_devi_jobs": jobs})
    (tmp_path / "run/record.dpgen").write_text("7 8\n")
    with pytest.raises(DataError, match=r"iter\.000002 must be there"):
        load(tmp_path / "run", {"model_devi_jobs": jobs})


def test_yaml_configs_pass(tmp_path):
    (tmp_path / "learn.yaml").write_text("data: {files: a}\n")
    with pytest.raises(ConfigError, match=r"systems = missing|training"):
        dpgen_input.load(tmp_path / "learn.yaml", [])
    (tmp_path / "param.yaml").write_text(json.dumps(PARAM))
    text = "\n".join(f"{key}: {json.dumps(value)}" for key, value in PARAM.items())
    (tmp_path / "param.yaml").write_text(text)
    with pytest.warns(InputNotice):
        assert dpgen_input.load(tmp_path / "param.yaml", CALCULATOR).training.members == 4
