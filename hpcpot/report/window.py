"""Region of space that a figure shows, in distances from the faces of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from hpcpot.structure.cell import heights

VACUUM = 5.0
"""Å; a periodic edge is cut at a wider gap, so that no slab or particle is drawn in two parts."""
MARGIN = 4.0
"""Å left free before the first atom behind a cut, at most half of the gap."""


@dataclass(frozen=True)
class Window:
    """A box that contains all atoms.

    Attributes:
        starts, lengths: (3,) Å, along the normals of the cell's faces; a tilted cell is shown upright.
        periodic: (3,) bool.
    """

    starts: np.ndarray
    lengths: np.ndarray
    periodic: np.ndarray

    def fractions(self, atoms: Atoms) -> np.ndarray:
        """Fractional coordinates of the atoms, (n, 3), inside the window along periodic edges."""
        fractions = atoms.get_scaled_positions(wrap=False)
        first = self.starts / self.lengths
        inside = first + (fractions - first) % 1.0
        return np.where(self.periodic, inside, fractions)

    def coordinates(self, atoms: Atoms) -> np.ndarray:
        """Positions of the atoms, (n, 3) Å, inside the window along periodic edges."""
        return self.fractions(atoms) * heights(atoms)


def around(frames: list[Atoms]) -> Window:
    """Window around all frames; periodic edges begin behind the widest gap of the first frame."""
    lengths = heights(frames[0])
    starts = np.zeros(3)
    for axis in range(3):
        values = [frame.get_scaled_positions(wrap=False)[:, axis] for frame in frames]
        if frames[0].pbc[axis]:
            starts[axis] = behind_gap(values[0] % 1.0 * lengths[axis], lengths[axis])
        else:
            reach = np.concatenate([[0.0, 1.0], *values]) * lengths[axis]
            starts[axis], lengths[axis] = reach.min(), np.ptp(reach)
    return Window(starts, lengths, np.asarray(frames[0].pbc))


def behind_gap(places: np.ndarray, length: float) -> float:
    """End of the widest gap between places on a ring, less a margin; 0 without a wide gap."""
    ordered = np.sort(places)
    gaps = np.diff(ordered, append=ordered[0] + length)
    widest = int(np.argmax(gaps))
    if gaps[widest] < VACUUM:
        return 0.0
    start = ordered[(widest + 1) % len(ordered)] - min(MARGIN, gaps[widest] / 2)
    return float(start if start < length / 2 else start - length)
