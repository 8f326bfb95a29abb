"""The section of a selection on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcpot import config
from hpcpot.commands.select import summary
from hpcpot.commands.select.settings import SCHEMA
from hpcpot.dataset import hdf5
from hpcpot.errors import OutputError
from hpcpot.farm.results import Results
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.selection.farthest import Subset
from hpcpot.storage.tables import Columns, read_table

RANDOM = "farthest_distance_random_"


def read(path: Path, views: int = 1) -> ReportSection:
    """Read a selected data set, or the vectors that it was selected by, with the tables beside the data set.

    Raises:
        OutputError: one of them is not there, or cannot be read.
    """
    dataset = path if hdf5.is_dataset(path) else _dataset_of(path)
    facts = hdf5.provenance(dataset)
    settings = config.stored(facts["config"], dataset, SCHEMA)
    tables = {name: read_table(dataset.with_name(f"{dataset.stem}_{name}.csv")) for name in ("sizes", "compositions")}
    sizes = tables["sizes"]
    chosen, by_chance = subset(sizes, "", settings.selection.within), {}
    for name in sizes:
        if name.startswith(RANDOM):
            seed = name.removeprefix(RANDOM)
            by_chance[int(seed)] = subset(sizes, f"_random_{seed}", chosen.within)
    section = ReportSection(
        "select", path, f"{len(chosen.order)} structures selected, in {dataset.name}", provenance=[facts]
    )
    section.quantities["structures"] = Quantity(len(chosen.order))
    section.quantities[f"nearer than {chosen.within:g}"] = Quantity(100.0 * chosen.covered[-1], "%")
    section.quantities["largest distance"] = Quantity(float(chosen.distances[-1]))
    section.charts.append(
        chart(
            "Distance and coverage against size.",
            *summary.SIZE,
            lambda figure: summary.draw_panels(figure, chosen, by_chance),
        )
    )
    section.tables |= tables
    beside = {name: dataset.with_name(f"{dataset.stem}_{name}.csv") for name in ("diagram", "pairs")}
    if settings.diagram.x is not None and all(name.is_file() for name in beside.values()):
        of_pairs = {name: read_table(table) for name, table in beside.items()}
        section.charts.append(
            chart(
                "Mean similarity to two groups, and similar pairs.",
                *summary.DIAGRAM_SIZE,
                lambda figure: summary.draw_diagram(figure, of_pairs["diagram"], of_pairs["pairs"]),
            )
        )
    return section


def _dataset_of(path: Path) -> Path:
    """The data set that was selected by vectors, beside them."""
    with Results(path) as results:
        stored = results.provenance()[-1]["config"]
    name = config.stored(stored, path, SCHEMA).output.dataset.name  # beside it only: no name in data becomes a path
    if path.with_name(name).is_file():
        return path.with_name(name)
    raise OutputError(
        f"{path} = vectors without {name}, the data set that was selected: must be beside them; give its path."
    )


def subset(sizes: Columns, end: str, within: float) -> Subset:
    """The selection, or a random one, as its table has it."""
    distances, covered = sizes[f"farthest_distance{end}"], sizes[f"covered_percent{end}"] / 100.0
    return Subset(np.arange(len(distances)), distances, covered, within)
