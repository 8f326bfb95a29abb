"""The section of a campaign of removals on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot import config
from hpcpot.commands.onsite import figure, tables
from hpcpot.commands.onsite.settings import SCHEMA
from hpcpot.commands.onsite.statistics import Mean
from hpcpot.commands.onsite.tables import NAMES, RemovalEnergies
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDES = 2 * 1.96
"""Standard errors in a 95 % interval."""


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the results of a campaign, all frames of the file. Profiles are of the trajectory, and not on the page.

    Raises:
        OutputError: they cannot be read, or nothing is in them yet.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "region of a frame")
        settings = config.stored(section.provenance[-1]["config"], path, SCHEMA)
        rows = tables.rows(results, set(results.keys()))
    bootstrap = settings.bootstrap
    for kind in ("energies", "relaxed_energies") if settings.removal.relaxed != "none" else ("energies",):
        campaign = tables.gather(rows, [], kind, bootstrap.fraction, bootstrap.replicas, settings.sites.seed)
        words = "" if kind == "energies" else "relaxed "
        section.texts[f"{words}removal energies".capitalize()] = tables.summary(campaign)
        means = {f"{words}dE, {NAMES[region]}": mean for region, mean in campaign.means.items()}
        if campaign.difference_mean is not None:
            means[f"{words}ddE"] = campaign.difference_mean
        section.quantities |= {name: _quantity(mean) for name, mean in means.items()}
        section.charts.append(_chart(campaign, words))
    return section


def _quantity(mean: Mean) -> Quantity:
    """A mean, its error from the bootstrap's interval."""
    error = (mean.high - mean.low) / SIDES
    return Quantity(mean.mean, "eV", error if mean.n > 1 else float("nan"))


def _chart(campaign: RemovalEnergies, words: str):
    panels = [figure.histograms]
    if campaign.difference is not None:
        panels.append(figure.differences)
    if campaign.subsamples is not None:
        panels.append(figure.subsamples)

    def draw(canvas: Figure) -> None:
        for axes, panel in zip(np.ravel(canvas.subplots(1, len(panels), squeeze=False)), panels, strict=True):
            panel(axes, campaign)

    return chart(f"{words}removal energies by region.".capitalize(), 3.4 * len(panels), 2.8, draw)
