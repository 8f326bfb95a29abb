"""The figure of a data set: composition, sizes, energies, forces, stresses and distances, a colour for each group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.measures import residual_energies, shortest_distances
from hpcpot.report import figures as drawing
from hpcpot.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORED = 12
"""Groups with a colour of their own, the largest; the rest share one."""
REST = "#999999"
BINS = 40


def write(dataset: DataSet, output: Path) -> Path:
    """Draw a data set.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib()
    from matplotlib.patches import Patch

    parts = by_group(dataset)
    with drawing.sheet(9.6, 5.2, output) as figure:
        axes = figure.subplots(2, 3)
        colors = _colors(list(parts))
        compositions(axes[0, 0], dataset, parts, colors)
        for panel, (values, xlabel, counted, log) in zip(axes.flat[1:], _histograms(dataset), strict=True):
            members = parts if counted == "frames" else {g: np.isin(dataset.frame_of, r) for g, r in parts.items()}
            stack(panel, {group: values[rows] for group, rows in members.items()}, colors, xlabel, counted, log)
        handles = [Patch(color=colors[group], label=group) for group in parts]
        figure.legend(handles=handles, loc="outside right upper", fontsize=6)
        drawing.letter(axes.flat)
    return output


def _histograms(dataset: DataSet) -> list[tuple[np.ndarray, str, str, bool]]:
    """(value of each frame or each atom, its name, what is counted, whether on a logarithmic scale)."""
    pressures = -np.trace(dataset.stresses, axis1=1, axis2=2) / 3 * EV_PER_A3_IN_GPA
    return [
        (dataset.sizes, "atoms to a frame", "frames", False),
        (residual_energies(dataset), "energy, less a fit to the elements (eV/atom)", "frames", True),
        (np.linalg.norm(dataset.forces, axis=1), "force (eV/Å)", "atoms", True),
        (pressures, "pressure (GPa)", "frames", False),
        (shortest_distances(dataset), "shortest distance (Å)", "frames", False),
    ]


def by_group(dataset: DataSet) -> dict[str, np.ndarray]:
    """Rows of the groups that have a colour, the largest first, then of all others as `other`."""
    names, counts = np.unique(dataset.groups, return_counts=True)
    order = names[np.argsort(-counts, kind="stable")]
    parts = {str(name): np.flatnonzero(dataset.groups == name) for name in order[:COLORED]}
    if len(order) > COLORED:
        parts["other"] = np.flatnonzero(np.isin(dataset.groups, order[COLORED:]))
    return parts


def compositions(axes: Axes, dataset: DataSet, parts: dict[str, np.ndarray], colors: dict[str, str]) -> None:
    """Volume per atom against the share of the first element."""
    shares = dataset.counts[:, 0] / dataset.sizes
    whole = dataset.periodic.all(axis=1)
    for group, rows in parts.items():
        bulk = rows[whole[rows]]
        axes.plot(shares[bulk], (dataset.volumes / dataset.sizes)[bulk], ".", ms=3, mew=0, color=colors[group])
    axes.set(xlabel=f"share of {dataset.elements[0]}", ylabel="volume (Å$^3$/atom)", xlim=(-0.03, 1.03))


def stack(
    axes: Axes, values: dict[str, np.ndarray], colors: dict[str, str], xlabel: str, ylabel: str, log: bool = False
) -> None:
    """Histogram of finite values, the groups upon one another."""
    finite = {group: of_group[np.isfinite(of_group)] for group, of_group in values.items()}
    if not any(len(of_group) for of_group in finite.values()):
        axes.annotate(f"no {xlabel}", (0.5, 0.5), xycoords="axes fraction", ha="center")
        axes.set_axis_off()
        return
    edges = np.histogram_bin_edges(np.concatenate(list(finite.values())), BINS)
    axes.hist(list(finite.values()), edges, stacked=True, color=[colors[group] for group in finite], log=log)
    axes.set(xlabel=xlabel, ylabel=ylabel)


def _colors(groups: list[str]) -> dict[str, str]:
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    cycle = [to_hex(color) for color in colormaps["tab20"].colors]
    palette = [*cycle[0::2], *cycle[1::2]]
    return {group: REST if group == "other" else palette[k % len(palette)] for k, group in enumerate(groups)}
