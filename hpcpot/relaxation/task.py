"""The farm's task of relaxing many structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot.farm import structures
from hpcpot.farm.item import Item
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.results import Column, Results
from hpcpot.farm.task import Task
from hpcpot.relaxation import compute, minimizers, starts
from hpcpot.relaxation.by_calculator import CalculatorRef
from hpcpot.relaxation.engine import RelaxationOptions
from hpcpot.relaxation.settings import RelaxSection, RelaxStructuresSection
from hpcpot.structure.settings import options_of
from hpcpot.units import EV_PER_A3_IN_GPA


def relax_task(
    results: Path,
    items: Sequence[Item],
    potential: PotentialRef | CalculatorRef,
    relax: RelaxSection,
    outside: str = "warn",
    keep_path: bool = False,
    overwrite: bool = False,
) -> Task:
    """A row for each structure, see `compute.COLUMNS`.

    Args:
        outside: see `PotentialSection`. keep_path: whether rows have every step, too.
        overwrite: the results begin anew.
    """
    options = engine_options(relax, keep_path)
    columns = compute.COLUMNS | (compute.PATH if keep_path else {}) | compute.TIME
    if results.exists() and not overwrite:
        columns = as_stored(results, columns)
    return Task(
        kind="relax",
        results=results,
        items=items,
        columns=columns,
        compute=partial(
            compute.compute,
            potential=potential,
            options=options,
            memory_MB=relax.memory_MB,
            outside=outside,
            is_timed=compute.TIME.keys() <= columns.keys(),
        ),
        batched=True,
        identity={"potential": potential.fingerprint, "task": identity(potential, options, outside)},
        cites=(*potential.cites, *(("bitzek2006",) if relax.minimizer == "fire" else ())),
    )


def as_stored(path: Path, columns: dict[str, Column]) -> dict[str, Column]:
    """The columns as a results file has them: those of version 0.1.0 lack times, and have paths in double precision."""
    with Results(path) as results:
        stored = results.columns
    present = {name: column for name, column in columns.items() if name in stored or name not in compute.TIME}
    return {
        name: stored[name] if name in compute.PATH and name in stored else column for name, column in present.items()
    }


def items(section: RelaxStructuresSection, folder: Path) -> Sequence[Item]:
    """The structures of files, or those of a recipe, which are made where they are relaxed.

    Args:
        folder: of the config, beside which files are looked for.
    """
    if section.recipe is not None:
        return starts.of_recipe(section.recipe)
    return structures.items(structures.expand(section.files, folder), section.frames, options_of(section, "structures"))


def engine_options(relax: RelaxSection, keep_path: bool = False) -> RelaxationOptions:
    """The relax section in the units of the engine."""
    return RelaxationOptions(
        minimizer=relax.minimizer,
        moves=minimizers.MinimizerOptions(relax.longest_step_A, relax.potim, relax.smass),
        cell=relax.cell,
        pressure=relax.pressure_GPa / EV_PER_A3_IN_GPA,
        force=relax.force_eV_per_A,
        stress=relax.stress_GPa / EV_PER_A3_IN_GPA,
        steps=relax.steps,
        keep_path=keep_path,
    )


def identity(potential: PotentialRef | CalculatorRef, options: RelaxationOptions, outside: str) -> str:
    """Settings that all rows of a file share, besides the potential."""
    text = f"{_text(options)}\nprecision: {potential.precision}, kernels: {potential.kernels}"
    return text if outside == "warn" else f"{text}\noutside: {outside}"


def _text(options: Any) -> str:
    """Options by name, as all results files have them, whatever the classes are called."""
    values = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    parts = (f"{name}={_text(value) if is_dataclass(value) else repr(value)}" for name, value in values.items())
    return f"Options({', '.join(parts)})"
