"""What a page says of one run, before it is a page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpcpot.report.atoms import AtomsView
from hpcpot.report.interactive import Chart
from hpcpot.storage.tables import Columns

ROUND_OFF = 1e-4
"""Share of a number below which its error does not say how many digits are shown."""


@dataclass(frozen=True)
class Quantity:
    """A number that a run came to, its standard error (nan where there is none) and its unit."""

    value: float
    unit: str = ""
    error: float = math.nan

    def text(self) -> str:
        """The value to the digits of its error, or five digits."""
        if not math.isfinite(self.value):
            return "none"
        unit = f" {self.unit}" if self.unit else ""
        if not math.isfinite(self.error):
            return f"{self.value:.5g}{unit}"
        if self.error < ROUND_OFF * abs(self.value):
            return f"{self.value:.5g} ± {self.error:.1g}{unit}"
        digits = max(0, 1 - math.floor(math.log10(self.error))) if self.error else 0
        return f"{self.value:.{min(digits, 9)}f} ± {self.error:.{min(digits, 9)}f}{unit}"


@dataclass
class ReportSection:
    """What a page says of one run.

    Attributes:
        kind: "md". path: file. title: a line.
        quantities: numbers to compare between runs and with published ones, by name.
        facts: further texts by name. warnings: lines.
        texts: tables as the command prints them, by caption. tables: by caption.
        charts, views: figures. provenance: facts of each run that wrote the file, in order.
    """

    kind: str
    path: Path
    title: str
    quantities: dict[str, Quantity] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Columns] = field(default_factory=dict)
    charts: list[Chart] = field(default_factory=list)
    views: list[AtomsView] = field(default_factory=list)
    provenance: list[Mapping[str, Any]] = field(default_factory=list)
