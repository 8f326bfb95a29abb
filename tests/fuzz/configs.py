"""Configs of every command that has one, and the inputs of training by other programs."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import runs
import trainings
from commands.train import test_inputs
from fuzz.targets import Target, written
from repository import CONFIGS, DATA

from hpcpot import config, data
from hpcpot.commands import COMMANDS, schema_of
from hpcpot.commands.learn import dpgen_input
from hpcpot.commands.train import inputs
from hpcpot.farm import jobqueue
from hpcpot.farm import settings as farm_settings

EXAMPLES = {
    "md": ("interface_si100", "fracture_bulk_28900"),
    "build": ("build_interface_si100", "build_stack50", "build_random_lisi"),
    "analyze": ("analyze_fracture",),
    "gcmc": ("gcmc_lisi",),
    "onsite": ("onsite_interface_si100",),
    "relax": ("relax",),
    "search": ("search_small",),
    "properties": ("properties",),
    "neb": ("neb",),
    "label": ("label",),
    "select": ("select",),
    "learn": ("learn_lisi_small", "learn_lisi"),
    "train": ("train_dp", "train_chebyshev", "train_mtp", "train_graph"),
}
"""Command -> configs that are damaged."""
NAMED = (
    *("cells.extxyz", "initial.extxyz", "final.extxyz"),
    *("interface_si100.h5md", "fracture_bulk_28900.h5md", "li13si4_28900.extxyz", "melt_si64.h5md"),
)
RECIPES = ("build_random_small.yaml",)
"""Files that the examples name, structures and configs."""


def targets() -> list[Target]:
    """A target for each command with a config, one for jobs of a batch system, and the inputs of other programs."""
    made = [
        Target(f"config-{command}-{example}", partial(_write, example), partial(_load, command))
        for command, row in COMMANDS.items()
        if row.settings
        for example in EXAMPLES[command]
    ]
    return [
        *made,
        Target("jobqueue", _write_jobqueue, _job_script),
        Target(
            "input-json", partial(_copy, DATA / "deepmd_training" / "input.json"), partial(_load_inputs, "input.json")
        ),
        Target("train-in", _write_aenet, partial(_load_inputs, "train.in")),
        Target("param-json", _write_param, _load_param),
    ]


def _write(example: str) -> list[str]:
    trainings.write_data(Path.cwd())
    runs.prepare(Path.cwd())
    for name in NAMED:
        shutil.copy("argon.extxyz", name)
    for name in RECIPES:
        shutil.copy(CONFIGS / name, name)
    return written("config.yaml", (CONFIGS / f"{example}.yaml").read_text())


def _load(command: str) -> Any:
    """Read the config and write it as runs keep it."""
    settings = config.load("config.yaml", schema_of(command))
    config.dump(settings)
    return settings


def _copy(path: Path) -> list[str]:
    trainings.write_data(Path.cwd())
    return [Path(shutil.copy(path, path.name)).name]


def _write_jobqueue() -> list[str]:
    return [Path(shutil.copy(data.FOLDER / "jobqueue.yaml", "jobqueue.yaml")).name]


def _job_script() -> str:
    return jobqueue.job_script(farm_settings.defaults(cluster="slurm", jobqueue="jobqueue.yaml"))


def _write_aenet() -> list[str]:
    test_inputs.aenet(Path.cwd())
    return ["train.in", "generate.in", "Li.stp"]


def _load_inputs(name: str) -> Any:
    return inputs.load(Path(name), [])


def _write_param() -> list[str]:
    param = json.loads((DATA / "dpgen" / "iteration.json").read_text())["param_json"]
    return written("param.json", json.dumps(param, indent=1))


def _load_param() -> Any:
    return dpgen_input.load(Path("param.json"), ["calculator.class=ase.calculators.emt.EMT"])
