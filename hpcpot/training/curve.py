"""The learning curve: a CSV file that grows row by row, and its figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.errors import OutputError
from hpcpot.outputs import Replacement
from hpcpot.report import figures as drawing
from hpcpot.wording import duration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hpcpot.training.loss import BatchErrors

QUANTITIES = {"energy": "eV_per_atom", "force": "eV_per_A", "virial": "eV_per_atom"}
PARTS = ("training", "validation")
COLUMNS = (
    "step",
    *(
        f"rmse_{q}_{part}_{unit}" if q else f"loss_{part}"
        for part in PARTS
        for q, unit in [("", ""), *QUANTITIES.items()]
    ),
    "learning_rate",
    "seconds",
)
SIZE = (7.2, 2.7)
"""Inches, of the figure."""
COLORS = {"training": "#9db4d3", "validation": "#c8553d"}


def row(
    step: int, training: BatchErrors, validation: BatchErrors | None, rate: float, seconds: float
) -> dict[str, float]:
    """A row of COLUMNS; NaN without validation or labels."""
    values: dict[str, float] = {"step": step, "learning_rate": rate, "seconds": seconds}
    for part, errors in zip(PARTS, (training, validation), strict=True):
        values[f"loss_{part}"] = errors.loss if errors else float("nan")
        for name, unit in QUANTITIES.items():
            values[f"rmse_{name}_{part}_{unit}"] = errors.rmse(name) if errors else float("nan")
    return values


class LearningCurve:
    """The file: begun anew, or gone on with after a step.

    Args:
        last: rows after this step are dropped, as those of a run that is gone on with from there; None: all are.
    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, last: int | None):
        self.path = path
        kept = [] if last is None or not path.exists() else [r for r in read(path) if r["step"] <= last]
        with Replacement(path) as part:
            self._write(part, "w", kept, header=True)

    def add(self, values: dict[str, float]) -> None:
        """Append a row."""
        self._write(self.path, "a", [values], header=False)

    def _write(self, path: Path, mode: str, rows: list[dict[str, float]], header: bool) -> None:
        try:
            with path.open(mode, newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, COLUMNS)
                if header:
                    table.writeheader()
                table.writerows(rows)
        except OSError as error:
            raise OutputError(
                f"{self.path} = cannot be written ({error.strerror}): free some space, or change output.curve."
            ) from error


def read(path: Path) -> list[dict[str, float]]:
    """The rows of a curve; a last one that is cut short is left out.

    Raises:
        OutputError: not a curve.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise OutputError(f"{path} = no learning curve: must have the columns {', '.join(COLUMNS)}; remove it.")
    complete = []
    for cells in rows[1:]:
        if len(cells) == len(COLUMNS) and all(cells):
            values = dict(zip(COLUMNS, map(float, cells), strict=True))
            complete.append(values | {"step": int(values["step"])})
    return complete


def draw(path: Path, output: Path) -> Path:
    """Errors of energy and force, and the learning rate, against the steps.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the model is complete")
    rows = read(path)
    with drawing.sheet(*SIZE, output) as figure:
        draw_rows(figure, rows)
    return output


def draw_rows(figure: Figure, rows: Sequence[Mapping[str, float]]) -> None:
    """Draw the panels of a curve."""
    panels = [(1e3, "energy", "energy error (meV/atom)"), (1e3, "force", "force error (meV/Å)")]
    steps = np.array([r["step"] for r in rows])
    for axes, (factor, name, label) in zip(figure.subplots(1, 2), panels, strict=True):
        for part in PARTS:
            values = factor * np.array([r[f"rmse_{name}_{part}_{QUANTITIES[name]}"] for r in rows])
            if np.isfinite(values).any():
                axes.plot(steps, values, color=COLORS[part], lw=1.2, label=part)
        axes.set(xlabel="steps", ylabel=label, yscale="log")
        if len(axes.lines):
            axes.legend(fontsize=7)
        rates = np.array([r["learning_rate"] for r in rows])
        if np.isfinite(rates).any():  # a moment tensor potential has none
            rate = axes.twinx()
            rate.plot(steps, rates, color="0.7", lw=0.8, ls=":", label="learning rate")
            rate.set(yscale="log", ylabel="learning rate" if name == "force" else "")
            rate.tick_params(colors="0.5", labelright=name == "force")
            rate.spines["right"].set_visible(True)


def heading(with_rate: bool = True) -> str:
    """Heading of the printed table of a training, with a column for the learning rate where there is one."""
    rate = f"{'rate':>9} " if with_rate else ""
    return (
        f"{'step':>9} {'loss':>10} {'E trn':>8} {'E val':>8} {'F trn':>8} {'F val':>8} {'W trn':>8} {'W val':>8} "
        f"{rate}{'ms/step':>8} {'ETA':>9}   errors: rmse in meV/atom (E, W) and meV/Å (F)"
    )


def line(values: dict[str, float], each: float, left: float, with_rate: bool = True) -> str:
    """Format a row of the printed table. each: seconds of a step. left: seconds."""
    cells = [f"{1e3 * values[f'rmse_{q}_{part}_{unit}']:8.2f}" for q, unit in QUANTITIES.items() for part in PARTS]
    rate = f"{values['learning_rate']:>9.2e} " if with_rate else ""
    return (
        f"{values['step']:>9} {values['loss_training']:>10.4g} {' '.join(c.replace('nan', '  -') for c in cells)} "
        f"{rate}{1e3 * each:>8.1f} {duration(left):>9}"
    )
