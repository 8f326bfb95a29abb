"""The config of `hpcpot build`: every key, its kind, default and meaning."""

from __future__ import annotations

from collections.abc import Iterator

from hpcpot.config import Key, Schema, Settings
from hpcpot.kinds import choice, either, file_name, integer, list_of, number
from hpcpot.structure.crystals import CRYSTALS

CELLS = list_of(integer(1), "[nx, ny, nz], each >= 1", 3)

GENERAL = (
    Key("recipe", choice("crystal", "interface"), "what to build; each recipe has its own sections"),
    Key("seed", integer(), "of all random numbers", 0),
    Key("potential.file", either(file_name(), list_of(file_name(), "a list of files, one per element")),
        "model that relaxes lattice constants and moves atoms; crystal can do without", None, is_input=True),
)
CRYSTAL = (
    Key("crystal.name", choice(*CRYSTALS), "which crystal", None),
    Key("crystal.repeat", CELLS, "conventional cells along a, b, c", [1, 1, 1]),
    Key("crystal.lattice_constant_A", number(above=0),
        "length of a, b and c scale with it; null: relaxed with the potential, or that of PBE if there is none", None),
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

SECTIONS = {"crystal": CRYSTAL, "interface": SILICON + LITHIUM + CONTACT}
"""Keys that only one recipe has."""


def _check(settings: Settings) -> Iterator[tuple[str, str]]:
    """What a recipe lacks, and keys of the other recipe that are set."""
    for recipe, keys in SECTIONS.items():
        for key in keys:
            section, name = key.name.split(".")
            if recipe != settings.recipe and getattr(getattr(settings, section), name) != key.default:
                yield key.name, f"is for recipe: {recipe}; leave it out"
    if settings.recipe == "crystal" and settings.crystal.name is None:
        yield "crystal.name", "is required for recipe: crystal; e.g. Li15Si4"
    if settings.recipe == "interface" and settings.potential.file is None:
        yield "potential.file", "is required for recipe: interface; e.g. lisi, which ships with hpcpot"


SCHEMA = Schema((*GENERAL, *CRYSTAL, *SILICON, *LITHIUM, *CONTACT), _check)
