"""Outcome of a check of a model: value, limits and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcpot.dataset.statistics import aligned, number
from hpcpot.storage.tables import Columns


@dataclass(frozen=True)
class Outcome:
    """A row of the table.

    Attributes:
        name: of the check. value, unit: result.
        low, high: allowed range; infinite where there is no limit.
        where: structure or pair of the result, the worst of several.
    """

    name: str
    value: float
    unit: str
    low: float = -np.inf
    high: float = np.inf
    where: str = ""

    @property
    def passed(self) -> bool:
        """True if the value is within the limits; NaN is not."""
        return bool(self.low <= self.value <= self.high)

    @property
    def allowed(self) -> str:
        """Limits in words, empty without any."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{self.low:.4g} to {self.high:.4g}"
        return (
            f">= {self.low:.4g}" if np.isfinite(self.low) else f"<= {self.high:.4g}" if np.isfinite(self.high) else ""
        )

    @property
    def verdict(self) -> str:
        """Verdict: pass, FAIL, or - without limits."""
        if not self.allowed and np.isfinite(self.value):
            return "-"
        return "pass" if self.passed else "FAIL"


def table(outcomes: Sequence[Outcome]) -> str:
    """Format the outcomes for reading."""
    rows = [["check", "found", "unit", "allowed", "verdict", "where"]]
    rows += [
        [outcome.name, number(outcome.value, ".4g"), outcome.unit, outcome.allowed, outcome.verdict, outcome.where]
        for outcome in outcomes
    ]
    return aligned(rows, left=(0, 2, 3, 4, 5))


def columns(outcomes: Sequence[Outcome]) -> Columns:
    """Tabulate the outcomes for a file."""
    names = ("name", "value", "unit", "low", "high", "verdict", "where")
    return {name: np.array([getattr(outcome, name) for outcome in outcomes]) for name in names}


def within(name: str, value: float, reference: float, share: float, unit: str, where: str = "") -> Outcome:
    """Outcome whose value may differ from a reference by a fraction `share` of it."""
    margin = share * abs(reference)
    return Outcome(name, value, unit, reference - margin, reference + margin, where)
