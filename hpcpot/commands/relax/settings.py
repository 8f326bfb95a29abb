"""The config of `hpcpot relax`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import boolean, choice, output_path
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.settings import PotentialSection
from hpcpot.relaxation.settings import RelaxSection, RelaxStructuresSection, problems


@dataclass(frozen=True, kw_only=True)
class RelaxOutputSection:
    """Output files."""

    results: Path = key(output_path(), "HDF5 file of results; the same command completes it")
    keep_path: bool = key(boolean(), "also store positions, cell, energy, forces and stress of every step", False)


@dataclass(frozen=True, kw_only=True)
class RelaxSettings:
    """The config of `hpcpot relax`."""

    structures: RelaxStructuresSection
    potential: PotentialSection
    relax: RelaxSection = RelaxSection()
    output: RelaxOutputSection
    device: str = key(
        choice("cpu", "gpu", "auto"),
        "device of torch for a graph network, of each worker; others relax on the CPU",
        "cpu",
    )
    farm: FarmSection = FarmSection()


def _check(settings: RelaxSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    yield from problems(settings.structures, settings.relax)


SCHEMA = Schema(RelaxSettings, _check)
