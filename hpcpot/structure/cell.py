"""Lengths of a cell."""

from __future__ import annotations

import numpy as np
from ase import Atoms


def heights(atoms: Atoms) -> np.ndarray:
    """Distances between opposite faces of the cell: (3,) float64, Å."""
    return 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
