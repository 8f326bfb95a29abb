"""The section of a learning loop on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcpot import config
from hpcpot.commands.learn import figure, summary
from hpcpot.commands.learn.settings import SCHEMA
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.learning import ledger
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.wording import duration


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the ledger of a loop; the deviations are of the folders of its iterations.

    Raises:
        OutputError: it cannot be read, or no iteration is complete.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "iteration")
        settings = config.stored(section.provenance[-1]["config"], path, SCHEMA)
    settings = config.change(settings, output={"folder": path.parent})
    rows = ledger.history(path)
    section.texts["Iterations"] = "\n".join(summary.line(row) for row in rows)
    for name, words, unit in (
        ("rmse_energy", "energy error on held-out frames", "meV/atom"),
        ("rmse_force", "force error on held-out frames", "meV/Å"),
    ):
        section.quantities[words] = Quantity(1e3 * rows[-1][name], unit)
    section.quantities["frames trained on"] = Quantity(rows[-1]["training_frames"])
    section.facts["time"] = duration(sum(summary.seconds(row) for row in rows))
    cells = [cells for row in rows for cells in summary.cells_of(row)]
    section.tables["iterations"] = dict(zip(summary.HEADER, map(np.array, zip(*cells, strict=True)), strict=True))
    caption = "Classes of frames by system, deviations, errors, and time."
    section.charts.append(chart(caption, *figure.size(rows), lambda canvas: figure.draw(canvas, settings, rows)))
    return section
