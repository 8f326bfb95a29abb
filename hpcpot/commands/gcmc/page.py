"""The section of a Monte Carlo run on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

from hpcpot import config
from hpcpot.commands.gcmc import figure, summary
from hpcpot.commands.gcmc.settings import SCHEMA
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the results of a run, which may still be going on.

    Raises:
        OutputError: they cannot be read, or nothing is in them yet.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "block")
        settings = config.stored(section.provenance[-1]["config"], path, SCHEMA)
        columns = summary.table(results, settings)
        section.texts["Means at each chemical potential"] = summary.text(columns, settings)
        section.tables["summary"] = columns
        section.charts.append(
            chart(
                "Number of atoms along the trials and against mu.",
                *figure.SIZE,
                lambda canvas: figure.draw(canvas, results, columns),
            )
        )
    for name, words, unit in (("number", settings.gcmc.element, ""), ("voltage_V", "voltage", "V")):
        if name in columns and len(columns[name]) == 1:
            error = columns["number_error"][0] if name == "number" else float("nan")
            section.quantities[words] = Quantity(float(columns[name][0]), unit, float(error))
    return section
