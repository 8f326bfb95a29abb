"""`hpcpot train CONFIG`: one training, or a committee on the farm."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot import config
from hpcpot.commands.train.inputs import in_own_words, load
from hpcpot.errors import ConfigError
from hpcpot.farm import campaign
from hpcpot.farm.task import Task
from hpcpot.parallel.stop import StopRequest
from hpcpot.training import job
from hpcpot.training.committee import committee_task
from hpcpot.training.settings import TRAINERS, TrainSettings


def run_command(arguments: argparse.Namespace) -> int:
    """Returns the exit code.

    Raises:
        ConfigError, DataError, OutputError: before anything is done.
    """
    stop = StopRequest()
    if arguments.restart and arguments.overwrite:
        raise ConfigError("--restart, --overwrite = both: one goes on, the other begins anew; give one.")
    with in_own_words(Path(arguments.config)):
        return _train(arguments, stop)


def _train(arguments: argparse.Namespace, stop: StopRequest) -> int:
    settings = load(Path(arguments.config), arguments.overrides)
    folder = Path(arguments.config).parent
    if settings.committee.members > 1:
        return campaign.run_settings(settings, arguments, prepare, stop)
    if arguments.dry_run:
        planned = job.make(settings, folder, False, stop, print)
        n_validation = 0 if planned.validation is None else len(planned.validation)
        print(f"{config.dump(settings)}{len(planned.training)} frames to train on, {n_validation} to judge by")
        return 0
    job.check_output(settings.output, arguments.restart, arguments.overwrite)
    return TRAINERS[settings.family].fit(job.make(settings, folder, arguments.restart, stop, print))


def prepare(settings: TrainSettings, arguments: argparse.Namespace, stop: StopRequest) -> Task:
    """The task of a committee."""
    return committee_task(settings, Path(arguments.config).parent, arguments.overwrite)
