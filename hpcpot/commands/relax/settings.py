"""The config of `hpcpot relax`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, change, changed_keys, key
from hpcpot.config.kinds import boolean, choice, either, file_name, list_of, output_path, output_target
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.labelling.settings import import_path, keywords
from hpcpot.potential.settings import PotentialSection
from hpcpot.relaxation.settings import RelaxSection, RelaxStructuresSection, problems


@dataclass(frozen=True, kw_only=True)
class RelaxPotentialSection(PotentialSection):
    """The potential and its kernels; or a calculator."""

    file: Path | list[Path] | None = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model file of hpcpot (.h5), DeePMD-kit, aenet or MLIP, or the name of a shipped model, e.g. lisi; or calculator.class",
        None,
        is_input=True,
        also=("model",),
    )


@dataclass(frozen=True, kw_only=True)
class RelaxCalculatorSection:
    """A calculator of ASE in place of a potential."""

    class_: str | None = key(
        import_path(),
        "ASE calculator, or a function that returns one, in place of potential.file, e.g. hpcpot.labelling.meam.calculator; "
        "its code runs as you, but not with --dry-run",
        None,
    )
    arguments: dict[str, Any] = key(
        keywords(), "keyword arguments of the calculator; file names are relative to the current folder", {}
    )


@dataclass(frozen=True, kw_only=True)
class RelaxOutputSection:
    """Output files."""

    structures: Path | None = key(
        output_target(),
        "file for the relaxed structures: .extxyz for any number; .cif, .vasp, .data for one; without a suffix a folder with "
        "a file for each, in the format of its input; null: none",
        None,
    )
    results: Path | None = key(
        output_path(),
        "HDF5 file of results; the same command completes it; null: beside output.structures, as .h5",
        None,
    )
    keep_path: bool = key(boolean(), "also store positions, cell, energy, forces and stress of every step", False)


@dataclass(frozen=True, kw_only=True)
class RelaxSettings:
    """The config of `hpcpot relax`."""

    structures: RelaxStructuresSection
    potential: RelaxPotentialSection = RelaxPotentialSection()
    calculator: RelaxCalculatorSection = RelaxCalculatorSection()
    relax: RelaxSection = RelaxSection()
    output: RelaxOutputSection
    device: str = key(
        choice("cpu", "gpu", "auto"),
        "device of torch for a graph network, of each worker; others relax on the CPU",
        "cpu",
    )
    farm: FarmSection = FarmSection()


def _complete(settings: RelaxSettings) -> RelaxSettings:
    """Name the results after the structures where only these are named."""
    output = settings.output
    if output.results is not None or output.structures is None:
        return settings
    return change(settings, output={"results": output.structures.with_suffix(".h5")})


def _check(settings: RelaxSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    yield from problems(settings.structures, settings.relax)
    if settings.output.results is None:
        yield "output.results", "is required, an HDF5 file; or output.structures, a file of the relaxed structures"
    potential, calculator = settings.potential, settings.calculator
    if potential.file is None and calculator.class_ is None:
        yield "potential.file", "is required, e.g. lisi_mtp; or calculator.class, a calculator of ASE"
    if calculator.class_ is None and calculator.arguments:
        yield "calculator.arguments", "are for calculator.class; name it, or leave them out"
    if calculator.class_ is not None:
        for name in changed_keys(potential):
            yield f"potential.{name}", "does not go with calculator.class; leave one out"
        if settings.device != "cpu":
            yield "device", "is for a graph network, and a calculator says its own in calculator.arguments; set cpu"


SCHEMA = Schema(RelaxSettings, _check, _complete)
