"""LAMMPS data files, atom styles atomic, charge, molecular and full. Source: https://docs.lammps.org/read_data.html."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ase.units
import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.notices import notice
from hpcpot.structure import lammps
from hpcpot.structure.formats import StructureOptions

STYLES = {
    "atomic": ("id", "type", "x", "y", "z"),
    "charge": ("id", "type", "q", "x", "y", "z"),
    **dict.fromkeys(("molecular", "bond", "angle"), ("id", "mol", "type", "x", "y", "z")),
    "full": ("id", "mol", "type", "q", "x", "y", "z"),
}
"""Columns of the section Atoms, which three image flags may follow."""

# fmt: off
OTHER_STYLES = (
    "amoeba", "body", "bpm/sphere", "dielectric", "dipole", "dpd", "edpd", "electron", "ellipsoid", "hybrid", "line",
    "mdpd", "peri", "rheo", "rheo/thermal", "smd", "sph", "sphere", "spin", "tdpd", "template", "tri", "wavepacket",
)
# fmt: on
COLUMN_NAMES = {
    "atomid": "id",
    "atomtype": "type",
    "q": "q",
    "charge": "q",
    "mol": "mol",
    "molecule": "mol",
    "moleculeid": "mol",
    "molid": "mol",
    **{name: name for name in ("id", "type", "x", "y", "z")},
}
FLAGS = ({"nx", "ny", "nz"}, {"ix", "iy", "iz"})
READ = {"Atoms", "Velocities", "Masses", "Atom Type Labels"}


@dataclass
class DataFile:
    """The lines of a data file: header values by their keywords, sections as words, comments where they matter.

    Attributes:
        remarks: the first line, which is a title, and the comments of the header.
        header: `0.0 21.9 xlo xhi` is {"xlo xhi": ["0.0", "21.9"]}.
        sections: name -> the words of each line, without its comment.
        comments: name -> the comment of its title line; "Masses 1" -> the comment of the mass of type 1.
    """

    remarks: str
    header: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, list[list[str]]] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)


def read(path: Path, options: StructureOptions | None = None, index: int = -1) -> Atoms:
    """Atoms of a data file, ordered by id, periodic along all axes, with the masses and velocities of the file.

    Image flags are added to the positions; the origin of the box is not subtracted. The element of a type is its
    label or the comment after its mass, else options.elements[type - 1], else the element of that mass; these may not
    contradict each other.

    Args:
        options: names in the order of the file's types, for a file that does not name them, and the unit style of one
            whose header does not state it. index: any, as there is one structure.
    Raises:
        StructureError: an absent or incomplete section, another atom style, a type without an element, a value that
            is not as the format wants it.
    """
    options = options or StructureOptions()
    with lammps.opened(path) as file:
        data = split(file.read())
    n_atoms, n_types = (count(data.header, path, key) for key in ("atoms", "atom types"))
    style = lammps.unit_style(path, lammps.stated_units(data.remarks), options, "Velocities" in data.sections)
    labels = {words[1]: type_number(path, words[0], {}) for words in long_rows(path, data, "Atom Type Labels", 2)}
    masses = masses_of(path, data, labels, style.mass)
    columns, rows = atom_table(path, data, n_atoms, n_types, labels)
    types = np.array([type_number(path, row[columns["type"]], labels) for row in rows], np.int64)
    if n_atoms and not 1 <= types.min() <= types.max() <= n_types:
        raise StructureError(
            f"{path}: Atoms = types {types.min()} to {types.max()}: must be 1 to {n_types}, the header's atom types; "
            "correct one of them."
        )
    names = {number: label for label, number in labels.items()}
    present = np.unique(types).tolist()
    symbols = {
        t: lammps.element_of(
            f"{path}: type {t}", t, names.get(t, data.comments.get(f"Masses {t}")), masses.get(t), options
        )
        for t in present
    }
    ids = whole_column(path, rows, [columns["id"]], lammps.LARGEST_ID)[:, 0]
    lammps.refuse_repeated(f"{path}: Atoms", ids)
    order = np.argsort(ids)
    cell = box(path, data.header) * style.length
    positions = column(path, rows, [columns[x] for x in "xyz"]) * style.length
    if "nx" in columns:
        positions += whole_column(path, rows, [columns[f"n{x}"] for x in "xyz"], lammps.LARGEST_FLAG) @ cell
    atoms = Atoms([symbols[t] for t in types[order]], positions[order], cell=cell, pbc=True)
    if masses:
        refuse_missing(path, "Masses", present, masses)
        atoms.set_masses([masses[t] for t in types[order]])
    if "Velocities" in data.sections:
        atoms.set_velocities(velocities_of(path, data, ids[order]) * (style.velocity / ase.units.fs))
    name_unused(path, data, columns, rows)
    return atoms


def split(text: str) -> DataFile:
    """Sort the lines of a data file by header and section; a section begins with a line that starts with a letter.

    A line of labels may start with a letter, too: in Masses, whose lines have two words, the second a number.
    """
    title, *lines = text.splitlines() or [""]
    data, section = DataFile(title), None
    for line in lines:
        content, _, comment = line.partition("#")
        words = content.split()
        if section is None and not words:
            data.remarks += f"\n{comment}"
        if not words:
            continue
        is_labelled_mass = section == "Masses" and len(words) == 2 and not words[1][0].isalpha()
        if words[0][0].isalpha() and not is_labelled_mass:
            section = " ".join(words)
            data.sections[section] = []
            data.comments[section] = comment.strip()
        elif section is None:
            first = next((i for i, word in enumerate(words) if word[0].isalpha()), len(words))
            data.header[" ".join(words[first:])] = words[:first]
        else:
            data.sections[section].append(words)
            if section == "Masses" and comment.strip():
                data.comments[f"Masses {words[0]}"] = comment.split()[0]
    return data


def required(header: dict[str, list[str]], path: Path, key: str) -> list[str]:
    """Return the values of a line of the header.

    Raises:
        StructureError: there is none, or it has another number of values.
    """
    if key not in header:
        raise StructureError(f"{path} = no line `... {key}` in the header: LAMMPS data needs it; is the file whole?")
    n = 1 if key in ("atoms", "atom types") else 2 if key.endswith("hi") else 3
    if len(header[key]) != n:
        raise StructureError(f"{path}: {key} = {' '.join(header[key]) or 'nothing'}: must be {n} numbers; correct it.")
    return header[key]


def count(header: dict[str, list[str]], path: Path, key: str) -> int:
    """Return a number of the header, whole and not negative."""
    word = required(header, path, key)[0]
    if not lammps.is_whole(word) or int(word) < 0:
        raise StructureError(f"{path}: {key} = {word}: must be a whole number >= 0; correct the header.")
    return int(word)


def type_number(path: Path, word: str, labels: dict[str, int]) -> int:
    """Number of an atom type, which may be written as its label."""
    if word in labels:
        return labels[word]
    if not lammps.is_whole(word):
        raise StructureError(f"{path} = type {word}: must be a whole number or one of the section Atom Type Labels.")
    return int(word)


def long_rows(path: Path, data: DataFile, section: str, n: int) -> list[list[str]]:
    """Lines of a section that may be absent, if all have n words or more."""
    rows = data.sections.get(section, [])
    for row in rows:
        if len(row) < n:
            raise StructureError(f"{path}: {section} = {' '.join(row)}: must be {n} words or more; is the file whole?")
    return rows


def masses_of(path: Path, data: DataFile, labels: dict[str, int], factor: float) -> dict[int, float]:
    """Mass of each type, amu; factor: of the unit style."""
    rows = long_rows(path, data, "Masses", 2)
    values = lammps.numbers(f"{path}: Masses", [row[1:2] for row in rows]) * factor if rows else np.zeros((0, 1))
    masses = {}
    for row, mass in zip(rows, values[:, 0].tolist(), strict=True):
        number = type_number(path, row[0], labels)
        if mass <= 0:
            raise StructureError(f"{path}: Masses {row[0]} = {mass:g} amu: must be above 0; correct it.")
        masses[number] = mass
        if f"Masses {row[0]}" in data.comments:
            data.comments[f"Masses {number}"] = data.comments[f"Masses {row[0]}"]
    return masses


def velocities_of(path: Path, data: DataFile, ids: np.ndarray) -> np.ndarray:
    """Velocities of the atoms with these ids, (n, 3), in the unit of the file."""
    rows = long_rows(path, data, "Velocities", 4)
    keys = whole_column(path, rows, [0], lammps.LARGEST_ID, "Velocities")[:, 0]
    lammps.refuse_repeated(f"{path}: Velocities", keys)
    refuse_missing(path, "Velocities", ids.tolist(), set(keys.tolist()))
    values = dict(zip(keys.tolist(), column(path, rows, [1, 2, 3], section="Velocities"), strict=True))
    return np.array([values[i] for i in ids.tolist()]).reshape(-1, 3)


def refuse_missing(path: Path, section: str, needed: Sequence[int], given: dict[int, float] | set[int]) -> None:
    for number in needed:
        if number not in given:
            raise StructureError(f"{path}: {section} = none of number {number}: must be complete; is the file whole?")


def column(path: Path, rows: list[list[str]], places: Sequence[int], section: str = "Atoms") -> np.ndarray:
    """Numbers in some columns of a section, (rows, columns)."""
    words = [[row[k] for k in places] for row in rows]
    return lammps.numbers(f"{path}: {section}", words).reshape(-1, len(places))


def whole_column(
    path: Path, rows: list[list[str]], places: Sequence[int], limit: float, section: str = "Atoms"
) -> np.ndarray:
    """Whole numbers in some columns of a section, (rows, columns)."""
    words = [[row[k] for k in places] for row in rows]
    return lammps.numbers(f"{path}: {section}", words, True, limit).reshape(-1, len(places))


def atom_table(
    path: Path, data: DataFile, n_atoms: int, n_types: int, labels: dict[str, int]
) -> tuple[dict[str, int], list[list[str]]]:
    """Find the place of each column of the section Atoms (image flags: nx, ny, nz), and the words of its lines."""
    rows = data.sections.get("Atoms", [])
    if len(rows) != n_atoms:
        raise StructureError(f"{path}: Atoms = {len(rows)} lines: the header says {n_atoms} atoms; is the file whole?")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise StructureError(
            f"{path}: Atoms = lines of {min(widths)} to {max(widths)} columns: must all have the same; is the file whole?"
        )
    names = layout(path, data.comments.get("Atoms", ""), rows, n_types, labels)
    if rows and widths - {len(names), len(names) + 3}:
        raise StructureError(
            f"{path}: Atoms = lines of {len(rows[0])} columns: must be {' '.join(names)}, with or without 3 image flags; "
            "name the atom style after `Atoms #`."
        )
    columns = {name: k for k, name in enumerate(names)}
    if rows and len(rows[0]) > len(names):
        columns |= {name: len(names) + k for k, name in enumerate(("nx", "ny", "nz"))}
    return columns, rows


def layout(path: Path, comment: str, rows: list[list[str]], n_types: int, labels: dict[str, int]) -> tuple[str, ...]:
    """Tell the columns of Atoms, without image flags, by the comment after its title or else by the numbers in them.

    Raises:
        StructureError: another atom style, or numbers that may be of two styles.
    """
    words = comment.replace(",", " ").split()
    style = words[0].lower() if words else ""
    if style in STYLES:
        return STYLES[style]
    if style in OTHER_STYLES:
        raise StructureError(
            f"{path}: Atoms = style {style}: must be one of {', '.join(STYLES)}; write it with atom_style atomic."
        )
    named = [COLUMN_NAMES.get(word.lower().replace("-", "").replace("_", "")) for word in words[:7]]
    while named and named[-1] is None:
        named.pop()
    if set(named) >= {"id", "type", "x", "y", "z"} and None not in named and len(set(named)) == len(named):
        return tuple(str(name) for name in named)
    if not rows:
        return STYLES["atomic"]
    fitting = {columns for columns in STYLES.values() if fits(rows, columns, n_types, labels)}
    if len(fitting) != 1:
        kinds = [name for name, columns in STYLES.items() if columns in fitting]
        raise StructureError(
            f"{path}: Atoms = lines of {len(rows[0])} columns that fit {' or '.join(kinds) or 'no known atom style'}: must "
            f"be one of {', '.join(STYLES)}; name it, `Atoms # atomic`."
        )
    return fitting.pop()


def fits(rows: list[list[str]], columns: tuple[str, ...], n_types: int, labels: dict[str, int]) -> bool:
    """Test whether lines may have these columns: whole ids, molecules and image flags, known types."""
    extra = len(rows[0]) - len(columns)
    if extra not in (0, 3):
        return False
    whole = [k for k, name in enumerate(columns) if name in ("id", "mol")] + [*range(len(columns), len(rows[0]))]
    place = columns.index("type")
    return all(
        all(lammps.is_whole(row[k]) for k in whole)
        and (row[place] in labels or (lammps.is_whole(row[place]) and 1 <= int(row[place]) <= n_types))
        for row in rows
    )


def box(path: Path, header: dict[str, list[str]]) -> np.ndarray:
    """Cell, (3, 3) in rows, in the unit of the file: the general form (avec, bvec, cvec) or lo, hi and tilt factors."""
    if "avec" in header:
        return lammps.numbers(f"{path}: box", [required(header, path, key) for key in ("avec", "bvec", "cvec")])
    bounds = lammps.numbers(f"{path}: box", [required(header, path, f"{x}lo {x}hi") for x in "xyz"])
    tilts = required(header, path, "xy xz yz") if "xy xz yz" in header else ["0", "0", "0"]
    return lammps.cell_of(path, bounds[:, 1] - bounds[:, 0], lammps.numbers(f"{path}: xy xz yz", [tilts])[0])


def name_unused(path: Path, data: DataFile, columns: dict[str, int], rows: list[list[str]]) -> None:
    """Say which charges, molecules and sections are not used."""
    if "q" in columns and column(path, rows, [columns["q"]]).any():
        notice(f"{path}: Atoms, charges", "not used: a potential knows elements and positions only.")
    if "mol" in columns and len({row[columns["mol"]] for row in rows}) > 1:
        notice(f"{path}: Atoms, molecule ids", "not used: a potential knows elements and positions only.")
    unused = [name for name in data.sections if name not in READ]
    if unused:
        notice(f"{path}: {', '.join(unused)}", f"not used: only the sections {', '.join(sorted(READ))} are.")
