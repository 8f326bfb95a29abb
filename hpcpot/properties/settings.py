"""The section `properties`: what is computed of each crystal, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpcpot.config import key
from hpcpot.config.kinds import Kind, choice, integer, list_of, number

PARTS = ("eos", "elastic", "phonons", "vacancies", "surfaces")


def plane() -> Kind:
    """Kind of the Miller indices of a plane."""
    words = "three whole numbers, not all 0, e.g. [1, 1, 0]"

    def parse(value: Any) -> list[int]:
        is_plane = isinstance(value, list) and len(value) == 3
        if not is_plane or not all(type(index) is int and abs(index) < 100 for index in value) or not any(value):
            raise ValueError(f"must be {words}")
        return value

    return Kind(words, parse, {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3})


@dataclass(frozen=True, kw_only=True)
class PropertiesSection:
    """Properties to compute; each structure is relaxed first, with its cell."""

    compute: list[str] = key(
        list_of(choice(*PARTS), f"a list of {', '.join(PARTS)}"),
        "what to compute: equation of state, elastic constants, phonons (by phonopy), vacancies, surfaces",
        list(PARTS),
    )
    force_eV_per_A: float = key(number(above=0), "force tolerance of all relaxations", 1e-3)
    stress_GPa: float = key(number(above=0), "stress tolerance of the relaxation of the crystal", 1e-3)
    steps: int = key(integer(1), "maximum number of steps of a relaxation", 2000)
    eos_range: float = key(number(above=0), "equation of state: largest change of the volume, relative", 0.1)
    eos_points: int = key(integer(5), "equation of state: number of volumes", 11)
    strain: float = key(number(above=0), "elastic constants: size of the strains", 0.005)
    phonon_length_A: float = key(number(above=0), "phonons: least length of the edges of the supercell", 12.0)
    displacement_A: float = key(number(above=0), "phonons: displacement of an atom", 0.01)
    vacancy_atoms: int = key(integer(2), "vacancies: least number of atoms of the supercell", 120)
    vacancy_sites: int = key(integer(1), "vacancies: most kinds of places, of more those that come first", 10)
    surface_planes: list[list[int]] = key(
        list_of(plane(), "a list of Miller indices, e.g. [[1, 0, 0], [1, 1, 1]]"),
        "surfaces: planes of the conventional cell",
        [[1, 0, 0], [1, 1, 0], [1, 1, 1]],
    )
    slab_A: float = key(number(above=0), "surfaces: least thickness of the slab", 15.0)
    vacuum_A: float = key(number(above=0), "surfaces: vacuum between slabs", 15.0)
