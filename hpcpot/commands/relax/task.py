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
from hpcpot.labelling import calculators
from hpcpot.labelling.settings import CalculatorSection
from hpcpot.labelling.task import check_calculator, identity
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation.by_calculator import CalculatorRef
from hpcpot.relaxation.task import items, relax_task
from hpcpot.report import figures


def prepare(settings: RelaxSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Read potential and structures.

    Raises:
        ConfigError, ModelError: before anything is done.
    """
    potential, output = reference(settings, arguments.dry_run), settings.output
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


def reference(settings: RelaxSettings, dry_run: bool) -> PotentialRef | CalculatorRef:
    """The potential of the config, or the calculator, which is tried here once; a dry run leaves its code alone.

    Raises:
        ConfigError, ModelError: it cannot be read or built.
    """
    given = settings.calculator
    if given.class_ is None:
        return PotentialRef.of(settings.potential, True, settings.device)
    if dry_run:
        calculators.check_name(given.class_)
        return CalculatorRef.of(given.class_, given.arguments, given.class_)
    section = CalculatorSection(class_=given.class_, arguments=given.arguments)
    check_calculator(section)
    return CalculatorRef.of(given.class_, given.arguments, identity(section))


def report(trained: TrainedRange | None, results: Results, keys: Sequence[str]) -> None:
    """Print the table of some items, and draw their figure.

    Args:
        trained: the range that tells why a structure is outside.
    """
    campaign = summary.gather(results, set(keys), trained)
    print(summary.table(campaign))
    print(figures.drawn(len(campaign.steps), results.path.with_suffix(".png"), partial(figure.write, campaign)))
