"""The farm's task of `hpcpot relax`: its structures, their rows, and the table and figure of what came of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot.commands.relax import compute, figure, starts, summary
from hpcpot.commands.relax.settings import RelaxSettings, RelaxStructuresSection
from hpcpot.farm import structures
from hpcpot.farm.campaign import Stop
from hpcpot.farm.item import Item
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Results
from hpcpot.farm.task import Task
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation import minimizers
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.report import figures
from hpcpot.structure.settings import options_of
from hpcpot.units import EV_PER_A3_IN_GPA


def prepare(settings: RelaxSettings, arguments: argparse.Namespace, stop: Stop) -> Task:
    """Read potential and structures.

    Raises:
        ConfigError, ModelError: before anything is done.
    """
    potential, output = PotentialRef.of(settings.potential, True, settings.device), settings.output
    is_timed = arguments.overwrite or has_times(output.results)
    return Task(
        kind="relax",
        results=output.results,
        items=items(settings.structures, Path(arguments.config).parent),
        columns=compute.COLUMNS | (compute.PATH if output.keep_path else {}) | (compute.TIME if is_timed else {}),
        compute=partial(
            compute.compute,
            potential=potential,
            options=engine_options(settings),
            memory_MB=settings.relax.memory_MB,
            outside=settings.potential.outside,
            is_timed=is_timed,
        ),
        batched=True,
        identity={"potential": potential.fingerprint, "task": identity(settings)},
        report=partial(report, potential.trained),
    )


def has_times(path: Path) -> bool:
    """Whether rows of a results file have their time: those of new files do, those of version 0.1.0 do not."""
    if not path.exists():
        return True
    with Results(path) as results:
        return results.columns.keys() >= compute.TIME.keys()


def items(section: RelaxStructuresSection, folder: Path) -> Sequence[Item]:
    """The structures of files, or those of a recipe, which are made where they are relaxed.

    Args:
        folder: of the config, beside which files are looked for.
    """
    if section.recipe is not None:
        return starts.of_recipe(section.recipe)
    return structures.items(structures.expand(section.files, folder), section.frames, options_of(section, "structures"))


def engine_options(settings: RelaxSettings) -> RelaxationOptions:
    """The relax section in the units of the engine."""
    relax = settings.relax
    return RelaxationOptions(
        minimizer=relax.minimizer,
        moves=minimizers.MinimizerOptions(relax.longest_step_A, relax.potim, relax.smass),
        cell=relax.cell,
        pressure=relax.pressure_GPa / EV_PER_A3_IN_GPA,
        force=relax.force_eV_per_A,
        stress=relax.stress_GPa / EV_PER_A3_IN_GPA,
        steps=relax.steps,
        keep_path=settings.output.keep_path,
    )


def identity(settings: RelaxSettings) -> str:
    """Settings that all rows of a file share, besides the potential."""
    potential = settings.potential
    text = f"{_text(engine_options(settings))}\nprecision: {potential.precision}, kernels: {potential.kernels}"
    return text if potential.outside == "warn" else f"{text}\noutside: {potential.outside}"


def _text(options: Any) -> str:
    """Options by name, as all results files have them, whatever the classes are called."""
    values = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    parts = (f"{name}={_text(value) if is_dataclass(value) else repr(value)}" for name, value in values.items())
    return f"Options({', '.join(parts)})"


def report(trained: TrainedRange | None, results: Results, keys: Sequence[str]) -> None:
    """Print the table of some items, and draw their figure.

    Args:
        trained: the range that tells why a structure is outside.
    """
    campaign = summary.gather(results, set(keys), trained)
    print(summary.table(campaign))
    print(figures.drawn(len(campaign.steps), results.path.with_suffix(".png"), partial(figure.write, campaign)))
