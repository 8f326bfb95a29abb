"""The section of a campaign of labels on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.report.section import ReportSection


def read(path: Path, views: int = 1) -> ReportSection:
    """Read the results of a campaign.

    Raises:
        OutputError: they cannot be read, or nothing is in them yet.
    """
    with Results(path) as results:
        section = of_farm.begin(results, "structure")
        section.facts |= {name: text.replace("\n", "; ") for name, text in results.identity().items()}
    return section
