"""What LAMMPS data files and dumps share: unit styles, the elements of types, tables of numbers.

Sources: https://docs.lammps.org/units.html, read_data.html, dump.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
from ase.data import atomic_masses, chemical_symbols

from hpcpot.errors import StructureError
from hpcpot.inputs import open_text, reading
from hpcpot.notices import notice
from hpcpot.structure.elements import is_element, standard_mass
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.lammps_units import UNIT_STYLES, UnitStyle

MASS_TOLERANCE = 0.1
"""amu: how far a mass may lie from the standard one of the element that it tells."""

SAME_MASS = 0.2
"""amu: a mass this near to that of the element named never contradicts it; cobalt and nickel differ by 0.24."""

LARGEST = 1e8
"""A length, a velocity or a mass beyond is damage, in any unit style."""

LARGEST_ID = 2.0**53
LARGEST_FLAG = 2.0**20
"""Bounds of atom ids and image flags; LAMMPS has 2^20 images to each side at most."""


_STYLES = "|".join((*UNIT_STYLES, "lj"))
_STATED = re.compile(rf"\bunits\b\s*[=:]?\s*({_STYLES})\b|\b({_STYLES}) units\b", re.IGNORECASE)


def stated_units(text: str) -> str | None:
    """Find the unit style that a title or comment names, `units = real` or `real units`."""
    match = _STATED.search(text)
    return (match[1] or match[2]).lower() if match else None


def unit_style(where: object, stated: str | None, options: StructureOptions, has_velocities: bool) -> UnitStyle:
    """Choose the unit style of a file: that which it states, else that which is given, else metal.

    Args:
        where: the file. stated: in the file. options: have the style that is given. has_velocities: metal and real differ in
            them.
    Raises:
        StructureError: the two contradict, or a style without fixed units.
    """
    given, key = options.units, options.key("units")
    if stated and given and stated != given:
        raise StructureError(f"{where} = units {stated}, as it states: {key} is {given}; correct or leave out {key}.")
    name = stated or given
    if name is not None and name not in UNIT_STYLES:
        raise StructureError(
            f"{where} = units {name}: must be one of {', '.join(UNIT_STYLES)}, which have fixed lengths; convert it."
        )
    if name is None and has_velocities:
        notice(where, f"no units stated: velocities read as Å/ps, units metal; name others by {key}.")
    if stated not in (None, "metal"):
        notice(where, f"units {stated}: lengths, velocities and masses are converted.")
    return UNIT_STYLES[name or "metal"]


def element_of(where: str, number: int | None, name: str | None, mass: float | None, options: StructureOptions) -> str:
    """Determine the element of an atom type: its name in the file, the one given for it, or that of its mass.

    Args:
        where: file and type: "a.data: type 1". number: of the type, from 1. name: a label, a comment, a column.
        mass: amu. options: have the elements that are given.
    Raises:
        StructureError: none of these tells the element, or they contradict each other.
    """
    if mass is not None and not 0 < mass < LARGEST:
        raise StructureError(f"{where} = mass {mass:g} amu: must be above 0 and finite; correct the masses.")
    elements, key = options.elements, options.key("elements")
    named = name if name and is_element(name) else None
    given = elements[number - 1] if elements and number is not None and 1 <= number <= len(elements) else None
    if named and given and named != given:
        raise StructureError(f"{where} = {named} by its name in the file: {key} says {given}; correct one of them.")
    heavy = None if mass is None else _of_mass(mass)
    if symbol := named or given:
        if mass is not None:
            _compare(where, symbol, mass, heavy, "its name in the file" if named else key)
        return symbol
    if heavy:
        return heavy
    told = ["no mass" if mass is None else f"mass {mass:g} amu", f"name {name}" if name else "no name"]
    if elements:
        told.append(f"{key} of {len(elements)}")
    raise StructureError(
        f"{where} = {', '.join(told)}: its element must be known; name it in the file, or give the elements of types "
        f"1, 2, ... in {key}."
    )


def _of_mass(mass: float) -> str | None:
    nearest = int(np.nanargmin(abs(atomic_masses - mass)))
    return chemical_symbols[nearest] if nearest and abs(atomic_masses[nearest] - mass) < MASS_TOLERANCE else None


def _compare(where: str, symbol: str, mass: float, heavy: str | None, source: str) -> None:
    """Refuse a mass that tells another element than `source`; of one that tells none `files.read` speaks."""
    standard = standard_mass(symbol)
    if heavy and mass != 1.0 and abs(mass - standard) >= SAME_MASS:  # 1 stands for no mass at all
        raise StructureError(
            f"{where} = mass {mass:g} amu, that of {heavy}: {source} says {symbol}, {standard:g} amu; correct one of them."
        )


def numbers(where: str, rows: Sequence[Sequence[str]], whole: bool = False, limit: float = LARGEST) -> np.ndarray:
    """Turn words into numbers below a limit, (rows, columns) float64; whole: int64.

    Raises:
        StructureError: a word that is no number, or none that a structure can have.
    """
    try:
        values = np.array(rows, float)
    except ValueError:
        values = np.array([[_number(where, word) for word in row] for row in rows], float)
    bad = ~(np.abs(values) < limit)
    if whole:
        bad |= values != np.round(values)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        kind = "whole" if whole else "finite"
        raise StructureError(f"{where} = {rows[i][j]}: must be a {kind} number below {limit:g}; is the file whole?")
    return values.astype(np.int64) if whole else values


def _number(where: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise StructureError(f"{where} = {word}: must be a number; is the file whole?") from None


def is_whole(word: str) -> bool:
    """Test whether a word is a whole number as LAMMPS writes it."""
    return re.fullmatch(r"[+-]?[0-9]{1,18}", word) is not None


def cell_of(where: object, lengths: Sequence[float], tilts: Sequence[float]) -> np.ndarray:
    """Cell of a box, (3, 3) Å in rows.

    Args:
        lengths: hi - lo of x, y, z. tilts: xy, xz, yz.
    Raises:
        StructureError: a length that is not positive.
    """
    for axis, length in zip("xyz", lengths, strict=True):
        if not length > 0:
            raise StructureError(f"{where}: box = {axis}hi - {axis}lo = {length:g}: must be above 0; correct the box.")
    cell = np.diag(np.array(lengths, float))
    cell[1, 0], cell[2, 0], cell[2, 1] = tilts
    return cell


def refuse_repeated(where: object, ids: np.ndarray) -> None:
    """Refuse ids, (n,) int64, of which two are the same."""
    values, counts = np.unique(ids, return_counts=True)
    if len(values) < len(ids):
        raise StructureError(f"{where} = id {values[counts > 1][0]} occurs twice: ids must differ; renumber the atoms.")


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """Open a file as `hpcpot.inputs.open_text` does.

    Raises:
        StructureError: also while it is read: absent, unreadable or packed and damaged.
    """
    with reading(path, "LAMMPS file", StructureError), open_text(path) as file:
        yield file
