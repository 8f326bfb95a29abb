"""The config of `hpcpot search`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, changed_keys, key
from hpcpot.config.kinds import choice, either, file_name, integer, list_of, number, output_folder
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.settings import FarmSection
from hpcpot.potential.registry import PRECISIONS
from hpcpot.potential.settings import PotentialSection
from hpcpot.relaxation.settings import RelaxSection, RelaxStructuresSection, problems


@dataclass(frozen=True, kw_only=True)
class CoarseSection:
    """A first relaxation by a cheap model; what it leaves far above the hull goes no further."""

    file: Path | list[Path] | None = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model of the first relaxation, as potential.file; null: there is none",
        None,
        is_input=True,
    )
    precision: str = key(choice(*PRECISIONS), "as potential.precision", "float64")
    force_eV_per_A: float = key(number(above=0), "force tolerance of the first relaxation", 0.1)
    stress_GPa: float = key(number(above=0), "stress tolerance of the first relaxation", 0.5)
    steps: int = key(integer(), "maximum number of its steps; a structure goes on from where it is then", 500)
    keep_eV_per_atom: float = key(
        number(above=0),
        "structures at most so far above the hull of the known crystals, by this model, are relaxed further",
        0.1,
    )


@dataclass(frozen=True, kw_only=True)
class KnownSection:
    """Known crystals, relaxed by the same potential."""

    crystals: list[str] = key(
        list_of(file_name(), "a list of names of crystals or of files"),
        "crystals of the hull, which are looked for where structures have their composition: names, as for `hpcpot build`, or "
        "files; of each element one at least",
    )


@dataclass(frozen=True, kw_only=True)
class RankingSection:
    """Which minima are the same, and which are written."""

    within_eV_per_atom: float = key(
        number(above=0), "minima at most so far above the hull of the known crystals are compared and ranked", 0.1
    )
    energy_eV_per_atom: float = key(
        number(above=0), "minima whose energies differ by more are not the same, and not compared", 0.002
    )
    volume_percent: float = key(
        number(above=0), "minima whose volumes differ by more are not the same, and not compared", 2.0
    )
    length_tolerance: float = key(number(above=0), "largest difference of edges of the same structure, in parts", 0.2)
    site_tolerance: float = key(
        number(above=0),
        "largest distance of sites of the same structure, in parts of the cube root of the volume of an atom",
        0.3,
    )
    angle_tolerance_deg: float = key(number(above=0), "largest difference of angles of the same structure", 5.0)
    symmetry_A: float = key(number(above=0), "how far atoms may be from symmetric places, for space groups", 0.1)
    best: int = key(integer(1), "number of the best minima that are printed and written as CIF", 10)


@dataclass(frozen=True, kw_only=True)
class SearchOutputSection:
    """Output files."""

    folder: Path = key(output_folder(), "folder of all results; the same command completes them")


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The config of `hpcpot search`."""

    structures: RelaxStructuresSection
    coarse: CoarseSection = CoarseSection()
    potential: PotentialSection
    relax: RelaxSection = RelaxSection()
    known: KnownSection
    ranking: RankingSection = RankingSection()
    output: SearchOutputSection
    farm: FarmSection = FarmSection()


def _check(settings: SearchSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    yield from farm_settings.check(settings.farm)
    yield from problems(settings.structures, settings.relax)
    if settings.relax.cell == "fixed":
        yield "relax.cell", "must not be fixed: minima of other cells cannot be ranked; set full"
    if settings.relax.pressure_GPa:
        yield "relax.pressure_GPa", "must be 0, as minima are ranked by energy, not by enthalpy"
    if settings.potential.outside == "ignore":
        yield (
            "potential.outside",
            "must be warn or stop, or minima where the potential was not trained would be ranked first",
        )
    if settings.coarse.file is None:
        for name in changed_keys(settings.coarse):
            yield f"coarse.{name}", "is for a first relaxation, by coarse.file; name a model, or leave it out"


SCHEMA = Schema(SearchSettings, _check)
