"""The reference frame that deformation is measured against: who was next to whom, and where they are now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.neighbors import pairs
from hpcpot.structure.overlap import with_images


@dataclass(frozen=True)
class Reference:
    """The pairs of n atoms that are closer than a cutoff in the reference frame, images being points of their own.

    Attributes:
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool. cutoff: Å.
        fractions: (m, 3) float64, the n atoms first, then images.
        owners: (m,) int64, the atom that each point is an image of.
        first, neighbors: as in `pairs.Pairs`.
    """

    cell: np.ndarray
    periodic: np.ndarray
    cutoff: float
    fractions: np.ndarray
    owners: np.ndarray
    first: np.ndarray
    neighbors: np.ndarray

    @property
    def n_atoms(self) -> int:
        return len(self.first) - 1

    def at_present(self, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Fractional coordinates of the same atoms in another frame, (n, 3) float64; wrapped or not.

        Raises:
            StructureError: the frame has other atoms, or its cell no volume.
        """
        if positions.shape != (self.n_atoms, 3):
            raise StructureError(
                f"frame = {len(positions)} atoms: must be the {self.n_atoms} of the reference frame, in their order; "
                "compare frames of one trajectory."
            )
        return fractional(positions, cell)


def make_reference(positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, cutoff: float) -> Reference:
    """The pairs within a cutoff; any cell, also one shorter than the cutoff.

    Args:
        positions: (n, 3) float64, Å, wrapped or not.
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool. cutoff: Å.
    Raises:
        StructureError: positions or cell are not finite, or the cell has no volume.
    """
    fractional(positions, cell)
    points, owners = with_images(np.asarray(positions, float), cell, periodic, cutoff)
    found = pairs.build(points, len(positions), cutoff)
    return Reference(
        np.array(cell, float),
        np.array(periodic, bool),
        cutoff,
        fractional(points, cell),
        owners,
        found.first,
        found.neighbors,
    )


def fractional(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """positions @ inverse of cell: (n, 3) float64.

    Raises:
        StructureError: positions or cell are not finite, or the cell has no volume.
    """
    for name, values in (("positions", positions), ("cell", cell)):
        if not np.isfinite(values).all():
            raise StructureError(f"{name} of a frame = not finite: must be finite; check the run that wrote them.")
    if abs(np.linalg.det(cell)) < 1e-12:
        raise StructureError(
            f"cell of a frame = {np.asarray(cell).tolist()}: must have a volume; check the trajectory."
        )
    return np.ascontiguousarray(np.asarray(positions, float) @ np.linalg.inv(cell))


@njit(inline="always")
def separation(fractions, owners, present, periodic, i, k, before, now):
    """Fractional vectors from atom i to point k, in the reference frame into `before` and at present into `now`.

    At present the image counts whose vector has changed least, so that a pair keeps its image also in a small cell.
    """
    owner = owners[k]
    for c in range(3):
        before[c] = fractions[k, c] - fractions[i, c]
        now[c] = present[owner, c] - present[i, c]
        if periodic[c]:
            now[c] -= np.rint(now[c] - before[c])
