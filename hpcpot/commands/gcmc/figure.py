"""The figure of a run: numbers of atoms along its trials, and against mu."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.farm.results import Results
from hpcpot.report import figures as drawing
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE = (drawing.WIDTH, 2.8)
"""Inches."""


def write(results: Results, summary: Columns, output: Path) -> Path:
    """Draw N of each block, and N with its error for each mu or target.

    Raises:
        DependencyError: matplotlib is not installed. OutputError: the figure cannot be written.
    """
    drawing.require_matplotlib(otherwise="; the results are complete")
    with drawing.sheet(*SIZE, output) as figure:
        draw(figure, results, summary)
    return output


def draw(figure: Figure, results: Results, summary: Columns) -> None:
    """Draw the panels."""
    trials, numbers = np.cumsum(results.read("trials")), results.read("number")
    left, right = figure.subplots(1, 2)
    left.plot(trials, numbers, lw=0.9, color="#3b6fb0")
    left.set(xlabel="trials", ylabel="number of atoms, mean of a block")
    right.errorbar(
        summary["mu_eV"], summary["number"], summary["number_error"], fmt="o-", ms=3, lw=0.9, color="#7d4fb3"
    )
    right.set(xlabel="chemical potential (eV)", ylabel="number of atoms")
    drawing.letter((left, right))
