"""Trials of a search, and the minima that their relaxations ended in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ase import Atoms
from ase.formula import Formula

from hpcpot.commands.search.duplicates import Minimum
from hpcpot.farm.item import Item
from hpcpot.farm.results import Results
from hpcpot.relaxation.engine import CONVERGED, OUTSIDE
from hpcpot.storage.content import content_key
from hpcpot.structure.random.recipe import RandomStart


@dataclass(frozen=True)
class Trial:
    """A structure that is tried. Attributes: formula: reduced. number: among those of its composition, from 1 on."""

    formula: str
    number: int


@dataclass(frozen=True)
class Gathered:
    """What became of the structures of a results file.

    Attributes:
        minima: those that converged. statuses: how many ended how; "failed" are those without a row of numbers.
    """

    minima: list[Minimum]
    statuses: Counter[str]


def reduced_formula(counts: Mapping[str, int]) -> str:
    """Formula of the smallest whole numbers, metals first, each in alphabetical order: Li15Si4."""
    return Formula.from_dict(dict(counts)).reduce()[0].format("metal")


def trials_of(structures: Sequence[Item]) -> dict[str, Trial]:
    """The trial of each key; a structure that could not be read is none."""
    trials: dict[str, Trial] = {}
    counts: Counter[str] = Counter()
    names: dict[int, str] = {}
    for item in structures:
        if item.key in trials or isinstance(item.input, Exception):
            continue
        if isinstance(item.input, RandomStart):
            cells = item.input.cells
            formula = names.setdefault(id(cells), reduced_formula(cells.formula))
        else:
            formula = reduced_formula(Counter(item.input.get_chemical_symbols()))
        counts[formula] += 1
        trials[item.key] = Trial(formula, counts[formula])
    return trials


def gather(results: Results, trials: Mapping[str, Trial]) -> Gathered:
    """The minima of some trials, by the rows of their relaxations."""
    keys, read = results.keys(), {name: results.read(name) for name in ("species", "positions", "cell", "energy")}
    statuses: Counter[str] = Counter()
    minima = []
    for row, (key, status) in enumerate(zip(keys, results.read("status"), strict=True)):
        if key not in trials:
            continue
        statuses[status] += 1
        if status == CONVERGED:
            species, positions, cell, energy = (read[name][row] for name in read)
            atoms = Atoms(species, positions, cell=cell, pbc=True)
            minima.append(minimum(key, trials[key].formula, atoms, float(energy)))
    statuses["failed"] = sum(key in trials for key, _, _ in results.failed())
    return Gathered(minima, statuses)


def minimum(key: str, formula: str, atoms: Atoms, energy: float) -> Minimum:
    """A minimum with its numbers per atom. Args: energy: eV."""
    return Minimum(key, formula, atoms, energy / len(atoms), atoms.get_volume() / len(atoms))


def low(
    results: Results, trials: Mapping[str, Trial], above: Callable[[Minimum], float], keep: float
) -> tuple[list[Item], dict[str, Trial]]:
    """What a first relaxation leaves for the next one: items of structures of low energy, and the trial of each key.

    Args:
        above: energy above the hull by the model of the first relaxation, eV per atom. keep: most of it.
    """
    columns = {name: results.read(name) for name in ("species", "positions", "cell", "energy", "status")}
    items, going_on = [], {}
    for row, (key, label) in enumerate(zip(results.keys(), results.labels(), strict=True)):
        if key not in trials or columns["status"][row] == OUTSIDE:
            continue
        species, positions, cell, energy, _ = (column[row] for column in columns.values())
        atoms = Atoms(species, positions, cell=cell, pbc=True)
        if above(minimum(key, trials[key].formula, atoms, float(energy))) > keep:
            continue
        key_on = content_key(species, positions, cell)
        items.append(Item(key_on, atoms, label))
        going_on.setdefault(key_on, trials[key])
    return items, going_on
