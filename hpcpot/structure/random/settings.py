"""The `random` section of configs, and the recipe of random cells that other commands read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpcpot.config import Problem, Schema, changed_keys, key
from hpcpot.config.kinds import (
    TEXT,
    Kind,
    boolean,
    choice,
    element,
    file_name,
    integer,
    list_of,
    mapping_of,
    number,
    whole_numbers,
)
from hpcpot.structure.random import ORDERS, PACKING, VACUUM

UNITS = whole_numbers("a whole number >= 1, a range such as 1-16, or a list of numbers")
OPERATIONS = [1, 2, 3, 4, 6]
EVERY = "all"
"""Name of all pairs that `minimum_distance_A` does not name."""
DISTANCES = {EVERY: [2.28, 2.28]}


def _formula(value: Any) -> str:
    if not isinstance(value, str) or not parse_formula(value):
        raise ValueError("must be a formula such as Li15Si4")
    return value


def parse_formula(text: str) -> dict[str, int]:
    """Atoms of each element: Li15Si4 -> {Li: 15, Si: 4}; empty where it is none, or names an element twice."""
    parts = re.findall(r"([A-Z][a-z]?)(\d{0,4})", text)
    formula = {symbol: int(count or 1) for symbol, count in parts}
    whole = "".join(symbol + count for symbol, count in parts) == text and len(parts) == len(formula)
    return formula if whole and all(formula.values()) else {}


def _range(value: Any) -> list[float]:
    """A number, or [low, high], as two numbers."""
    words = "a number >= 0, or [least, most]"
    ends = value if isinstance(value, list) else [value, value]
    low, high = list_of(number(minimum=0), words, 2).parse(ends)
    if low > high:
        raise ValueError(f"must be {words} with the least first")
    return [low, high]


RANGE = Kind("a number >= 0, or [least, most]", _range, {"anyOf": [{"type": "number"}, {"type": "array"}]})


def _pair(value: Any) -> str:
    elements = value.split("-") if isinstance(value, str) else []
    if value != EVERY and not (len(elements) == 2 and all(re.fullmatch("[A-Z][a-z]?", symbol) for symbol in elements)):
        raise ValueError(f"must be named by a pair such as Li-Si, or by {EVERY}")
    return value if value == EVERY else "-".join(sorted(elements))


PAIRS = mapping_of(Kind("a pair", _pair, TEXT), RANGE, "a mapping such as {all: 2.28, Li-Si: [2.4, 2.6]}")


def _distances(value: Any) -> dict[str, list[float]]:
    """Least distances by pair."""
    return PAIRS.parse(value) if isinstance(value, dict) else {EVERY: _range(value)}


def _volume(value: Any) -> Any:
    if isinstance(value, str):
        return choice("alloys", "packing", "cell").parse(value)
    if isinstance(value, dict):
        return ATOM_VOLUMES.parse(value)
    return number(above=0).parse(value)


ATOM_VOLUMES = mapping_of(element(), number(above=0), "volumes by element, e.g. {Li: 15, Si: 17}")


@dataclass(frozen=True, kw_only=True)
class RandomSection:
    """Random cells with symmetry."""

    compositions: dict[str, list[int]] | None = key(
        mapping_of(
            Kind("a formula", _formula, TEXT),
            UNITS,
            "formula units in a cell by formula, e.g. {LiSi: 1-16, Li15Si4: [1, 2]}",
        ),
        "formula units in a cell by formula; each number is as likely; required",
        None,
    )
    seed_file: Path | None = key(
        file_name(), "seed of AIRSS (.cell) in place of compositions and all keys but count", None, is_input=True
    )
    count: int = key(integer(1), "structures of each composition", 1000)
    volume_A3: str | float | dict[str, float] = key(
        Kind(
            "alloys, packing, cell, volumes by element, or a number > 0",
            _volume,
            {
                "anyOf": [
                    {"enum": ["alloys", "packing", "cell"]},
                    ATOM_VOLUMES.json,
                    {"type": "number", "exclusiveMinimum": 0},
                ]
            },
        ),
        "volume at a ratio of 1: alloys: as Li and Si take in their compounds; packing: spheres of the least distances fill "
        "packing_fraction; by element: of an atom; a number: of the cell, whatever its formula units; cell: that of "
        "random.cell",
        "alloys",
    )
    packing_fraction: float = key(
        number(above=0), "part of the volume that spheres of the least distances fill, for volume_A3: packing", PACKING
    )
    volume_ratio: list[float] = key(RANGE, "least and largest volume in parts of volume_A3; uniform", [0.8, 1.5])
    minimum_distance_A: dict[str, list[float]] = key(
        Kind(
            "a number, [least, most], or a mapping of these by pair",
            _distances,
            {"anyOf": [*RANGE.json["anyOf"], PAIRS.json]},
        ),
        "least distance of two atoms, also of an atom and its images: for all, or by pair, {all: 2.28, Si-Si: 2.3}, 0 for "
        "pairs without one; of [least, most] each structure draws one",
        DISTANCES,
    )
    operations: list[int] = key(
        whole_numbers("a whole number >= 1, a range such as 1-6, or a list of numbers"),
        "symmetry operations of the primitive cell; each number that a group has (1, 2, 3, 4, 6, 8, 12, 16, 24, 48) is as "
        "likely, then each group with so many",
        OPERATIONS,
    )
    groups: list[int] | None = key(
        whole_numbers("a number from 1 to 230, a range, or a list"),
        "numbers of space groups, instead of operations; each order among them is as likely, then each group of that order",
        None,
    )
    fewer_general: list[int] = key(
        list_of(integer(), "[least, most]", 2),
        "orbits on general positions to give up for special ones, of each element; uniform",
        [0, 0],
    )
    compactness: float = key(
        number(minimum=0),
        "0 to 1: the shortest edge is at least c / (2 - c) of the longest; the last of all shapes",
        0.4,
    )
    angle_compactness: float = key(
        number(minimum=0), "least volume of the cell in parts of that of a box with its edges", 0.5
    )
    push_step: float = key(
        number(above=0), "part of an overlap that a sweep of pushing atoms apart takes away; 0.25 in AIRSS", 0.5
    )
    push_sweeps: int = key(integer(), "sweeps, after which another cell is tried; 0: atoms are not pushed", 100)
    niggli: bool = key(boolean(), "reduce the cell to Niggli's vectors, else leave it as the group has it", True)
    distances_of: Path | None = key(
        file_name(),
        "file of a structure whose shortest distances of each pair are the least ones, in place of minimum_distance_A; for "
        "MINSEP=AUTO of a seed file",
        None,
        is_input=True,
    )
    form: str = key(
        choice("crystal", "slab", "cluster"),
        "slab: periodic along its plane, atoms put into a layer across c; cluster: not periodic, atoms put into a sphere; of "
        "volume_A3 and volume_ratio then; with operations: 1, and relax.cell: fixed",
        "crystal",
    )
    cell: list[float] | None = key(
        list_of(number(above=0), "[a, b, c, alpha, beta, gamma] in Å and degrees", 6),
        "shape of the cell of all structures, for operations: 1; its volume is as volume_A3 says",
        None,
    )
    thickness_A: float | None = key(
        number(above=0), "thickness of the layer of a slab; atoms may be pushed beyond it by a least distance", None
    )
    vacuum_A: float = key(number(above=0), "vacuum around a slab or cluster, in the cell", VACUUM)


def problems(random: RandomSection) -> Iterator[Problem]:
    """Yield what does not go together in the section, named with it."""
    if random.seed_file is not None:
        for name in changed_keys(random):
            if name not in ("seed_file", "count", "distances_of"):
                yield f"random.{name}", "does not go with random.seed_file, which says it; leave one out"
        return
    if random.compositions is None:
        yield "random.compositions", "or random.seed_file is required for recipe: random; e.g. {Li15Si4: [1, 2]}"
        return
    elements = {symbol for name in random.compositions for symbol in parse_formula(name)}
    if random.volume_A3 == "alloys" and elements - {"Li", "Si"}:
        yield (
            "random.volume_A3",
            f"must be packing, a number or volumes of {', '.join(sorted(elements))}; alloys: Li, Si only",
        )
    if isinstance(random.volume_A3, dict) and (lacking := sorted(elements - random.volume_A3.keys())):
        yield "random.volume_A3", f"must have a volume of {', '.join(lacking)}, too"
    named = {symbol for pair in random.minimum_distance_A if pair != EVERY for symbol in pair.split("-")}
    if others := sorted(named - elements):
        yield "random.minimum_distance_A", f"must name elements of the compositions, and {', '.join(others)} is none"
    if random.packing_fraction != PACKING and random.volume_A3 != "packing":
        yield "random.packing_fraction", "is for volume_A3: packing; leave it out, or give that"
    if random.volume_ratio[0] <= 0:
        yield "random.volume_ratio", "must be above 0"
    if random.groups is None and not set(random.operations) & set(ORDERS):
        yield "random.operations", f"must have numbers among {', '.join(map(str, ORDERS))}, which groups have"
    if random.groups is not None and random.operations != OPERATIONS:
        yield "random.operations", "does not go with random.groups, which have theirs; leave one out"
    if random.groups is not None and random.groups[-1] > 230:
        yield "random.groups", "must be numbers from 1 to 230"
    if random.fewer_general[0] > random.fewer_general[1]:
        yield "random.fewer_general", "must have the least first"
    yield from _problems_of_form(random)
    if random.distances_of is not None and random.minimum_distance_A != DISTANCES:
        yield "random.minimum_distance_A", "does not go with random.distances_of, which says them; leave one out"
    if random.compactness > 1.0:
        yield "random.compactness", "must be at most 1"
    if random.angle_compactness > 0.95:
        yield "random.angle_compactness", "must be at most 0.95, or no angles go"
    if random.volume_A3 == "packing":
        least = random.minimum_distance_A
        pairs = {*least, *(f"{symbol}-{symbol}" for symbol in elements)}
        if not all(least.get(pair, least.get(EVERY, [0.0, 0.0]))[1] > 0 for pair in pairs):
            yield (
                "random.volume_A3",
                "must be another than packing, which needs minimum_distance_A > 0, also of each element with itself",
            )


def _problems_of_form(random: RandomSection) -> Iterator[Problem]:
    """Yield what does not go with a form, or with a cell that is given."""
    has_own = random.form != "crystal" or random.cell is not None
    what = "random.cell" if random.cell is not None else f"random.form: {random.form}"
    if random.cell is not None:
        if random.form != "crystal":
            yield "random.cell", f"is for a crystal, and a {random.form} has its own; leave it out"
        cosines = [math.cos(math.radians(angle)) for angle in random.cell[3:]]
        square = 1.0 - sum(cosine**2 for cosine in cosines) + 2.0 * math.prod(cosines)
        if max(random.cell[3:]) >= 180 or not square > 1e-3:
            yield "random.cell", "must have angles that make a cell, in degrees"
    elif random.volume_A3 == "cell":
        yield "random.volume_A3", "must be another than cell, which is for random.cell"
    if has_own and (random.groups is not None or random.operations != [1]):
        yield "random.operations", f"must be 1 for {what}, which has no other symmetry"
    names = ["niggli"] if has_own else []
    names += ["compactness"] if random.cell is not None or random.form == "cluster" else []
    names += ["angle_compactness"] if "compactness" in names else []
    names += [] if random.form == "slab" else ["thickness_A"]
    names += [] if random.form != "crystal" else ["vacuum_A"]
    changed = changed_keys(random)
    for name in names:
        if name in changed:
            yield f"random.{name}", f"does nothing for {what}; leave it out"
    if random.form == "slab" and random.thickness_A is None:
        yield "random.thickness_A", "is required for random.form: slab; e.g. 8"
    largest = max(ends[1] for ends in random.minimum_distance_A.values())
    if random.form != "crystal" and random.vacuum_A <= 3.0 * largest:
        yield "random.vacuum_A", f"must be above three times the largest of the least distances, {3 * largest:g} Å"


@dataclass(frozen=True, kw_only=True)
class RandomRecipe:
    """A config of `hpcpot build` with recipe: random, as other commands read it."""

    recipe: str = key(choice("random"), "what to build")
    seed: int = key(integer(), "seed of all random numbers", 0)
    random: RandomSection = RandomSection()


def _check(recipe: RandomRecipe) -> Iterator[Problem]:
    yield from problems(recipe.random)


SCHEMA = Schema(RandomRecipe, _check)
