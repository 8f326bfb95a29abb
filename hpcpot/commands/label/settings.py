"""The config of `hpcpot label`: every key, its kind, default and meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import TEXT, Kind, boolean, either, file_name, integer, list_of, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.structure.settings import elements_key, format_key, units_key

DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)+"


def import_path() -> Kind:
    """Kind of the import path of a class or function, kept as text."""

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(DOTTED, value):
            raise ValueError("must be module.Name, e.g. ase.calculators.emt.EMT")
        return value

    return Kind("module.Name", parse, {"type": "string", "pattern": f"^{DOTTED}$"})


def keywords() -> Kind:
    """Kind of keyword arguments whose values exist both in YAML and in JSON."""

    def parse(value: Any) -> dict[str, Any]:
        words = "must be names with plain values, e.g. {model_path: model.nqx}"
        if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
            raise ValueError(words)
        try:
            same = json.loads(json.dumps(value)) == value
        except TypeError as error:
            raise ValueError(f"{words}; {error}") from error
        if not same:  # JSON makes text of numbers that are names
            raise ValueError(f"{words}; names within them must be text, too")
        return value

    return Kind("names with plain values", parse, {"type": "object"})


def label_name() -> Kind:
    def parse(value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("must be text")
        return value

    return Kind("text", parse, TEXT)


@dataclass(frozen=True, kw_only=True)
class LabelStructuresSection:
    """Structures to label."""

    files: str | list[str] = key(
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "structures to label: extxyz, H5MD, data sets, CIF, POSCAR, LAMMPS data; patterns such as frames/*.extxyz",
    )
    every: int = key(integer(1), "interval between the frames taken from each file, starting at its first", 1)
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class CalculatorSection:
    """The ASE calculator that computes the labels."""

    class_: str = key(
        import_path(),
        "ASE calculator, or a function that returns one, e.g. nequix.calculator.NequixCalculator; must be installed here "
        "and on the workers; its code runs as you, but not with --dry-run",
    )
    arguments: dict[str, Any] = key(
        keywords(), "keyword arguments of the calculator; file names are relative to the current folder", {}
    )
    name: str | None = key(label_name(), "name of the calculator in the data set; null: its class", None)
    stress: bool = key(boolean(), "label virials, too; set false for a calculator without stress", True)


@dataclass(frozen=True, kw_only=True)
class LabelOutputSection:
    """Output files."""

    results: Path = key(output_path(), "HDF5 file of results; the same command completes it")
    dataset: Path = key(output_path(), "data set (.h5) of the labelled structures")


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """The config of `hpcpot label`."""

    structures: LabelStructuresSection
    calculator: CalculatorSection
    output: LabelOutputSection
    farm: FarmSection = FarmSection()


def _check(settings: LabelSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    output = settings.output
    if output.dataset.suffix not in (".h5", ".hdf5"):
        yield "output.dataset", "must end in .h5; hpcpot convert makes other formats of it"
    if output.dataset.absolute() == output.results.absolute():
        yield "output.dataset", "must be another file than output.results"


SCHEMA = Schema(LabelSettings, _check)
