"""The config of `hpcpot properties`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import boolean, choice, either, file_name, list_of, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.settings import PotentialSection
from hpcpot.properties.settings import PropertiesSection
from hpcpot.structure.settings import elements_key, format_key, units_key


@dataclass(frozen=True, kw_only=True)
class PropertiesStructuresSection:
    """Crystals."""

    files: str | list[str] = key(
        either(file_name(), list_of(file_name(), "a list of files or patterns")),
        "crystals: CIF, POSCAR, extxyz and what else hpcpot reads; patterns such as cells/*.cif; folders",
    )
    frames: str = key(choice("all", "last"), "structures to take of files with several", "all")
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class PropertiesOutputSection:
    """Output files."""

    results: Path = key(
        output_path(), "HDF5 file of results, which the same command completes; tables and figure are beside it"
    )
    figure: bool = key(boolean(), "draw the first crystals", True)


@dataclass(frozen=True, kw_only=True)
class PropertiesSettings:
    """The config of `hpcpot properties`."""

    structures: PropertiesStructuresSection
    potential: PotentialSection
    properties: PropertiesSection = PropertiesSection()
    output: PropertiesOutputSection
    device: str = key(
        choice("cpu", "gpu", "auto"), "device of torch for a graph network; others compute on the CPU", "cpu"
    )
    farm: FarmSection = FarmSection()


def _check(settings: PropertiesSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    properties = settings.properties
    if properties.eos_range >= 0.5:
        yield "properties.eos_range", "must be below 0.5, where no model was trained; typical 0.05 to 0.1"
    if properties.strain > 0.05:
        yield "properties.strain", "must be at most 0.05, for constants that are linear; typical 0.005"
    if len({*properties.compute}) < len(properties.compute):
        yield "properties.compute", "must name each once; leave the repeated out"


SCHEMA = Schema(PropertiesSettings, _check)
