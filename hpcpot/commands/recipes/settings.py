"""The config of `hpcpot build`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, changed_keys, key
from hpcpot.config.kinds import TEXT, Kind, boolean, choice, either, element, file_name, integer, list_of, number
from hpcpot.structure.crystals import AXES, CRYSTALS, SURFACES
from hpcpot.structure.random.settings import RandomSection
from hpcpot.structure.random.settings import problems as random_problems


def _centre(value: Any) -> str:
    return value if value == "centroid" else element().parse(value)


def _surface(value: Any) -> str:
    if str(value) not in SURFACES or isinstance(value, bool):
        raise ValueError(f"must be {' | '.join(SURFACES)}")
    return str(value)


SURFACE = Kind(" | ".join(SURFACES), _surface, {"enum": [*SURFACES, *map(int, SURFACES)]})
CELLS = list_of(integer(1), "[nx, ny, nz], each >= 1", 3)
CENTRE = either(Kind("an element, centroid", _centre, TEXT), list_of(number(), "[x, y, z] in Å", 3))


RECIPES = {
    "crystal": ("crystal",),
    "particle": ("crystal", "sphere"),
    "stack": ("crystal", "sphere.centre", "stack"),
    "perturb": ("crystal", "perturb"),
    "interface": ("silicon", "glass", "lithium", "contact"),
    "random": ("random",),
}
"""Sections and keys that belong to each recipe, besides the common ones."""


@dataclass(frozen=True, kw_only=True)
class ModelSection:
    """Potential that relaxes lattice constants and moves atoms."""

    file: Path | list[Path] | None = key(
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model that relaxes lattice constants and moves atoms; required by recipe: interface only",
        None,
        is_input=True,
    )


@dataclass(frozen=True, kw_only=True)
class CrystalSection:
    """A crystal by name or from a file."""

    name: str | None = key(choice(*CRYSTALS), "name of the crystal", None)
    file: Path | None = key(
        file_name(),
        "file of a periodic structure, instead of a name; of an H5MD trajectory, its last frame",
        None,
        is_input=True,
    )
    primitive: bool = key(boolean(), "repeat the primitive instead of the conventional cell", False)
    axes: str = key(choice(*AXES), "order of the axes of the cell; the first lies along x", "abc")
    repeat: list[int] | None = key(
        CELLS, "number of cells along each axis; null: one, or as many as a sphere needs", None
    )
    lattice_constant_A: float | None = key(
        number(above=0),
        "length of a; b and c scale with it; null: relaxed by the potential, or the PBE value without one",
        None,
    )


@dataclass(frozen=True, kw_only=True)
class SphereSection:
    """Spherical particles cut from the crystal."""

    centre: str | list[float] = key(
        CENTRE,
        "centre of the sphere: the atom of this element nearest to the middle of the supercell, the centroid, or a point",
        "Li",
    )
    radius_A: float | None = key(number(above=0), "radius of the sphere", None)
    vacuum_A: float = key(number(above=0), "vacuum between the sphere and its periodic images", 20.0)


@dataclass(frozen=True, kw_only=True)
class StackSection:
    """A stack of spheres poured into a box."""

    radii_A: list[float] = key(
        list_of(number(above=0), "a list of numbers > 0"), "radius of each kind of sphere", [10.0, 15.0]
    )
    counts: list[int] = key(
        list_of(integer(1), "a list of whole numbers >= 1"), "number of spheres of each kind", [25, 25]
    )
    box_A: list[float] = key(
        list_of(number(above=0), "[x, y, z] in Å, each > 0", 3),
        "box into which the spheres are poured along -z",
        [100.0, 100.0, 100.0],
    )
    margin_A: float = key(number(minimum=0), "margin added on each side of the box to form the periodic cell", 5.0)
    rotate: bool = key(boolean(), "rotate each sphere at random", True)
    minimum_distance_A: float = key(
        number(above=0),
        "minimum distance between atoms of different spheres; of a closer pair the later atom is removed",
        2.0,
    )


@dataclass(frozen=True, kw_only=True)
class PerturbSection:
    """Structures near the crystal, or near the one of crystal.file; the structure itself is the first at each scale."""

    copies: int = key(integer(1), "number of perturbed structures at each scale", 10)
    scales: list[float] = key(
        list_of(number(above=0), "a list of numbers > 0"), "factors of all lengths of the structure", [1.0]
    )
    strain: float = key(
        number(minimum=0), "largest strain of the cell along an axis; half of it in a plane, e_xy", 0.03
    )
    displacement_A: float = key(
        number(minimum=0), "largest distance that an atom is moved, in a random direction", 0.01
    )


@dataclass(frozen=True, kw_only=True)
class SiliconSection:
    """The slab of silicon."""

    surface: str = key(SURFACE, "surface of the crystal that lithium meets", "100")
    repeat: list[int] = key(
        CELLS,
        "number of cells of the slab along each axis, which are as long as a, a, a for (100), a, a/√2, a/√2 for (110), and "
        "a/√2, a√(3/2), a√3 for (111); [4, 4, 12] of (100) has 1536 atoms",
        [4, 4, 12],
    )
    layers: int | None = key(
        integer(1), "atomic layers of the slab, those nearest to lithium; null: all that the cells have", None
    )
    strain: list[float] = key(
        list_of(number(), "[x, y]", 2), "strain of the slab, and with it of all else, along x and y", [0.0, 0.0]
    )
    lattice_constant_A: float | None = key(
        number(above=0), "lattice constant of silicon; null: relaxed by the potential", None
    )
    amorphous: bool = key(
        boolean(), "melt the slab's cell, periodic along z too, and quench it, by section glass", False
    )


@dataclass(frozen=True, kw_only=True)
class MeltSection:
    """What melts of silicon and of lithium share."""

    timestep_fs: float = key(number(above=0), "time step of all its stages", 1.0, hint="typical 1 to 2")
    melt_temperature_K: float = key(number(above=0), "temperature at which it melts", 2200.0)
    melt_steps: int = key(integer(1), "steps at melt_temperature_K", 20_000)
    temperature_K: float = key(number(above=0), "temperature of equilibration, while the pressure is relaxed", 300.0)
    friction_time_fs: float = key(number(above=0), "time constant (1/friction) of the Langevin thermostat", 100.0)
    pressure_steps: int = key(
        integer(2), "steps of each round of pressure relaxation; the pressure is averaged over the second half", 5000
    )
    pressure_rounds: int = key(integer(1), "maximum number of rounds; each ends by rescaling the box along z", 8)
    pressure_tolerance_GPa: float = key(number(above=0), "mean pressure that counts as zero", 0.05)
    bulk_modulus_GPa: float = key(
        number(above=0), "estimate of the bulk modulus for the first rescaling; measured afterwards", 90.0
    )


@dataclass(frozen=True, kw_only=True)
class GlassSection(MeltSection):
    """Preparation of amorphous silicon at zero pressure, where silicon.amorphous asks for it."""

    quench_steps: int = key(
        integer(1), "steps from melt_temperature_K down to temperature_K; 1e13 K/s take 0.1 ps for each kelvin", 190_000
    )


@dataclass(frozen=True, kw_only=True)
class LithiumSection(MeltSection):
    """Preparation of amorphous lithium at zero pressure."""

    atoms: int = key(integer(1), "number of Li atoms, in a box as wide as the slab", 3072)
    volume_A3: float = key(number(above=0), "initial volume per atom, before the pressure is relaxed", 22.0)
    minimum_distance_A: float = key(number(above=0), "minimum distance between the initial random positions", 2.2)
    timestep_fs: float = key(number(above=0), "time step of all lithium stages", 2.0, hint="typical 1 to 2")
    settle_steps: int = key(
        integer(1),
        "steps of strongly damped dynamics (1/friction of 10 time steps) that settle the random positions",
        500,
    )
    melt_temperature_K: float = key(number(above=0), "temperature of settling and melting", 800.0)
    melt_steps: int = key(integer(1), "steps at melt_temperature_K", 1500)
    temperature_K: float = key(number(above=0), "temperature of equilibration, while the pressure is relaxed", 500.0)
    pressure_steps: int = key(
        integer(2), "steps of each round of pressure relaxation; the pressure is averaged over the second half", 1000
    )
    bulk_modulus_GPa: float = key(
        number(above=0), "estimate of the bulk modulus for the first rescaling; measured afterwards", 11.0
    )


@dataclass(frozen=True, kw_only=True)
class ContactSection:
    """Joining of slab and lithium, and annealing."""

    gap_A: float = key(number(above=0), "initial gap between the last Si and the first Li layer", 2.5)
    vacuum_A: float = key(number(minimum=0), "vacuum to the right of lithium", 40.0)
    temperature_K: float = key(number(above=0), "temperature of the final annealing", 500.0)
    steps: int = key(integer(1), "steps of the final annealing", 3000)
    timestep_fs: float = key(number(above=0), "time step of the final annealing", 1.0)
    friction_time_fs: float = key(
        number(above=0), "time constant (1/friction) of the thermostat; short, to absorb the heat of reaction", 20.0
    )


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """The config of `hpcpot build`."""

    recipe: str = key(choice(*RECIPES), "what to build; each recipe has sections of its own")
    seed: int = key(integer(), "seed of all random numbers", 0)
    potential: ModelSection = ModelSection()
    crystal: CrystalSection = CrystalSection()
    sphere: SphereSection = SphereSection()
    stack: StackSection = StackSection()
    perturb: PerturbSection = PerturbSection()
    silicon: SiliconSection = SiliconSection()
    glass: GlassSection = GlassSection()
    lithium: LithiumSection = LithiumSection()
    contact: ContactSection = ContactSection()
    random: RandomSection = RandomSection()


def is_of(name: str, recipe: str) -> bool:
    """Return whether a key belongs to a recipe."""
    return any(name == entry or name.startswith(f"{entry}.") for entry in RECIPES[recipe])


def _check(settings: BuildSettings) -> Iterator[Problem]:
    """Yield what a recipe lacks, keys of other recipes that are set, and keys that do not go together."""
    for section in dict.fromkeys(entry.partition(".")[0] for entries in RECIPES.values() for entry in entries):
        for last in changed_keys(getattr(settings, section)):
            name = f"{section}.{last}"
            if not is_of(name, settings.recipe):
                owners = " or ".join(recipe for recipe in RECIPES if is_of(name, recipe))
                yield name, f"is for recipe: {owners}; leave it out"
    if settings.recipe == "interface":
        if settings.potential.file is None:
            yield "potential.file", "is required for recipe: interface; e.g. lisi, which ships with hpcpot"
        yield from _check_interface(settings)
        return
    if settings.recipe == "random":
        if settings.potential.file is not None:
            yield (
                "potential.file",
                "does nothing in recipe: random; leave it out, and relax the cells with hpcpot relax",
            )
        yield from random_problems(settings.random)
        return
    yield from _check_crystal(settings.crystal, settings.recipe)
    if settings.recipe == "particle" and settings.sphere.radius_A is None:
        yield "sphere.radius_A", "is required for recipe: particle; e.g. 30"
    if settings.recipe == "perturb":
        yield from _check_perturb(settings.perturb)
    if settings.recipe == "stack" and len(settings.stack.counts) != len(settings.stack.radii_A):
        yield "stack.counts", f"must have as many entries as stack.radii_A ({len(settings.stack.radii_A)})"


def _check_interface(settings: BuildSettings) -> Iterator[Problem]:
    silicon = settings.silicon
    for axis, strain in zip("xy", silicon.strain, strict=True):
        if abs(strain) >= 0.5:
            yield "silicon.strain", f"must be within -0.5 and 0.5 along {axis}; typical 0.02"
    if settings.contact.vacuum_A < settings.contact.gap_A:
        yield (
            "contact.vacuum_A",
            (
                f"must be at least contact.gap_A, {settings.contact.gap_A:g}, since the slab's image is beyond it; typical 40"
            ),
        )
    if silicon.amorphous and silicon.layers is not None:
        yield "silicon.layers", "is for a crystal; leave it out, or silicon.amorphous"
    if not silicon.amorphous:
        for last in changed_keys(settings.glass):
            yield f"glass.{last}", "is for silicon.amorphous: true; leave it out"
    elif settings.glass.melt_temperature_K <= settings.glass.temperature_K:
        yield "glass.melt_temperature_K", "must be above glass.temperature_K"


def _check_perturb(perturb: PerturbSection) -> Iterator[Problem]:
    if perturb.strain >= 0.5:
        yield "perturb.strain", "must be below 0.5; typical 0.03"
    if not perturb.strain and not perturb.displacement_A:
        yield (
            "perturb.strain",
            "must not be 0 where perturb.displacement_A is, too: all copies would be equal; typical 0.03",
        )


def _check_crystal(crystal: CrystalSection, recipe: str) -> Iterator[Problem]:
    if crystal.name is None and crystal.file is None:
        yield "crystal.name", f"is required for recipe: {recipe}; e.g. Li15Si4"
    if crystal.file is not None:
        for name in changed_keys(crystal):
            if name not in ("file", "repeat"):
                yield f"crystal.{name}", "does not go with crystal.file, whose cell is taken as it is; leave one out"


SCHEMA = Schema(BuildSettings, _check)
