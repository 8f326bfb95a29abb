"""Which figures an analysis gets, and where they are written."""

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
"""What an analysis leaves in its folder, beside its HDF5 file and atoms."""
COLORED = 95
"""% of the atoms whose shear strain is inside the colours, where the config does not say."""


def draw(
    settings: AnalyzeSettings,
    reader: TrajectoryReader,
    found: Pull,
    frames: Columns,
    tensile: Tensile | None,
    kept: dict[int, Arrays],
    stress: np.ndarray | None,
) -> None:
    """All figures of the parts that were analysed; stress is that of the regions, (frames, nx, ny, nz, 3, 3) GPa."""
    parts, wanted = settings.parts or (), settings.figures
    if tensile:
        with figure(settings, "stress_strain", WIDTH, 2.9) as one:
            figures.stress_strain(one, tensile)
    if len(found.frames) > 1 and ("strain" in parts or "bonds" in parts):
        with figure(settings, "atoms", WIDTH, 2.3) as one:
            figures.atoms(one, frames)
    if "strain" in parts:
        shots = [shot(reader, found, row, arrays) for row, arrays in kept.items()]
        most = wanted.most_shear or max(np.nanpercentile(one.shear, COLORED) for one in shots) or 1.0
        with figure(settings, "maps", *figures.map_size(shots, wanted.planes)) as one:
            figures.maps(one, shots, wanted.planes, wanted.position, wanted.thickness_A, most)
        with figure(settings, "snapshots", *figures.snapshot_size(shots, found.axis, wanted.cut)) as one:
            figures.snapshots(one, shots, found.axis, wanted.cut, most)
    if "voids" in parts and len(found.frames) > 1:
        with figure(settings, "voids", WIDTH, 2.6) as one:
            figures.voids(one, frames)
    if stress is not None:
        with figure(settings, "regions", 0.6 * WIDTH, 2.6) as one:
            figures.regions(one, found.strains, stress, found.axis)


def shot(reader: TrajectoryReader, found: Pull, row: int, arrays: Arrays) -> Shot:
    first, atoms = reader.frame(found.frames[0]), reader.frame(found.frames[row])
    moved = unwrapped(reader, found.frames[row]) - unwrapped(reader, found.frames[0])
    shear = np.where(arrays["valid"], arrays["shear"], np.nan)
    return Shot(float(found.strains[row]), atoms, shear, section.corner(first, moved))


def unwrapped(reader: TrajectoryReader, frame: int) -> np.ndarray:
    """Fractional coordinates through the boundaries that atoms have crossed: (n, 3) float64."""
    return fractional(reader.values("position", frame), reader.cells()[frame]) + reader.values("image", frame)


def figure(settings: AnalyzeSettings, name: str, width: float, height: float) -> AbstractContextManager[Figure]:
    """A figure, inches, to draw into; it is then written in each kind that is asked for."""
    return sheet(width, height, *(settings.output.folder / f"{name}.{kind}" for kind in settings.output.figures))
