"""The section of a campaign of relaxations on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

from hpcpot.commands.relax import figure, summary
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.wording import duration


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the results of a campaign, all structures of the file.

    Raises:
        OutputError: they cannot be read, or nothing is in them yet.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "structure")
        campaign = summary.gather(results, set(results.keys()) | {key for key, _, _ in results.failed()})
    done = len(campaign.steps)
    section.texts["What became of the structures"] = summary.table(campaign)
    section.quantities["converged"] = Quantity(100.0 * campaign.converged.sum() / (done + len(campaign.failed)), "%")
    section.quantities["steps on average"] = Quantity(float(campaign.steps.mean()))
    if campaign.seconds.sum() > 0.0:
        each = campaign.seconds.sum() / (campaign.atoms * (campaign.steps + 1)).sum()
        section.facts["processor time"] = f"{duration(campaign.seconds.sum())}, {1e6 * each:.3g} us per atom and step"
    if campaign.outside.any():
        section.warnings.append(
            f"extrapolation: {campaign.outside.sum()} structures ended outside what the potential was trained on, e.g. "
            f"{campaign.example}"
        )
    section.charts.append(
        chart("Steps, and where they ended.", *figure.SIZE, lambda canvas: figure.draw(canvas, campaign))
    )
    section.tables["structures"] = {
        "label": campaign.labels,
        "atoms": campaign.atoms,
        "converged": campaign.converged,
        "steps": campaign.steps,
        "energy_eV_per_atom": campaign.energies / campaign.atoms,
        "volume_A3_per_atom": campaign.volumes / campaign.atoms,
    }
    return section
