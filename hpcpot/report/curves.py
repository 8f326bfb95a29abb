"""Figures of tables: the columns of each unit against the first column, with their errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.report.figures import WIDTH
from hpcpot.report.interactive import Chart, chart
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

UNITS = {
    "A": "Å",
    "A2": "Å²",
    "A3": "Å³",
    "per_A3": "1/Å³",
    "A2_per_ps": "Å²/ps",
    "ps": "ps",
    "fs": "fs",
    "THz": "THz",
    "K": "K",
    "GPa": "GPa",
    "eV": "eV",
    "eV_per_atom": "eV/atom",
    "meV_per_atom": "meV/atom",
    "eV_per_A": "eV/Å",
    "per_nm2_ns": "1/(nm² ns)",
    "percent": "%",
}
"""End of a column's name -> unit."""
COUNTERS = {"step", "frame", "frames", "time_ps", "iteration", "size"}
"""Columns that number rows: the first column is drawn against, the others are not drawn."""
AXES = ("time_ps", "strain", "z_A", "r_A", "lag_ps", "frequency_THz", "neighbors", "size")
"""Columns that others are drawn against wherever they stand; else it is the first."""
MOST_CURVES = 12
"""Curves of a panel; a table of more is a table only."""


def charts_of(name: str, columns: Columns) -> list[Chart]:
    """The figure of a table with several rows of numbers; none of others."""
    numeric = {
        column: np.asarray(values, float)
        for column, values in columns.items()
        if np.ndim(values) == 1 and np.asarray(values).dtype.kind in "iufb"
    }
    if len(numeric) < 2 or len(next(iter(numeric.values()))) < 3:
        return []
    against = next((column for column in AXES if column in numeric), next(iter(numeric)))
    panels = by_unit({column: values for column, values in numeric.items() if column not in (against, *COUNTERS)})
    panels = {unit: curves for unit, curves in panels.items() if len(curves) <= MOST_CURVES}
    if not panels:
        return []
    rows = -(-len(panels) // 2)

    def draw(figure: Figure) -> None:
        places = np.ravel(figure.subplots(rows, min(2, len(panels)), squeeze=False))
        for axes, unit in zip(places, panels, strict=False):
            draw_panel(axes, (against, numeric[against]), unit, panels[unit], numeric)
        for axes in places[len(panels) :]:
            axes.set_axis_off()

    return [chart(f"Table {name}.", WIDTH, 2.3 * rows, draw)]


def by_unit(columns: Mapping[str, np.ndarray]) -> dict[str, list[str]]:
    """Names of the columns that are no errors, by their unit."""
    panels: dict[str, list[str]] = {}
    for name, values in columns.items():
        if "error" not in name.split("_") and np.isfinite(values).any():
            panels.setdefault(parted(name)[1], []).append(name)
    return panels


def parted(name: str) -> tuple[str, str]:
    """A column's name in words, and its unit, "" without one."""
    for end in sorted(UNITS, key=len, reverse=True):
        if name.endswith(f"_{end}"):
            return name.removesuffix(f"_{end}").replace("_", " "), UNITS[end]
    return name.replace("_", " "), ""


def error_of(name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The column of the errors of another: length_error_A is of length_A, g_Li_Si_error of g_Li_Si."""
    return next(
        (values for other, values in columns.items() if re.sub(r"_error", "", other, count=1) == name != other), None
    )


def draw_panel(
    axes: Axes, against: tuple[str, np.ndarray], unit: str, names: list[str], columns: Mapping[str, np.ndarray]
) -> None:
    """Draw the columns of one unit, a band of the error around each."""
    words, end = parted(against[0])
    for name in names:
        values, error = columns[name], error_of(name, columns)
        (line,) = axes.plot(against[1], values, lw=1.0, label=parted(name)[0])
        if error is not None and np.isfinite(error).any():
            axes.fill_between(against[1], values - error, values + error, color=line.get_color(), alpha=0.3, lw=0)
    label = parted(names[0])[0] if len(names) == 1 else ""
    axes.set(
        xlabel=f"{words} ({end})" if end else words, ylabel=" ".join(filter(None, (label, f"({unit})" if unit else "")))
    )
    if len(names) > 1:
        axes.legend(fontsize=6)
