"""The figure of a campaign of relaxations: how many steps they took, and where they ended."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.commands.relax.summary import RelaxationSummary
from hpcpot.report import figures as drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (7.2, 3.0)
"""Inches."""
COLORS = {"converged": "#3b6fb0", "no ionic convergence": "#c8553d", "outside": "#8a8a8a"}
BINS = 30
"""Bars at most."""


def write(campaign: RelaxationSummary, output: Path) -> Path:
    """Draw the done rows: steps, and final energy against volume, a colour for each composition.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the results are complete")
    with drawing.sheet(*SIZE, output) as figure:
        draw(figure, campaign)
    return output


def draw(figure: Figure, campaign: RelaxationSummary) -> None:
    """Draw the panels."""
    left, right = figure.subplots(1, 2)
    steps, done = campaign.steps, campaign.converged | campaign.outside
    kinds = {"converged": campaign.converged, "no ionic convergence": ~done, "outside": campaign.outside}
    if not campaign.outside.any():
        del kinds["outside"]
    width = int(steps.max(initial=1)) // BINS + 1  # whole steps, else some bars hold more numbers than others
    edges = np.arange(0, int(steps.max(initial=1)) + width + 1, width) - 0.5
    left.hist(
        [steps[rows] for rows in kinds.values()],
        edges,
        stacked=True,
        color=[COLORS[name] for name in kinds],
        label=[f"{name} ({rows.sum()})" for name, rows in kinds.items()],
    )
    left.set(xlabel="steps", ylabel="structures")
    left.legend(fontsize=7)
    volumes, energies = campaign.volumes / campaign.atoms, campaign.energies / campaign.atoms
    dots = right.scatter(volumes, energies, c=campaign.lithium, s=9, cmap="viridis", vmin=0, vmax=1, lw=0)
    right.set(xlabel="final volume (Å$^3$/atom)", ylabel="final energy (eV/atom)")
    figure.colorbar(dots, label="Li fraction")
