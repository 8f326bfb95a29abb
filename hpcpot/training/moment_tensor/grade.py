"""The active set of a moment tensor potential, by maxvol: the neighbourhoods that span what it was trained on.

Of the rows b_i = dE_i/dparameters of all atoms, the active ones are a square A of maximal |det|. Any row is then
b = c A, and max_j |c_j| is its extrapolation grade (see potential/moment_tensor/extrapolation.py): at most THRESHOLD
for the atoms selected from.

Source: Gubaev, Podryabinkin, Hart and Shapeev, Comput. Mater. Sci. 156, 148 (2019); MLIP-2, src/cfg_selection.cpp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.rows import ParameterRows
from hpcpot.training.moment_tensor.sites import SiteChunk

THRESHOLD = 1.001
"""Grade above which a row enters the active set."""
EMPTY = 1.0e-6
"""Active rows before there are any: EMPTY times the unit matrix, so that all is extrapolation."""


@dataclass
class ActiveSet:
    """The rows whose determinant is largest in modulus.

    Attributes:
        rows: (m, m) float64, the active rows. inverse: its inverse.
        members: (m,) int64, which of the rows given each is; -1 where none is: such a direction is in no row.
    """

    rows: np.ndarray
    inverse: np.ndarray
    members: np.ndarray

    @classmethod
    def empty(cls, size: int) -> ActiveSet:
        return cls(EMPTY * np.eye(size), np.eye(size) / EMPTY, np.full(size, -1))

    def add(self, rows: np.ndarray, number: int = 0) -> int:
        """Swap rows (n, m) in while one has a grade above THRESHOLD; returns how many swaps.

        Args:
            number: of the first row, for `members`.
        """
        c, swaps = rows @ self.inverse, 0
        while True:
            i, j = np.unravel_index(np.argmax(np.abs(c)), c.shape)
            if not abs(c[i, j]) > THRESHOLD:
                break
            change = c[i].copy()
            change[j] -= 1.0
            change /= c[i, j]
            c -= np.outer(c[:, j], change)
            self.inverse -= np.outer(self.inverse[:, j], change)
            self.rows[j], self.members[j] = rows[i], number + i
            swaps += 1
        if swaps:
            self.inverse = np.linalg.inv(self.rows)
        return swaps


def select(family: MomentTensor, parts: Sequence[SiteChunk]) -> ActiveSet:
    """The active set of all atoms; `members` number them in the order of the frames."""
    maker = ParameterRows(family)
    active = ActiveSet.empty(maker.size)
    swaps = 1
    while swaps:
        swaps, number = 0, 0
        for part in parts:
            swaps += active.add(site_rows(maker, part), number)
            number += len(part.data.species)
    return active


def site_rows(maker: ParameterRows, part: SiteChunk) -> np.ndarray:
    """dE_i/dparameters of the atoms of a chunk, (atoms, m)."""
    rows = np.empty((len(part.data.species), maker.size))
    for sites in part.sites:
        rows[sites.atoms] = maker.of_species(sites.species, sites.near)
    return rows
