"""XSF of XCrySDen: CRYSTAL, SLAB (periodic along a and b), POLYMER (along a), MOLECULE or ATOMS (along none).

Source: http://www.xcrysden.org/doc/XSF.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from hpcpot import inputs
from hpcpot.errors import DataError, StructureError
from hpcpot.structure.formats import StructureOptions
from hpcpot.structure.text import is_number, table, whole_number

PERIODIC = {"CRYSTAL": 3, "SLAB": 2, "POLYMER": 1, "MOLECULE": 0}
"""Keyword -> along how many vectors, the first ones, the structure is periodic."""


@dataclass
class XsfBlocks:
    """Blocks of numbers of a file; of an animation keyed by the number of the step, 0 those of all steps.

    Attributes:
        periodic: along how many vectors. vectors: step -> (3, 3) Å.
        atoms: step -> words of each line of PRIMCOORD or ATOMS.
    """

    periodic: int | None = None
    vectors: dict[int, np.ndarray] = field(default_factory=dict)
    atoms: dict[int, list[list[str]]] = field(default_factory=dict)


def read(path: Path, options: StructureOptions, index: int = -1) -> Atoms:
    """Read a structure, or a step of an animation.

    Raises:
        StructureError: it is not whole.
    """
    content = blocks(path)
    steps = sorted(content.atoms)
    if not -len(steps) <= index < len(steps):
        raise StructureError(f"{path} = {len(steps)} frames: frame {index} is asked for; name one that is there.")
    return _atoms(path, content, steps[index])


def frames(path: Path, options: StructureOptions) -> Iterator[Atoms | StructureError]:
    """Read all steps of an animation, or the only structure."""
    content = blocks(path)
    for step in sorted(content.atoms):
        try:
            yield _atoms(path, content, step)
        except StructureError as error:
            yield error


def blocks(path: Path) -> XsfBlocks:
    """Sort the lines of a file by its keywords.

    Raises:
        StructureError: a block that is not whole, or no atoms.
    """
    with inputs.reading(path, "XSF file", StructureError):
        with inputs.open_text(path) as file:
            lines = [line.split() for line in file if line.strip() and not line.lstrip().startswith("#")]
        try:
            content = _sort(path, lines)
        except DataError as error:
            raise StructureError(str(error)) from error
    if not content.atoms:
        raise StructureError(f"{path} = no PRIMCOORD and no ATOMS: must have atoms; is the file whole?")
    return content


def _sort(path: Path, lines: list[list[str]]) -> XsfBlocks:
    content, k = XsfBlocks(), 0
    while k < len(lines):
        head, where = lines[k][0], f"{path}: {' '.join(lines[k])[:30]}"
        if head in PERIODIC:
            content.periodic = PERIODIC[head]
        elif head in ("DIM-GROUP", "DIM_GROUP") and k + 1 < len(lines):
            content.periodic = whole_number(lines[k + 1][0], where)
            k += 1
        elif head in ("PRIMVEC", "PRIMCOORD", "ATOMS"):
            step = whole_number(lines[k][1], where) if len(lines[k]) > 1 else 0
            if head == "PRIMVEC":
                rows, k = lines[k + 1 : k + 4], k + 3
                content.vectors[step] = table(rows, 3, where)
                if len(rows) != 3:
                    raise DataError(f"{where} = {len(rows)} vectors: must be three; is the file whole?")
            else:
                rows = _rows(where, lines, k + 1, counted=head == "PRIMCOORD")
                content.atoms[step] = rows
                k += len(rows) + (head == "PRIMCOORD")
        elif head.startswith("BEGIN_BLOCK"):
            break  # fields on grids
        k += 1
    return content


def _rows(where: str, lines: list[list[str]], first: int, counted: bool) -> list[list[str]]:
    """Lines of atoms from `first` on: as many as the line there says, or up to the next keyword."""
    if not counted:
        stop = next((k for k in range(first, len(lines)) if len(lines[k]) < 4), len(lines))
        return lines[first:stop]
    count = whole_number(lines[first][0], where) if first < len(lines) else 0
    rows = lines[first + 1 : first + 1 + max(count, 0)]
    if not rows or len(rows) != count:
        raise DataError(f"{where} = {len(rows)} of {count} atoms: all of them, one or more, are required; is it whole?")
    behind = lines[first + 1 + count] if first + 1 + count < len(lines) else []
    if len(behind) >= 4 and all(map(is_number, behind[1:4])):
        raise DataError(f"{where} = more than {count} atoms: the count must be that of the lines; correct it.")
    return rows


def _atoms(path: Path, content: XsfBlocks, step: int) -> Atoms:
    where = f"{path}: frame {step - 1}" if step else str(path)
    rows = content.atoms[step]
    cell = content.vectors.get(step, content.vectors.get(0, np.zeros((3, 3))))
    periodic = (3 if cell.any() else 0) if content.periodic is None else content.periodic
    try:
        widths = {len(row) for row in rows}
        if not rows or len(widths) > 1 or not widths <= {4, 7}:
            raise DataError(
                f"{where} = lines of atoms of {sorted(widths)} words: must be an element and 3 or 6 numbers."
            )
        positions = table([row[1:4] for row in rows], 3, f"{where}: positions")
    except DataError as error:
        raise StructureError(str(error)) from error
    return Atoms([symbol(where, row[0]) for row in rows], positions, cell=cell, pbc=[k < periodic for k in range(3)])


def symbol(where: str, word: str) -> str:
    """Element of a symbol or an atomic number.

    Raises:
        StructureError: it is none.
    """
    if word.isascii() and word.isdecimal() and 0 < int(word[:9]) < len(chemical_symbols):
        return chemical_symbols[int(word)]
    if word.capitalize() not in atomic_numbers or word == "X":
        raise StructureError(f"{where}: species = {word[:20]}: must be a symbol or an atomic number; correct it.")
    return word.capitalize()
