"""The text of XSF files, of XCrySDen and aenet: structures with up to three numbers more to an atom, and comments.

    CRYSTAL | SLAB | POLYMER | MOLECULE, periodic along 3, 2, 1 or 0 axes; DIM-GROUP says it by a number
    PRIMVEC + 3 rows (Å), PRIMCOORD + "N 1" + N rows "El x y z [fx fy fz]" (Å); free: ATOMS + rows
    ANIMSTEPS n: several structures, PRIMCOORD 1, PRIMCOORD 2, ...

Source: http://www.xcrysden.org/doc/XSF.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from ase.data import atomic_numbers, chemical_symbols

from hpcpot.errors import DataError
from hpcpot.structure.text import table, whole_number

PERIODIC = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0}
"""Keyword -> number of axes, the first ones, along which the structure is periodic."""
HEADS = {*PERIODIC, "PRIMVEC", "PRIMCOORD", "CONVVEC", "CONVCOORD", "ATOMS", "ANIMSTEPS", "DIM-GROUP", "DIM_GROUP"}
"""Words that begin a section; those that begin with BEGIN_ are data on grids or bands, and END_ their ends."""
ENERGY = re.compile(r"(total|cohesive)\s+energy\s*(?:[(\[]([^)\]]*)[)\]])?\s*[=:](.*)", re.IGNORECASE)
"""What aenet writes into a comment; some leave its # away."""


@dataclass
class Section:
    """Lines below a keyword, split at blanks."""

    keyword: str
    step: str
    rows: list[list[str]]


@dataclass(frozen=True)
class XsfFrame:
    """A structure.

    Attributes:
        positions: (n, 3) Å. more: (n, 3), the other numbers of an atom, or None. cell: (3, 3) Å, zero where there is none.
        periodic: (3,) bool.
    """

    symbols: list[str]
    positions: np.ndarray
    more: np.ndarray | None
    cell: np.ndarray
    periodic: np.ndarray


@dataclass(frozen=True)
class XsfText:
    """A file sorted by its keywords.

    Attributes:
        comments: its lines. atoms: a section for each structure, in the order of the file. unused: keywords of other data.
    """

    comments: list[str]
    sections: list[Section]
    atoms: list[Section]

    @property
    def unused(self) -> list[str]:
        return list(dict.fromkeys(part.keyword for part in self.sections if part.keyword.startswith("BEGIN_")))

    def frame(self, k: int, where: str) -> XsfFrame:
        """Read a structure.

        Raises:
            DataError: it is not whole.
        """
        section = self.atoms[k]
        symbols, values = _atoms(section, where)
        cell, periodic = np.zeros((3, 3)), np.zeros(3, bool)
        if section.keyword == "PRIMCOORD":
            cells = [part for part in self.sections if part.keyword == "PRIMVEC"]
            cell, periodic = _cell(cells, section.step, where), np.arange(3) < _axes(self.sections, where)
        return XsfFrame(symbols, values[:, :3], values[:, 3:] if values.shape[1] == 6 else None, cell, periodic)


def parse(file: TextIO, where: str) -> XsfText:
    """Sort the lines of a file.

    Raises:
        DataError: no atoms, another number of structures than it announces, or lines before the first keyword.
    """
    lines: dict[bool, list[str]] = {True: [], False: []}
    for line in file:
        lines[line.lstrip().startswith("#") or ENERGY.search(line) is not None].append(line.rstrip("\n"))
    comments, sections = lines[True], _sections(lines[False], where)
    atoms = [section for section in sections if section.keyword in ("PRIMCOORD", "ATOMS")]
    if not atoms:
        raise DataError(f"{where} = no PRIMCOORD or ATOMS: atoms are required; check which file it is.")
    steps = next((section.step for section in sections if section.keyword == "ANIMSTEPS"), "1")
    if whole_number(steps, f"{where}: ANIMSTEPS") != len(atoms):
        raise DataError(
            f"{where} = {len(atoms)} structures: must be {steps}, as ANIMSTEPS says or 1 without it; copy the file again."
        )
    return XsfText(comments, sections, atoms)


def _sections(lines: list[str], where: str) -> list[Section]:
    sections: list[Section] = []
    for line in lines:
        words = line.split()
        if not words:
            continue
        word = words[0].upper()
        if word in HEADS or word.startswith(("BEGIN_", "END_")):
            sections.append(Section(word, words[1] if len(words) > 1 else "", []))
        elif not sections:
            raise DataError(
                f"{where} = {line.strip()[:60]}: must begin with CRYSTAL, ATOMS or the like; check the file."
            )
        else:
            sections[-1].rows.append(words)
    return sections


def _atoms(section: Section, where: str) -> tuple[list[str], np.ndarray]:
    """Symbols, and (n, 3 or 6) float64."""
    rows = section.rows
    if section.keyword == "PRIMCOORD":
        count = whole_number(rows[0][0], f"{where}: number of atoms") if rows else 0
        rows = rows[1:]
        if count < 1 or len(rows) != count:
            raise DataError(f"{where} = {len(rows)} of {count} atoms: all of them are required; copy the file again.")
    if not rows:
        raise DataError(f"{where} = no atoms: at least one is required; check which file it is.")
    columns = len(rows[0]) - 1
    if columns not in (3, 6):
        raise DataError(f"{where} = {columns} numbers to an atom: must be three or six; check what wrote the file.")
    values = table([row[1:] for row in rows], columns, f"{where}: atoms")
    return [_symbol(row[0], where) for row in rows], values


def _cell(cells: list[Section], step: str, where: str) -> np.ndarray:
    """(3, 3) Å: the vectors of this structure, or those of all."""
    section = next((cell for cell in cells if cell.step == step), cells[0] if cells else None)
    if section is None or len(section.rows) != 3 or (section.step and section.step != step):
        raise DataError(
            f"{where} = PRIMCOORD without three rows of PRIMVEC: the cell is required; copy the file again."
        )
    return table(section.rows, 3, f"{where}: PRIMVEC")


def _axes(sections: list[Section], where: str) -> int:
    """Number of axes along which the structure is periodic."""
    for section in sections:
        if section.keyword in PERIODIC:
            return PERIODIC[section.keyword]
        if section.keyword in ("DIM-GROUP", "DIM_GROUP") and section.rows:
            axes = whole_number(section.rows[0][0], f"{where}: DIM-GROUP")
            if not 0 <= axes <= 3:
                raise DataError(f"{where}: DIM-GROUP = {axes}: must be 0 to 3; correct it.")
            return axes
    return 3


def _symbol(word: str, where: str) -> str:
    if word.isascii() and word.isdecimal() and 0 < int(word[:9]) < len(chemical_symbols):
        return chemical_symbols[int(word)]
    symbol = word.capitalize()
    if symbol not in atomic_numbers or symbol == "X":
        raise DataError(f"{where}: atom = {word[:20]}: must be the symbol or number of an element; correct it.")
    return symbol
