"""The figure of a trajectory: frames from the side, density profiles, temperature and energies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors

from hpcpot.errors import DependencyError, OutputError
from hpcpot.report.profile import density, height
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.units import FS_PER_PS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"Li": "#7d4fb3", "Si": "#e0982c"}
"""Of the elements that most figures show, told apart in grey and by colour-blind readers; Jmol's for others."""
INK = "#222222"
SIGMA = 1.0
"""Å, smoothing of the density profiles."""
VACUUM = 0.05
"""Share of the largest density below which a place counts as empty."""
WIDTH, PANEL_WIDTH = 7.2, 6.6
"""Inches: of the figure, two columns of a journal, and about what labels leave of it."""
LONG = 0.35
"""Height over length of a view below which the views lie one under the other, else side by side."""
STYLE = {
    "font.size": 8, "axes.titlesize": 8, "font.family": "DejaVu Sans", "axes.linewidth": 0.6, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False,
}  # fmt: skip


@dataclass
class Story:
    """What the figure tells of a trajectory.

    Attributes:
        frames: one or two, the first and the last; times: ps, of each.
        series: (rows,) arrays by name: time (ps), and what there is of temperature (K), potential_energy and
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
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise DependencyError(
            f"hpcpot report = no matplotlib ({error}): it draws the figure; pip install matplotlib."
        ) from error
    kinds = Figure().canvas.get_supported_filetypes()
    if output.suffix[1:] not in kinds:
        raise OutputError(
            f"{output} = unknown kind of figure: must end in one of .{', .'.join(sorted(kinds))}; rename it."
        )
    figure = draw(read(trajectory))
    try:
        figure.savefig(output)
    except OSError as error:
        raise OutputError(
            f"{output} = cannot be written ({error.strerror}): must be in a folder that you may write to."
        ) from error


def read(trajectory: Path) -> Story:
    """What the figure tells of a trajectory file, which may still be growing."""
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
    """The figure; panels whose data were not written are left out."""
    import matplotlib
    from matplotlib.figure import Figure

    across, along = axes_of_view(story.frames[0])
    strip = PANEL_WIDTH * height(story.frames[0], across) / height(story.frames[0], along)
    is_long = strip < LONG * PANEL_WIDTH
    panels = [name for name in PANELS if name in story.series] if len(story.series["time"]) > 1 else []
    heights = [strip + 0.25] * len(story.frames) if is_long else [0.45 * PANEL_WIDTH]
    heights += [1.7] + [1.1] * has_fraction(story) + [1.8] * bool(panels)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, sum(heights) + 0.1), dpi=200, layout="constrained")
        grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        places = list(grid)[: len(story.frames)] if is_long else list(grid[0].subgridspec(1, len(story.frames)))
        for place, frame, time in zip(places, story.frames, story.times):
            view(figure.add_subplot(place), frame, across, along, f"{frame.get_chemical_formula()}, {time:g} ps")
        row = len(places) if is_long else 1
        lowest = figure.add_subplot(grid[row])
        densities(lowest, story, along)
        if has_fraction(story):
            lowest.tick_params(labelbottom=False)
            lowest = figure.add_subplot(grid[row + 1])
            fractions(lowest, story, along)
        lowest.set_xlabel(f"{'xyz'[along]} (Å)")
        for place, name in zip(grid[-1].subgridspec(1, len(panels)) if panels else [], panels):
            PANELS[name](figure.add_subplot(place), story, name)
        for letter, axes in zip("abcdefgh", figure.axes):
            axes.set_title(letter, loc="left", fontweight="bold", pad=3)
    return figure


def axes_of_view(atoms: Atoms) -> tuple[int, int]:
    """The cell vectors that are drawn upwards and to the right: the longest goes to the right."""
    heights = [height(atoms, axis) for axis in range(3)]
    along = int(np.argmax(heights))
    return (along + 1) % 3, along


def view(axes: Axes, atoms: Atoms, across: int, along: int, title: str) -> None:
    """Atoms as discs, the nearer over the farther, seen along the third cell vector; a tilted cell is drawn upright."""
    depth = 3 - across - along
    fractions = atoms.get_scaled_positions()
    order = np.argsort(-fractions[:, depth])
    positions = fractions[order] * [height(atoms, axis) for axis in range(3)]
    numbers = atoms.numbers[order]
    colors = np.array([color(number) for number in numbers])
    radii = 0.75 * covalent_radii[numbers]
    axes.set_aspect("equal")
    axes.set_xlim(0, height(atoms, along))
    axes.set_ylim(0, height(atoms, across))
    axes.set_title(title, loc="right", pad=3)
    axes.tick_params(labelbottom=False)
    axes.set_yticks([])
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)
    discs(axes, positions[:, [along, across]], radii, colors)


def discs(axes: Axes, centres: np.ndarray, radii: np.ndarray, colors: np.ndarray) -> None:
    """Circles in Å, so that they keep touching at any size of the figure."""
    from matplotlib.collections import EllipseCollection

    axes.add_collection(EllipseCollection(
        2 * radii, 2 * radii, np.zeros(len(radii)), units="xy", offsets=centres, transOffset=axes.transData,
        facecolors=colors, edgecolors="#00000060", linewidths=0.25, rasterized=True,
    ))  # fmt: skip


def has_fraction(story: Story) -> bool:
    return len(set(story.frames[0].numbers)) > 1


def densities(axes: Axes, story: Story, along: int) -> None:
    """Number densities of the elements."""
    for frame, time, line in styled(story):
        middles, rho = density(frame, along, SIGMA)
        for symbol, values in rho.items():
            axes.plot(middles, values, color=color(symbol), label=f"{symbol}, {time:g} ps", **line)
    axes.set_xlim(0, height(frame, along))
    axes.set_ylim(bottom=0)
    axes.set_ylabel("density (Å$^{-3}$)")
    axes.legend(ncols=2, handlelength=1.8)


def fractions(axes: Axes, story: Story, along: int) -> None:
    """Fraction of the lightest element among the atoms, where there are any."""
    for frame, _, line in styled(story):
        middles, rho = density(frame, along, SIGMA)
        total = sum(rho.values())
        symbol, first = next(iter(rho.items()))
        share = np.divide(first, total, where=total > VACUUM * total.max(), out=np.full_like(total, np.nan))
        axes.plot(middles, share, color=color(symbol), **line)
    axes.set_xlim(0, height(frame, along))
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(f"{symbol} fraction")


def styled(story: Story) -> list[tuple[Atoms, float, dict]]:
    """Frames inside their cells, with their times and lines: dashed for the first of two, full for the last."""
    lines = [{"lw": 0.9, "ls": (0, (2, 1.5))}, {"lw": 1.2, "ls": "-"}][-len(story.frames) :]
    frames = [frame.copy() for frame in story.frames]
    for frame in frames:
        frame.wrap()
    return list(zip(frames, story.times, lines))


def temperature(axes: Axes, story: Story, name: str) -> None:
    axes.plot(story.series["time"], story.series[name], color=INK, lw=0.9)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel("temperature (K)")


def change_of_energy(axes: Axes, story: Story, name: str) -> None:
    values = story.series[name]
    axes.plot(story.series["time"], 1000.0 * (values - values[0]) / len(story.frames[0]), color=INK, lw=0.9)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel(f"{name.replace('_', ' ')}\nchange (meV/atom)")


PANELS = {"temperature": temperature, "potential_energy": change_of_energy, "conserved_energy": change_of_energy}
"""What is drawn against time, where it was written."""


def color(element: str | int) -> tuple[float, float, float]:
    """RGB of an element, by symbol or atomic number."""
    from matplotlib.colors import to_rgb

    symbol = element if isinstance(element, str) else chemical_symbols[element]
    return to_rgb(COLORS[symbol]) if symbol in COLORS else tuple(jmol_colors[chemical_symbols.index(symbol)])
