"""The figure of a test: predictions against labels, errors by group, and the doubt about each frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.commands.accuracy import errors
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.measures import residual_energies
from hpcpot.dataset.predict import Predicted
from hpcpot.dataset.statistics import ALL
from hpcpot.report import figures as drawing
from hpcpot.storage.tables import Columns
from hpcpot.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("#7d4fb3", "#c8902d", "#3b6fb0", "#5fa8a0", "#c8553d")
"""Colours of the elements in their order."""
BLUE, RED = "#3b6fb0", "#c8553d"
MANY = 5000
"""Values of a parity plot above which dots are smaller."""
BARS = 24
"""Groups with a bar, those with the most frames."""


def write(
    dataset: DataSet, predicted: Predicted, table: Columns, doubts: tuple[str, np.ndarray] | None, output: Path
) -> Path:
    """Draw a test.

    Args:
        table: of `errors.by_group`.
        doubts: name of a measure of how little the model knows of a frame, and its values (n,), or None.
    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise=", or --no-figure")
    with drawing.sheet(9.6, 6.2, output) as figure:
        axes = figure.subplots(2, 3)
        energies(axes[0, 0], dataset, predicted)
        forces(axes[0, 1], dataset, predicted)
        stresses(axes[0, 2], dataset, predicted)
        bars(axes[1, 0], table, "energy_rmse_meV_per_atom", "energy RMSE (meV/atom)", BLUE)
        bars(axes[1, 1], table, "force_rmse_eV_per_A", "force RMSE (eV/Å)", RED)
        last = axes[1, 2]
        distribution(last, dataset, predicted) if doubts is None else against_errors(last, dataset, predicted, *doubts)
        drawing.letter(axes.flat)
    return output


def energies(axes: Axes, dataset: DataSet, predicted: Predicted) -> None:
    """Both less the same energy for each element, fitted to the labels: those alone span eV, errors meV."""
    labels = residual_energies(dataset)
    parity(
        axes, {"": (labels, labels + errors.energy_errors(dataset, predicted))}, "energy less fit to elements (eV/atom)"
    )


def forces(axes: Axes, dataset: DataSet, predicted: Predicted) -> None:
    """Components, a colour for each element; the elements with more atoms below."""
    order = np.argsort(-np.bincount(dataset.species, minlength=len(dataset.elements)), kind="stable")
    masks = {dataset.elements[t]: dataset.species == t for t in order}
    values = {e: (dataset.forces[m].ravel(), predicted.forces[m].ravel()) for e, m in masks.items() if m.any()}
    parity(axes, values, "force (eV/Å)")


def stresses(axes: Axes, dataset: DataSet, predicted: Predicted) -> None:
    """All components, positive in tension."""
    labels = dataset.stresses * EV_PER_A3_IN_GPA
    parity(axes, {"": (labels.ravel(), (labels + errors.stress_errors(dataset, predicted)).ravel())}, "stress (GPa)")


def parity(axes: Axes, values: dict[str, tuple[np.ndarray, np.ndarray]], quantity: str) -> None:
    """Predictions against labels, with the line of equality; NaN labels are left out."""
    known = {name: (x[np.isfinite(x)], y[np.isfinite(x)]) for name, (x, y) in values.items()}
    everything = np.concatenate([part for pair in known.values() for part in pair])
    if not everything.size:
        absent(axes, f"no labels: {quantity}")
        return
    low, high = everything.min(), everything.max()
    margin = 0.03 * (high - low) or 1.0
    size = 2 if everything.size > MANY else 4
    for k, (name, (x, y)) in enumerate(known.items()):
        axes.plot(x, y, ".", ms=size, mew=0, alpha=0.5, color=COLORS[k % len(COLORS)], label=name, rasterized=True)
    axes.plot([low, high], [low, high], color="#222222", lw=0.6)
    span = (low - margin, high + margin)
    axes.set(xlabel=f"label: {quantity}", ylabel="prediction", xlim=span, ylim=span)
    axes.set_aspect("equal", adjustable="box")
    if len(known) > 1 or "" not in known:
        axes.legend(fontsize=7, markerscale=4)


def bars(axes: Axes, table: Columns, column: str, label: str, color: str) -> None:
    """A bar for each group, the last for all."""
    rows = np.flatnonzero(table["group"] != ALL)
    rows = np.sort(rows[np.argsort(-table["frames"][rows], kind="stable")[:BARS]])
    rows = np.append(rows, len(table["group"]) - 1)
    values = table[column][rows]
    if not np.isfinite(values).any():
        absent(axes, f"no labels: {label}")
        return
    places = np.arange(len(rows))
    axes.barh(places, np.nan_to_num(values), color=[color] * (len(rows) - 1) + ["#555555"])
    axes.set_yticks(places, [str(name) for name in table["group"][rows]], fontsize=6)
    axes.invert_yaxis()
    axes.set(xlabel=label)


def distribution(axes: Axes, dataset: DataSet, predicted: Predicted) -> None:
    """Distribution of the errors of forces over the atoms of each element."""
    sizes = np.linalg.norm(predicted.forces - dataset.forces, axis=1)
    for t, element in enumerate(dataset.elements):
        known = np.sort(sizes[(dataset.species == t) & np.isfinite(sizes)])
        if known.size:
            axes.plot(known, 1 - np.arange(len(known)) / len(known), color=COLORS[t % len(COLORS)], lw=1, label=element)
    if not axes.lines:
        absent(axes, "no labels: forces")
        return
    axes.set(xlabel="error of a force (eV/Å)", ylabel="share of atoms with a larger error", xscale="log", yscale="log")
    axes.legend(fontsize=7)


def against_errors(axes: Axes, dataset: DataSet, predicted: Predicted, name: str, doubts: np.ndarray) -> None:
    """The doubt of each frame against its largest error; without labels, the distribution of doubts."""
    largest = errors.largest_errors(dataset, predicted)
    known = np.isfinite(largest)
    if not known.any():
        axes.hist(doubts, 40, color=RED)
        axes.set(xlabel=name, ylabel="frames")
        return
    axes.loglog(doubts[known], largest[known], ".", ms=4, mew=0, color=RED)
    axes.tick_params(which="minor", labelleft=False, labelbottom=False)
    axes.set(xlabel=name, ylabel="largest error of a force (eV/Å)")


def absent(axes: Axes, text: str) -> None:
    """A panel without data."""
    axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center")
    axes.set_axis_off()
