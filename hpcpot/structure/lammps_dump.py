"""LAMMPS dump files, styles atom and custom, as text. Source: https://docs.lammps.org/dump.html."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import ase.units
import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.notices import notice
from hpcpot.structure import lammps
from hpcpot.structure.formats import StructureOptions

POSITIONS = (("xu", "yu", "zu"), ("x", "y", "z"), ("xsu", "ysu", "zsu"), ("xs", "ys", "zs"))
"""Columns of positions, those taken first first: unwrapped, wrapped, and the same in fractions of the box."""
WRAPPED = ("x", "xs")
IMAGES = ("ix", "iy", "iz")
VELOCITIES = ("vx", "vy", "vz")
PLACEHOLDER = "C"
"""Element that LAMMPS writes for all types where dump_modify does not name them."""
UNNAMED = "C for all atoms, which LAMMPS writes without dump_modify element"


@dataclass
class RawFrame:
    """The lines of a snapshot.

    Attributes:
        where: file and number of the frame. units: the last that the file stated before. items: head of an item,
            without "ITEM: " -> its lines, those of ATOMS apart. columns: of `atoms`, the lines of atoms.
    """

    where: str
    units: str | None
    items: dict[str, list[str]]
    columns: list[str]
    atoms: list[str]


def is_dump(path: Path) -> bool:
    """Test whether a file begins as a text dump does."""
    try:
        with lammps.opened(path) as file:
            return file.read(6) == "ITEM: "
    except StructureError:
        return False


def read(path: Path, options: StructureOptions | None = None, index: int = -1) -> Atoms:
    """One frame of a dump: atoms by id, with positions, box, boundaries, velocities and masses as they are there.

    Positions are unwrapped where the file has xu or image flags; the origin of the box is not subtracted. An element
    is that of the column `element` or `typelabel` or of a type label, else options.elements[type - 1], else that of the
    column `mass`; these may not contradict each other.

    Args:
        options: names of types 1, 2, ..., and unit style of a file that does not state it. index: of the frame, from
            the end if negative.
    Raises:
        StructureError: no such frame, a frame that is not whole, an element that is not told.
    """
    with lammps.opened(path) as file:
        raw = list(islice(raw_frames(path, file), index, index + 1)) if index >= 0 else _from_end(path, file, index)
    if not raw:
        raise StructureError(f"{path} = no frame {index}: the file ends before; name one that is there.")
    return atoms_of(raw[0], options or StructureOptions())


def _from_end(path: Path, file: TextIO, index: int) -> list[RawFrame]:
    last = deque(raw_frames(path, file), -index)
    return [last[0]] if len(last) == -index else []


def frames(path: Path, options: StructureOptions | None = None) -> Iterator[Atoms | StructureError]:
    """All frames of a dump, each as `read` gives it or as the error of it; one without its length ends the file."""
    try:
        with lammps.opened(path) as file:
            for raw in raw_frames(path, file):
                try:
                    yield atoms_of(raw, options or StructureOptions())
                except StructureError as error:
                    yield error
    except StructureError as error:
        yield error


def raw_frames(path: Path, lines: TextIO) -> Iterator[RawFrame]:
    """Split a dump into its snapshots.

    Raises:
        StructureError: a snapshot that is not whole, or lines that belong to none.
    """
    items: dict[str, list[str]] = {}
    units, n, current = None, 0, None
    for line in lines:
        where = f"{path}: frame {n}"
        if not line.startswith("ITEM: "):
            if current is None:
                if line.strip():
                    raise StructureError(
                        f"{where} = a line `{line.strip()[:40]}`: must be `ITEM: ...`; is the file whole?"
                    )
                continue
            items[current].append(line)
            continue
        current = line[6:].strip()
        if current.startswith("UNITS"):
            units = next(lines, "").strip().lower()
            current = None
        elif current.startswith("ATOMS"):
            atoms = list(islice(lines, _count(where, items)))
            yield RawFrame(where, units, items, current.split()[1:], atoms)
            items, n, current = {}, n + 1, None
        else:
            items[current] = []
    if items or not n:
        raise StructureError(f"{path}: frame {n} = no ITEM: ATOMS: must be a whole dump of atoms; is the file whole?")


def _count(where: str, items: dict[str, list[str]]) -> int:
    word = "".join(items.get("NUMBER OF ATOMS", [])).strip()
    if not lammps.is_whole(word) or int(word) < 0:
        raise StructureError(
            f"{where}: NUMBER OF ATOMS = {word or 'missing'}: must be a whole number; is the file whole?"
        )
    return int(word)


def atoms_of(frame: RawFrame, options: StructureOptions) -> Atoms:
    """Make atoms of the lines of a frame; see `read`."""
    rows, columns = _table(frame)
    has_velocities = all(name in columns for name in VELOCITIES)
    style = lammps.unit_style(frame.where.rpartition(":")[0], frame.units, options, has_velocities)
    cell, origin, pbc = _box(frame)
    symbols, masses = _kinds(frame, rows, columns, options, style.mass)
    positions = _positions(frame, rows, columns, cell, origin) * style.length
    order = np.arange(len(rows))
    if "id" in columns:
        ids = _whole_numbers(frame, rows, columns, ["id"], lammps.LARGEST_ID)[:, 0]
        lammps.refuse_repeated(frame.where, ids)
        order = np.argsort(ids)
    atoms = Atoms(np.array(symbols, object)[order].tolist(), positions[order], cell=cell * style.length, pbc=pbc)
    if masses is not None:
        atoms.set_masses(masses[order])
    if has_velocities:
        atoms.set_velocities(_numbers(frame, rows, columns, VELOCITIES)[order] * (style.velocity / ase.units.fs))
    _name_unused(frame, columns, has_velocities)
    return atoms


def _table(frame: RawFrame) -> tuple[list[list[str]], dict[str, int]]:
    """Words of the lines of atoms, and the place of each column."""
    n = _count(frame.where, frame.items)
    if len(frame.atoms) != n:
        raise StructureError(
            f"{frame.where} = {len(frame.atoms)} lines of atoms: its number of atoms is {n}; is the file whole?"
        )
    columns = {name: k for k, name in enumerate(frame.columns)}
    if len(columns) < len(frame.columns):
        raise StructureError(
            f"{frame.where}: ITEM: ATOMS {' '.join(frame.columns)} = a column twice: names must differ."
        )
    rows = [line.split() for line in frame.atoms]
    for row in rows:
        if len(row) != len(columns):
            raise StructureError(
                f"{frame.where} = a line of {len(row)} words, `{' '.join(row)[:60]}`: must have the {len(columns)} columns "
                f"{' '.join(columns)}; is the file whole?"
            )
    return rows, columns


def _words(rows: list[list[str]], columns: dict[str, int], names: Sequence[str]) -> list[list[str]]:
    places = [columns[name] for name in names]
    return [[row[k] for k in places] for row in rows]


def _numbers(frame: RawFrame, rows: list[list[str]], columns: dict[str, int], names: Sequence[str]) -> np.ndarray:
    """Numbers in columns of these names, (rows, names)."""
    where, words = f"{frame.where}: columns {' '.join(names)}", _words(rows, columns, names)
    return lammps.numbers(where, words).reshape(-1, len(names))


def _whole_numbers(
    frame: RawFrame, rows: list[list[str]], columns: dict[str, int], names: Sequence[str], limit: float
) -> np.ndarray:
    """Whole numbers in columns of these names, (rows, names)."""
    where, words = f"{frame.where}: columns {' '.join(names)}", _words(rows, columns, names)
    return lammps.numbers(where, words, True, limit).reshape(-1, len(names))


def _box(frame: RawFrame) -> tuple[np.ndarray, np.ndarray, list[bool]]:
    """Cell, (3, 3) in rows, and origin, (3,), in the unit of the file; periodicity."""
    heads = [head for head in frame.items if head.startswith("BOX BOUNDS")]
    lines = [line.split() for line in frame.items[heads[0]]] if heads else []
    words = heads[0].split()[2:] if heads else []
    is_general, is_tilted = words[:2] == ["abc", "origin"], words[:3] == ["xy", "xz", "yz"]
    flags = words[2:] if is_general else words[3:] if is_tilted else words
    width = 4 if is_general else 3 if is_tilted else 2
    if len(lines) != 3 or {len(line) for line in lines} != {width}:
        raise StructureError(
            f"{frame.where}: ITEM: BOX BOUNDS = {len(lines)} lines: must be 3 of {width} numbers; is the file whole?"
        )
    values = lammps.numbers(f"{frame.where}: BOX BOUNDS", lines)
    pbc = _periodic(frame, flags)
    if is_general:
        return values[:, :3], values[:, 3], pbc
    low, high = values[:, 0].copy(), values[:, 1].copy()
    xy, xz, yz = values[:, 2] if is_tilted else (0.0, 0.0, 0.0)
    low -= [min(0.0, xy, xz, xy + xz), min(0.0, yz), 0.0]
    high -= [max(0.0, xy, xz, xy + xz), max(0.0, yz), 0.0]
    return lammps.cell_of(frame.where, high - low, (xy, xz, yz)), low, pbc


def _periodic(frame: RawFrame, flags: list[str]) -> list[bool]:
    """Periodicity from boundary flags: pp is periodic; f, s and m on both sides are not."""
    if not flags:
        notice(
            frame.where.rpartition(":")[0], "no boundary flags in ITEM: BOX BOUNDS: read as periodic along all axes."
        )
        return [True] * 3
    if len(flags) != 3 or any(flag != "pp" and (len(flag) != 2 or set(flag) - set("fsm")) for flag in flags):
        raise StructureError(
            f"{frame.where}: boundaries = {' '.join(flags)}: must be three of pp, or of f, s and m, such as ff; correct them."
        )
    return [flag == "pp" for flag in flags]


def _positions(
    frame: RawFrame, rows: list[list[str]], columns: dict[str, int], cell: np.ndarray, origin: np.ndarray
) -> np.ndarray:
    """Positions, (n, 3), in the unit of the file."""
    names = next((names for names in POSITIONS if all(name in columns for name in names)), None)
    if names is None:
        raise StructureError(
            f"{frame.where}: ITEM: ATOMS {' '.join(columns)} = no positions: must have x y z, xu yu zu, xs ys zs or "
            "xsu ysu zsu; dump them."
        )
    positions = _numbers(frame, rows, columns, names)
    if names[0].startswith("xs"):
        positions = origin + positions @ cell
    if names[0] in WRAPPED and all(name in columns for name in IMAGES):
        positions = positions + _whole_numbers(frame, rows, columns, IMAGES, lammps.LARGEST_FLAG) @ cell
    return positions


def _kinds(
    frame: RawFrame, rows: list[list[str]], columns: dict[str, int], options: StructureOptions, factor: float
) -> tuple[list[str], np.ndarray | None]:
    """Element of each atom, and masses, (n,) amu, if the file has them."""
    if not {"type", "element", "typelabel", "mass"} & set(columns):
        raise StructureError(
            f"{frame.where}: ITEM: ATOMS {' '.join(columns)} = no elements of the atoms: must have element, type, "
            "typelabel or mass; dump one of them."
        )
    type_words, names, labels = (
        [row[columns[name]] for row in rows] if name in columns else [""] * len(rows)
        for name in ("type", "element", "typelabel")
    )
    masses = _numbers(frame, rows, columns, ["mass"])[:, 0] * factor if "mass" in columns else None
    if set(names) == {PLACEHOLDER}:
        is_told = options.elements or masses is not None or "typelabel" in columns or len(set(type_words)) > 1
        used = (
            f"not used: {UNNAMED}."
            if is_told
            else f"read as carbon, but {UNNAMED}: name others by {options.key('elements')}."
        )
        notice(f"{frame.where.rpartition(':')[0]}: column element", used)
        names = [""] * len(rows) if is_told else names
    names = [name or label for name, label in zip(names, labels, strict=True)]
    values = [None] * len(rows) if masses is None else masses.tolist()
    keys = list(zip(type_words, names, values, strict=True))
    symbols = {key: _symbol(frame, *key, options) for key in dict.fromkeys(keys)}
    return [symbols[key] for key in keys], masses


def _symbol(frame: RawFrame, type_word: str, name: str, mass: float | None, options: StructureOptions) -> str:
    number = int(type_word) if lammps.is_whole(type_word) else None
    if number is not None and number < 1:
        raise StructureError(f"{frame.where} = type {number}: must be 1 or above; correct the file.")
    label = None if number is not None else type_word
    where = f"{frame.where}: type {type_word}" if type_word else f"{frame.where}: an atom"
    return lammps.element_of(where, number, name or label or None, mass, options)


def _name_unused(frame: RawFrame, columns: dict[str, int], has_velocities: bool) -> None:
    used = {"id", "type", "element", "typelabel", "mass", *IMAGES, *(name for names in POSITIONS for name in names)}
    unused = [name for name in columns if name not in used and not (has_velocities and name in VELOCITIES)]
    if unused:
        notice(
            f"{frame.where.rpartition(':')[0]}: columns {', '.join(unused)}",
            "not used: only ids, elements, masses, positions, image flags and velocities are.",
        )
