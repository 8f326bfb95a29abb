"""The reference frame that deformation is measured against: its pairs, and their separations in other frames."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError
from hpcpot.neighbors import pairs
from hpcpot.structure.images import with_images


class Reference(NamedTuple):
    """Pairs of n atoms closer than a cutoff in the reference frame; periodic images are points of their own.

    A tuple, since kernels take it whole.

    Attributes:
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool. cutoff: Å.
        fractions: (m, 3) float64, the n atoms first, then images.
        owners: (m,) int64, atom of which each point is an image.
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
    """Find the pairs within a cutoff; the cell may be shorter than it.

    Args:
        positions: (n, 3) float64, Å, wrapped or not.
        cell: (3, 3) float64, Å, rows. periodic: (3,) bool. cutoff: Å.
    Raises:
        StructureError: positions or cell are not finite, or the cell has no volume.
    """
    fractional(positions, cell)
    points, owners = with_images(np.asarray(positions, float), cell, periodic, cutoff)
    neighborhood = pairs.build(points, len(positions), cutoff)
    return Reference(
        np.array(cell, float),
        np.array(periodic, bool),
        cutoff,
        fractional(points, cell),
        owners,
        neighborhood.first,
        neighborhood.neighbors,
    )


def refuse_not_finite(**arrays: np.ndarray) -> None:
    """Refuse arrays of a frame, by name, that hold other than numbers.

    Raises:
        StructureError: a value is not finite.
    """
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise StructureError(f"{name} of a frame = not finite: must be finite; check the run that wrote them.")


def fractional(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Fractional coordinates, positions @ inverse of cell: (n, 3) float64.

    Raises:
        StructureError: positions or cell are not finite, or the cell has no volume.
    """
    refuse_not_finite(positions=positions, cell=cell)
    if abs(np.linalg.det(cell)) < 1e-12:
        raise StructureError(
            f"cell of a frame = {np.asarray(cell).tolist()}: must have a volume; check the trajectory."
        )
    return np.ascontiguousarray(np.asarray(positions, float) @ np.linalg.inv(cell))


@njit(inline="always")
def separation(reference, present, i, k, before, now):
    """Write the fractional vector from atom i to point k in the reference frame into `before`, the present one into `now`.

    The present image is the one whose vector has changed least, so that a pair keeps its image in a small cell, too.
    """
    owner = reference.owners[k]
    for c in range(3):
        before[c] = reference.fractions[k, c] - reference.fractions[i, c]
        now[c] = present[owner, c] - present[i, c]
        if reference.periodic[c]:
            now[c] -= np.rint(now[c] - before[c])
