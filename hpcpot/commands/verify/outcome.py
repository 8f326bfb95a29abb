"""What one check of a model has found, and whether that is good enough."""

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
        name: of the check. value, unit: what was found.
        low, high: what it may be; infinite where there is no limit.
        where: for which structure or pair that is, the worst of several.
    """

    name: str
    value: float
    unit: str
    low: float = -np.inf
    high: float = np.inf
    where: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is allowed; a value that is no number is not."""
        return bool(self.low <= self.value <= self.high)

    @property
    def allowed(self) -> str:
        """The limits in words, empty without any."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            return f"{self.low:.4g} to {self.high:.4g}"
        return (
            f">= {self.low:.4g}" if np.isfinite(self.low) else f"<= {self.high:.4g}" if np.isfinite(self.high) else ""
        )

    @property
    def verdict(self) -> str:
        """pass, FAIL, or - where there is nothing to hold it against."""
        if not self.allowed and np.isfinite(self.value):
            return "-"
        return "pass" if self.passed else "FAIL"


def table(outcomes: Sequence[Outcome]) -> str:
    """The rows for people."""
    rows = [["check", "found", "unit", "allowed", "verdict", "where"]]
    rows += [[one.name, number(one.value, ".4g"), one.unit, one.allowed, one.verdict, one.where] for one in outcomes]
    return aligned(rows, left=(0, 2, 3, 4, 5))


def columns(outcomes: Sequence[Outcome]) -> Columns:
    """The rows as columns, for a file."""
    names = ("name", "value", "unit", "low", "high", "verdict", "where")
    return {name: np.array([getattr(one, name) for one in outcomes]) for name in names}


def within(name: str, value: float, reference: float, share: float, unit: str, where: str = "") -> Outcome:
    """A value that may differ from a reference by a share of it."""
    margin = share * abs(reference)
    return Outcome(name, value, unit, reference - margin, reference + margin, where)
