"""The figure of a search: the hull, and the minima by energy, volume and how often they were found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.commands.search.ranking import HullOfPhases, RankedMinimum
from hpcpot.report import figures as drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"minima": "#3b6fb0", "known": "#c8553d"}


def write(hull: HullOfPhases, ranked: Sequence[RankedMinimum], output: Path) -> Path:
    """Draw the hull of two elements, and energies above it against volumes, an area for how often each was found.

    Raises:
        OutputError: the figure cannot be written.
    """
    is_binary = len(hull.elements) == 2
    with drawing.sheet(drawing.WIDTH if is_binary else drawing.WIDTH / 2, 3.0, output) as figure:
        panels = np.atleast_1d(figure.subplots(1, 2 if is_binary else 1)).tolist()
        if is_binary:
            _draw_hull(panels[0], hull, ranked)
            drawing.letter(panels)
        _draw_minima(panels[-1], ranked)
    return output


def _draw_hull(axes: Axes, hull: HullOfPhases, ranked: Sequence[RankedMinimum]) -> None:
    """Formation energies against the fraction of the first element; names of the known crystals."""
    known = [(hull.fractions(of.formula)[0], hull.formation(of.formula, of.energy), of.key) for of in hull.phases]
    is_stable = hull.hull.stable()
    stable = sorted(point[:2] for point, holds in zip(known, is_stable, strict=True) if holds)
    deepest = min(stable, key=lambda point: point[1])[0]
    axes.plot(*np.transpose(stable), color=COLORS["known"], lw=0.8, label="hull of the known")
    minima = np.array(
        [
            (hull.fractions(each.lowest.formula)[0], hull.formation(each.lowest.formula, each.lowest.energy))
            for each in ranked
        ]
    ).reshape(-1, 2)
    axes.scatter(*minima.T, s=6, color=COLORS["minima"], alpha=0.5, lw=0, label="minima found")
    axes.scatter(
        *np.transpose([point[:2] for point in known]),
        s=22,
        facecolor="none",
        edgecolor=COLORS["known"],
        lw=0.8,
        label="known crystals",
    )
    for (x, y, name), holds in zip(
        known, is_stable, strict=True
    ):  # beside the hull, outwards; above it what is not stable
        side, place = ("right", -5) if x <= deepest else ("left", 5)
        axes.annotate(
            name,
            (x, y),
            (place, -4) if holds else (0, 6),
            textcoords="offset points",
            fontsize=6,
            ha=side if holds and 0 < x < 1 else "center",
            va="top" if holds else "bottom",
        )
    axes.set(xlabel=f"fraction of {hull.elements[0]}", ylabel="formation energy (eV/atom)", xlim=(-0.08, 1.08))
    axes.margins(y=0.12)
    axes.legend(fontsize=7)


def _draw_minima(axes: Axes, ranked: Sequence[RankedMinimum]) -> None:
    """Energies above the hull against volumes; those that are known crystals are ringed and named."""
    above = np.array([each.above for each in ranked])
    volumes = np.array([each.lowest.volume for each in ranked])
    times = np.array([each.times for each in ranked], float)
    axes.scatter(volumes, above, s=5 * times**0.7, color=COLORS["minima"], alpha=0.5, lw=0)
    for each in ranked:
        if each.known:
            place = (each.lowest.volume, each.above)
            axes.scatter(*place, s=30, facecolor="none", edgecolor=COLORS["known"], lw=0.9)
            axes.annotate(", ".join(each.known), place, (5, 4), textcoords="offset points", fontsize=7)
    axes.axhline(0.0, color=COLORS["known"], lw=0.6)
    axes.set(xlabel="volume (Å$^3$/atom)", ylabel="energy above the hull (eV/atom)")
