"""Choice of the figures of an analysis, and their files."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.observable import Arrays
from hpcpot.analysis.reference import fractional
from hpcpot.commands.analyze import figures, section
from hpcpot.commands.analyze.figures import Shot
from hpcpot.commands.analyze.pull import Pull
from hpcpot.commands.analyze.settings import AnalyzeSettings
from hpcpot.commands.analyze.tensile import Tensile
from hpcpot.report.figures import WIDTH, sheet
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = ("stress_strain", "atoms", "maps", "snapshots", "voids", "regions")
FILES = (
    *(f"{name}.{kind}" for name in NAMES for kind in ("png", "pdf")),
    *(f"{name}.csv" for name in ("stress_strain", "modulus", "summary", "frames")),
)
"""Files of an analysis besides its HDF5 file and atoms."""
COLORED = 95
"""Percentage of the atoms whose shear strain is within the colour scale, unless the config sets it."""


def draw(
    settings: AnalyzeSettings,
    reader: TrajectoryReader,
    pull: Pull,
    frames: Columns,
    tensile: Tensile | None,
    drawn: dict[int, Arrays],
    stress: np.ndarray | None,
) -> None:
    """Draw the figures of all parts. stress: of regions, (frames, nx, ny, nz, 3, 3) GPa."""
    parts, options = settings.parts or (), settings.figures
    if tensile:
        with figure(settings, "stress_strain", WIDTH, 2.9) as canvas:
            figures.stress_strain(canvas, tensile)
    if len(pull.frames) > 1 and ("strain" in parts or "bonds" in parts):
        with figure(settings, "atoms", WIDTH, 2.3) as canvas:
            figures.atoms(canvas, frames)
    if "strain" in parts:
        shots = [shot(reader, pull, row, arrays) for row, arrays in drawn.items()]
        most = options.most_shear or max(np.nanpercentile(shot.shear, COLORED) for shot in shots) or 1.0
        with figure(settings, "maps", *figures.map_size(shots, options.planes)) as canvas:
            figures.maps(canvas, shots, options.planes, options.position, options.thickness_A, most)
        with figure(settings, "snapshots", *figures.snapshot_size(shots, pull.axis, options.cut)) as canvas:
            figures.snapshots(canvas, shots, pull.axis, options.cut, most)
    if "voids" in parts and len(pull.frames) > 1:
        with figure(settings, "voids", WIDTH, 2.6) as canvas:
            figures.voids(canvas, frames)
    if stress is not None:
        with figure(settings, "regions", 0.6 * WIDTH, 2.6) as canvas:
            figures.regions(canvas, pull.strains, stress, pull.axis)


def shot(reader: TrajectoryReader, pull: Pull, row: int, arrays: Arrays) -> Shot:
    first, atoms = reader.frame(pull.frames[0]), reader.frame(pull.frames[row])
    moved = unwrapped(reader, pull.frames[row]) - unwrapped(reader, pull.frames[0])
    shear = np.where(arrays["valid"], arrays["shear"], np.nan)
    return Shot(float(pull.strains[row]), atoms, shear, section.corner(first, moved))


def unwrapped(reader: TrajectoryReader, frame: int) -> np.ndarray:
    """Unwrapped fractional coordinates: (n, 3) float64."""
    return fractional(reader.values("position", frame), reader.cells()[frame]) + reader.values("image", frame)


def figure(settings: AnalyzeSettings, name: str, width: float, height: float) -> AbstractContextManager[Figure]:
    """Open a figure, in inches, to draw into; it is then written in each kind of output.figures."""
    return sheet(width, height, *(settings.output.folder / f"{name}.{kind}" for kind in settings.output.figures))
