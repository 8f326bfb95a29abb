"""The iterations of a loop as a tree of DP-GEN, for --export-tree."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hpcpot.commands.learn.files import EXPLORED, LABELS, LEDGER, START, folder_of
from hpcpot.commands.learn.runs import levels, systems_of
from hpcpot.commands.learn.settings import ONLY, ExplorationSection, LearnSettings, stages
from hpcpot.config import STAGES
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import frame_key
from hpcpot.errors import ConfigError, OutputError
from hpcpot.farm.results import Results
from hpcpot.labelling.correction import Correction
from hpcpot.labelling.task import gather
from hpcpot.learning import dpgen_tree, ledger
from hpcpot.learning.levels import NAMES, classify
from hpcpot.learning.pick import by_system
from hpcpot.units import BAR_IN_GPA, FS_PER_PS
from hpcpot.wording import plural

LARGEST_V, LARGEST_F = (dpgen_tree.DEVIATIONS.index(name) for name in ("max_devi_v", "max_devi_f"))


def write(settings: LearnSettings, tree: Path) -> str:
    """Write the complete iterations; returns what was written, for the screen.

    Systems have the numbers of their place in `systems`. A loop keeps the largest deviations only: the others are NaN.

    Raises:
        ConfigError: stages, systems or levels that the config has no more, or that choose by grade.
        OutputError: no complete iteration; see `dpgen_tree.write`.
    """
    folder = settings.output.folder
    rows = ledger.history(folder / LEDGER)
    if not rows:
        raise OutputError(f"{folder / LEDGER} = no complete iteration: must have one to export; run the loop first.")
    elements = hdf5.read(folder / START).elements
    iterations = [_iteration(settings, row) for row in rows]
    dpgen_tree.write(tree, iterations, elements)
    labels = sum(len(part) for iteration in iterations for part in iteration.labels.values())
    return f"written: {tree}, {plural(len(iterations), 'iteration')}, {plural(labels, 'labelled frame')}"


def _iteration(settings: LearnSettings, row: Mapping[str, Any]) -> dpgen_tree.TreeIteration:
    number, folder = row["iteration"], settings.output.folder
    stage = stages(settings).get(row["stage"])
    if stage is None:
        raise ConfigError(
            f"stages = {', '.join(stages(settings))}: must have {row['stage']}, the stage of iteration {number}, to export "
            "it; add it."
        )
    if stage.grade_low is not None:
        raise ConfigError(
            f"--export-tree = stage {row['stage']}, which chooses by grade: a tree of DP-GEN has deviations of a committee; "
            "take its labels, new.h5, by hpcpot convert."
        )
    section = f"{STAGES}.{row['stage']}" if settings.stages else ONLY
    if lost := set(row["systems"]) - set(systems_of(settings, stage)):
        raise ConfigError(
            f"{section}.systems = {', '.join(systems_of(settings, stage))}: must have {min(lost)}, a system of "
            f"iteration {number}, to export it; add it."
        )
    numbers = {system: k for k, system in enumerate(settings.systems)}
    with Results(folder_of(folder, number) / EXPLORED) as results:
        columns = {name: results.read(name) for name in ("system", "temperature", "pressure", "step")}
        keys = [key for key, system in zip(results.keys(), columns["system"], strict=True) if system in row["systems"]]
        explored = by_system(results, keys, list(row["systems"]))
    runs, classes, places = [], {}, {}
    for system, of in explored.items():
        of_system = classify(of.deviations, of.virials, levels(stage, system))
        counted = {kind: row["systems"][system][name] for kind, name in NAMES.items()}
        if counted != {kind: int(np.count_nonzero(of_system == kind)) for kind in NAMES}:
            raise ConfigError(
                f"{section} = levels by which frames of {system} in iteration {number} are of other classes than "
                "they were: must be as then to export it; set them back."
            )
        first = 0
        for number_of_run, place in enumerate(k for k, name in enumerate(columns["system"]) if name == system):
            steps = columns["step"][place]
            mine = range(first, first + len(steps))
            first += len(steps)
            deviations = np.full((len(steps), len(dpgen_tree.DEVIATIONS)), np.nan)
            deviations[:, LARGEST_V], deviations[:, LARGEST_F] = of.virials[mine], of.deviations[mine]
            frames = {int(step): of.frames[k] for k, step in zip(mine, steps, strict=True) if k in of.frames}
            job = _job(stage, columns["temperature"][place], columns["pressure"][place])
            run = dpgen_tree.TreeRun(numbers[system], number_of_run, job, steps, deviations, frames)
            runs.append(run)
            classes |= {(run.name, int(step)): int(of_system[k]) for k, step in zip(mine, steps, strict=True)}
            places |= {frame_key(atoms): (run.name, step) for step, atoms in frames.items()}
    chosen = {numbers[system]: [*of["keys"], *of["refused"]] for system, of in row["systems"].items()}
    labels = {}
    if any(chosen.values()):
        correction = Correction.read(settings.calculator.correction)
        with Results(folder / LABELS) as results:
            for system, of in row["systems"].items():
                if of["keys"]:
                    labels[numbers[system]] = gather(results, of["keys"], settings.calculator, correction)
    of_runs = {system: [places[key] for key in keys] for system, keys in chosen.items()}
    return dpgen_tree.TreeIteration(number, tuple(runs), classes, labels, of_runs)


def _job(stage: ExplorationSection, temperature: float, pressure: float) -> dict[str, Any]:
    """The job.json of a run; empty without dynamics."""
    if np.isnan(temperature):
        return {}
    job = {"ensemble": stage.integrator.partition("_")[0], "temps": float(temperature)}
    if np.isfinite(pressure):
        job["press"] = float(pressure) / BAR_IN_GPA
    return job | {"model_devi_dt": stage.timestep_fs / FS_PER_PS}
