"""The figures of a campaign of removals: energies by region, the interface's sub-samples, and where the regions are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.commands.onsite import statistics
from hpcpot.commands.onsite.tables import RemovalEnergies
from hpcpot.report import figures as drawing
from hpcpot.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = {"si1_bulk": "#3b6fb0", "si2_bulk": "#5fa8a0", "interface": "#c8553d", "alloy": "#7d4fb3", "all": "#3b6fb0"}
LABELS = {
    "si1_bulk": "Si$_{1,b}$",
    "si2_bulk": "Si$_{2,b}$",
    "interface": "interface",
    "alloy": "a-Li$_x$Si",
    "all": "all sites",
}
GREY, BLACK, DASHED = "#8a8a8a", "#222222", (0, (3, 2))
SHOWN = 20
"""Number of sub-samples whose histograms are drawn."""


def write(campaign: RemovalEnergies, base: Path) -> list[Path]:
    """Write BASE.png: histograms, ddE, sub-samples, profile with sites.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the results are complete")
    output = base.with_suffix(".png")
    with drawing.sheet(7.2, 5.2, output) as figure:
        axes = figure.subplots(2, 2)
        histograms(axes[0, 0], campaign)
        differences(axes[0, 1], campaign)
        subsamples(axes[1, 0], campaign)
        places(axes[1, 1], campaign)
        drawing.letter(axes.flat)
    return [output]


def histograms(axes: Axes, campaign: RemovalEnergies) -> None:
    """Draw dE of each region, in shares of its sites, with the mean."""
    for region, values in campaign.values.items():
        bins = statistics.edges(values)
        axes.stairs(statistics.shares(values, bins), bins, fill=True, alpha=0.35, color=COLORS[region])
        axes.stairs(
            statistics.shares(values, bins),
            bins,
            color=COLORS[region],
            lw=0.8,
            label=f"{LABELS[region]}  {_signed(values.mean())} eV",
        )
        axes.axvline(values.mean(), color=COLORS[region], lw=0.8, ls=DASHED)
    axes.set(xlabel=r"$\Delta E$ (eV)" + (", relaxed" if campaign.kind != "energies" else ""), ylabel="share of sites")
    axes.legend(fontsize=6)


def differences(axes: Axes, campaign: RemovalEnergies) -> None:
    """Draw ddE of the interface's sites, with the density by kernels."""
    if campaign.difference is None:
        _absent(axes, "no sites of both interface and bulk")
        return
    bins = statistics.edges(campaign.difference)
    axes.stairs(statistics.shares(campaign.difference, bins), bins, fill=True, alpha=0.35, color=COLORS["interface"])
    energies, density, tops = statistics.peaks(campaign.difference)
    axes.plot(energies, density * statistics.BIN, color=COLORS["interface"], lw=1)
    mean = campaign.difference_mean
    axes.axvline(mean.mean, color=BLACK, lw=0.8, ls=DASHED)
    axes.set(xlabel=r"$\Delta\Delta E$ (eV)", ylabel="share of sites")
    low, high = _signed(mean.low), _signed(mean.high)
    text = f"mean {_signed(mean.mean)} eV\n95 % {low} to {high}\n{plural(len(tops), 'peak')}"
    axes.annotate(text, (0.98, 0.95), xycoords="axes fraction", ha="right", va="top", fontsize=7)


def subsamples(axes: Axes, campaign: RemovalEnergies) -> None:
    """Draw histograms of some sub-samples of the interface over that of all."""
    parts = campaign.subsamples
    if parts is None:
        _absent(axes, "no sites of the interface")
        return
    values = campaign.values["interface"]
    bins = statistics.edges(values)
    for shares in parts.shares[:SHOWN]:
        axes.stairs(shares, bins, color=COLORS["interface"], lw=0.4, alpha=0.5)
    axes.stairs(statistics.shares(values, bins), bins, color=BLACK, lw=1.2, label=f"all {len(values)}")
    axes.plot([], [], color=COLORS["interface"], lw=0.8, label=f"sub-samples of {parts.size}")
    axes.set(xlabel=r"$\Delta E$, interface (eV)", ylabel="share of sites")
    axes.legend(fontsize=6)


def places(axes: Axes, campaign: RemovalEnergies) -> None:
    """Draw dE against the place of the site, over the concentration profile of the last block."""
    if not campaign.blocks:
        _absent(axes, "no regions")
        return
    block, rows = campaign.blocks[-1], campaign.rows
    filled = np.isfinite(block.profile.concentration)
    behind = axes.twinx()
    behind.step(block.profile.middles[filled], block.profile.concentration[filled], where="mid", color=GREY, lw=0.8)
    behind.spines["right"].set(visible=True, color=GREY)
    behind.tick_params(axis="y", colors=GREY)
    behind.set_ylabel("share of inserted atoms", color=GREY)
    behind.set_ylim(-0.02, 1.05)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
    for region in campaign.values:
        of_region = [k for k, name in enumerate(rows["region"]) if name == region]
        at_places, energies = (np.concatenate([rows[name][k] for k in of_region]) for name in ("places", campaign.kind))
        axes.plot(at_places, energies, ".", ms=2, alpha=0.4, color=COLORS[region], mew=0, rasterized=True)
    for edge, name, side in ((block.interfaces.left, "$z_L$ ", "right"), (block.interfaces.right, " $z_R$", "left")):
        axes.axvline(edge, color=BLACK, lw=0.6, ls=DASHED)
        axes.annotate(name, (edge, 1.0), xycoords=("data", "axes fraction"), fontsize=7, va="bottom", ha=side)
    axes.set(xlabel="place (Å from the lowest host atom)", ylabel=r"$\Delta E$ (eV)")
    axes.set_xlim(-3.0, block.interfaces.right + 15.0)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _absent(axes: Axes, text: str) -> None:
    axes.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center")
    axes.set_axis_off()
