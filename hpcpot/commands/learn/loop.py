"""The loop: each iteration trains, explores, selects, labels and adds to the data; its parts are kept as they complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from hpcpot import config, provenance
from hpcpot.commands.learn import summary
from hpcpot.commands.learn.files import CHOSEN, EXPLORED, HELD_OUT, LABELS, MODEL, NEW, START, START_HELD_OUT, folder_of
from hpcpot.commands.learn.inputs import Inputs
from hpcpot.commands.learn.runs import levels, rungs, starts, systems_of
from hpcpot.commands.learn.settings import ExplorationSection, LearnSettings, stages, train_tree
from hpcpot.dataset import checks, hdf5
from hpcpot.dataset.dataset import DataSet, frame_keys, join
from hpcpot.errors import ConfigError, FarmError, OutputError, TrainingError
from hpcpot.farm import campaign
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results, Store
from hpcpot.farm.task import Task
from hpcpot.labelling.correction import Correction
from hpcpot.labelling.task import gather, label_task, made_by
from hpcpot.learning import explore, ledger, schedule
from hpcpot.learning.boxes import RATIOS, BoxLimits
from hpcpot.learning.explore import Exploration
from hpcpot.learning.levels import NAMES
from hpcpot.learning.pick import Picked, Rule, by_system, pick, split_runs
from hpcpot.parallel.stop import STOPPED, Stopped
from hpcpot.potential.settings import PotentialSection
from hpcpot.storage.tables import write_rows
from hpcpot.training.committee import ERRORS, committee_task
from hpcpot.training.settings import member
from hpcpot.wording import duration, plural

FIRST_LABELS = 5
"""Labels that are tried before the rest: a calculator that fails at all of them is at fault itself."""

FINAL = "final"
"""Name of the training after the last stage."""

KEPT_KEYS = ("elements", "maximum_force_eV_A", "temperatures_K", "memory_MB")
"""Keys of training.config.data that are for training; the others are for reading data.files, once."""


class Loop:
    """All iterations from where the last command ended.

    Attributes:
        rows: of the iterations that are complete. models: files of the last training.
    """

    def __init__(
        self,
        settings: LearnSettings,
        inputs: Inputs,
        rows: list[dict[str, Any]],
        store: Store,
        pool: WorkerPool,
        stop: Callable[[], bool],
        retry_failed: bool,
        correction: Correction | None = None,
    ):
        self.settings, self.inputs, self.rows = settings, inputs, rows
        self._store, self._pool, self._stop, self._retry_failed = store, pool, stop, retry_failed
        self.folder = settings.output.folder
        self.models: list[str] = []
        self._text = config.dump(settings)
        self._correction = correction
        self._made_by = made_by(settings.calculator, correction)
        parts = [part for part in (inputs.start, inputs.held_out) if part is not None]
        self._first_data = {key for part in parts for key in frame_keys(part)}

    def go(self) -> None:
        """Go on to the end of the last stage, and train once more on all data.

        Raises:
            Stopped: by a signal. HpcpotError: a part failed as a whole.
        """
        for row in self.rows:
            print(summary.line(row))
        order = schedule.units({name: len(rungs(stage)) for name, stage in stages(self.settings).items()})
        while True:
            try:
                unit, done = schedule.present(self.rows, order)
            except KeyError as error:
                raise ConfigError(
                    f"stages = {', '.join(stages(self.settings))}: must have {error.args[0]}, the stage of iteration "
                    f"{len(self.rows) - 1}; add it, or go back by --from."
                ) from error
            if unit is None:
                self._train(FINAL)
                return
            self._iterate(unit, done)

    def _iterate(self, unit: tuple[str, int], done: int) -> None:
        """Do the next iteration. Args: unit: stage and rung. done: iterations of that unit so far."""
        number, stage = len(self.rows), stages(self.settings)[unit[0]]
        here = folder_of(self.folder, number)
        print(f"\niteration {number}, stage {unit[0]}{self._rung(unit)}: {self._left(stage, done)}")
        began = monotonic()
        trained = self._train(f"iteration {number}")
        trained_at = monotonic()
        exploration = self._exploration(stage, done)
        items = starts(self.settings, self.inputs, stage, unit[1], number)
        how = f"{plural(len(items), 'run')} of {exploration.steps} steps"
        print(f"exploration: {how if exploration.steps else plural(len(items), 'structure') + ' as they are'}")
        keys, failed = self._explore(exploration, items, here / EXPLORED)
        explored_at = monotonic()
        with Results(here / EXPLORED) as results:
            explored = by_system(results, keys, systems_of(self.settings, stage))
            ended = [text for text in results.read("ended") if text]
        picked = pick(explored, self._rule(stage, exploration, number), self.inputs.elements, self._known())
        self._tell_undefined(picked)
        labelled = self._label(number, picked)
        data = self._add(here, picked, labelled)
        row = {
            "iteration": number,
            "stage": unit[0],
            "rung": unit[1],
            **trained,
            "runs": len(keys) + failed,
            "runs_ended": len(ended) + failed,
            **{name: sum(of.counts[kind] for of in picked.values()) for kind, name in NAMES.items()},
            "labelled": len(labelled),
            "label_failures": sum(len(of.keys) for of in picked.values()) - len(labelled),
            "seconds_training": trained_at - began,
            "seconds_exploration": explored_at - trained_at,
            "seconds_labels": monotonic() - explored_at,
            "systems": {name: counted(of, labelled) for name, of in picked.items()},
            "data": data,
        }
        errors = [past["rmse_force"] for past in self.rows[len(self.rows) - done :]] + [row["rmse_force"]]
        row["ended"] = schedule.why_ended(
            {name: of.accurate for name, of in picked.items()},
            row["runs_ended"],
            len(labelled),
            row["candidate"],
            errors,
            schedule.Ends(
                stage.accurate_percent / 100.0,
                None if stage.flat_percent is None else stage.flat_percent / 100.0,
                stage.flat_iterations,
                stage.most_iterations,
            ),
        )
        ledger.append(self._store, row)
        self.rows.append(row)
        print(summary.line(row))
        summary.write_table(self.folder, self.rows)

    def _train(self, what: str) -> dict[str, Any]:
        """Train the models of the next iteration, unless those of the last know all the data already."""
        number = len(self.rows)
        here = folder_of(self.folder, number)
        here.mkdir(exist_ok=True)
        if self.rows and not self.rows[-1]["labelled"]:
            kept = {
                name: self.rows[-1][name]
                for name in ("training_frames", "held_out_frames", "rmse_energy", "rmse_force")
            }
            print(f"training, {what}: no new frames, so the models are those of iteration {number - 1}")
            self._models = self.rows[-1]["models"]
            self.models = [str(self.folder / name) for name in self._models]
            self._refs = self._load()
            for (name, fingerprint), ref in zip(self._models.items(), self._refs, strict=True):
                if ref.fingerprint != fingerprint:
                    raise OutputError(
                        f"{self.folder / name} = another model than iteration {number - 1} used: must be as it was; put it "
                        f"back, or do the iteration anew by --from {number - 1} train: labels are kept."
                    )
            return kept | {"models": self._models}
        training = [START] + [name for row in self.rows for name in row["data"] if name.endswith(NEW)]
        validation = [START_HELD_OUT] if self.inputs.held_out is not None else []
        validation += [name for row in self.rows for name in row["data"] if name.endswith(HELD_OUT)]
        given = self.settings.training.config
        kept_keys = {name: value for name, value in (given.get("data") or {}).items() if name in KEPT_KEYS}
        members = self.settings.training.members
        settings = train_tree(
            {**given, "data": {"elements": list(self.inputs.elements)} | kept_keys},
            training,
            validation or None,
            here / MODEL,
            members,
            number * members,
        )
        with anew(number, "train"):
            task = committee_task(settings, self.folder, False)
            print(f"training, {what}: {plural(members, 'model')}")
            code, _ = self._complete(task)
        if code:
            raise TrainingError(
                f"training, {what} = ended with failures: all models must be trained; `hpcpot results "
                f"{task.results}` says why."
            )
        with Results(task.results) as results:
            errors = [finite_mean(results.read(name)) for name in ERRORS]
        paths = [member(settings, k).output.model for k in range(members)]
        self.models = [str(path) for path in paths]
        self._refs = self._load()
        self._models = {
            str(path.relative_to(self.folder)): ref.fingerprint for path, ref in zip(paths, self._refs, strict=True)
        }
        return {
            "training_frames": sum(len(hdf5.read(self.folder / name)) for name in training),
            "held_out_frames": sum(len(hdf5.read(self.folder / name)) for name in validation),
            "rmse_energy": errors[0],
            "rmse_force": errors[1],
            "models": self._models,
        }

    def _load(self) -> tuple[PotentialRef, ...]:
        return tuple(PotentialRef.of(PotentialSection(file=Path(path), outside="ignore")) for path in self.models)

    def _exploration(self, stage: ExplorationSection, done: int) -> Exploration:
        """What the runs of an iteration share. Args: done: iterations of its stage before it."""
        names = systems_of(self.settings, stage)
        return Exploration(
            self._refs,
            stage.grade_low is not None,
            {name: levels(stage, name) for name in names},
            stage.relative_force_eV_A,
            stage.relative_virial_eV,
            stage.integrator,
            stage.timestep_fs,
            stage.steps[min(done, len(stage.steps) - 1)],
            stage.frames,
            stage.skip_steps,
            stage.melt_K,
            stage.stop_above,
        )

    def _explore(self, exploration: Exploration, items: Sequence[Item], results: Path) -> tuple[list[str], int]:
        """Run what is missing; returns the keys of the runs that are done, and how many failed.

        Raises:
            FarmError: not one run could be judged.
        """
        fingerprints = " ".join(ref.fingerprint for ref in exploration.models)
        task = Task(
            kind="explore",
            results=results,
            items=items,
            columns=explore.COLUMNS,
            compute=partial(explore.compute, exploration=exploration),
            identity={"models": fingerprints, "exploration": repr(replace(exploration, models=()))},
        )
        with anew(len(self.rows), "explore"):
            _, keys = self._complete(task)
        with Results(results) as rows:
            done, failures = set(rows.keys()), rows.failed()
        if not done.intersection(keys):
            raise FarmError(
                f"exploration = all {len(keys)} runs failed, the first, {failures[0][1]}, by {failures[0][2].kind}: "
                f"{failures[0][2].message}; start structures and models must fit; `hpcpot results {results}` says all."
            )
        judged = [key for key in keys if key in done]
        return judged, len(keys) - len(judged)

    def _rule(self, stage: ExplorationSection, exploration: Exploration, iteration: int) -> Rule:
        section = self.settings.selection
        limits = {name: value for name in RATIOS if (value := getattr(section, name)) is not None}
        return Rule(
            exploration.levels,
            stage.labels_per_system,
            stage.accurate_percent / 100.0,
            None if stage.fewer_from_percent is None else stage.fewer_from_percent / 100.0,
            BoxLimits(**limits, minimum_distance=section.minimum_distance_A),
            section.distinct,
            section.choose == "farthest",
            (self.settings.data.seed, iteration),
        )

    def _known(self) -> dict[str, str]:
        """Structures that are not labelled again: those that the data have, and those whose label failed or was not taken."""
        known = dict.fromkeys(self._first_data, "in the first data")
        if not (self.folder / LABELS).exists():
            return known
        systems = [of for row in self.rows for of in row["systems"].values()]
        before = {key for of in systems for key in of["keys"]}
        with Results(self.folder / LABELS) as results:
            failed = {key for key, _, _ in results.failed()}
        not_taken = {key for of in systems for key in of["refused"]} - failed
        if self._retry_failed:
            failed = set()
        return (
            known
            | dict.fromkeys(before, "labelled before")
            | dict.fromkeys(failed, "label failed before")
            | dict.fromkeys(not_taken, "label not taken before")
        )

    def _tell_undefined(self, picked: Mapping[str, Picked]) -> None:
        for system, of in picked.items():
            if of.undefined:
                print(
                    f"note: {system}: {plural(len(of.undefined), 'frame')} without a deviation count as failed, the first "
                    f"{of.undefined[0]}"
                )

    def _label(self, iteration: int, picked: Mapping[str, Picked]) -> dict[str, DataSet]:
        """Label what was picked; returns the labelled frames by key.

        Raises:
            FarmError: the calculator failed at the first ones, all of them, or at all that there are and ever were.
        """
        items = []
        for system, of in picked.items():
            for key, atoms, source in zip(of.keys, of.frames, of.sources, strict=True):
                atoms.info["group"] = system
                items.append(Item(key, atoms, f"iteration {iteration}, {source}"))
        if not items:
            return {}
        print(f"labels: {plural(len(items), 'structure')}")
        task = label_task(self.settings.calculator, self.folder / LABELS, items, self._made_by)
        _, keys = self._complete(replace(task, items=items[:FIRST_LABELS]))
        with Results(task.results) as results:
            done, failures = set(results.keys()), {key: failure for key, _, failure in results.failed()}
        if not done.intersection(keys) and (len(keys) == FIRST_LABELS or not done):
            failure = failures[keys[0]]
            raise FarmError(
                f"calculator.class = {self.settings.calculator.class_}: failed at all of the first "
                f"{plural(len(keys), 'structure')}, with {failure.kind}: {failure.message}; must label some; `hpcpot results "
                f"{task.results}` says all; correct it, and go on by the same command with --retry-failed."
            )
        if items[FIRST_LABELS:]:
            self._complete(replace(task, items=items[FIRST_LABELS:]))
        with Results(task.results) as results:
            done = set(results.keys())
            keys = [item.key for item in items if item.key in done]
            whole = gather(results, keys, self.settings.calculator, self._correction)
        return {key: whole.select([row]) for row, key in enumerate(keys)}

    def _add(self, here: Path, picked: Mapping[str, Picked], labelled: dict[str, DataSet]) -> dict[str, str]:
        """Write the new frames, those of some runs to be held out; returns fingerprints by file.

        Frames that no potential must be trained on are taken out of `labelled`, with a note.
        """
        self._refuse_doubtful(labelled)
        runs = {key: run for of in picked.values() for key, run in zip(of.keys, of.runs, strict=True)}
        section = self.settings.data
        keys = list(labelled)
        held_out = split_runs([runs[key] for key in keys], section.held_out_fraction, section.seed)
        if section.held_out is not None:
            held_out[:] = False
        facts = {**provenance.collect(), "config": self._text, **self._made_by}
        data = {}
        for name, mine in ((NEW, ~held_out), (HELD_OUT, held_out)):
            path = here / name
            path.unlink(missing_ok=True)
            if mine.any():
                part = join([labelled[key] for key, yes in zip(keys, mine, strict=True) if yes])
                hdf5.write(part, path, facts)
                data[str(path.relative_to(self.folder))] = hdf5.fingerprint(part)
        write_rows(here / CHOSEN, ("system", "source", "held_out", "labelled"), chosen(picked, keys, held_out))
        return data

    def _refuse_doubtful(self, labelled: dict[str, DataSet]) -> None:
        """Take out frames with labels that no potential must be trained on."""
        if not labelled:
            return
        keys = list(labelled)
        first = [part for part in (self.inputs.start, self.inputs.held_out) if part is not None]
        before = join([*first, *(hdf5.read(self.folder / name) for row in self.rows for name in row["data"])])
        n, whole = len(before), join([before, *labelled.values()])
        for finding in checks.check(whole, checks.Bounds()):
            rows = [int(row) - n for row in finding.rows if row >= n]
            if finding.is_error and rows:
                print(f"note: {plural(len(rows), 'label')} not taken: {finding.name}: {finding.text}")
                for row in rows:
                    labelled.pop(keys[row], None)

    def _complete(self, task: Task) -> tuple[int, list[str]]:
        """Complete a task on the workers.

        Raises:
            Stopped: a signal came first.
        """
        code, keys = campaign.complete(task, self._pool, self._stop, self._text, retry_failed=self._retry_failed)
        if code == STOPPED or self._stop():
            raise Stopped
        return code, keys

    def _left(self, stage: ExplorationSection, done: int) -> str:
        """How many iterations and how much time a stage takes at most, by those that it had."""
        left = stage.most_iterations - done
        text = f"at most {plural(left, 'iteration')} to its end"
        if not done:
            return text
        seconds = sum(summary.seconds(row) for row in self.rows[-done:]) / done
        return f"{text}, {duration(left * seconds)}"

    def _rung(self, unit: tuple[str, int]) -> str:
        all_rungs = rungs(stages(self.settings)[unit[0]])
        if len(all_rungs) == 1:
            return ""
        return f", {', '.join(f'{kelvin:g}' for kelvin in all_rungs[unit[1]])} K"


@contextmanager
def anew(iteration: int, part: str) -> Iterator[None]:
    """Errors of files that were written with other settings say how to go on."""
    try:
        yield
    except OutputError as error:
        if "results with another" not in str(error):
            raise
        raise OutputError(
            f"{error}\nIteration {iteration} was begun with other settings or data: take these again, or do it anew by "
            f"--from {iteration} {part}."
        ) from error


def finite_mean(values: np.ndarray) -> float:
    """The mean of those values that are finite; NaN if none is: nothing held out, or a training on energies alone."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan


def counted(of: Picked, labelled: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of a system for the row of an iteration, and the keys of the frames that have a label, and that have none."""
    keys = [key for key in of.keys if key in labelled]
    return {
        **{name: of.counts[kind] for kind, name in NAMES.items()},
        "undefined": len(of.undefined),
        "ended": of.ended,
        "asked": of.asked,
        "chosen": len(of.keys),
        "labelled": len(keys),
        "dropped": dict(of.dropped),
        "keys": keys,
        "refused": [key for key in of.keys if key not in labelled],
    }


def chosen(picked: Mapping[str, Picked], keys: Sequence[str], held_out: np.ndarray) -> list[tuple]:
    """A row for each frame that was sent to be labelled."""
    side = dict(zip(keys, held_out.tolist(), strict=True))
    return [
        (system, source, side.get(key, ""), key in side)
        for system, of in picked.items()
        for key, source in zip(of.keys, of.sources, strict=True)
    ]
