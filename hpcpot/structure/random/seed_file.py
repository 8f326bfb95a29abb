"""Seeds of AIRSS: .cell files whose comments `#TAG=value` say what random cells to make."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from pathlib import Path

import numpy as np
from ase.cell import Cell
from ase.data import atomic_numbers

from hpcpot import inputs
from hpcpot.errors import StructureError
from hpcpot.notices import notice
from hpcpot.structure.random import ORDERS, PACKING, VACUUM, volumes
from hpcpot.structure.random.cells import RandomCells
from hpcpot.structure.random.groups import groups_of_order, space_group
from hpcpot.structure.random.separations import of_structure
from hpcpot.structure.random.shape import cell_of

READ = (
    "TARGVOL", "VARVOL", "PACKING", "NFORM", "SYMMOPS", "SYMM", "SYMMNO", "ADJGEN", "MINSEP", "SLACK", "NOPUSH", "PUSHSTEP",
    "PUSHMAX", "CONS", "ACONS", "COMPACT", "NOCOMPACT", "MAXTIME", "SYSTEM", "SYMMORPHIC", "SPECIES", "FIX", "SLAB", "WIDTH",
    "CLUSTER", "SPHERE", "VACUUM",
)  # fmt: skip
"""Tags that are read; MAXTIME is not needed, since attempts are counted."""

REFUSED = (
    "SGRANK", "OVERLAP", "CELLADAPT", "CFIX", "ABFIX", "NATOM", "POSAMP", "ELLIPSOID", "CYLINDER", "PANCAKE", "CIGAR",
)  # fmt: skip
"""Tags of AIRSS that change the cells and are not read."""

BAND = (0.95, 1.05)
"""Volumes in parts of VARVOL and of the defaults, as in AIRSS; TARGVOL is exact."""

STEP, SWEEPS = 0.25, 100
"""PUSHSTEP and PUSHMAX where the seed has none, as in AIRSS."""

FLAGS = ("NOPUSH", "COMPACT", "NOCOMPACT", "SYMMORPHIC", "FIX", "SLAB", "CLUSTER")
"""Tags without a value."""

EITHER = (
    ("SYMM", "SYMMNO"), ("SYMM", "SYMMOPS"), ("SYMMNO", "SYMMOPS"), ("COMPACT", "NOCOMPACT"), ("SYMM", "SYSTEM"),
    ("SYMMNO", "SYSTEM"), ("SYMM", "SYMMORPHIC"), ("SYMMNO", "SYMMORPHIC"), ("SLAB", "CLUSTER"), ("FIX", "SLAB"),
    ("FIX", "CLUSTER"), ("FIX", "TARGVOL"), ("FIX", "VARVOL"), ("SPHERE", "TARGVOL"), ("SPHERE", "VARVOL"),
    ("SPECIES", "POSITIONS_FRAC"), ("SPECIES", "POSITIONS_ABS"),
)  # fmt: skip
"""Tags of which a seed can have one only, as the other would do nothing."""

NEEDS = (("SPHERE", "CLUSTER"), ("WIDTH", "SLAB"), ("SLAB", "WIDTH"))
"""Tags of which the first needs the second."""

OWN_FORM = ("FIX", "SLAB", "CLUSTER")
"""Tags of cells without symmetry."""

SYSTEMS = {
    "Tric": "triclinic", "Mono": "monoclinic", "Orth": "orthorhombic", "Tetr": "tetragonal", "Trig": "trigonal",
    "Rhom": "trigonal", "Hexa": "hexagonal", "Cubi": "cubic",
}  # fmt: skip
"""First letters of SYSTEM -> crystal system; of a rhombohedral lattice are only some trigonal groups."""

AUTO = "AUTO"

POSITIONS, LATTICES = ("POSITIONS_FRAC", "POSITIONS_ABS"), ("LATTICE_CART", "LATTICE_ABC")
"""Blocks that are read, one of each."""

ATOM = re.compile(r"([A-Z][a-z]?)\s+\S+\s+\S+\s+\S+\s*(#.*)?")


def read(path: Path, distances_of: Path | None = None) -> RandomCells:
    """What a seed asks for.

    Args:
        distances_of: file of the structure whose distances MINSEP=AUTO stands for.
    Raises:
        StructureError: an unknown tag, with the nearest known one; one that is not read; a value that is none.
    """
    with inputs.reading(path, "AIRSS seed", StructureError), inputs.open_text(path) as file:
        lines = [line.strip() for line in file]
    tags, blocks = _parts(path, lines)
    formula, listed = _species(path, tags["SPECIES"]) if "SPECIES" in tags else _atoms(path, blocks)
    get = _Tags(path, tags)
    is_auto = AUTO in tags.get("MINSEP", "").split()
    if is_auto is (distances_of is None):
        raise StructureError(
            f"{path}: MINSEP = {tags.get('MINSEP', 'none')[:30]}, random.distances_of = {distances_of or 'null'}: AUTO needs "
            "the structure whose distances it stands for, and nothing else does; give both or neither."
        )
    slack = get.number("SLACK", 0.0, most=0.99)
    distance, distances = _separations(path, tags.get("MINSEP"), 1.0 - slack, formula)
    if is_auto:
        given = of_structure(distances_of, formula)
        distances = {
            pair: (low * (1.0 - slack), high * (1.0 - slack)) for pair, (low, high) in given.items()
        } | distances
    packing = get.number("PACKING", PACKING, least=1e-3, most=1.0)
    total, band = sum(formula.values()), BAND
    form = "slab" if "SLAB" in tags else "cluster" if "CLUSTER" in tags else "crystal"
    if "SPHERE" in tags:
        volume, band = 4.0 / 3.0 * np.pi * get.number("SPHERE", 0.0, least=0.1) ** 3, (1.0, 1.0)
    elif "FIX" in tags:
        volume, band = _lattice_volume(path, blocks) or 0.0, (1.0, 1.0)
    elif "VARVOL" in tags:
        volume = get.number("VARVOL", 0.0) * total / listed
    elif "TARGVOL" in tags:
        low, high = get.range("TARGVOL")
        volume, band = total / listed, (low, high)
    elif (lattice := _lattice_volume(path, blocks)) is not None:
        volume = lattice
    else:
        volume = volumes.by_packing(formula, distance, distances, packing)
    if not (volume > 0.0 and band[0] > 0.0):
        raise StructureError(f"{path}: volume = {volume:g} Å³: must be > 0; give TARGVOL or VARVOL, or MINSEP.")
    units, (sweeps, *more) = get.whole("NFORM", [-1]), get.whole("PUSHMAX", [SWEEPS])
    if more or sweeps < 0:
        raise get.wrong("PUSHMAX", "a whole number >= 0")
    fewer = get.whole("ADJGEN", [0])
    group = _group(path, tags.get("SYMM", tags.get("SYMMNO")))
    orders = [order for order in get.whole("SYMMOPS", [1]) if order in ORDERS]
    if {"SYSTEM", "SYMMORPHIC"} & tags.keys():
        group = _groups(path, orders, tags.get("SYSTEM"), "SYMMORPHIC" in tags)
    own = next((name for name in OWN_FORM if name in tags), None)
    if own and (group is not None or orders != [1]):
        raise StructureError(f"{path}: {own} = a cell without symmetry: must have SYMMOPS=1 and no group; correct it.")
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
        compactness=get.number("CONS", 0.4, most=1.0),
        angle_compactness=get.number("ACONS", 0.5, most=0.95),
        push_step=get.number("PUSHSTEP", STEP, least=1e-3, most=10.0),
        push_sweeps=0 if "NOPUSH" in tags else sweeps,
        reduce="NOCOMPACT" not in tags,
        form=form,
        shape=_lattice(blocks) if "FIX" in tags else None,
        thickness=get.number("WIDTH", 0.0, least=0.1) if form == "slab" else 0.0,
        vacuum=get.number("VACUUM", VACUUM, least=1.0) if form != "crystal" else 0.0,
    )


def _parts(path: Path, lines: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Tags and blocks, by name in capitals; keywords of CASTEP itself do not concern the cell."""
    tags: dict[str, str] = {}
    blocks: dict[str, list[str]] = {}
    block, opened, unused = None, "", []
    for line in lines:
        if match := re.fullmatch(r"%(END)?BLOCK\s+(\w+)", line, re.IGNORECASE):
            name = match[2].upper()
            if name != opened if match[1] else name in blocks or opened:
                raise StructureError(
                    f"{path}: {line[:60]} = a block that is there twice, in another, or was not begun: must be %BLOCK once, "
                    "then %ENDBLOCK of that name; correct it."
                )
            opened = "" if match[1] else name
            block = None if match[1] else blocks.setdefault(name, [])
        elif line.startswith("##") or not line:
            continue
        elif line.startswith("#"):
            name, _, value = line[1:].partition("=")
            _refuse_unknown(path, name := name.strip().upper())
            if name in tags:
                raise StructureError(f"{path}: {name} = appears twice: must be there once; take one away.")
            if bool(value.strip()) is (name in FLAGS):
                what = "no value" if name in FLAGS else f"a value, #{name}=..."
                raise StructureError(f"{path}: {name} = {value.strip()[:30]}: must have {what}; correct it.")
            tags[name] = value.strip()
        elif block is not None:
            block.append(line)
        else:
            unused.append(line.split()[0])
    if opened:
        raise StructureError(f"{path}: %BLOCK {opened} = has no end: must be followed by %ENDBLOCK {opened}; add it.")
    for first, second in (*EITHER, POSITIONS, LATTICES):
        if {first, second} <= tags.keys() | blocks.keys():
            raise StructureError(f"{path}: {second} = does not go with {first}: must be one of them; take one away.")
    for name, needed in NEEDS:
        if name in tags and needed not in tags:
            raise StructureError(f"{path}: {name} = without {needed}: must have it; add {needed}, or take {name} away.")
    if "VACUUM" in tags and not {"SLAB", "CLUSTER"} & tags.keys():
        raise StructureError(f"{path}: VACUUM = without SLAB or CLUSTER: does nothing; take it away.")
    if "FIX" in tags and not set(LATTICES) & blocks.keys():
        raise StructureError(f"{path}: FIX = without a lattice: must have a block {' or '.join(LATTICES)}; add it.")
    unused += [name for name in blocks if name not in (*POSITIONS, *LATTICES)]
    unused += [name for name in ("MAXTIME", "TARGVOL") if name in tags and (name == "MAXTIME" or "VARVOL" in tags)]
    if "PACKING" in tags and {"VARVOL", "TARGVOL", *LATTICES} & (tags.keys() | blocks.keys()):
        unused.append("PACKING")  # the volume is given
    if unused:
        notice(f"{path}: {', '.join(dict.fromkeys(unused))}", "not used.")
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
    lines = next((blocks[name] for name in POSITIONS if name in blocks), [])
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


