"""Published numbers of the studies that hpcpot repeats, and what a run came to beside them."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hpcpot.errors import ConfigError
from hpcpot.report.section import Quantity, ReportSection

SOURCES = {
    "fu2024": "fu2024: Fu et al., npj Comput. Mater. (2024), 10.1038/s41524-024-01327-1",
    "cheon2023": "cheon2023: Cheon et al. (2023), random relaxations of Li-Si-O crystals, table 1",
    "wei2024": "wei2024: Wei and Artrith (2024), arXiv:2402.08834",
}
ERRORS = 2.0
"""Standard errors within which a number agrees."""
CLOSE = 0.1
"""Share of the published number within which one without an error is called close."""


@dataclass(frozen=True)
class PublishedNumber:
    """A row of published.csv."""

    study: str
    system: str
    quantity: str
    value: float
    unit: str
    note: str


@dataclass(frozen=True)
class Comparison:
    """A row of the table: texts, and whether the numbers agree, None where none was measured."""

    quantity: str
    system: str
    run: str
    here: str
    published: str
    difference: str
    verdict: str
    agrees: bool | None
    source: str


Runs = dict[str, dict[str, list[tuple[str, Quantity]]]]
"""By study/system and quantity, the runs that measured it, and what they found."""


@cache
def read() -> tuple[PublishedNumber, ...]:
    """All published numbers, in the order of the file."""
    with Path(__file__).with_name("published.csv").open(newline="", encoding="utf-8") as file:
        return tuple(PublishedNumber(**row | {"value": float(row["value"])}) for row in csv.DictReader(file))


def systems() -> list[str]:
    """Names for --published: study/system."""
    return list(dict.fromkeys(f"{row.study}/{row.system}" for row in read()))


def compare(sections: Sequence[ReportSection], names: Sequence[str]) -> list[Comparison]:
    """Set the quantities of runs beside published ones: a row each, then a row for each order of systems.

    A published number without a run's is told; several runs of one system have a row each.

    Args:
        names: study/system of each section, or one for all; empty for no comparison.
    Raises:
        ConfigError: an unknown name, or as many as fit nothing.
    """
    if not names:
        return []
    for name in names:
        if name not in systems():
            raise ConfigError(f"--published = {name}: must be one of {', '.join(systems())}; correct it.")
    if len(names) not in (1, len(sections)):
        raise ConfigError(
            f"--published = {len(names)} names: must be one for all runs, or one for each of {len(sections)}; add some."
        )
    given = list(names) * len(sections) if len(names) == 1 else list(names)
    runs: Runs = {name: {} for name in dict.fromkeys(given)}
    for name, section in zip(given, sections, strict=True):
        for quantity, value in section.quantities.items():
            runs[name].setdefault(quantity, []).append((section.path.name, value))
    rows = [
        _row(published, *measured)
        for published in read()
        if (name := f"{published.study}/{published.system}") in runs
        for measured in runs[name].get(published.quantity, [("", None)])
    ]
    return rows + _orders(runs)


def _row(published: PublishedNumber, run: str, measured: Quantity | None) -> Comparison:
    unit = f" {published.unit}" if published.unit else ""
    note = f" ({published.note})" if published.note else ""
    texts = published.quantity, published.system, run
    theirs = f"{published.value:g}{unit}{note}"
    if measured is None or not math.isfinite(measured.value):
        return Comparison(*texts, "", theirs, "", "not measured", None, SOURCES[published.study])
    difference = measured.value - published.value
    share = difference / abs(published.value)
    if math.isfinite(measured.error):
        agrees = abs(difference) <= ERRORS * measured.error
        verdict = f"{'within' if agrees else 'outside'} {ERRORS:g} standard errors"
    else:
        agrees = abs(share) <= CLOSE
        verdict = f"{'within' if agrees else 'more than'} {CLOSE:.0%}{'' if agrees else ' off'}, no error known"
    shown = f"{difference:+.3g}{unit}, {100 * share:+.2g} %"
    return Comparison(*texts, measured.text(), theirs, shown, verdict, agrees, SOURCES[published.study])


def _orders(runs: Runs) -> list[Comparison]:
    """Whether systems come in the published order, of each quantity that was measured in several with one run each."""
    rows = []
    keys = dict.fromkeys((row.study, row.quantity) for row in read())
    for study, quantity in keys:
        theirs = {row.system: row.value for row in read() if (row.study, row.quantity) == (study, quantity)}
        ours = {
            system: measured[0][1].value
            for system in theirs
            if len(measured := runs.get(f"{study}/{system}", {}).get(quantity, [])) == 1
            and math.isfinite(measured[0][1].value)
        }
        if len(ours) < 2 or len({theirs[system] for system in ours}) < len(ours):
            continue
        orders = [sorted(ours, key=values.__getitem__, reverse=True) for values in (ours, theirs)]
        agrees = orders[0] == orders[1]
        verdict = "in the published order" if agrees else "in another order"
        first, second = (" > ".join(order) for order in orders)
        rows.append(Comparison(f"{quantity}, order", "all", "", first, second, "", verdict, agrees, SOURCES[study]))
    return rows
