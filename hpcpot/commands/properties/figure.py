"""The figure of crystals: equation of state, phonons with their density, surfaces and vacancies; a line each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.commands.properties.tables import Row, plane_name
from hpcpot.properties.crystal import birch_murnaghan
from hpcpot.report import figures as drawing
from hpcpot.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 6
"""Crystals that are drawn."""
HEIGHT = 2.2
"""Inches, of a crystal."""
BLUE, RED, DARK = "#3b6fb0", "#c8553d", "#222222"


def write(crystals: dict[str, Row], output: Path) -> Path:
    """Draw the first crystals.

    Raises:
        OutputError: the figure cannot be written.
    """
    chosen = dict(list(crystals.items())[:MOST])
    with drawing.sheet(drawing.WIDTH * 1.3, HEIGHT * len(chosen), output) as figure:
        draw(figure, chosen)
    return output


def panels_of(row: Row) -> list[tuple[Callable[[Axes, Row], None], float]]:
    """What is drawn of a crystal, and how wide."""
    panels: list[tuple[Callable[[Axes, Row], None], float]] = []
    if "eos_fit" in row:
        panels.append((equation_of_state, 1.0))
    if "phonon_frequencies" in row:
        panels += [(bands, 1.6), (density, 0.5)]
    if "surface_relaxed" in row or "vacancy_relaxed" in row:
        panels.append((defects, 1.0))
    return panels or [(elastic, 1.0)]


def draw(figure: Figure, crystals: dict[str, Row]) -> None:
    """Draw a line of panels for each crystal."""
    panels = panels_of(next(iter(crystals.values())))  # all rows of a file have the same columns
    ratios = [width for _, width in panels]
    axes = figure.subplots(len(crystals), len(panels), squeeze=False, gridspec_kw={"width_ratios": ratios})
    for line, (label, row) in zip(axes, crystals.items(), strict=True):
        for panel, (paint, _) in zip(line, panels, strict=True):
            paint(panel, row)
        line[0].set_title(label, loc="left", fontweight="bold")


def equation_of_state(axes: Axes, row: Row) -> None:
    """Energies over volume, and the fit of Birch and Murnaghan."""
    axes.set(xlabel="volume (Å$^3$/atom)", ylabel="energy (meV/atom)")
    if not len(row["eos_volumes"]):
        return
    fit, line = row["eos_fit"], np.linspace(row["eos_volumes"].min(), row["eos_volumes"].max(), 200)
    axes.plot(line, 1000 * (birch_murnaghan(line, fit) - fit[0]), color=BLUE, lw=1)
    axes.plot(row["eos_volumes"], 1000 * (row["eos_energies"] - fit[0]), "o", ms=3, color=RED, mew=0)
    words = f"$B_0$ = {fit[2] * EV_PER_A3_IN_GPA:.1f} GPa"
    axes.text(0.97, 0.95, words, transform=axes.transAxes, ha="right", va="top", fontsize=7)


def bands(axes: Axes, row: Row) -> None:
    """Frequencies along the path; below 0 are imaginary ones."""
    axes.set_ylabel("frequency (THz)")
    if not row["phonon_frequencies"].size:
        return
    distances, labels = row["phonon_distances"], json.loads(row["phonon_labels"])
    places: dict[float, str] = {}
    for place, name in labels:  # of two points at one place, where the path jumps, both are named
        places[place] = f"{places[place]}|{shown(name)}" if place in places else shown(name)
    edges = sorted(places)
    for low, high in zip(edges, edges[1:], strict=False):
        inside = (distances > low - 1e-9) & (distances < high + 1e-9)
        axes.plot(distances[inside], row["phonon_frequencies"][inside], color=BLUE, lw=0.8)
    for place in edges:
        axes.axvline(place, color=DARK, lw=0.4)
    axes.axhline(0, color=DARK, lw=0.4)
    axes.set_xticks(edges, [places[place] for place in edges])
    axes.set_xlim(edges[0], edges[-1])


def shown(name: str) -> str:
    """Name of a point of the Brillouin zone."""
    return "$\\Gamma$" if name == "G" else name


def density(axes: Axes, row: Row) -> None:
    """Density of states, turned to the frequencies of the bands."""
    axes.fill_betweenx(row["dos_frequencies"], row["dos"], color=BLUE, alpha=0.4, lw=0)
    axes.set_xlabel("states/THz")
    axes.set_xlim(left=0)
    if row["phonon_frequencies"].size:
        low, high = row["phonon_frequencies"].min(), row["phonon_frequencies"].max()
        axes.set_ylim(min(low, 0.0) - 0.02 * high, 1.05 * high)


def defects(axes: Axes, row: Row) -> None:
    """Surface energies, and those of vacancies: before relaxation hollow, after it full."""
    names, before, after = [], [], []
    for plane, *values in zip(
        *(row.get(f"surface_{key}", ()) for key in ("planes", "unrelaxed", "relaxed")), strict=True
    ):
        names.append(plane_name(plane))
        before.append(values[0])
        after.append(values[1])
    split = len(names)
    for site, *values in zip(
        *(row.get(f"vacancy_{key}", ()) for key in ("sites", "unrelaxed", "relaxed")), strict=True
    ):
        names.append(f"vac. {site}")
        before.append(values[0])
        after.append(values[1])
    places = np.arange(len(names))
    colors = [BLUE] * split + [RED] * (len(names) - split)
    axes.bar(places, before, width=0.7, fill=False, ec=DARK, lw=0.6)
    axes.bar(places, after, width=0.7, color=colors)
    axes.set_xlim(-0.7, max(len(names), 4) - 0.3)
    axes.set_xticks(places, names, rotation=45 if len(names) > 4 else 0)
    units = [unit for unit, count in (("J/m$^2$", split), ("eV", len(names) - split)) if count]
    axes.set_ylabel(f"energy ({', '.join(units)})")
    axes.set_title("outlines: before relaxation", fontsize=7, loc="right")


def elastic(axes: Axes, row: Row) -> None:
    """The elastic tensor."""
    axes.imshow(row["elastic"] if "elastic" in row else np.full((6, 6), np.nan), cmap="Blues")
    axes.set(
        xticks=range(6), yticks=range(6), xticklabels=range(1, 7), yticklabels=range(1, 7), xlabel="$C_{ij}$ (GPa)"
    )
    for i, line in enumerate(row.get("elastic", ())):
        for j, value in enumerate(line):
            axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=6)
