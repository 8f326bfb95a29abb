"""The section of properties of crystals on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

from hpcpot.commands.properties import figure, tables
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.report.figures import WIDTH
from hpcpot.report.interactive import chart
from hpcpot.report.section import ReportSection


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the results of a campaign, all crystals of the file.

    Raises:
        OutputError: they cannot be read, or nothing is in them yet.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "crystal")
        crystals = tables.gather(results, results.keys())
    section.texts["Properties"] = tables.text(crystals)
    section.warnings += [f"{label}: {line}" for label, row in crystals.items() for line in row["problems"].splitlines()]
    chosen = dict(list(crystals.items())[: figure.MOST])
    section.charts.append(
        chart("Crystals.", WIDTH * 1.3, figure.HEIGHT * len(chosen), lambda canvas: figure.draw(canvas, chosen))
    )
    section.tables |= {
        name or "crystals": table for name, table in tables.tables(crystals).items() if name != "phonons"
    }
    return section
