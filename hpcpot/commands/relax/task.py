"""The farm's task of `hpcpot relax`, and the table and figure of what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hpcpot.commands.relax import figure, summary
from hpcpot.commands.relax.settings import RelaxSettings
from hpcpot.farm.campaign import Stop
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation.task import items, relax_task
from hpcpot.report import figures


def prepare(settings: RelaxSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Read potential and structures.

    Raises:
        ConfigError, ModelError: before anything is done.
    """
    potential, output = PotentialRef.of(settings.potential, True, settings.device), settings.output
    task = relax_task(
        output.results,
        items(settings.structures, Path(arguments.config).parent),
        potential,
        settings.relax,
        settings.potential.outside,
        output.keep_path,
        arguments.overwrite,
    )
    return replace(task, report=partial(report, potential.trained))


def report(trained: TrainedRange | None, results: Results, keys: Sequence[str]) -> None:
    """Print the table of some items, and draw their figure.

    Args:
        trained: the range that tells why a structure is outside.
    """
    campaign = summary.gather(results, set(keys), trained)
    print(summary.table(campaign))
    print(figures.drawn(len(campaign.steps), results.path.with_suffix(".png"), partial(figure.write, campaign)))
