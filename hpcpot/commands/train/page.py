"""The section of a training on a page of `hpcpot report`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpcpot import config
from hpcpot.errors import OutputError
from hpcpot.farm import section as of_farm
from hpcpot.farm.results import Results
from hpcpot.potential import files
from hpcpot.report.interactive import chart
from hpcpot.report.section import Quantity, ReportSection
from hpcpot.training import curve
from hpcpot.training.committee import ERRORS
from hpcpot.training.settings import SCHEMA
from hpcpot.wording import duration

COMMITTEE = ".committee.h5"
KINDS = {"energy": "meV/atom", "force": "meV/Å", "virial": "meV/atom"}


def read(path: Path, views: int = 1) -> ReportSection:
    """Read a learning curve (.csv), the model that came of it, or the results of a committee.

    Raises:
        OutputError: it cannot be read, or has no row yet.
    """
    if path.name.endswith(COMMITTEE):
        return _committee(path)
    made = {} if path.suffix == ".csv" else files.provenance(path)
    rows_of = path if path.suffix == ".csv" else _curve_of(path, made)
    rows = curve.read(rows_of)
    if not rows:
        raise OutputError(f"{rows_of} = no row yet: a page needs one at least; wait for the first.")
    last = rows[-1]
    section = ReportSection(
        "train", path, f"learning curve, to step {int(last['step'])}", provenance=[made] if made else []
    )
    for name, unit in KINDS.items():
        for part in curve.PARTS:
            value = 1e3 * last[f"rmse_{name}_{part}_{curve.QUANTITIES[name]}"]
            if np.isfinite(value):
                section.quantities[f"{name} error, {part}"] = Quantity(value, unit)
    section.facts["time"] = f"{duration(last['seconds'])}, {1e3 * last['seconds'] / max(last['step'], 1):.3g} ms a step"
    section.charts.append(chart("Errors against steps.", *curve.SIZE, lambda canvas: curve.draw_rows(canvas, rows)))
    section.tables["curve"] = {name: np.array([row[name] for row in rows]) for name in curve.COLUMNS}
    return section


def _curve_of(path: Path, made: dict[str, str]) -> Path:
    """The learning curve of a model, beside it."""
    if "config" not in made:
        raise OutputError(
            f"{path} = a model that hpcpot did not train: must have a learning curve; give one that hpcpot train wrote."
        )
    name = config.stored(
        made["config"], path, SCHEMA
    ).output.curve.name  # beside it only: no name in data becomes a path
    if path.with_name(name).is_file():
        return path.with_name(name)
    raise OutputError(
        f"{path} = a model without {name}, its learning curve: must be beside it; give the path of the curve."
    )


def _committee(path: Path) -> ReportSection:
    """The members, and the errors of each."""
    with Results(path) as results:
        section = of_farm.begin(results, "member")
        columns = {name: results.read(name) for name in ("model", "seed", "steps", *ERRORS)}
    section.tables["members"] = {name: np.array(values) for name, values in columns.items()}
    for name, words, unit in zip(ERRORS, ("energy", "force"), ("meV/atom", "meV/Å"), strict=True):
        values = 1e3 * np.asarray(columns[name])
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
        section.quantities[f"{words} error, validation"] = Quantity(float(values.mean()), unit, float(error))
    return section
