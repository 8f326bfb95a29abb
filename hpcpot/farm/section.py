"""What a page of `hpcpot report` says of any results of the farm."""

from __future__ import annotations

from collections import Counter

from hpcpot.errors import OutputError
from hpcpot.farm.results import Results
from hpcpot.report.section import ReportSection
from hpcpot.wording import plural

TOLD = 5
"""Kinds of failures that are told."""


def begin(results: Results, noun: str) -> ReportSection:
    """A section with counts, failures and provenance.

    Args:
        noun: what a row is of, in the singular.
    Raises:
        OutputError: no row is done.
    """
    done, failed, missing = len(results.keys()), results.failed(), results.missing()
    if not done:
        raise OutputError(
            f"{results.path} = no {noun} done yet: a page needs one at least; wait, or see `hpcpot results` for failures."
        )
    title = f"{plural(done, noun)} done, {len(failed)} failed, {missing} to do"
    section = ReportSection(results.kind, results.path, title, provenance=results.provenance())
    for kind, count in Counter(failure.kind for _, _, failure in failed).most_common(TOLD):
        label, message = next((label, failure.message) for _, label, failure in failed if failure.kind == kind)
        section.warnings.append(f"{plural(count, noun)} failed by {kind}, e.g. {label}: {message.splitlines()[0]}")
    return section
