"""Figures of an analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from hpcpot.analysis.tension import SMOOTHING, Modulus, smoothed
from hpcpot.commands.analyze import render, section
from hpcpot.commands.analyze.tensile import Published, Tensile
from hpcpot.report.figures import WIDTH
from hpcpot.units import FS_PER_PS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

INK, PALE, ACCENT, OTHER = "#222222", "#b9c4d0", "#c8452d", "#1f6f8b"
SHADES = "viridis"
SHEAR = "von Mises shear strain"
RADIUS = 0.95
"""Radius of an atom in a snapshot over its covalent radius."""
TURN, TILT = np.radians(-22.0), np.radians(16.0)
"""Rotations of the block in a snapshot: about the vertical, and towards the viewer."""
LEAST_SPAN = 0.1
"""Least span of an axis of moduli over the modulus, so that round-off does not fill the axis."""
PIXELS = 1000
"""Width of a snapshot in pixels."""


@dataclass(frozen=True)
class Shot:
    """A frame to draw: its strain, its atoms, and their shear strain, nan where it is undefined.

    corner: (3,) fractional, origin of the cell, see `section.corner`.
    """

    strain: float
    atoms: Atoms
    shear: np.ndarray
    corner: np.ndarray


def stress_strain(figure: Figure, tensile: Tensile) -> None:
    """Draw the curve with the fit, and the modulus against the window."""
    curve, fit, strength, published = tensile.curve, tensile.fit, tensile.strength, tensile.published
    left, right = figure.subplots(1, 2, width_ratios=(2.1, 1.0))
    smooth = smoothed(curve)
    left.plot(curve.strain, curve.stress, color=PALE, lw=0.5, label="this run")
    left.plot(curve.strain, smooth, color=INK, lw=1.2, label=f"mean over {SMOOTHING / FS_PER_PS:g} ps")
    ends = np.array([fit.low, fit.high])
    reach = np.array([max(fit.low - 0.02, curve.strain.min()), min(fit.high + 0.02, curve.strain.max())])
    left.axvspan(*ends, color=ACCENT, alpha=0.08, lw=0)
    left.plot(
        reach,
        fit.intercept + fit.slope * reach,
        color=ACCENT,
        lw=1.0,
        ls=(0, (4, 2)),
        label=f"{fit.slope:.1f} ± {fit.correlated_error:.1f} GPa",
    )
    if published.points is not None:
        left.plot(*published.points.T, "o", ms=3.5, mfc="white", mec=OTHER, label=published.label, clip_on=False)
    left.plot(strength.strain, strength.ultimate, "v", ms=4, color=INK)
    left.annotate(
        f"{strength.ultimate:.2f} GPa",
        (strength.strain, strength.ultimate),
        (7, 0),
        textcoords="offset points",
        va="center",
    )
    left.axhline(0, color=INK, lw=0.4)
    left.margins(y=0.08)
    word = "compressive " if curve.compressive else ""
    left.set(
        xlabel=f"{word}engineering strain", ylabel=f"{word}stress (GPa)", xlim=(curve.strain.min(), curve.strain.max())
    )
    left.legend(loc="best")
    windows(right, fit, tensile.windows, published)


def windows(axes: Axes, fit: Modulus, table: list[Modulus], published: Published) -> None:
    """Draw the modulus against the end of the window, a line for each beginning."""
    lows = sorted({row.low for row in table})
    for low, shade in zip(lows, (PALE, INK, OTHER), strict=False):
        rows = [row for row in table if row.low == low]
        axes.errorbar(
            [row.high for row in rows],
            [row.slope for row in rows],
            [row.correlated_error for row in rows],
            color=shade,
            marker="o",
            ms=3,
            lw=0.9,
            capsize=2,
            label=f"from {low:g}",
        )
    axes.plot(fit.high, fit.slope, "o", ms=7, mfc="none", mec=ACCENT)
    if published.modulus is not None:
        axes.axhline(published.modulus, color=OTHER, lw=0.8, ls=(0, (2, 1.5)))
        text, place = f"{published.label} {published.modulus:g}", ("axes fraction", "data")
        axes.annotate(
            text, (1, published.modulus), (0, 2), xycoords=place, textcoords="offset points", ha="right", color=OTHER
        )
    axes.set(xlabel="end of the fit window", ylabel="Young's modulus (GPa)")
    axes.margins(x=0.12, y=0.2)
    low, high = axes.get_ylim()
    spare = max(LEAST_SPAN * abs(fit.slope) - (high - low), 0.0) / 2
    axes.set_ylim(low - spare, high + spare)
    axes.legend(title="window", alignment="left")


def maps(figure: Figure, shots: list[Shot], planes: list[str], position: float, thickness: float, most: float) -> None:
    """Draw the shear strain in cross-sections: a row per plane, a column per strain, in the same colours."""
    cuts = [
        [section.cut(shot.atoms, np.nan_to_num(shot.shear), shot.corner, plane, position, thickness) for shot in shots]
        for plane in planes
    ]
    panels = figure.subplots(
        len(planes), len(shots), squeeze=False, height_ratios=[max(panel.extent[1] for panel in row) for row in cuts]
    )
    for plane, row, axes_row in zip(planes, cuts, panels, strict=True):
        most_extent = np.max([panel.extent for panel in row], axis=0)
        for section_map, axes in zip(row, axes_row, strict=True):
            shown = axes.imshow(
                section_map.values,
                cmap=SHADES,
                vmin=0,
                vmax=most,
                origin="lower",
                interpolation="bilinear",
                extent=(0, section_map.extent[0], 0, section_map.extent[1]),
            )
            axes.add_patch(frame(section_map.extent))
            axes.set_aspect("equal")
            axes.set(xlim=(-1, most_extent[0] + 1), ylim=(-1, most_extent[1] + 1), xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set_visible(False)
        axes_row[0].set_ylabel(f"{plane[0]} → {plane[1]} ↑")
        scale_bar(axes_row[0], row[0].extent[0])  # rows differ in scale
    for shot, axes in zip(shots, panels[0], strict=True):
        axes.set_title(f"strain {shot.strain:.3f}")
    figure.colorbar(shown, ax=panels, shrink=0.5, aspect=30, label=SHEAR, extend="max")


def frame(extent: np.ndarray) -> Rectangle:
    """Outline of a cell with edges (2,) Å."""
    from matplotlib.patches import Rectangle

    return Rectangle((0, 0), *extent, fill=False, ec=INK, lw=0.4)


def scale_bar(axes: Axes, width: float) -> None:
    """Draw a scale bar, about a third of `width` (Å) long, below a panel without axes."""
    length = max((size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if size <= width / 2.5), default=1)
    low = axes.get_ylim()[0] - 0.03 * np.ptp(axes.get_ylim())
    axes.plot([0, length], [low, low], color=INK, lw=1.5, clip_on=False, solid_capstyle="butt")
    axes.annotate(
        f"{length / 10:g} nm",
        (length / 2, low),
        (0, -3),
        textcoords="offset points",
        ha="center",
        va="top",
        annotation_clip=False,
    )


def map_size(shots: list[Shot], planes: list[str]) -> tuple[float, float]:
    """Size of the figure in inches, such that the widest column fills the width."""
    extents = np.max([section.heights(shot.atoms) for shot in shots], axis=0)
    panel = (WIDTH - 1.1) / len(shots) - 0.05
    rise = sum(panel * extents["xyz".index(plane[1])] / extents["xyz".index(plane[0])] + 0.1 for plane in planes)
    return WIDTH, max(rise + 0.5, 1.8)


def snapshots(figure: Figure, shots: list[Shot], axis: int, cut: bool, most: float) -> None:
    """Draw the atoms coloured by shear strain, the pulled axis to the right; with `cut` only the rear half."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = Normalize(0, most)
    views = [view(shot, axis, cut) for shot in shots]
    low, high = view_corners(views)
    columns = 2 if len(shots) > 1 else 1
    panels = figure.subplots(-(-len(shots) // columns), columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for shot, (centres, radii, shear), axes in zip(shots, views, panels, strict=False):
        colors = colormaps[SHADES](scale(np.nan_to_num(shear)))[:, :3]
        colors[np.isnan(shear)] = 0.75
        image = render.spheres(centres, radii, colors, low, high, PIXELS / (high[0] - low[0]))
        axes.imshow(image, extent=(low[0], high[0], low[1], high[1]), interpolation="antialiased")
        axes.set_title(f"strain {shot.strain:.3f}", pad=2)
    figure.colorbar(ScalarMappable(scale, SHADES), ax=panels, shrink=0.6, aspect=30, label=SHEAR, extend="max")


def view(shot: Shot, axis: int, cut: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres (n, 3) for `render.spheres`, radii and shear strain of the atoms to draw."""
    right, up, eye = axis, (axis + 1) % 3, (axis + 2) % 3
    extent = section.heights(shot.atoms)
    positions = section.places(shot.atoms, shot.corner) - extent / 2
    shown = positions[:, eye] <= 0 if cut else np.ones(len(positions), bool)
    x, y, z = positions[shown][:, [right, up, eye]].T
    x, z = x * np.cos(TURN) + z * np.sin(TURN), z * np.cos(TURN) - x * np.sin(TURN)
    y, z = y * np.cos(TILT) - z * np.sin(TILT), z * np.cos(TILT) + y * np.sin(TILT)
    radii = RADIUS * covalent_radii[shot.atoms.numbers[shown]]
    return np.stack([x, y, z], axis=1), radii, shot.shear[shown]


def view_corners(views: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Lower left and upper right corner, (2,) Å each, of an image that contains all views."""
    low = np.min([centres[:, :2].min(axis=0) for centres, _, _ in views], axis=0)
    high = np.max([centres[:, :2].max(axis=0) for centres, _, _ in views], axis=0)
    return low - 3.0, high + 3.0


def snapshot_size(shots: list[Shot], axis: int, cut: bool) -> tuple[float, float]:
    """Size of the figure in inches."""
    low, high = view_corners([view(shot, axis, cut) for shot in shots])
    columns = 2 if len(shots) > 1 else 1
    panel = (WIDTH - 0.8) / columns
    rows = -(-len(shots) // columns)
    return WIDTH, rows * (panel * (high[1] - low[1]) / (high[0] - low[0]) + 0.25)


def voids(figure: Figure, frames: dict[str, np.ndarray]) -> None:
    """Draw the growth of the voids with strain."""
    left, right = figure.subplots(1, 2)
    strain = frames["strain"]
    left.plot(strain, 100 * frames["void_fraction"], color=INK, lw=1.2)
    left.set(xlabel="engineering strain", ylabel="voids (% of the cell)")
    right.plot(strain, frames["voids_A3"] / 1000, color=PALE, lw=1.6, label="all voids")
    right.plot(strain, frames["largest_void_A3"] / 1000, color=INK, lw=1.2, label="largest")
    if "hole_A3" in frames:
        grown = frames["hole_A3"] > 0
        right.plot(
            strain[grown],
            frames["hole_A3"][grown] / 1000,
            color=ACCENT,
            lw=1.2,
            ls=(0, (4, 2)),
            label="largest at the end",
        )
        through = grown & np.any([frames[f"hole_spans_{name}"] > 0 for name in "abc"], axis=0)
        if through.any():
            right.axvline(strain[np.argmax(through)], color=ACCENT, lw=0.6)
            place = strain[np.argmax(through)], 0.02
            right.annotate(
                "runs through the cell",
                place,
                (2, 0),
                textcoords="offset points",
                xycoords=("data", "axes fraction"),
                rotation=90,
                color=ACCENT,
                va="bottom",
            )
    if (frames["voids_A3"] > 0).any():
        right.set_yscale("symlog", linthresh=0.1)
    right.set(xlabel="engineering strain", ylabel="volume (nm³)")
    right.set_ylim(bottom=0)
    left.set_ylim(bottom=0)
    right.legend(loc="lower right")


def atoms(figure: Figure, frames: dict[str, np.ndarray]) -> None:
    """Draw the strain of the atoms and their broken bonds against the strain of the cell."""
    curves = [
        (name, columns)
        for name, columns in (
            (SHEAR, {"shear_95": "95th percentile", "shear_mean": "mean", "shear_median": "median"}),
            ("D²$_{min}$ (Å²)", {"d2min_mean_A2": "mean"}),
            ("bonds broken (%)", {"broken_bonds": "of those of the reference"}),
        )
        if set(columns) <= frames.keys()
    ]
    for (name, columns), axes in zip(curves, np.atleast_1d(figure.subplots(1, len(curves))), strict=True):
        for (column, label), shade in zip(columns.items(), (OTHER, INK, PALE), strict=False):
            factor = 100 if column == "broken_bonds" else 1
            axes.plot(
                frames["strain"], factor * frames[column], color=shade if len(columns) > 1 else INK, lw=1.2, label=label
            )
        axes.set(xlabel="engineering strain", ylabel=name)
        axes.set_ylim(bottom=0)
        if len(columns) > 1:
            axes.legend()


def regions(figure: Figure, strain: np.ndarray, stress: np.ndarray, axis: int) -> None:
    """Draw the stress along the pulled axis in regions along the axis with most of them, for frames that have stresses.

    Args:
        strain: (frames,). stress: (frames, nx, ny, nz, 3, 3) GPa. axis: the pulled one.
    """
    known = np.isfinite(stress).all(axis=(1, 2, 3, 4, 5))
    strain, stress = strain[known], stress[known]
    along = int(np.argmax(stress.shape[1:4]))
    others = tuple(1 + other for other in range(3) if other != along)
    profile = stress[..., axis, axis].mean(axis=others)
    axes = figure.subplots()
    edges = np.append(strain, strain[-1] + (strain[-1] - strain[-2] if len(strain) > 1 else 0.01))
    most = np.abs(profile).max() or 1.0
    shown = axes.pcolormesh(
        edges, np.linspace(0, 1, profile.shape[1] + 1), profile.T, cmap="RdBu_r", vmin=-most, vmax=most
    )
    axes.set(xlabel="engineering strain", ylabel=f"place along {'abc'[along]} (fraction)")
    name = "xyz"[axis]
    figure.colorbar(shown, ax=axes, label=f"stress {name}{name} (GPa)")
