"""Figure of a trajectory: frames from the side, density profiles, temperature and energies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from hpcpot.commands.report import panels, profile
from hpcpot.errors import OutputError
from hpcpot.report import figures as drawing
from hpcpot.report.window import Window, around
from hpcpot.report.window import heights as window_heights
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.units import FS_PER_PS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGMA = 1.0
"""Å, smoothing of the density profiles."""
PANEL_WIDTH = 6.6
"""Inches, about what labels leave of the width."""
LONG = 0.35
"""Height over length of a view below which views are stacked, else they are side by side."""


@dataclass
class Story:
    """Content of the figure.

    Attributes:
        frames: one or two, the first and the last; times: ps, of each.
        series: (rows,) arrays by name: time (ps) and, as far as written, temperature (K), potential_energy and
            conserved_energy (eV).
    """

    frames: list[Atoms]
    times: list[float]
    series: dict[str, np.ndarray]


def write(trajectory: Path, output: Path) -> None:
    """Draw a trajectory into a file of any kind that matplotlib writes (.png, .pdf, .svg, ...).

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: the trajectory cannot be read or has no frame, or the figure cannot be written.
    """
    drawing.require_matplotlib("hpcpot report")
    from matplotlib.figure import Figure

    kinds = Figure().canvas.get_supported_filetypes()
    if output.suffix[1:] not in kinds:
        raise OutputError(
            f"{output} = unknown kind of figure: must end in one of .{', .'.join(sorted(kinds))}; rename it."
        )
    figure = draw(read(trajectory))
    drawing.save(figure, output)


def read(trajectory: Path) -> Story:
    """Read the content of the figure from a trajectory, which may still be growing."""
    with TrajectoryReader(trajectory) as reader:
        times = reader.times() / FS_PER_PS
        if len(times) == 0:
            raise OutputError(
                f"{trajectory} = no frame yet: the figure shows at least one; wait for the first to be written."
            )
        chosen = sorted({0, len(times) - 1})
        series = reader.observables()
        series["time"] = series.get("time", np.zeros(0)) / FS_PER_PS
        return Story([reader.frame(k) for k in chosen], [float(times[k]) for k in chosen], series)


def draw(story: Story) -> Figure:
    """Draw the figure; panels without data are left out."""
    window = around(story.frames)
    across, along = axes_of_view(window)
    strip = PANEL_WIDTH * window.lengths[across] / window.lengths[along]
    is_long = strip < LONG * PANEL_WIDTH
    has_fraction = len(set(story.frames[0].numbers)) > 1
    names = [name for name in panels.AGAINST_TIME if name in story.series] if len(story.series["time"]) > 1 else []
    heights = [strip + 0.25] * len(story.frames) if is_long else [0.45 * PANEL_WIDTH]
    heights += [1.7] + [1.1] * has_fraction + [1.8] * bool(names)
    with drawing.sheet(drawing.WIDTH, sum(heights) + 0.1) as figure:
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        places = list(grid)[: len(story.frames)] if is_long else list(grid[0].subgridspec(1, len(story.frames)))
        for place, frame, time in zip(places, story.frames, story.times, strict=False):
            panels.view(figure.add_subplot(place), frame, window, (across, along))
            figure.axes[-1].set_title(f"{frame.get_chemical_formula()}, {time:g} ps", loc="right", pad=3)
        row = len(places) if is_long else 1
        curves = [density(frame, window, along) for frame in story.frames]
        lowest = figure.add_subplot(grid[row])
        panels.densities(lowest, curves, story.times)
        if has_fraction:
            lowest.tick_params(labelbottom=False)
            lowest = figure.add_subplot(grid[row + 1])
            panels.fractions(lowest, curves)
        for axes in figure.axes[len(story.frames) :]:
            axes.set_xlim(window.starts[along], window.starts[along] + window.lengths[along])
        lowest.set_xlabel(f"{'xyz'[along]} (Å)")
        for place, name in zip(grid[-1].subgridspec(1, len(names)) if names else [], names, strict=False):
            panels.AGAINST_TIME[name](figure.add_subplot(place), story.series, name, len(story.frames[0]))
        drawing.letter(figure.axes)
    return figure


def axes_of_view(window: Window) -> tuple[int, int]:
    """Axes that point upwards and to the right: the longest points to the right."""
    along = int(np.argmax(window.lengths))
    return (along + 1) % 3, along


def density(frame: Atoms, window: Window, along: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Positions (Å) and number densities (1/Å³) by element, see `profile.density`."""
    area = frame.get_volume() / window_heights(frame)[along]
    return profile.density(
        window.coordinates(frame)[:, along],
        frame.numbers,
        window.starts[along],
        window.lengths[along],
        area,
        bool(window.periodic[along]),
        SIGMA,
    )
