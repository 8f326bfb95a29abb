"""The figure of a loop: classes by system, deviations with their levels, errors on held-out frames, and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hpcpot.commands.learn.files import EXPLORED, folder_of
from hpcpot.commands.learn.settings import LearnSettings, stages
from hpcpot.farm.results import Results
from hpcpot.report import figures as drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CLASSES = {"accurate": "#3b6fb0", "candidate": "#e0a030", "failed": "#c8553d"}
PARTS = {"training": "#3b6fb0", "exploration": "#e0a030", "labels": "#777777"}
FIRST, LAST = np.array([0.27, 0.20, 0.45]), np.array([0.85, 0.75, 0.15])
"""Red, green and blue of the first and the last iteration."""
COLUMNS = 4
"""Panels of systems beside each other, at most."""
BINS = 60
SPAN = 1e4
"""Deviations below the largest over this are drawn at that end: those of perfect crystals are round-off."""


def write(settings: LearnSettings, rows: Sequence[Mapping[str, Any]], output: Path) -> Path:
    """Draw the iterations.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the table is complete")
    with drawing.sheet(*size(rows), output) as figure:
        draw(figure, settings, rows)
    return output


def systems_in(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Names of the systems, in the order in which they came."""
    return list(dict.fromkeys(name for row in rows for name in row["systems"]))


def size(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Inches."""
    return drawing.WIDTH, 1.7 * -(-len(systems_in(rows)) // COLUMNS) + 2.6


def draw(figure: Figure, settings: LearnSettings, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the panels."""
    systems = systems_in(rows)
    columns = min(len(systems), COLUMNS)
    lines = -(-len(systems) // columns)
    above, below = figure.subfigures(2, 1, height_ratios=(1.7 * lines + 0.3, 2.3))
    panels = list(above.subplots(lines, columns, squeeze=False, sharey=True).flat)
    for axes, name in zip(panels, systems, strict=False):
        classes(axes, rows, name)
    for axes in panels[len(systems) :]:
        axes.set_axis_off()
    above.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, fontsize=6)
    others = below.subplots(1, 3)
    deviations(others[0], settings, rows)
    errors(others[1], rows)
    cost(others[2], rows)
    drawing.letter([*panels[: len(systems)], *others])


def classes(axes: Axes, rows: Sequence[Mapping[str, Any]], system: str) -> None:
    """Shares of the classes in each iteration."""
    mine = [row for row in rows if system in row["systems"]]
    numbers = [row["iteration"] for row in mine]
    counts = np.array([[row["systems"][system][kind] for kind in CLASSES] for row in mine], float)
    shares = 100.0 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)
    below = np.zeros(len(mine))
    for (kind, color), share in zip(CLASSES.items(), shares.T, strict=True):
        axes.bar(numbers, share, bottom=below, color=color, width=0.85, label=kind)
        below += share
    axes.set(xlabel=f"iteration, {system}", ylabel="frames (%)", ylim=(0, 100))
    axes.xaxis.get_major_locator().set_params(integer=True)


def deviations(axes: Axes, settings: LearnSettings, rows: Sequence[Mapping[str, Any]]) -> None:
    """Distributions of the deviations, an iteration a line; levels of the last stage as dotted lines."""
    judged = {}
    for row in rows:
        path = folder_of(settings.output.folder, row["iteration"]) / EXPLORED
        if path.exists():
            with Results(path) as results:
                values = np.concatenate([*results.read("deviation"), np.zeros(0)])
            values = values[np.isfinite(values) & (values > 0.0)]
            if len(values):
                judged[row["iteration"]] = values
    if not judged:
        axes.annotate("no explored frames are kept", (0.5, 0.5), xycoords="axes fraction", ha="center")
        axes.set_axis_off()
        return
    most = max(values.max() for values in judged.values())
    judged = {number: np.maximum(values, most / SPAN) for number, values in judged.items()}
    ends = np.log10([min(values.min() for values in judged.values()), most])
    edges = np.logspace(ends[0] - 0.01, ends[1] + 0.01, BINS)
    for place, (number, values) in enumerate(judged.items()):
        color = tuple(FIRST + place / max(len(judged) - 1, 1) * (LAST - FIRST))
        is_end = place in (0, len(judged) - 1)
        share = 100.0 * np.histogram(values, edges)[0] / len(values)
        axes.stairs(share, edges, color=color, lw=1.0, label=f"iteration {number}" if is_end else None)
    stage = stages(settings).get(rows[-1]["stage"])
    by_grade = stage is not None and stage.grade_low is not None
    for value in window(stage):
        axes.axvline(value, color="black", lw=0.6, ls=":")
    unit = "grade" if by_grade else "force deviation" + ("" if stage and stage.relative_force_eV_A else " (eV/Å)")
    axes.set(xscale="log", xlabel=unit, ylabel="frames (%)")
    axes.legend(fontsize=6)


def window(stage: Any) -> list[float]:
    """The levels of a stage, of all its systems."""
    if stage is None:
        return []
    values = (stage.force_low_eV_A, stage.force_high_eV_A, stage.grade_low, stage.grade_high)
    levels = [entry for value in values for entry in (value.values() if isinstance(value, Mapping) else [value])]
    return sorted({value for value in levels if value is not None})


def errors(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Errors of forces, and of energies on the right axis, against the number of frames trained on."""
    frames = [row["training_frames"] for row in rows]
    force, energy = "#c8553d", "#3b6fb0"
    of_force, of_energy = (np.array([1e3 * row[name] for row in rows]) for name in ("rmse_force", "rmse_energy"))
    axes.plot(frames, of_force, "o-", ms=3, color=force)
    axes.set(xlabel="frames trained on", ylim=(0, 1.1 * np.nanmax(of_force, initial=1e-3)))
    axes.set_ylabel("force error (meV/Å)", color=force)
    right = axes.twinx()
    right.plot(frames, of_energy, "s-", ms=3, color=energy)
    right.set_ylabel("energy error (meV/atom)", color=energy)
    right.set_ylim(0, 1.1 * np.nanmax(of_energy, initial=1e-3))
    right.spines["right"].set_visible(True)


def cost(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    """Times of the parts of each iteration."""
    below = np.zeros(len(rows))
    for part, color in PARTS.items():
        minutes = np.array([row[f"seconds_{part}"] for row in rows]) / 60.0
        axes.bar([row["iteration"] for row in rows], minutes, bottom=below, color=color, label=part)
        below += minutes
    axes.set(xlabel="iteration", ylabel="time (min)", ylim=(0, 1.4 * below.max() or 1.0))  # room for the legend
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize=6)
