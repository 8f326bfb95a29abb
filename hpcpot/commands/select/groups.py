"""Groups and compositions that a config of `hpcpot select` names: quotas, the similarity diagram, duplicates."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers
from ase.formula import Formula

from hpcpot.commands.select.settings import SelectSettings
from hpcpot.dataset.dataset import DataSet, Labelled
from hpcpot.errors import ConfigError
from hpcpot.selection.points import Comparable
from hpcpot.selection.quotas import Quotas
from hpcpot.selection.similar import Duplicates, duplicates, mean_similarities, pair_counts


@dataclass(frozen=True, eq=False)
class Diagram:
    """How similar structures are to two groups, and to others of their own.

    Attributes:
        names: of the two groups. similarities: (n, 2) float64, mean similarity of each structure to them.
        kinds: names of the groups, or compositions, of all structures. labels: (n,) int64, that of each.
        pairs: (kinds, intervals) int64, see `pair_counts`.
    """

    names: tuple[str, str]
    similarities: np.ndarray
    kinds: list[str]
    labels: np.ndarray
    pairs: np.ndarray


def composition(counts: Mapping[str, int]) -> str:
    """Reduced formula, elements by atomic number, such as Li13Si4."""
    present = {
        element: counts[element] for element in sorted(counts, key=atomic_numbers.__getitem__) if counts[element]
    }
    return str(Formula.from_dict(present).reduce()[0])


def compositions(dataset: DataSet) -> np.ndarray:
    """Composition of each structure, (n,) text."""
    return np.array([composition(dict(zip(dataset.elements, row.tolist(), strict=True))) for row in dataset.counts])


def check(settings: SelectSettings, frames: Sequence[Labelled]) -> None:
    """Refuse names that no structure has, before the work.

    Raises:
        ConfigError: such a name, with the nearest that there is.
    """
    present = {composition(Formula.from_list(list(frame.symbols)).count()) for frame in frames}
    for name in settings.selection.quotas or {}:
        _known("selection.quotas", name, present)
    names, section = present | {frame.group for frame in frames}, settings.diagram
    if section.x is None or section.y is None:
        return
    if _known("diagram.x", section.x, names) == _known("diagram.y", section.y, names):
        raise ConfigError(f"diagram.y = {section.y}: must be another group than diagram.x; give two that differ.")


def _known(where: str, name: str, names: Collection[str]) -> str:
    """A name as it stands among names, compositions in any form.

    Raises:
        ConfigError: it does not.
    """
    if name in names:
        return name
    try:
        reduced = composition(Formula(name).count())
    except (ValueError, KeyError):
        reduced = name
    if reduced in names:
        return reduced
    near = difflib.get_close_matches(name, names, 1, 0.0)
    raise ConfigError(
        f"{where} = {name}: must be one of the {len(names)} that structures have; {'; '.join(near)} is the nearest."
    )


def quotas(dataset: DataSet, most: Mapping[str, int]) -> Quotas:
    """Quotas by composition; others have none."""
    kinds, labels = np.unique(compositions(dataset), return_inverse=True)
    numbers = np.bincount(labels)
    for name, number in most.items():
        numbers[kinds.tolist().index(_known("selection.quotas", name, kinds.tolist()))] = number
    return Quotas(labels, numbers)


def compare(points: Comparable, dataset: DataSet, settings: SelectSettings) -> tuple[Diagram | None, Duplicates | None]:
    """The diagram and the duplicates, where they are asked for."""
    within, section = settings.selection.duplicates, settings.diagram
    twice = None if within is None else duplicates(points, within)
    if section.x is None or section.y is None:
        return None, twice
    formulas = compositions(dataset)
    names, similarities = [], []
    for axis, name in (("x", section.x), ("y", section.y)):
        known = _known(f"diagram.{axis}", name, {*formulas.tolist(), *dataset.groups.tolist()})
        members = np.flatnonzero((formulas == known) | (dataset.groups == known))
        names.append(known)
        similarities.append(mean_similarities(points, members))
    kinds, labels = np.unique(formulas if section.by == "composition" else dataset.groups, return_inverse=True)
    pairs = pair_counts(points, labels, len(kinds))
    return Diagram((names[0], names[1]), np.transpose(similarities), kinds.tolist(), labels, pairs), twice
