"""Which minima are the same: compared on the farm, only those of one composition and nearly one energy and volume.

Minima lie in boxes of energy and volume per atom, as wide as the tolerances; two that are the same are in one box or in
neighbours. A task is a box and those of its neighbours that come before it, so that each pair is looked at once, and of
many minima only the near ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.farm.item import Item
from hpcpot.farm.results import Column, Results
from hpcpot.farm.task import Task
from hpcpot.storage.content import content_key
from hpcpot.structure.matching import MatchTolerances, StructureComparison

COLUMNS = {"same": Column((None,), "int64"), "comparisons": Column((), "int64")}
"""Row of a box: for each of its minima the number of the same one in the task, -1 without one; pairs compared."""


@dataclass(frozen=True)
class Minimum:
    """A relaxed structure.

    Attributes:
        key: of its row. formula: reduced. energy: eV per atom. volume: Å³ per atom.
    """

    key: str
    formula: str
    atoms: Atoms
    energy: float
    volume: float


@dataclass(frozen=True)
class Nearness:
    """Within what two minima may be the same: energy, eV per atom; volume, in parts; tolerances of the matcher."""

    energy: float
    volume: float
    matcher: MatchTolerances

    def box(self, minimum: Minimum) -> tuple[str, int, int]:
        """Composition and box of energy and volume."""
        return (
            minimum.formula,
            int(np.floor(minimum.energy / self.energy)),
            int(np.floor(np.log(minimum.volume) / self.volume)),
        )


@dataclass(frozen=True)
class Box:
    """Minima of a box by energy, and those of the neighbours before it."""

    own: tuple[Minimum, ...]
    before: tuple[Minimum, ...]


def boxes(minima: Sequence[Minimum], nearness: Nearness) -> list[Box]:
    """All boxes that hold minima, each with the neighbours before it in the order of energy, then volume."""
    held: dict[tuple[str, int, int], list[Minimum]] = defaultdict(list)
    for minimum in sorted(minima, key=lambda each: (each.energy, each.key)):
        held[nearness.box(minimum)].append(minimum)
    made = []
    for (formula, e, v), own in sorted(held.items()):
        places = [(e - 1, v - 1), (e - 1, v), (e - 1, v + 1), (e, v - 1)]
        before = [minimum for place in places for minimum in held.get((formula, *place), ())]
        made.append(Box(tuple(own), tuple(before)))
    return made


def task(results: Path, made: Sequence[Box], nearness: Nearness) -> Task:
    """A row for each box."""
    items = [
        Item(
            content_key([minimum.key for minimum in box.own], [minimum.key for minimum in box.before]),
            box,
            f"{box.own[0].formula}, {box.own[0].energy:.4f} eV/atom",
        )
        for box in made
    ]
    return Task(
        kind="duplicates",
        results=results,
        items=items,
        columns=COLUMNS,
        compute=partial(compute, nearness=nearness),
        identity={"nearness": repr((nearness.energy, nearness.volume, *astuple(nearness.matcher)))},
    )


def compute(box: Box, *, nearness: Nearness) -> dict[str, Any]:
    """The same minimum of each of a box, the nearest in energy first: one before it in the box, or of a neighbour."""
    comparison = StructureComparison(nearness.matcher)
    everything = (*box.own, *box.before)
    reduced: dict[int, Any] = {}
    same, compared = np.full(len(box.own), -1, np.int64), 0
    for k in range(len(box.own)):
        for other in _near(everything, k, len(box.own), nearness):
            for number in (k, other):
                if number not in reduced:
                    reduced[number] = comparison.reduced(everything[number].atoms)
            compared += 1
            if comparison.match(reduced[other], reduced[k]):
                same[k] = other
                break
    return {"same": same, "comparisons": compared}


def _near(everything: Sequence[Minimum], k: int, n_own: int, nearness: Nearness) -> Iterator[int]:
    """Numbers of the minima that the k-th may be the same as, the nearest in energy first."""
    mine = everything[k]
    candidates = [
        (abs(other.energy - mine.energy), number)
        for number, other in enumerate(everything)
        if (number < k or number >= n_own)
        and abs(other.energy - mine.energy) <= nearness.energy
        and abs(np.log(other.volume / mine.volume)) <= nearness.volume
    ]
    return (number for _, number in sorted(candidates))


def groups(made: Sequence[Box], keys: Sequence[str], results: Results) -> tuple[list[list[Minimum]], int]:
    """Minima that are the same, directly or through others; each group by energy, and the pairs that were compared.

    Args:
        keys: of the boxes' rows, in order.
    """
    rows = {key: row for row, key in enumerate(results.keys())}
    same, comparisons = results.read("same"), results.read("comparisons")
    first: dict[str, str] = {}

    def root(key: str) -> str:
        while first[key] != key:
            first[key] = key = first[first[key]]
        return key

    for box in made:
        first.update({minimum.key: minimum.key for minimum in box.own})
    compared = 0
    for box, key in zip(made, keys, strict=True):
        everything = (*box.own, *box.before)
        compared += int(comparisons[rows[key]])
        for minimum, other in zip(box.own, same[rows[key]], strict=True):
            if other >= 0:
                first[root(minimum.key)] = root(everything[other].key)
    held: dict[str, list[Minimum]] = defaultdict(list)
    for minimum in sorted((minimum for box in made for minimum in box.own), key=lambda each: (each.energy, each.key)):
        held[root(minimum.key)].append(minimum)
    return list(held.values()), compared
