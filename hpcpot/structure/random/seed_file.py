"""Seeds of AIRSS: .cell files whose comments `#TAG=value` say what random cells to make."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.notices import notice
from hpcpot.structure.random import ORDERS, PACKING, volumes
from hpcpot.structure.random.cells import RandomCells
from hpcpot.structure.random.groups import space_group
from hpcpot.structure.random.shape import cell_of

READ = (
    "TARGVOL", "VARVOL", "PACKING", "NFORM", "SYMMOPS", "SYMM", "SYMMNO", "ADJGEN", "MINSEP", "SLACK", "NOPUSH", "PUSHSTEP",
    "PUSHMAX", "CONS", "ACONS", "COMPACT", "NOCOMPACT", "MAXTIME",
)  # fmt: skip
"""Tags that are read; MAXTIME is not needed, since attempts are counted."""

REFUSED = (
    "SGRANK", "SYSTEM", "SYMMORPHIC", "OVERLAP", "CELLADAPT", "SLAB", "CLUSTER", "SPHERE", "FIX", "CFIX", "NATOM", "SPECIES",
    "POSAMP",
)  # fmt: skip
"""Tags of AIRSS that change the cells and are not read."""

BAND = (0.95, 1.05)
"""Volumes in parts of VARVOL and of the defaults, as in AIRSS; TARGVOL is exact."""

TRIES, SWEEPS = 0.25, 100
"""PUSHSTEP and PUSHMAX where the seed has none, as in AIRSS."""

ATOM = re.compile(r"([A-Z][a-z]?)\s+\S+\s+\S+\s+\S+\s*(#.*)?")


def read(path: Path) -> RandomCells:
    """What a seed asks for.

    Raises:
        StructureError: an unknown tag, with the nearest known one; one that is not read; a value that is none.
    """
    with inputs.reading(path, "AIRSS seed", StructureError), inputs.open_text(path) as file:
        lines = [line.strip() for line in file]
    tags, blocks = _parts(path, lines)
    formula, listed = _atoms(path, blocks)
    get = _Tags(path, tags)
    slack = get.number("SLACK", 0.0)
    distance, distances = _separations(path, tags.get("MINSEP"), 1.0 - slack)
    total, band = sum(formula.values()), BAND
    if "VARVOL" in tags:
        volume = get.number("VARVOL", 0.0) * total / listed
    elif "TARGVOL" in tags:
        low, high = get.range("TARGVOL")
        volume, band = total / listed, (low, high)
    elif (lattice := _lattice_volume(path, blocks)) is not None:
        volume = lattice
    else:
        diameters = {symbol: sum(distances.get((symbol, symbol), distance)) / 2 for symbol in formula}
        volume = volumes.by_packing(formula, diameters, get.number("PACKING", PACKING))
    if not (volume > 0.0 and band[0] > 0.0):
        raise StructureError(f"{path}: volume = {volume:g} Å³: must be > 0; give TARGVOL or VARVOL, or MINSEP.")
    units = get.whole("NFORM", [-1])
    fewer = get.whole("ADJGEN", [0])
    group = _group(path, tags.get("SYMM", tags.get("SYMMNO")))
    orders = [order for order in get.whole("SYMMOPS", [1]) if order in ORDERS]
    per_operation = units == [-1]
    if not orders or (not per_operation and min(units) < 1) or min(fewer) < 0:
        raise StructureError(
            f"{path}: NFORM = {units}, SYMMOPS = {tags.get('SYMMOPS', '1')}, ADJGEN = {fewer}: must be whole numbers >= 1 "
            f"(ADJGEN >= 0), of operations some of {', '.join(map(str, ORDERS))}; correct them."
        )
    return RandomCells(
        formula,
        (1,) if per_operation else tuple(units),
        per_operation=per_operation,
        unit_volume=volume,
        volume_ratio=band,
        operations=tuple(orders),
        groups=group,
        distance=distance,
        distances=distances,
        fewer_general=(min(fewer), max(fewer)),
        compactness=get.number("CONS", 0.4),
        angle_compactness=get.number("ACONS", 0.5),
        push_step=get.number("PUSHSTEP", TRIES),
        push_sweeps=0 if "NOPUSH" in tags else int(get.number("PUSHMAX", SWEEPS)),
        reduce="NOCOMPACT" not in tags,
    )


def _parts(path: Path, lines: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Tags and blocks, by name in capitals; keywords of CASTEP itself do not concern the cell."""
    tags: dict[str, str] = {}
    blocks: dict[str, list[str]] = {}
    block, unused = None, []
    for line in lines:
        if match := re.fullmatch(r"%(END)?BLOCK\s+(\w+)", line, re.IGNORECASE):
            block = None if match[1] else blocks.setdefault(match[2].upper(), [])
        elif line.startswith("##") or not line:
            continue
        elif line.startswith("#"):
            name, _, value = line[1:].partition("=")
            _refuse_unknown(path, name := name.strip().upper())
            if name in tags:
                raise StructureError(f"{path}: {name} = appears twice: must be there once; take one away.")
            tags[name] = value.strip()
        elif block is not None:
            block.append(line)
        else:
            unused.append(line.split()[0])
    if unused or "MAXTIME" in tags:
        notice(
            f"{path}: {', '.join([*dict.fromkeys(unused), *(['MAXTIME'] if 'MAXTIME' in tags else [])])}", "not used."
        )
    return tags, blocks