def _species(path: Path, text: str) -> tuple[dict[str, int], int]:
    """Atoms of each element of `Li%NUM=15,Si%NUM=4`, and how many are listed."""
    formula: Counter[str] = Counter()
    entries = [entry.strip() for entry in text.split(",")]
    for entry in entries:
        match = re.fullmatch(r"([A-Z][a-z]?)%NUM=(\d{1,4})", entry)
        if match is None or match[1] not in atomic_numbers or not int(match[2]):
            raise StructureError(
                f"{path}: SPECIES = {entry[:30]}: must be elements with their numbers, Li%NUM=15,Si%NUM=4; correct it."
            )
        formula[match[1]] += int(match[2])
    return dict(formula), len(entries)


def _groups(path: Path, orders: list[int], system: str | None, symmorphic: bool) -> tuple[int, ...]:
    """Groups with some numbers of operations, of one crystal system, or symmorphic: with a point of their whole symmetry."""
    asked = None if system is None else SYSTEMS.get(system[:4].capitalize())
    if system is not None and asked is None:
        raise StructureError(f"{path}: SYSTEM = {system[:30]}: must be one of {', '.join(SYSTEMS)}; correct it.")
    is_rhombohedral = system is not None and system[:4].capitalize() == "Rhom"
    groups = [space_group(number) for order in orders for number in groups_of_order(order)]
    numbers = [
        group.number
        for group in groups
        if (asked is None or group.system == asked)
        and (not is_rhombohedral or group.symbol.startswith("R"))
        and (not symmorphic or any(site.multiplicity == 1 for site in group.sites))
    ]
    if not numbers:
        raise StructureError(
            f"{path}: SYSTEM, SYMMORPHIC = no group of these with SYMMOPS = {', '.join(map(str, orders))}: at least one is "
            "required; give SYMMOPS that they have."
        )
    return tuple(sorted(numbers))


