"""LAMMPS data files, atom_style atomic, units metal. Source: https://docs.lammps.org/read_data.html."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import ase.units
import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

from hpcpot.errors import StructureError

MASS_TOLERANCE = 0.1
"""amu: how far a mass may lie from the standard one of the element that it stands for."""

VELOCITY = ase.units.Ang / (1000 * ase.units.fs)
"""Å/ps in ASE's unit."""


@dataclass
class DataFile:
    """The lines of a data file: header values by their keywords, sections as words, comments where they matter.

    Attributes:
        header: `0.0 21.9 xlo xhi` is {"xlo xhi": ["0.0", "21.9"]}.
        sections: name -> the words of each line, without its comment.
        comments: name -> the comment of its title line; "Masses 1" -> the comment of the mass of type 1.
    """

    header: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, list[list[str]]] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


def read(path: Path, elements: tuple[str, ...] | None = None) -> Atoms:
    """Atoms of a data file, ordered by id, periodic along all axes, with the masses and velocities of the file.

    Image flags are added to the positions; the origin of the box is not subtracted. The element of a type is its
    label or the comment after its mass; else the element of that mass; else elements[type - 1].

    Args:
        elements: names in the order of the file's types, for a file that does not name them.
    Raises:
        StructureError: an absent or incomplete section, another atom style, a type without an element; lines of
            other errors (ValueError, IndexError, KeyError) are not as the format wants them.
    """
    data = split(path.read_text())
    n_atoms, n_types = (int(required(data.header, path, key)[0]) for key in ("atoms", "atom types"))
    names = {int(words[0]): words[1] for words in data.sections.get("Atom Type Labels", [])}
    masses = {int(words[0]): float(words[1]) for words in data.sections.get("Masses", [])}
    rows = atom_rows(path, data, n_atoms)
    numbers = {name: number for number, name in names.items()}
    types = np.array([numbers[row[1]] if row[1] in numbers else int(row[1]) for row in rows], np.int64)
    if n_atoms and not 1 <= types.min() <= types.max() <= n_types:
        raise StructureError(
            f"{path}: Atoms = types {types.min()} to {types.max()}: must be 1 to {n_types}, the header's atom types; "
            "correct one of them."
        )
    symbols = {
        t: symbol(path, t, names.get(t, data.comments.get(f"Masses {t}")), masses.get(t), elements)
        for t in np.unique(types)
    }
    ids = [int(row[0]) for row in rows]
    order = np.argsort(ids)
    cell = box(path, data.header)
    positions = np.array([row[2:5] for row in rows], float).reshape(-1, 3)
    positions += np.array([row[5:8] or (0, 0, 0) for row in rows], int).reshape(-1, 3) @ cell
    atoms = Atoms([symbols[t] for t in types[order]], positions[order], cell=cell, pbc=True)
    if masses:
        atoms.set_masses([masses[t] for t in types[order]])
    if "Velocities" in data.sections:
        velocities = {int(words[0]): [float(word) for word in words[1:4]] for words in data.sections["Velocities"]}
        atoms.set_velocities(np.array([velocities[i] for i in sorted(ids)]) * VELOCITY)
    return atoms


def split(text: str) -> DataFile:
    """Sort the lines of a data file by header and section; a section begins with a line that starts with a letter."""
    data, section = DataFile(), None
    for line in text.splitlines()[1:]:  # the first line is a title
        content, _, comment = line.partition("#")
        words = content.split()
        if not words:
            continue
        if words[0][0].isalpha():
            section = " ".join(words)
            data.sections[section] = []
            data.comments[section] = comment.strip()
        elif section is None:
            count = next((i for i, word in enumerate(words) if word[0].isalpha()), len(words))
            data.header[" ".join(words[count:])] = words[:count]
        else:
            data.sections[section].append(words)
            if section == "Masses" and comment.strip():
                data.comments[f"Masses {words[0]}"] = comment.split()[0]
    return data


def required(header: dict[str, list[str]], path: Path, key: str) -> list[str]:
    if key not in header:
        raise StructureError(f"{path} = no line `... {key}` in the header: LAMMPS data needs it; is the file whole?")
    return header[key]


def atom_rows(path: Path, data: DataFile, n_atoms: int) -> list[list[str]]:
    """Return the words of the section Atoms: id, type, x, y, z and perhaps three image flags."""
    style = data.comments.get("Atoms") or "atomic"
    if style != "atomic":
        raise StructureError(f"{path}: Atoms = style {style}: must be atomic; write it with atom_style atomic.")
    rows = data.sections.get("Atoms", [])
    if len(rows) != n_atoms:
        raise StructureError(f"{path}: Atoms = {len(rows)} lines: the header says {n_atoms} atoms; is the file whole?")
    if any(len(row) not in (5, 8) for row in rows) or len({len(row) for row in rows}) > 1:
        raise StructureError(
            f"{path}: Atoms = lines of {min(map(len, rows))} to {max(map(len, rows))} columns: must all be "
            "id type x y z, with or without 3 image flags; is the file whole, and its atom_style atomic?"
        )
    if len({int(row[0]) for row in rows}) != n_atoms:
        raise StructureError(f"{path}: Atoms = an id that occurs twice: ids must differ; renumber the atoms.")
    return rows


def box(path: Path, header: dict[str, list[str]]) -> np.ndarray:
    """Cell, (3, 3) Å in rows: the general form (avec, bvec, cvec) or lo, hi and tilt factors."""
    if "avec" in header:
        return np.array([required(header, path, key) for key in ("avec", "bvec", "cvec")], float)
    bounds = [[float(word) for word in required(header, path, f"{x}lo {x}hi")] for x in "xyz"]
    cell = np.diag([high - low for low, high in bounds])
    cell[1, 0], cell[2, 0], cell[2, 1] = (float(word) for word in header.get("xy xz yz", (0, 0, 0)))
    return cell


def symbol(path: Path, number: int, name: str | None, mass: float | None, elements: tuple[str, ...] | None) -> str:
    """Determine the element of atom type `number` from its name in the file, its mass, or the names given."""
    if name in atomic_numbers:
        return name
    if mass is not None:
        nearest = int(np.nanargmin(abs(atomic_masses - mass)))
        if nearest and abs(atomic_masses[nearest] - mass) < MASS_TOLERANCE:
            return chemical_symbols[nearest]
    if elements is not None and number <= len(elements):
        return elements[number - 1]
    given = "no mass" if mass is None else f"mass {mass:g} amu"
    raise StructureError(
        f"{path}: type {number} = {given}, no known name: its element must be known; write it as a "
        "comment after its mass, e.g. `1 6.94 # Li`."
    )
