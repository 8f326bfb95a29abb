"""The config of `hpcpot build`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpcpot.config import Key, Schema, Settings
from hpcpot.config.kinds import Kind, boolean, choice, either, element, file_name, integer, list_of, number
from hpcpot.structure.crystals import AXES, CRYSTALS


def _centre(value: Any) -> str:
    return value if value == "centroid" else element().parse(value)


CELLS = list_of(integer(1), "[nx, ny, nz], each >= 1", 3)
CENTRE = either(Kind("an element, centroid", _centre), list_of(number(), "[x, y, z] in Å", 3))

GENERAL = (
    Key("recipe", choice("crystal", "particle", "stack", "interface"), "what to build; each has its own sections"),
    Key("seed", integer(), "of all random numbers", 0),
    Key(
        "potential.file",
        either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model that relaxes lattice constants and moves atoms; only interface needs one",
        None,
        is_input=True,
    ),
)
CRYSTAL = (
    Key("crystal.name", choice(*CRYSTALS), "which crystal", None),
    Key(
        "crystal.file",
        file_name(),
        "a periodic structure instead; of an H5MD trajectory the last frame",
        None,
        is_input=True,
    ),
    Key("crystal.primitive", boolean(), "repeat the primitive cell instead of the conventional one", False),
    Key("crystal.axes", choice(*AXES), "order of the cell's axes; the first lies along x", "abc"),
    Key("crystal.repeat", CELLS, "cells along the three axes; null: one each, for spheres as many as they need", None),
    Key(
        "crystal.lattice_constant_A",
        number(above=0),
        "length of a, b and c scale with it; null: relaxed with the potential, or that of PBE if there is none",
        None,
    ),
)
CENTRED = (Key("sphere.centre", CENTRE, "of an element, the atom nearest the middle of the cells", "Li"),)
SPHERE = (
    Key("sphere.radius_A", number(above=0), "atoms this near to the centre belong to the sphere", None),
    Key("sphere.vacuum_A", number(above=0), "between the sphere and its periodic images", 20.0),
)
STACK = (
    Key("stack.radii_A", list_of(number(above=0), "a list of numbers > 0"), "radius of each kind", [10.0, 15.0]),
    Key("stack.counts", list_of(integer(1), "a list of whole numbers >= 1"), "spheres of each kind", [25, 25]),
    Key(
        "stack.box_A",
        list_of(number(above=0), "[x, y, z] in Å, each > 0", 3),
        "into which they are poured along -z",
        [100.0, 100.0, 100.0],
    ),
    Key("stack.margin_A", number(minimum=0), "added on each side of the box; the cell is periodic", 5.0),
    Key("stack.rotate", boolean(), "turn each sphere at random", True),
    Key("stack.minimum_distance_A", number(above=0), "of atoms of different spheres; the later is taken away", 2.0),
)
SILICON = (
    Key("silicon.repeat", CELLS, "cubic cells of the Si(100) slab; [4, 4, 12] has 1536 atoms", [4, 4, 12]),
    Key("silicon.lattice_constant_A", number(above=0), "null: relaxed with the potential", None),
)
LITHIUM = (
    Key("lithium.atoms", integer(1), "how many, in a box of the slab's width", 3072),
    Key("lithium.volume_A3", number(above=0), "per atom at the start; the pressure decides at the end", 22.0),
    Key("lithium.minimum_distance_A", number(above=0), "between the random atoms of the start", 2.2),
    Key("lithium.timestep_fs", number(above=0), "of all stages of lithium", 2.0, hint="typical 1 to 2"),
    Key("lithium.settle_steps", integer(1), "with 1/friction of 10 time steps, to cool the random start", 500),
    Key("lithium.melt_temperature_K", number(above=0), "of settling and melting", 800.0),
    Key("lithium.melt_steps", integer(1), "at melt_temperature_K", 1500),
    Key("lithium.temperature_K", number(above=0), "of equilibration, while the pressure is brought to zero", 500.0),
    Key("lithium.friction_time_fs", number(above=0), "1/friction of the Langevin thermostat", 100.0),
    Key("lithium.pressure_steps", integer(2), "per round; the mean of the second half counts", 1000),
    Key("lithium.pressure_rounds", integer(1), "at most; after each the box is stretched or pressed along z", 8),
    Key("lithium.pressure_tolerance_GPa", number(above=0), "largest mean pressure that counts as zero", 0.05),
    Key("lithium.bulk_modulus_GPa", number(above=0), "for the first change of the box; then it is measured", 11.0),
)
CONTACT = (
    Key("contact.gap_A", number(above=0), "between the last Si and the first Li layer when they are joined", 2.5),
    Key("contact.vacuum_A", number(minimum=0), "to the right of lithium", 40.0),
    Key("contact.temperature_K", number(above=0), "of the annealing of the joined system", 500.0),
    Key("contact.steps", integer(1), "of that annealing", 3000),
    Key("contact.timestep_fs", number(above=0), "of that annealing", 1.0),
    Key("contact.friction_time_fs", number(above=0), "of that annealing; short, to take up its heat", 20.0),
)

RECIPES = {
    "crystal": CRYSTAL,
    "particle": CRYSTAL + CENTRED + SPHERE,
    "stack": CRYSTAL + CENTRED + STACK,
    "interface": SILICON + LITHIUM + CONTACT,
}
"""Keys of each recipe, besides the general ones."""


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What a recipe lacks, keys of other recipes that are set, and keys that do not go together."""
    for key in SCHEMA.keys[len(GENERAL) :]:
        section, name = key.name.split(".")
        if key not in RECIPES[settings.recipe] and getattr(getattr(settings, section), name) != key.default:
            wanted = " or ".join(recipe for recipe, keys in RECIPES.items() if key in keys)
            yield key.name, f"is for recipe: {wanted}; leave it out"
    if settings.recipe == "interface":
        if settings.potential.file is None:
            yield "potential.file", "is required for recipe: interface; e.g. lisi, which ships with hpcpot"
        return
    yield from _check_crystal(settings.crystal, settings.recipe)
    if settings.recipe == "particle" and settings.sphere.radius_A is None:
        yield "sphere.radius_A", "is required for recipe: particle; e.g. 30"
    if settings.recipe == "stack" and len(settings.stack.counts) != len(settings.stack.radii_A):
        yield "stack.counts", f"must have as many entries as stack.radii_A ({len(settings.stack.radii_A)})"


def _check_crystal(crystal: Settings, recipe: str) -> Iterator[tuple[str, str]]:
    if crystal.name is None and crystal.file is None:
        yield "crystal.name", f"is required for recipe: {recipe}; e.g. Li15Si4"
    if crystal.file is not None:
        for key in CRYSTAL:
            name = key.name.split(".")[1]
            if name not in ("file", "repeat") and getattr(crystal, name) != key.default:
                yield key.name, "does not go with crystal.file, whose cell is taken as it is; leave one out"


SCHEMA = Schema((*GENERAL, *CRYSTAL, *CENTRED, *SPHERE, *STACK, *SILICON, *LITHIUM, *CONTACT), _check)
