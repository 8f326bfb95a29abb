"""Trees of iterations as DP-GEN writes them: what was explored, classed and labelled.

    record.dpgen                                 lines "iteration stage", one after each of the nine stages; the last counts
    iter.NNNNNN/01.model_devi/task.SSS.TTTTTT/   job.json, model_devi.out, traj/STEP.lammpstrj
    iter.NNNNNN/02.fp/*.shuffled.SSS.out         lines "path-of-task step": candidate, rest_accurate, rest_failed
    iter.NNNNNN/02.fp/task.SSS.TTTTTT/           what was chosen: POSCAR, links to the frame and its job.json
    iter.NNNNNN/02.fp/data.SSS/[FORMULA/]        the labels, systems of DeePMD-kit

SSS is the number of a system in sys_configs, TTTTTT counts its tasks. Source: dpgen 0.14.0, generator/run.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot import inputs, outputs
from hpcpot.dataset import files as dataset_files
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.formats import deepmd
from hpcpot.dataset.formats.reading import ReadOptions, as_data_error
from hpcpot.errors import DataError
from hpcpot.learning.levels import ACCURATE, CANDIDATE, FAILED
from hpcpot.notices import notice
from hpcpot.outputs import Replacement
from hpcpot.structure import files, lammps_write
from hpcpot.structure.text import table, whole_number

DEVIATIONS = ("max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f")
"""Columns of model_devi.out behind the step: eV per atom and eV/Å."""

LISTS = {CANDIDATE: "candidate", ACCURATE: "rest_accurate", FAILED: "rest_failed"}
RECORD = "record.dpgen"
LAST_STAGE = 8
TASK = re.compile(r"task\.(\d+)\.(\d+)")
ITERATION = re.compile(r"iter\.(\d{6})")
REMEDY = "check what wrote it, or copy the tree again"


@dataclass(frozen=True, eq=False)
class TreeRun:
    """One run of an exploration, a folder 01.model_devi/task.SSS.TTTTTT.

    Attributes:
        system: SSS. number: TTTTTT. job: of job.json: ensemble, temps (K), press (bar), model_devi_dt (ps).
        steps: (n,) int64, ascending. deviations: (n, 6) float64, the columns of DEVIATIONS; NaN where a run has failed.
        frames: step -> structure of those that may be labelled, for writing.
    """

    system: int
    number: int
    job: dict[str, Any]
    steps: np.ndarray
    deviations: np.ndarray
    frames: dict[int, Atoms] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"task.{self.system:03d}.{self.number:06d}"


@dataclass(frozen=True, eq=False)
class TreeIteration:
    """One folder iter.NNNNNN.

    Attributes:
        explored: by system and number. classes: of each frame, (its run's name, step), in `Class` of levels.
        chosen: system -> (run's name, step) of the frames that were labelled or tried, in that order; for writing.
        labels: system -> the labelled frames.
    """

    number: int
    explored: tuple[TreeRun, ...]
    classes: dict[tuple[str, int], int]
    labels: dict[int, DataSet]
    chosen: dict[int, list[tuple[str, int]]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"iter.{self.number:06d}"

    def counts(self) -> dict[int, dict[int, int]]:
        """System -> how many frames of each class."""
        of_systems: dict[int, dict[int, int]] = {run.system: dict.fromkeys(LISTS, 0) for run in self.explored}
        for (name, _), kind in self.classes.items():
            of_systems.setdefault(int(TASK.fullmatch(name)[1]), dict.fromkeys(LISTS, 0))[kind] += 1
        return of_systems


def read(root: Path, elements: Sequence[str]) -> list[TreeIteration]:
    """The iterations of a tree whose labels are all there, as record.dpgen says.

    Args:
        elements: of the tree's type_map.
    Raises:
        DataError: no record, folders that it names and that are not there, files that are damaged, other elements.
    """
    iteration, stage = read_record(root / RECORD)
    last = iteration if stage == LAST_STAGE else iteration - 1
    names = sorted(path.name for path in root.iterdir() if ITERATION.fullmatch(path.name))
    lacking = [name for name in map("iter.{:06d}".format, range(min(last, 10**6) + 1)) if name not in set(names)]
    if lacking:
        raise DataError(
            f"{root / RECORD} = iteration {iteration}, stage {stage}: {lacking[0]} must be there, and {len(names)} folders "
            f"iter.* are; {REMEDY}."
        )
    return [_iteration(root / f"iter.{k:06d}", k, elements) for k in range(last + 1)]


def read_record(path: Path) -> tuple[int, int]:
    """The last iteration and stage (0 to 8) that were finished; (-1, 8) if none was.

    Raises:
        DataError: no such file, or a line that is none of its.
    """
    with as_data_error(path, "record of DP-GEN (record.dpgen)"), inputs.open_text(path) as file:
        rows = [line.split() for line in file]
    finished = (-1, LAST_STAGE)
    for k, row in enumerate(rows):
        if not row:
            continue
        where = f"{path}, line {k + 1}"
        if len(row) != 2:
            raise DataError(f"{where} = {' '.join(row)}: must be an iteration and a stage; {REMEDY}.")
        finished = (whole_number(row[0], where), whole_number(row[1], where))
        if finished[0] < 0 or not 0 <= finished[1] <= LAST_STAGE:
            raise DataError(f"{where} = {' '.join(row)}: must be an iteration >= 0 and a stage 0 to 8; {REMEDY}.")
    return finished


def read_deviations(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) int64 and deviations (n, 6) float64 of a model_devi.out; of a step that stands twice the last row.

    Columns behind the seventh, devi_e of `dp model-devi` or the deviations of single atoms, are not read; NaN stays.

    Raises:
        DataError: rows of fewer than seven numbers or of several lengths, words that are no numbers.
    """
    with as_data_error(path, "model_devi.out of DeePMD-kit"), inputs.open_text(path) as file:
        rows = [words for line in file if (words := line.partition("#")[0].split())]
    if not rows:
        notice(path, "no rows: the run left no frame")
        return np.empty(0, np.int64), np.empty((0, len(DEVIATIONS)))
    width = len(rows[0])
    if len(rows) > 1 and len(rows[-1]) < width:
        notice(f"{path}: its last row", "cut off: not read")
        rows.pop()
    if width <= len(DEVIATIONS):
        raise DataError(f"{path}, row 0 = {width} values: must be 7, step {' '.join(DEVIATIONS)}; {REMEDY}.")
    values = table(rows, width, str(path))[:, : len(DEVIATIONS) + 1]
    steps = values[:, 0]
    if not (np.isfinite(steps) & (steps == np.round(steps)) & (np.abs(steps) < 2**53)).all():
        raise DataError(f"{path} = steps that are not whole numbers: the first column must be the step; {REMEDY}.")
    ordered, last = np.unique(steps[::-1].astype(np.int64), return_index=True)
    return ordered, values[::-1][last, 1:]


def read_list(path: Path) -> list[tuple[str, int]]:
    """(Name of the run, step) of each line of a candidate.shuffled.SSS.out or its like.

    Raises:
        DataError: a line that is none of its.
    """
    with as_data_error(path, "list of frames of DP-GEN"), inputs.open_text(path) as file:
        rows = [line.split() for line in file]
    frames = []
    for k, row in enumerate(rows):
        where = f"{path}, line {k + 1}"
        name = row[0].rstrip("/").rpartition("/")[2] if len(row) == 2 else ""
        if row and not TASK.fullmatch(name):
            raise DataError(f"{where} = {' '.join(row)[:80]}: must be a path to task.SSS.TTTTTT and a step; {REMEDY}.")
        if row:
            frames.append((name, whole_number(row[1], where)))
    return frames


def read_labels(folder: Path, elements: Sequence[str]) -> dict[int, DataSet]:
    """System -> labelled frames of a folder 02.fp.

    Raises:
        DataError: damaged systems; elements that are not among those given.
    """
    labels: dict[int, DataSet] = {}
    for path in sorted(folder.glob("data.*")):
        if re.fullmatch(r"data\.\d+", path.name) and any(deepmd.recognise(part) for part in (path, *path.glob("*/"))):
            options = ReadOptions(elements=tuple(elements), elements_if_needed=True)
            part = dataset_files.load([path], options)
            try:
                labels[int(path.name[5:])] = part.with_elements(elements)
            except DataError as error:
                raise DataError(f"{path}: {error}") from error
    return labels


def _iteration(folder: Path, number: int, elements: Sequence[str]) -> TreeIteration:
    explored = []
    for path in sorted((folder / "01.model_devi").glob("task.*")):
        if match := TASK.fullmatch(path.name):
            out = path / "model_devi.out"
            steps, deviations = np.empty(0, np.int64), np.empty((0, len(DEVIATIONS)))
            if out.is_file():
                steps, deviations = read_deviations(out)
            else:
                notice(out, "no such file: the run left no frame")
            explored.append(TreeRun(int(match[1]), int(match[2]), _job(path / "job.json"), steps, deviations))
    classes = {}
    for kind, name in LISTS.items():
        for path in sorted((folder / "02.fp").glob(f"{name}.shuffled.*.out")):
            frames = read_list(path)
            if lost := {run for run, _ in frames} - {run.name for run in explored}:
                raise DataError(f"{path} = {min(lost)}: must be a folder in 01.model_devi; {REMEDY}.")
            classes.update(dict.fromkeys(frames, kind))
    return TreeIteration(number, tuple(explored), classes, read_labels(folder / "02.fp", elements))


def _job(path: Path) -> dict[str, Any]:
    """job.json of a run; empty if there is none, as in trees of older versions."""
    if not path.is_file():
        return {}
    with as_data_error(path, "job.json of DP-GEN"):
        job = json.loads(inputs.read_text(path))
        if not isinstance(job, dict):
            raise ValueError("it must be an object")
    return job


def write(root: Path, iterations: Sequence[TreeIteration], elements: Sequence[str]) -> None:
    """Write a tree that dpgen goes on from and dpdata reads; links in it are relative, models are left out.

    Args:
        root: a folder, where nothing is yet. elements: the type_map.
    Raises:
        OutputError: something is there, or it cannot be written. DataError: labels that systems of DeePMD-kit cannot hold.
    """
    outputs.check_output(root)
    with Replacement(root) as part:
        part.mkdir()
        for iteration in iterations:
            _write_explored(part / iteration.name / "01.model_devi", iteration, elements)
            _write_chosen(part / iteration.name / "02.fp", iteration)
            _write_labels(part / iteration.name / "02.fp", iteration.labels, elements)
        stages = [f"{iteration.number} {stage}\n" for iteration in iterations for stage in range(LAST_STAGE + 1)]
        (part / RECORD).write_text("".join(stages))


def _write_explored(folder: Path, iteration: TreeIteration, elements: Sequence[str]) -> None:
    for run in iteration.explored:
        task = folder / run.name
        (task / "traj").mkdir(parents=True)
        (task / "job.json").write_text(json.dumps(run.job, indent=4) + "\n")
        rows = np.column_stack([run.steps, run.deviations])
        head = " ".join(["step", *DEVIATIONS])
        np.savetxt(task / "model_devi.out", rows, fmt=["%12d", *["%19.6e"] * len(DEVIATIONS)], header=head)
        for step, atoms in run.frames.items():
            with (task / "traj" / f"{step}.lammpstrj").open("w") as file:
                lammps_write.dump(file, atoms, step, {}, elements)


def _write_chosen(folder: Path, iteration: TreeIteration) -> None:
    folder.mkdir(parents=True)
    runs = {run.name: run for run in iteration.explored}
    for system in sorted({run.system for run in iteration.explored}):
        for kind, name in LISTS.items():
            lines = [
                f"{iteration.name}/01.model_devi/{run} {step}\n"
                for (run, step), of_frame in iteration.classes.items()
                if of_frame == kind and runs[run].system == system
            ]
            (folder / f"{name}.shuffled.{system:03d}.out").write_text("".join(lines))
    for system, frames in iteration.chosen.items():
        for k, (run, step) in enumerate(frames):
            task = folder / f"task.{system:03d}.{k:06d}"
            task.mkdir()
            files.write(task / "POSCAR", runs[run].frames[step])
            explored = f"../../01.model_devi/{run}"
            (task / "conf.dump").symlink_to(f"{explored}/traj/{step}.lammpstrj")
            (task / "job.json").symlink_to(f"{explored}/job.json")


def _write_labels(folder: Path, labels: dict[int, DataSet], elements: Sequence[str]) -> None:
    """Systems data.SSS/FORMULA, whose names and types have all elements: Li2Si0."""
    for system, dataset in labels.items():
        dataset = replace(dataset.with_elements(elements), groups=np.full(len(dataset), f"data.{system:03d}"))
        deepmd.write(dataset, folder, {}, absent=True)
