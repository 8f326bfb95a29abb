"""Panels of the figure, each drawn into the axes that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors

from hpcpot.report.window import Window

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"Li": "#7d4fb3", "Si": "#e0982c"}
"""Colours of the most frequent elements, distinct in grey and to colour-blind readers; other elements have Jmol's."""
INK = "#222222"
RADIUS = 0.75
"""Radius of an atom in a view over its covalent radius."""
EMPTY = 0.05
"""Fraction of the largest density below which space counts as empty."""
LINES = ({"lw": 0.9, "ls": (0, (2, 1.5))}, {"lw": 1.2, "ls": "-"})
"""Line styles of the first and the last frame."""

Curves = tuple[np.ndarray, dict[str, np.ndarray]]
"""Positions (Å) and number density (1/Å³) by element."""


def view(axes: Axes, atoms: Atoms, window: Window, directions: tuple[int, int]) -> None:
    """Draw atoms as discs, nearer ones over farther ones.

    Args:
        directions: axes that point upwards and to the right; the view is along the third.
    """
    across, along = directions
    places = window.coordinates(atoms)
    order = np.argsort(-places[:, 3 - across - along])
    numbers = atoms.numbers[order]
    discs(
        axes, places[order][:, [along, across]], RADIUS * covalent_radii[numbers], [color(number) for number in numbers]
    )
    axes.set_aspect("equal")
    axes.set_xlim(window.starts[along], window.starts[along] + window.lengths[along])
    axes.set_ylim(window.starts[across], window.starts[across] + window.lengths[across])
    axes.tick_params(labelbottom=False)
    axes.set_yticks([])
    for side in ("top", "right"):
        axes.spines[side].set_visible(True)


def discs(axes: Axes, centres: np.ndarray, radii: np.ndarray, colors: list) -> None:
    """Draw circles in Å, so that they scale with the figure."""
    from matplotlib.collections import EllipseCollection

    axes.add_collection(
        EllipseCollection(
            2 * radii,
            2 * radii,
            np.zeros(len(radii)),
            units="xy",
            offsets=centres,
            offset_transform=axes.transData,
            facecolors=colors,
            edgecolors="#00000060",
            linewidths=0.25,
            rasterized=True,
        )
    )


def densities(axes: Axes, curves: list[Curves], times: list[float]) -> None:
    """Draw the number densities of the elements."""
    for (places, rho), time, line in zip(curves, times, LINES[-len(curves) :], strict=False):
        for symbol, values in rho.items():
            axes.plot(places, values, color=color(symbol), label=f"{symbol}, {time:g} ps", **line)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("density (Å$^{-3}$)")
    axes.legend(ncols=len(curves), handlelength=1.8)


def fractions(axes: Axes, curves: list[Curves]) -> None:
    """Draw the fraction of the lightest element, where there are atoms."""
    for (places, rho), line in zip(curves, LINES[-len(curves) :], strict=False):
        total = sum(rho.values())
        symbol, first = next(iter(rho.items()))
        share = np.divide(first, total, where=total > EMPTY * total.max(), out=np.full_like(total, np.nan))
        axes.plot(places, share, color=color(symbol), **line)
    axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel(f"{symbol} fraction")


def temperature(axes: Axes, series: dict[str, np.ndarray], name: str, n_atoms: int) -> None:
    axes.plot(series["time"], series[name], color=INK, lw=0.9)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel("temperature (K)")


def change_of_energy(axes: Axes, series: dict[str, np.ndarray], name: str, n_atoms: int) -> None:
    axes.plot(series["time"], 1000.0 * (series[name] - series[name][0]) / n_atoms, color=INK, lw=0.9)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel(f"{name.replace('_', ' ')}\nchange (meV/atom)")


def plain(axes: Axes, series: dict[str, np.ndarray], name: str, n_atoms: int) -> None:
    axes.plot(series["time"], series[name], color=INK, lw=0.9)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel(PLAIN[name])


def of_axes(axes: Axes, series: dict[str, np.ndarray], name: str, n_atoms: int) -> None:
    for values, axis, line in zip(series[name].T, "xyz", (":", "--", "-"), strict=True):
        axes.plot(series["time"], values, color=INK, lw=0.9, ls=line, label=axis)
    axes.set_xlabel("time (ps)")
    axes.set_ylabel(OF_AXES[name])
    axes.legend()


PLAIN = {
    "pressure": "pressure (GPa)",
    "max_extrapolation_grade": "largest grade",
    "max_force_deviation": "largest deviation (eV/Å)",
    "grip_displacement": "displacement of the grip (Å)",
}
OF_AXES = {
    "cell_lengths": "edges of the cell (Å)",
    "engineering_strain": "engineering strain",
    "stress": "stress (GPa)",
}
AGAINST_TIME = {"temperature": temperature, "potential_energy": change_of_energy, "conserved_energy": change_of_energy}
"""Series drawn against time, and their panels."""
OF_PAGE = AGAINST_TIME | dict.fromkeys(PLAIN, plain) | dict.fromkeys(OF_AXES, of_axes)
"""Those of a page, which has room for more."""


def color(element: str | int) -> tuple[float, float, float]:
    """RGB colour of an element, by symbol or atomic number."""
    from matplotlib.colors import to_rgb

    symbol = element if isinstance(element, str) else chemical_symbols[element]
    return to_rgb(COLORS[symbol]) if symbol in COLORS else tuple(jmol_colors[chemical_symbols.index(symbol)])
