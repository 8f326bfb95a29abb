"""The figure of a path: energies of the images, and a curve through them with the slopes that their forces have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from hpcpot.relaxation.band import Band
from hpcpot.report import figures as drawing

BLUE, RED = "#3b6fb0", "#c8553d"


def write(done: Band, output: Path) -> Path:
    """Draw the path.

    Raises:
        OutputError: the figure cannot be written.
    """
    energies = done.energies - done.energies[0]
    line = np.linspace(0.0, done.distances[-1], 400)
    with drawing.sheet(0.55 * drawing.WIDTH, 2.6, output) as figure:
        axes = figure.subplots()
        axes.plot(line, CubicHermiteSpline(done.distances, energies, done.slopes)(line), color=BLUE, lw=1)
        axes.plot(done.distances, energies, "o", ms=4, color=RED, mew=0)
        axes.set(xlabel="distance along the path (Å)", ylabel="energy (eV)")
        words = f"{done.barrier:.3f} eV" + ("" if done.status == "converged" else f" ({done.status})")
        top = int(np.argmax(energies))
        axes.annotate(
            words, (done.distances[top], energies[top]), (0, 6), textcoords="offset points", ha="center", fontsize=7
        )
        axes.margins(y=0.15)
    return output
