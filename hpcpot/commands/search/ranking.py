"""Minima by energy above the hull of the known crystals, and how often each was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import atomic_numbers
from ase.formula import Formula
from scipy.stats import binomtest

from hpcpot.analysis.hull import EnergyHull
from hpcpot.commands.search.duplicates import Minimum
from hpcpot.commands.search.minima import Trial
from hpcpot.errors import ConfigError
from hpcpot.structure.symmetry import space_group_of

CONFIDENCE = 0.95
"""Of intervals."""


class HullOfPhases:
    """The hull of known crystals, and of the compositions that are searched.

    Args:
        formulas: of the structures that are tried.
    Raises:
        ConfigError: an element without a crystal.
    """

    def __init__(self, phases: Sequence[Minimum], formulas: Collection[str]):
        counts = [Formula(phase.formula).count() for phase in phases]
        present = {element for formula in formulas for element in Formula(formula).count()}.union(*counts)
        self.elements = sorted(present, key=atomic_numbers.__getitem__)
        pure = {next(iter(each)) for each in counts if len(each) == 1}
        if lacking := [element for element in self.elements if element not in pure]:
            raise ConfigError(
                f"known.crystals = {', '.join(phase.key for phase in phases)}: must have a crystal of each element, and there "
                f"is none of {', '.join(lacking)}; add it."
            )
        self.phases = phases
        self.hull = EnergyHull(
            np.array([self.fractions(phase.formula) for phase in phases]), np.array([phase.energy for phase in phases])
        )
        self._of: dict[str, float] = {}

    def fractions(self, formula: str) -> np.ndarray:
        """Atomic fractions of the elements."""
        counts = Formula(formula).count()
        values = np.array([counts.get(element, 0) for element in self.elements], float)
        return values / values.sum()

    def above(self, minimum: Minimum) -> float:
        """Energy above the hull, eV per atom; below it where a minimum is more stable than all known crystals."""
        if minimum.formula not in self._of:
            self._of[minimum.formula] = self.hull.energy(self.fractions(minimum.formula))
        return minimum.energy - self._of[minimum.formula]

    def formation(self, formula: str, energy: float) -> float:
        """Energy per atom less that of the elements in their lowest known crystals, eV."""
        return energy - float(self.fractions(formula) @ self._elemental)

    @cached_property
    def _elemental(self) -> np.ndarray:
        return np.array([self.hull.energy(row) for row in np.eye(len(self.elements))])


@dataclass(frozen=True)
class RankedMinimum:
    """A minimum that trials ended in.

    Attributes:
        lowest: the trial of lowest energy. above: eV per atom above the hull. space_group: symbol and number.
        times: trials that ended in it. first: number of the first of them among those of the composition.
        known: names of the known crystals that it is.
    """

    lowest: Minimum
    above: float
    space_group: tuple[str, int]
    times: int
    first: int
    known: tuple[str, ...]


@dataclass(frozen=True)
class SearchedCrystal:
    """A known crystal whose composition was tried.

    Attributes:
        name, formula, space_group, above: see `RankedMinimum`.
        times: trials that ended in it, of `trials`. first: number of the first; None where none did.
    """

    name: str
    formula: str
    space_group: tuple[str, int]
    above: float
    trials: int
    times: int
    first: int | None

    @property
    def rate(self) -> tuple[float, float, float]:
        """Share of the trials that ended in it, and the ends of its interval (Clopper and Pearson)."""
        interval = binomtest(self.times, self.trials).proportion_ci(CONFIDENCE)
        return self.times / self.trials, float(interval.low), float(interval.high)


def rank(
    groups: Iterable[Sequence[Minimum]], trials: Mapping[str, Trial], hull: HullOfPhases, tolerance: float
) -> list[RankedMinimum]:
    """Minima of trials by energy above the hull.

    Args:
        groups: of minima that are the same, each by energy; those of known crystals among them.
        trials: by key. tolerance: Å, of space groups.
    """
    ranked = []
    for group in groups:
        mine = [minimum for minimum in group if minimum.key in trials]
        if mine:
            ranked.append(
                RankedMinimum(
                    mine[0],
                    hull.above(mine[0]),
                    space_group_of(mine[0].atoms, tolerance),
                    len(mine),
                    min(trials[minimum.key].number for minimum in mine),
                    tuple(minimum.key for minimum in group if minimum.key not in trials),
                )
            )
    return sorted(ranked, key=lambda each: (each.above, each.lowest.key))


def searched(
    hull: HullOfPhases, ranked: Sequence[RankedMinimum], tried: Counter[str], tolerance: float
) -> list[SearchedCrystal]:
    """The known crystals whose composition was tried, in their order. Args: tried: trials of each formula."""
    minimum_of = {name: each for each in ranked for name in each.known}
    return [
        SearchedCrystal(
            phase.key,
            phase.formula,
            space_group_of(phase.atoms, tolerance),
            hull.above(phase),
            tried[phase.formula],
            minimum_of[phase.key].times if phase.key in minimum_of else 0,
            minimum_of[phase.key].first if phase.key in minimum_of else None,
        )
        for phase in hull.phases
        if tried[phase.formula]
    ]
