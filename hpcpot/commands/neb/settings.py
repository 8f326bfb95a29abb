"""The config of `hpcpot neb`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import boolean, choice, file_name, integer, list_of, number, output_path
from hpcpot.potential.settings import PotentialSection
from hpcpot.structure.settings import elements_key, format_key, units_key


@dataclass(frozen=True, kw_only=True)
class NebStructuresSection:
    """The ends of the path."""

    files: list[Path] = key(
        list_of(file_name(), "a list of files"),
        "initial and final structure, the same atoms in the same order and cell; or one file with all images of a path",
        is_input=True,
    )
    elements: list[str] | None = elements_key()
    units: str | None = units_key()
    format: str | None = format_key()


@dataclass(frozen=True, kw_only=True)
class NebSection:
    """The band and its convergence."""

    images: int | None = key(integer(1), "images between the ends; null: 7, or those of the file", None)
    interpolation: str = key(
        choice("idpp", "linear"), "first path: idpp keeps atoms apart on the way, linear is straight", "idpp"
    )
    relax_ends: bool = key(boolean(), "relax both ends first, at fixed cell", True)
    climb: bool = key(boolean(), "the highest image climbs to the saddle", True)
    spring_eV_per_A2: float = key(number(above=0), "stiffness of the springs between images", 1.0)
    force_eV_per_A: float = key(
        number(above=0), "force tolerance: the largest force of the band on an atom at convergence", 0.03
    )
    steps: int = key(integer(1), "maximum number of steps of the band", 1000)


@dataclass(frozen=True, kw_only=True)
class NebOutputSection:
    """Output files."""

    path: Path = key(
        output_path(), "images with energies and forces, .extxyz; beside it .csv and .png of the same name"
    )
    figure: bool = key(boolean(), "draw the energy along the path", True)


@dataclass(frozen=True, kw_only=True)
class NebSettings:
    """The config of `hpcpot neb`."""

    structures: NebStructuresSection
    potential: PotentialSection
    neb: NebSection = NebSection()
    output: NebOutputSection
    device: str = key(
        choice("cpu", "gpu", "auto"), "device of torch for a graph network; others compute on the CPU", "cpu"
    )


def _check(settings: NebSettings) -> Iterator[Problem]:
    """Yield inconsistencies between keys."""
    files = settings.structures.files
    if len(files) > 2:
        yield "structures.files", "must be two, the initial and the final structure, or one with a path"
    if len(files) == 1 and settings.neb.images is not None:
        yield "neb.images", "is for two structures; a file of a path has its images: leave it out"
    if settings.output.path.suffix != ".extxyz":
        yield "output.path", "must end in .extxyz, which holds several structures"


SCHEMA = Schema(NebSettings, _check)
