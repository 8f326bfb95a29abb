"""The config of `hpcpot label`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import either, file_name, integer, list_of, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.labelling.settings import CalculatorSection
from hpcpot.structure.settings import elements_key, format_key, units_key


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