def _refuse_unknown(path: Path, name: str) -> None:
    if name in READ:
        return
    if name in REFUSED:
        raise StructureError(
            f"{path}: {name} = a tag of AIRSS: is not read; must be one of {', '.join(READ)}; take it away."
        )
    near = difflib.get_close_matches(name, READ, 1)
    raise StructureError(
        f"{path}: {name[:30]} = unknown tag: {f'did you mean {near[0]}?' if near else 'known are ' + ', '.join(READ)}; a line "
        "of ## is a comment."
    )


def _atoms(path: Path, blocks: dict[str, list[str]]) -> tuple[dict[str, int], int]:
    """Atoms of each element, and the number of lines that list them."""
    lines = blocks.get("POSITIONS_FRAC", blocks.get("POSITIONS_ABS", []))
    formula: Counter[str] = Counter()
    for line in lines:
        match = ATOM.fullmatch(line)
        if match is None or match[1] not in atomic_numbers:
            raise StructureError(f"{path}: {line[:60]} = no atom: must be `El x y z # name % NUM=n`; correct it.")
        _, _, settings = (match[2] or "").partition("%")
        number = 1
        for word in settings.split():
            given = re.fullmatch(r"NUM=(\d{1,4})", word)
            if given is None or not int(given[1]):
                raise StructureError(f"{path}: {word[:30]} = not read: of an atom, must be NUM=n; take it away.")
            number = int(given[1])
        formula[match[1]] += number
    if not formula:
        raise StructureError(
            f"{path} = no atoms: must have a block POSITIONS_FRAC or POSITIONS_ABS; check which file it is."
        )
    return dict(formula), len(lines)


def _lattice_volume(path: Path, blocks: dict[str, list[str]]) -> float | None:
    name = next((name for name in ("LATTICE_CART", "LATTICE_ABC") if name in blocks), None)
    if name is None:
        return None
    try:
        rows = [line for line in blocks[name] if line.lower() not in ("ang", "angstrom")]
        numbers = np.array([[float(word) for word in row.split()] for row in rows])
        cell = numbers if name == "LATTICE_CART" else cell_of(numbers[0], np.cos(np.radians(numbers[1])))
        volume = abs(float(np.linalg.det(cell)))
    except (ValueError, IndexError, np.linalg.LinAlgError) as error:
        raise StructureError(f"{path}: {name} = not three rows, or two, of three numbers in Å: correct it.") from error
    if not 0.0 < volume < np.inf:
        raise StructureError(f"{path}: {name} = {volume:g} Å³: must have a volume; correct it.")
    return volume


def _group(path: Path, name: str | None) -> tuple[int, ...] | None:
    """A space group by its number or symbol."""
    if name is None:
        return None
    for number in range(1, 231):
        if name in (str(number), space_group(number).symbol, space_group(number).symbol.replace("_", "")):
            return (number,)
    raise StructureError(
        f"{path}: SYMM = {name[:30]}: must be a number from 1 to 230, or a symbol such as Pnma; correct it."
    )


def _separations(
    path: Path, text: str | None, factor: float
) -> tuple[tuple[float, float], dict[tuple[str, str], tuple[float, float]]]:
    """Least distances of all pairs, and of some: `2.0`, `1-3 Li-Si=2.5 Si-Si=2.2-2.4`."""
    distance, distances = (0.0, 0.0), {}
    for word in (text or "").split():
        pair, equals, value = word.rpartition("=")
        elements = tuple(sorted(pair.split("-")))
        ends = _ends(value)
        if ends is None or (equals and (len(elements) != 2 or not all(e in atomic_numbers for e in elements))):
            raise StructureError(
                f"{path}: MINSEP = {word[:30]}: must be a distance in Å, a range, or A-B=distance; AUTO is not read."
            )
        scaled = (ends[0] * factor, ends[1] * factor)
        if equals:
            distances[elements] = scaled
        else:
            distance = scaled
    return distance, distances


def _ends(text: str) -> tuple[float, float] | None:
    """2.5, or 1-3 as (1, 3)."""
    match = re.fullmatch(r"(\d+\.?\d*)(?:-(\d+\.?\d*))?", text)
    if match is None:
        return None
    low, high = float(match[1]), float(match[2] or match[1])
    return (low, high) if low <= high < 1e6 else None


class _Tags:
    """Values of tags, or what is wrong with them."""

    def __init__(self, path: Path, tags: dict[str, str]):
        self._path, self._tags = path, tags

    def number(self, name: str, default: float) -> float:
        low, high = self.range(name) if name in self._tags else (default, default)
        if low != high:
            raise self._wrong(name, "a number")
        return low

    def range(self, name: str) -> tuple[float, float]:
        ends = _ends(self._tags[name])
        if ends is None:
            raise self._wrong(name, "a number >= 0, or a range a-b")
        return ends

    def whole(self, name: str, default: list[int]) -> list[int]:
        """Whole numbers n, a-b or {a,b,c}, with ~ before them or not: each structure draws one."""
        if name not in self._tags:
            return default
        text = self._tags[name].removeprefix("~").replace(" ", "")
        if match := re.fullmatch(r"(\d{1,4})-(\d{1,4})", text):
            numbers = list(range(int(match[1]), int(match[2]) + 1))
        else:
            words = text[1:-1].split(",") if re.fullmatch(r"\{.*\}", text) else [text]
            numbers = [int(word) for word in words if re.fullmatch(r"-1|\d{1,4}", word)] if all(words) else []
            numbers = numbers if len(numbers) == len(words) else []
        if not numbers:
            raise self._wrong(name, "a whole number, a range a-b, or {a,b,c}")
        return numbers

    def _wrong(self, name: str, what: str) -> StructureError:
        return StructureError(f"{self._path}: {name} = {self._tags[name][:30]}: must be {what}; correct it.")
