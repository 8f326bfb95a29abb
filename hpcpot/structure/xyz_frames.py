"""Frames of extended XYZ as they stand there: keys of the comment line and columns of the table.

    N | key=value key="several values" flag ... Properties=species:S:1:pos:R:3:forces:R:3 | N rows

A plain XYZ file is one without Properties. Keys are compared without case. Lengths are in Å, or in the unit that a key
length_unit, pos_unit or the like states. Source: the specification of libAtoms/extxyz.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

import numpy as np
from ase.data import chemical_symbols

from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.structure.elements import is_element
from hpcpot.structure.text import number, table, whole_number
from hpcpot.units import LENGTHS

KEY_VALUE = re.compile(
    r"""([^\s="'{}\[\]]+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^\]]*(?:\]\s*,?\s*\[[^\]]*)*\]*|\S+)"""
    r"""|(\S+)"""
)
QUOTES = {'"': '"', "'": "'", "{": "}"}
SPECIES = {"species", "symbol", "symbols", "element", "elements"}
POSITIONS = {"pos", "position", "positions"}
NUMBERS = {"z", "numbers", "atomic_number", "atomic_numbers"}
CELLS = {"cell", "box", "unit_cell", "unitcell", "lattice_vectors"}
"""Keys that look like the cell but are not `Lattice`."""
LABEL = re.compile(r"([A-Z][a-z]?)[\d_+*'-]\S*")
"""A symbol and what a program added to it: Si1, Si_a, O2-."""
LENGTH_UNIT = re.compile(r"(lengths?|distances?|pos|positions?|coords?|coordinates?|lattice|cell)[_-]?units?")
"""Keys, in small letters, that state the unit of lengths."""
TRUTHS = dict.fromkeys(("t", "true", ".true.", "1", "y", "yes"), True)
TRUTHS |= dict.fromkeys(("f", "false", ".false.", "0", "n", "no"), False)
"""Word in small letters -> what it says."""


@dataclass
class XyzFrame:
    """One frame.

    Attributes:
        where: file and frame. comment: key in small letters -> (key as written, value as written).
        flags: words of the comment line that are no keys.
        columns: name in small letters -> (name as written, (n, k) values: float64, or objects: str).
        symbols: of each atom. positions: (n, 3) Å. cell: (3, 3) Å, rows. periodic: (3,) bool.
        unit: of lengths as the comment states it, "" if it does not; positions and cell are converted, columns are not.
    """

    where: str
    comment: dict[str, tuple[str, str]]
    flags: list[str]
    columns: dict[str, tuple[str, np.ndarray]]
    symbols: list[str]
    positions: np.ndarray
    cell: np.ndarray
    periodic: np.ndarray
    unit: str = ""

    @property
    def has_types(self) -> bool:
        """Whether species are numbers, whose elements `XyzOptions` told."""
        words = next((values[:, 0] for name, (_, values) in self.columns.items() if name in SPECIES), [])
        return any(word.isdecimal() for word in words)


@dataclass(frozen=True)
class XyzOptions:
    """Information that the file does not hold.

    Attributes:
        elements: of types 1, 2, ... where species are numbers. remedy: how to give them, for messages.
        is_unit: whether a word behind a value is its unit.
    """

    elements: tuple[str, ...] | None
    remedy: str
    is_unit: Callable[[str], bool] = lambda word: False


@dataclass
class XyzBlock:
    """Lines of a frame: the comment, `count` rows of atoms, and of cell vectors VEC1 to VEC3 behind them, if any."""

    where: str
    comment: str
    rows: list[str]
    vectors: list[str]


def blocks(file: TextIO, source: str) -> Iterator[XyzBlock]:
    """Lines of each frame.

    Args:
        source: name of the file in messages.
    Raises:
        DataError: no frame, a frame that is not whole, or no number of atoms where one is due.
    """
    k, line = 0, file.readline()
    while line:
        if not line.strip():
            line = file.readline()
            continue
        count = whole_number(line.strip(), f"{source}: number of atoms of frame {k}")
        if count < 1:
            raise DataError(
                f"{source}: frame {k} = {count} atoms: a frame must have at least one atom; take it away, or check what "
                "wrote the file."
            )
        comment = file.readline()
        rows = list(islice(file, min(count, sys.maxsize)))
        if len(rows) != count:
            raise DataError(
                f"{source}: frame {k} = {len(rows)} of {count} atoms: all of them are required; copy the file again, or cut "
                "it off behind the frame before."
            )
        vectors = []
        while (line := file.readline()).lstrip().startswith("VEC"):
            vectors.append(line)
        yield XyzBlock(f"{source}:{k}", comment, rows, vectors)
        k += 1
    if not k:
        raise DataError(f"{source} = no frames: an extended XYZ file is required; check which file it is.")


def parse(block: XyzBlock, options: XyzOptions) -> XyzFrame:
    """Take a frame apart.

    Raises:
        DataError: it is none.
    """
    where, count = block.where, len(block.rows)
    comment, flags = parse_comment(block.comment, where, options.is_unit)
    columns = _columns(comment.get("properties", ("", ""))[1], [row.split() for row in block.rows], where)
    positions = next((columns[name][1] for name in columns if name in POSITIONS), None)
    if positions is None or positions.shape != (count, 3) or positions.dtype.kind == "O":
        raise DataError(f"{where} = no column pos of three numbers: positions are required; check Properties.")
    cell = _cell(comment, where)
    periodic = np.full(3, cell.any())
    if block.vectors:
        cell, periodic = _vectors(block.vectors, where)
    if "pbc" in comment:
        periodic = _truths(comment["pbc"][1], where)
    symbols, (unit, factor) = _symbols(columns, options, where), _length_unit(comment, where)
    return XyzFrame(where, comment, flags, columns, symbols, positions * factor, cell * factor, periodic, unit)


def _length_unit(comment: dict[str, tuple[str, str]], where: str) -> tuple[str, float]:
    """Unit of lengths that the comment states, "" for none, and in Å."""
    stated = {text.strip(): key for name, (key, text) in comment.items() if LENGTH_UNIT.fullmatch(name)}
    for unit, key in stated.items():
        if unit.lower() not in LENGTHS:
            raise DataError(f"{where}: {key} = {unit[:30]}: must be a unit of length, A, bohr or nm; correct it.")
    factors = {LENGTHS[unit.lower()] for unit in stated}
    if len(factors) > 1:
        raise DataError(
            f"{where}: {', '.join(stated.values())} = {', '.join(stated)}: must be one unit for positions and cell; "
            "convert the file."
        )
    return next(iter(stated), ""), next(iter(factors), 1.0)


def _vectors(lines: list[str], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Cell, (3, 3), and periodicity by lines VEC1 x y z, as ADF has them."""
    cell, periodic = np.zeros((3, 3)), np.zeros(3, bool)
    for k, line in enumerate(lines):
        words = line.split()
        if k > 2 or words[0] != f"VEC{k + 1}":
            raise DataError(
                f"{where}: {words[0][:20]} = line {k + 1} of the cell: must be VEC1, VEC2, VEC3; correct it."
            )
        cell[k], periodic[k] = table([words[1:]], 3, f"{where}: {words[0]}")[0], True
    return cell, periodic


def parse_comment(
    line: str, where: str, is_unit: Callable[[str], bool] = lambda word: False
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Key in small letters -> (key, value), and the words that are neither.

    Raises:
        DataError: a key with two values.
    """
    comment: dict[str, tuple[str, str]] = {}
    flags, last = [], ""
    for match in KEY_VALUE.finditer(line):
        key, value, flag = match.groups()
        if flag is not None:
            if last and is_unit(flag):  # energy=-3.5 eV
                comment[last] = (comment[last][0], f"{comment[last][1]} {flag}")
            else:
                flags.append(flag)
            continue
        if len(value) > 1 and QUOTES.get(value[0]) == value[-1]:
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        last = key.lower()
        if last in comment and comment[last][1].split() != value.split():
            raise DataError(
                f"{where}: {comment[last][0]}, {key} = {comment[last][1][:60]} and {value[:60]}: must be one value; take "
                "the wrong one away."
            )
        comment.setdefault(last, (key, value))
    return comment, flags


def values_of(text: str, where: str) -> np.ndarray:
    """(k,) float64 of a value: numbers with blanks, commas or brackets between."""
    return np.array([number(word, where) for word in re.sub(r"[\[\],]", " ", text).split()], np.float64)


def _columns(properties: str, rows: list[list[str]], where: str) -> dict[str, tuple[str, np.ndarray]]:
    """Columns by Properties; of a plain XYZ file symbols and positions, and whatever follows as `columns`."""
    fields = properties.split(":") if properties else ["species", "S", "1", "pos", "R", "3"]
    if len(fields) % 3 or not all(width.isdigit() and int(width) for width in fields[2::3]):
        raise DataError(f"{where}: Properties = {properties[:80]}: must be name:type:columns, repeated; correct it.")
    names, kinds, widths = fields[::3], fields[1::3], [int(width) for width in fields[2::3]]
    if not properties and len(rows[0]) > 4:
        names, kinds, widths = [*names, "without names"], [*kinds, "S"], [*widths, len(rows[0]) - 4]
    for k, row in enumerate(rows):
        if len(row) != sum(widths):
            raise DataError(
                f"{where}: row {k} = {len(row)} values: must be {sum(widths)}, by Properties; check what wrote the file."
            )
    columns: dict[str, tuple[str, np.ndarray]] = {}
    first = 0
    for name, kind, width in zip(names, kinds, widths, strict=True):
        words = [row[first : first + width] for row in rows]
        first += width
        if name.lower() in columns:
            raise DataError(f"{where}: Properties = {name} twice: must be there once; name one of them otherwise.")
        is_text = kind in ("S", "L") or name.lower() in SPECIES
        values = np.array(words, object) if is_text else table(words, width, f"{where}: column {name}")
        columns[name.lower()] = (name, values)
    return columns


def _symbols(columns: dict[str, tuple[str, np.ndarray]], options: XyzOptions, where: str) -> list[str]:
    """Elements by symbol, by atomic number, or by type where `elements` names the types."""
    words = next((columns[name][1][:, 0] for name in columns if name in SPECIES), None)
    by_number = next((columns[name][1][:, 0] for name in columns if name in NUMBERS), None)
    symbols = None
    if words is not None:
        known = {word: _symbol(word, options, where) for word in dict.fromkeys(words.tolist())}
        symbols = [known[word] for word in words.tolist()]
    if by_number is not None:
        if not np.isin(by_number, np.arange(1, len(chemical_symbols))).all():
            raise DataError(f"{where}: column Z = {by_number.tolist()[:5]}: must be atomic numbers; correct it.")
        numbered = [chemical_symbols[int(z)] for z in by_number]
        if symbols not in (None, numbered):
            raise DataError(f"{where}: species and Z = different elements: must be the same; take one column away.")
        symbols = numbered
    if symbols is None:
        raise DataError(f"{where} = no column species: symbols of elements are required; check Properties.")
    return symbols


def _symbol(word: str, options: XyzOptions, where: str) -> str:
    if word.isascii() and word.isdecimal():
        elements = options.elements
        if elements is None or not 1 <= int(word) <= len(elements):
            raise DataError(
                f"{where}: species = {word}, a number: must be a symbol, or a type whose element is told; name the "
                f"elements of types 1, 2, ... in their order, {options.remedy}."
            )
        return elements[int(word) - 1]
    symbol = word.capitalize()
    if not is_element(symbol) and (match := LABEL.fullmatch(word)) and is_element(match[1]):
        notice(f"{where}: species {word[:20]}", "labels read as the elements that they begin with.")
        symbol = match[1]
    if not is_element(symbol):
        raise DataError(f"{where}: species = {word[:20]}: must be the symbol of an element; correct it.")
    return symbol


def _cell(comment: dict[str, tuple[str, str]], where: str) -> np.ndarray:
    """(3, 3) float64, rows; zero without Lattice. Three numbers are the lengths of a box."""
    if "lattice" not in comment:
        other = next((comment[key] for key in comment if key in CELLS), None)
        if other is not None:
            raise DataError(
                f"{where}: {other[0]} = {other[1][:80]}: the key of the cell is Lattice, nine numbers in Å; write it so."
            )
        return np.zeros((3, 3))
    cell = values_of(comment["lattice"][1], f"{where}: Lattice")
    if cell.size == 3:
        return np.diag(cell)
    if cell.size != 9:
        raise DataError(f"{where}: Lattice = {cell.size} numbers: must be nine, vector by vector; correct it.")
    return cell.reshape(3, 3)


def _truths(text: str, where: str) -> np.ndarray:
    """(3,) bool of "T T F", "[True, True, False]", "1 1 0" or one for all."""
    words = re.sub(r"[\[\],]", " ", text).lower().split()
    if len(words) not in (1, 3) or not all(word in TRUTHS for word in words):
        raise DataError(f"{where}: pbc = {text[:60]}: must be three of T and F; correct it.")
    return np.array([TRUTHS[word] for word in words] * (3 // len(words)))