def _lattice(blocks: dict[str, list[str]]) -> tuple[float, ...]:
    """Lengths, Å, and angles, degrees, of the lattice block, which is there and has a volume."""
    name = next(name for name in LATTICES if name in blocks)
    numbers = np.array([[float(word) for word in row.split()] for row in _rows(blocks[name])])
    return tuple(Cell(numbers).cellpar().tolist() if name == "LATTICE_CART" else numbers.ravel().tolist())


def _rows(block: list[str]) -> list[str]:
    return [line for line in block if line.lower() not in ("ang", "angstrom")]


def _lattice_volume(path: Path, blocks: dict[str, list[str]]) -> float | None:
    name = next((name for name in LATTICES if name in blocks), None)
    if name is None:
        return None
    try:
        numbers = np.array([[float(word) for word in row.split()] for row in _rows(blocks[name])])
        if numbers.shape != ((3, 3) if name == "LATTICE_CART" else (2, 3)):
            raise ValueError
        with np.errstate(divide="ignore", invalid="ignore"):  # angles that make no cell; refused below
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
    path: Path, text: str | None, factor: float, formula: dict[str, int]
) -> tuple[tuple[float, float], dict[tuple[str, str], tuple[float, float]]]:
    """Least distances of all pairs, and of some: `2.0`, `1-3 Li-Si=2.5 Si-Si=2.2-2.4`."""
    distance, distances, seen = (0.0, 0.0), {}, set()
    for word in (text or "").split():
        if word == AUTO:
            continue
        pair, equals, value = word.rpartition("=")
        elements = tuple(sorted(pair.split("-")))
        if elements in seen or (
            equals and not set(elements) <= formula.keys() and set(elements) <= atomic_numbers.keys()
        ):
            raise StructureError(
                f"{path}: MINSEP = {word[:30]}: must be there once, and of elements of the atoms, {', '.join(formula)}; "
                "take it away."
            )
        seen.add(elements)
        ends = _ends(value)
        if ends is None or (equals and (len(elements) != 2 or not all(e in atomic_numbers for e in elements))):
            raise StructureError(
                f"{path}: MINSEP = {word[:30]}: must be a distance in Å, a range, A-B=distance, or AUTO."
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

    def number(self, name: str, default: float, least: float = 0.0, most: float = np.inf) -> float:
        low, high = self.range(name) if name in self._tags else (default, default)
        if low != high:
            raise self.wrong(name, "a number")
        if not least <= low <= most:
            raise self.wrong(name, f"a number from {least:g} to {most:g}")
        return low

    def range(self, name: str) -> tuple[float, float]:
        ends = _ends(self._tags[name])
        if ends is None:
            raise self.wrong(name, "a number >= 0, or a range a-b")
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
            raise self.wrong(name, "a whole number, a range a-b, or {a,b,c}")
        return numbers

    def wrong(self, name: str, what: str) -> StructureError:
        """What is wrong with the value of a tag."""
        return StructureError(f"{self._path}: {name} = {self._tags[name][:30]}: must be {what}; correct it.")
