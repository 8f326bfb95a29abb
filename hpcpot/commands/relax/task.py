"""The farm's task of `hpcpot relax`, and the table and figure of what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hpcpot.commands.relax import comparison, figure, summary
from hpcpot.commands.relax.settings import RelaxSettings
from hpcpot.farm import row_structures
from hpcpot.farm.campaign import Stop, each_once
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


def prepare(settings: RelaxSettings, arguments: argparse.Namespace, stop: Stop, folder: Path = Path()) -> Task:
    """Read potential and structures.

    Args:
        folder: of the config, beside which structures are looked for.
    Raises:
        ConfigError, ModelError: before anything is done.
    """
    potential, output = reference(settings, arguments.dry_run), settings.output
    given = items(settings.structures, folder)
    if output.structures is not None and not arguments.dry_run:
        is_ours = output.results.exists()  # what an earlier run of this campaign wrote is written anew
        count = len(each_once(given))
        row_structures.check_target(output.structures, count, arguments.overwrite or is_ours, "output.structures")
    task = relax_task(
        output.results,
        given,
        potential,
        settings.relax,
        settings.potential.outside,
        output.keep_path,
        arguments.overwrite,
    )
    return replace(task, report=partial(report, potential.trained, output.structures))


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


def report(trained: TrainedRange | None, structures: Path | None, results: Results, keys: Sequence[str]) -> None:
    """Print the tables of some items, draw their figure, and write their structures.

    Args:
        trained: the range that tells why a structure is outside. structures: where they go, if anywhere.
    """
    campaign = summary.gather(results, set(keys), trained)
    print(summary.table(campaign))
    if len(campaign.steps):
        print(comparison.text(results, keys))
    if len(campaign.steps) and structures is not None:
        print(row_structures.write(results, structures, keys))
    print(figures.drawn(len(campaign.steps), results.path.with_suffix(".png"), partial(figure.write, campaign)))
