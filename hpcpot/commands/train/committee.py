"""A committee: models that differ by their seed, each trained by a worker of the farm."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot import config, provenance
from hpcpot.commands.train.settings import FAMILIES, member
from hpcpot.config import Settings
from hpcpot.errors import TrainingError
from hpcpot.farm import farm
from hpcpot.farm.campaign import run_missing
from hpcpot.farm.chunks import Item
from hpcpot.farm.farm import Farm
from hpcpot.farm.results import Column, Results, Store, content_key
from hpcpot.storage.growing import TEXT
from hpcpot.training import job

ERRORS = ("rmse_energy_validation_eV_per_atom", "rmse_force_validation_eV_per_A")
COLUMNS = {"model": Column((), TEXT), "seed": Column((), "i8"), "steps": Column((), "i8")} | {
    name: Column((), "f8") for name in ERRORS
}


def run(settings: Settings, folder: Path, arguments: argparse.Namespace, stop: Callable[[], bool]) -> int:
    """Train all members that are not done; returns the exit code. Each goes on from its checkpoint if it has one."""
    members = [member(settings, k) for k in range(settings.committee.members)]
    data = job.make(settings, folder, False, stop, print)
    items = [
        Item(content_key(data.data_hash, config.dump(one)), k, f"member {k}, seed {one.training.seed}")
        for k, one in enumerate(members)
    ]
    if arguments.dry_run:
        print(config.dump(settings) + farm.plan(settings.farm, len(items)))
        return 0
    results = settings.output.model.with_suffix(".committee.h5")
    for one in members:
        if arguments.overwrite:
            one.output.checkpoint.unlink(missing_ok=True)
        if not results.exists():
            job.check_output(one.output, one.output.checkpoint.exists(), arguments.overwrite)
    compute = partial(train, members=members, folder=folder.resolve(), here=Path.cwd())
    with (
        Farm(settings.farm) as workers,
        Store(
            results,
            kind="train",
            columns=COLUMNS,
            identity={"config": config.dump(settings), "data": data.data_hash},
            provenance={**provenance.collect(), "config": config.dump(settings)},
            expected_rows=len(items),
            existing="overwrite" if arguments.overwrite else "continue",
        ) as store,
    ):
        code = run_missing(workers, store, compute, items, stop, retry_failed=arguments.retry_failed)
    if results.exists():
        with Results(results) as rows:
            for name, *errors in zip(rows.read("model"), *(rows.read(e) for e in ERRORS), strict=True):
                print(f"{name}: {1e3 * errors[0]:.2f} meV/atom, {1e3 * errors[1]:.1f} meV/Å on validation frames")
    return code


def train(number: int, members: list[Settings], folder: Path, here: Path) -> dict[str, Any]:
    """On a worker: train one member, or go on with it; what it prints is in <model>.log.

    Args:
        folder: of the config. here: where the command was started, which output files are relative to.
    """
    from hpcpot.training import curve

    settings = members[number]
    for name, path in vars(settings.output).items():
        setattr(settings.output, name, here / path)
    log = settings.output.model.with_suffix(".log")
    restart = settings.output.checkpoint.exists()
    with log.open("a" if restart else "w", encoding="utf-8") as file:

        def say(text: str) -> None:
            print(text, file=file, flush=True)

        found = job.make(settings, folder, restart, lambda: False, say)
        code = FAMILIES[settings.family].fit(found)
    if code:
        raise TrainingError(f"member {number} = ended with exit code {code}: it must come to its end; see {log}.")
    last = curve.read(settings.output.curve)[-1]
    return {"model": str(settings.output.model), "seed": settings.training.seed, "steps": int(last["step"])} | {
        name: last[name] for name in ERRORS
    }
