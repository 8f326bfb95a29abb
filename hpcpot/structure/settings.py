"""Keys that all configs have in common which name files of structures: what those files themselves do not hold."""

from __future__ import annotations

from typing import Any

from hpcpot.config import key
from hpcpot.config.kinds import Kind, choice, element, list_of
from hpcpot.structure.formats import ALIASES, FORMATS, StructureOptions, is_known
from hpcpot.structure.lammps_units import UNIT_STYLES


def elements_key() -> Any:
    """Declare the elements of types."""
    return key(
        list_of(element(), "a list of elements, e.g. [Li, Si]"),
        "elements of types 1, 2, ... of a LAMMPS file, of an XYZ file with numbers or of a POSCAR without symbols; of other "
        "files those that may occur; null if the file names its elements",
        None,
    )


def units_key() -> Any:
    """Declare the unit style."""
    return key(
        choice(*UNIT_STYLES),
        "unit style of a LAMMPS file, or of the velocities in an XYZ file, that does not state it; null: metal for LAMMPS, "
        "and no velocities from XYZ",
        None,
    )


def format_key() -> Any:
    """Declare the format."""
    return key(
        format_name(),
        "format of a file whose name does not tell it, of hpcpot or by ase.io's name of it; ase: as ase.io guesses; null: by "
        "the name",
        None,
    )


def format_name() -> Kind:
    """Kind of the name of a structure format."""
    own = " | ".join(FORMATS)
    words = f"{own} | a format that ase.io reads, e.g. gen"

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not is_known(value):
            raise ValueError(f"must be {words}")
        return value

    return Kind(words, parse, {"anyOf": [{"enum": [*FORMATS, *ALIASES]}, {"type": "string"}]})


def options_of(section: Any, name: str) -> StructureOptions:
    """Collect the values of these keys in a section of that name."""
    elements = tuple(section.elements) if section.elements else None
    return StructureOptions(elements, section.units, section.format, name)
