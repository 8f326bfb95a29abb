"""A committee: models that differ by their seed, each trained by a worker of the farm."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot import config
from hpcpot.errors import TrainingError
from hpcpot.farm.item import Item
from hpcpot.farm.results import Column, Results
from hpcpot.farm.task import Task
from hpcpot.potential import registry
from hpcpot.storage.content import content_key
from hpcpot.storage.growing import TEXT
from hpcpot.training import job
from hpcpot.training.settings import SCHEMA, TRAINERS, TrainSettings, member

ERRORS = ("rmse_energy_validation_eV_per_atom", "rmse_force_validation_eV_per_A")
COLUMNS = {"model": Column((), TEXT), "seed": Column((), "i8"), "steps": Column((), "i8")} | {
    name: Column((), "f8") for name in ERRORS
}
WITHOUT = ("farm",)
"""Sections that change nothing in a model."""


def committee_task(settings: TrainSettings, folder: Path, overwrite: bool) -> Task:
    """Read the data; each member that is not done goes on from its checkpoint if it has one.

    Args:
        folder: of the config, beside which files are looked for first.
    """
    results = settings.output.model.with_suffix(".committee.h5")
    members = [member(settings, k) for k in range(settings.committee.members)]
    data = job.make(settings, folder, False, lambda: False, print)
    text = partial(_text, then=None if overwrite else _stored_config(results))
    return Task(
        kind="train",
        results=results,
        items=[
            Item(content_key(data.data_hash, text(own)), k, f"member {k}, seed {own.training.seed}")
            for k, own in enumerate(members)
        ],
        columns=COLUMNS,
        compute=partial(train, members=members, folder=folder.resolve(), here=Path.cwd()),
        identity={"config": text(settings), "data": data.data_hash},
        cites=registry.FAMILIES[settings.family].cites,
        begin=partial(check_outputs, members, results, overwrite),
        report=report,
    )


def _stored_config(results: Path) -> str | None:
    """The config by which a committee was begun, as its results have it; None without any."""
    if not results.exists():
        return None
    with Results(results) as stored:
        return stored.identity().get("config")


def _text(settings: TrainSettings, then: str | None) -> str:
    """What tells trainings apart: the config, without keys that are newer than the results and at their defaults.

    Where it is trained does not matter, so that a committee can go on by other workers.
    """
    if then is None:
        return config.dump(settings, WITHOUT)
    return config.dump_like(settings, SCHEMA, then, WITHOUT)


def check_outputs(members: Sequence[TrainSettings], results: Path, overwrite: bool) -> None:
    """Refuse models of other trainings, and take away checkpoints that are to be overwritten.

    Raises:
        OutputError: a model or checkpoint is there, no results of a committee beside it, and `overwrite` is not set.
    """
    for settings in members:
        if overwrite:
            settings.output.checkpoint.unlink(missing_ok=True)
        if not results.exists():
            job.check_output(settings.output, settings.output.checkpoint.exists(), overwrite)


def report(results: Results, keys: Sequence[str]) -> None:
    """Print the errors of each member on the validation frames."""
    for name, *errors in zip(results.read("model"), *(results.read(column) for column in ERRORS), strict=True):
        print(f"{name}: {1e3 * errors[0]:.2f} meV/atom, {1e3 * errors[1]:.1f} meV/Å on validation frames")


def train(number: int, members: list[TrainSettings], folder: Path, here: Path) -> dict[str, Any]:
    """Train one member on a worker, or go on with it; it prints to <model>.log.

    Args:
        folder: of the config. here: where the command was started, which output files are relative to.
    """
    from hpcpot.training import curve

    settings = members[number]
    settings = config.change(settings, output={name: here / path for name, path in vars(settings.output).items()})
    log = settings.output.model.with_suffix(".log")
    restart = settings.output.checkpoint.exists()
    with log.open("a" if restart else "w", encoding="utf-8") as file:

        def say(text: str) -> None:
            print(text, file=file, flush=True)

        training = job.make(settings, folder, restart, lambda: False, say)
        code = TRAINERS[settings.family].fit(training)
    if code:
        raise TrainingError(f"member {number} = ended with exit code {code}: it must come to its end; see {log}.")
    last = curve.read(settings.output.curve)[-1]
    return {"model": str(settings.output.model), "seed": settings.training.seed, "steps": int(last["step"])} | {
        name: last[name] for name in ERRORS
    }
