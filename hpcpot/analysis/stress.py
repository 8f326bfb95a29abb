"""Cauchy stress of regions from per-atom virials and momentum fluxes."""

from __future__ import annotations

import numpy as np

from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.analysis.reference import fractional
from hpcpot.storage.tables import Columns
from hpcpot.units import AMU, EV_PER_A3_IN_GPA


def regional(
    positions: np.ndarray,
    velocities: np.ndarray,
    masses: np.ndarray,
    virials: np.ndarray,
    cell: np.ndarray,
    bins: tuple[int, int, int],
) -> np.ndarray:
    """Stress of equal regions of the cell, tension positive.

    stress_ab = -sum over the atoms of a region of (m v_a v_b + (w_ab + w_ba) / 2) / volume of the region;
    their mean is the stress of the cell. Per-atom virials w of a many-body potential depend on its partition among
    atoms, so a region should be several cutoffs wide.

    Args:
        positions: (n, 3) float64, Å, wrapped or not. velocities: (n, 3) float64, Å/fs. masses: (n,) float64, amu.
        virials: (n, 3, 3) float64, eV, per atom; their sum is the virial of the cell, positive in compression.
        cell: (3, 3) float64, Å, rows.
        bins: regions along each axis, so that they follow the cell.
    Returns:
        (*bins, 3, 3) float64, GPa.
    """
    fractions = fractional(positions, cell)
    places = np.minimum((fractions - np.floor(fractions)) * bins, np.array(bins) - 1).astype(np.int64)
    region = np.ravel_multi_index(tuple(places.T), bins)
    flux = AMU * masses[:, None, None] * velocities[:, :, None] * velocities[:, None, :]
    per_atom = (flux + 0.5 * (virials + virials.transpose(0, 2, 1))).reshape(-1, 9)
    count = int(np.prod(bins))
    sums = np.stack([np.bincount(region, part, count) for part in per_atom.T], axis=1)
    volume = abs(np.linalg.det(cell)) / count
    return -sums.reshape(*bins, 3, 3) / volume * EV_PER_A3_IN_GPA


class RegionalStress:
    """Observable: stress of regions, averaged over frames. `sample` returns stress (*bins, 3, 3) float64, GPa.

    Args:
        first: unused. bins: see `regional`.
    """

    def __init__(self, first: Frame, bins: list[int]):
        self._bins = tuple(bins)
        self._sum, self._frames = np.zeros((*bins, 3, 3)), 0

    def sample(self, frame: Frame) -> Arrays:
        stress = regional(frame.positions, frame.velocities, frame.masses, frame.virials, frame.cell, self._bins)
        self._sum += stress
        self._frames += 1
        return {"stress": stress}

    def merge(self, other: RegionalStress) -> None:
        self._sum += other._sum
        self._frames += other._frames

    def result(self) -> dict[str, Columns]:
        """A row per region: its centre in fractions of the cell, and the mean stress, NaN without frames."""
        middles = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in self._bins], indexing="ij"))
        mean = self._sum / self._frames if self._frames else np.full_like(self._sum, np.nan)
        table = {f"place_{axis}": values.ravel() for axis, values in zip("abc", middles, strict=True)}
        for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            table[f"stress_{'xyz'[a]}{'xyz'[b]}_GPa"] = mean[..., a, b].ravel()
        return {"stress": table | {"frames": np.full(middles[0].size, self._frames)}}

    def state(self) -> Arrays:
        return {"sum": self._sum.copy(), "frames": np.array(self._frames)}

    def restore(self, arrays: Arrays) -> None:
        self._sum, self._frames = np.array(arrays["sum"]), int(arrays["frames"])
