"""The farm's task of `hpcpot relax`: its structures, their rows, and the table and figure of what came of them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot.commands.relax import compute, figure, summary
from hpcpot.commands.relax.settings import RelaxSettings
from hpcpot.farm import structures
from hpcpot.farm.campaign import Stop
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
    potential, output = PotentialRef.of(settings.potential), settings.output
    paths = structures.expand(settings.structures.files, Path(arguments.config).parent)
    return Task(
        kind="relax",
        results=output.results,
        items=structures.items(paths, settings.structures.frames, options_of(settings.structures, "structures")),
        columns=compute.COLUMNS | (compute.PATH if output.keep_path else {}),
        compute=partial(
            compute.compute,
            potential=potential,
            options=engine_options(settings),
            memory_MB=settings.relax.memory_MB,
            outside=settings.potential.outside,
        ),
        batched=True,
        identity={"potential": potential.fingerprint, "task": identity(settings)},
        report=partial(report, potential.trained),
    )


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
