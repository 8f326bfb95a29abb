"""The config of `hpcpot build`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, key
from hpcpot.config.kinds import TEXT, Kind, boolean, choice, either, element, file_name, integer, list_of, number
from hpcpot.structure.crystals import AXES, CRYSTALS


def _centre(value: Any) -> str:
    return value if value == "centroid" else element().parse(value)


CELLS = list_of(integer(1), "[nx, ny, nz], each >= 1", 3)
CENTRE = either(Kind("an element, centroid", _centre, TEXT), list_of(number(), "[x, y, z] in Å", 3))


RECIPES = {
    "crystal": ("crystal",),
    "particle": ("crystal", "sphere"),
    "stack": ("crystal", "sphere.centre", "stack"),
    "interface": ("silicon", "lithium", "contact"),
}
"""Sections and keys of each recipe, besides those of all."""


@dataclass(frozen=True, kw_only=True)
class ModelSection:
    """The model that relaxes and moves atoms."""

    file: Path | list[Path] | None = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model that relaxes lattice constants and moves atoms; only interface needs one",
        None,
        is_input=True,
    )


@dataclass(frozen=True, kw_only=True)
class CrystalSection:
    """A crystal by name or from a file."""

    name: str | None = key(choice(*CRYSTALS), "which crystal", None)
    file: Path | None = key(
        file_name(), "a periodic structure instead; of an H5MD trajectory the last frame", None, is_input=True
    )
    primitive: bool = key(boolean(), "repeat the primitive cell instead of the conventional one", False)
    axes: str = key(choice(*AXES), "order of the cell's axes; the first lies along x", "abc")
    repeat: list[int] | None = key(
        CELLS, "cells along the three axes; null: one each, for spheres as many as they need", None
    )
    lattice_constant_A: float | None = key(
        number(above=0),
        "length of a, b and c scale with it; null: relaxed with the potential, or that of PBE if there is none",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class SphereSection:
    """Spheres cut from the crystal."""

    centre: str | list[float] = key(CENTRE, "of an element, the atom nearest the middle of the cells", "Li")
    radius_A: float | None = key(number(above=0), "atoms this near to the centre belong to the sphere", None)
    vacuum_A: float = key(number(above=0), "between the sphere and its periodic images", 20.0)


@dataclass(frozen=True, kw_only=True)
class StackSection:
    """Spheres poured into a box."""

    radii_A: list[float] = key(list_of(number(above=0), "a list of numbers > 0"), "radius of each kind", [10.0, 15.0])
    counts: list[int] = key(list_of(integer(1), "a list of whole numbers >= 1"), "spheres of each kind", [25, 25])
    box_A: list[float] = key(
        list_of(number(above=0), "[x, y, z] in Å, each > 0", 3),
        "into which they are poured along -z",
        [100.0, 100.0, 100.0],
    )
    margin_A: float = key(number(minimum=0), "added on each side of the box; the cell is periodic", 5.0)
    rotate: bool = key(boolean(), "turn each sphere at random", True)
    minimum_distance_A: float = key(number(above=0), "of atoms of different spheres; the later is taken away", 2.0)


@dataclass(frozen=True, kw_only=True)
class SiliconSection:
    """The Si(100) slab."""

    repeat: list[int] = key(CELLS, "cubic cells of the Si(100) slab; [4, 4, 12] has 1536 atoms", [4, 4, 12])
    lattice_constant_A: float | None = key(number(above=0), "null: relaxed with the potential", None)


@dataclass(frozen=True, kw_only=True)
class LithiumSection:
    """Amorphous lithium at no pressure."""

    atoms: int = key(integer(1), "how many, in a box of the slab's width", 3072)
    volume_A3: float = key(number(above=0), "per atom at the start; the pressure decides at the end", 22.0)
    minimum_distance_A: float = key(number(above=0), "between the random atoms of the start", 2.2)
    timestep_fs: float = key(number(above=0), "of all stages of lithium", 2.0, hint="typical 1 to 2")
    settle_steps: int = key(integer(1), "with 1/friction of 10 time steps, to cool the random start", 500)
    melt_temperature_K: float = key(number(above=0), "of settling and melting", 800.0)
    melt_steps: int = key(integer(1), "at melt_temperature_K", 1500)
    temperature_K: float = key(number(above=0), "of equilibration, while the pressure is brought to zero", 500.0)
    friction_time_fs: float = key(number(above=0), "1/friction of the Langevin thermostat", 100.0)
    pressure_steps: int = key(integer(2), "per round; the mean of the second half counts", 1000)
    pressure_rounds: int = key(integer(1), "at most; after each the box is stretched or pressed along z", 8)
    pressure_tolerance_GPa: float = key(number(above=0), "largest mean pressure that counts as zero", 0.05)
    bulk_modulus_GPa: float = key(number(above=0), "for the first change of the box; then it is measured", 11.0)


@dataclass(frozen=True, kw_only=True)
class ContactSection:
    """Both joined."""

    gap_A: float = key(number(above=0), "between the last Si and the first Li layer when they are joined", 2.5)
    vacuum_A: float = key(number(minimum=0), "to the right of lithium", 40.0)
    temperature_K: float = key(number(above=0), "of the annealing of the joined system", 500.0)
    steps: int = key(integer(1), "of that annealing", 3000)
    timestep_fs: float = key(number(above=0), "of that annealing", 1.0)
    friction_time_fs: float = key(number(above=0), "of that annealing; short, to take up its heat", 20.0)


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """The config of `hpcpot build`."""

    recipe: str = key(choice(*RECIPES), "what to build; each has its own sections")
    seed: int = key(integer(), "of all random numbers", 0)
    potential: ModelSection = ModelSection()
    crystal: CrystalSection = CrystalSection()
    sphere: SphereSection = SphereSection()
    stack: StackSection = StackSection()
    silicon: SiliconSection = SiliconSection()
    lithium: LithiumSection = LithiumSection()
    contact: ContactSection = ContactSection()


def is_of(name: str, recipe: str) -> bool:
    """Whether a recipe has a key."""
    return any(name == entry or name.startswith(f"{entry}.") for entry in RECIPES[recipe])


def _changed(section: Any) -> list[str]:
    """Keys that have another value than their default."""
    return [entry.name for entry in fields(section) if getattr(section, entry.name) != entry.metadata["key"].default]


def _check(settings: BuildSettings) -> Iterator[Problem]:
    """Yield what a recipe lacks, keys of other recipes that are set, and keys that do not go together."""
    for section in ("crystal", "sphere", "stack", "silicon", "lithium", "contact"):
        for last in _changed(getattr(settings, section)):
            name = f"{section}.{last}"
            if not is_of(name, settings.recipe):
                owners = " or ".join(recipe for recipe in RECIPES if is_of(name, recipe))
                yield name, f"is for recipe: {owners}; leave it out"
    if settings.recipe == "interface":
        if settings.potential.file is None:
            yield "potential.file", "is required for recipe: interface; e.g. lisi, which ships with hpcpot"
        return
    yield from _check_crystal(settings.crystal, settings.recipe)
    if settings.recipe == "particle" and settings.sphere.radius_A is None:
        yield "sphere.radius_A", "is required for recipe: particle; e.g. 30"
    if settings.recipe == "stack" and len(settings.stack.counts) != len(settings.stack.radii_A):
        yield "stack.counts", f"must have as many entries as stack.radii_A ({len(settings.stack.radii_A)})"


def _check_crystal(crystal: CrystalSection, recipe: str) -> Iterator[Problem]:
    if crystal.name is None and crystal.file is None:
        yield "crystal.name", f"is required for recipe: {recipe}; e.g. Li15Si4"
    if crystal.file is not None:
        for name in _changed(crystal):
            if name not in ("file", "repeat"):
                yield f"crystal.{name}", "does not go with crystal.file, whose cell is taken as it is; leave one out"


SCHEMA = Schema(BuildSettings, _check)
