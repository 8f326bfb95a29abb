"""Periodic images of the atoms around a cell."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import StructureError

CLOSEST = 0.5
"""Å: smallest distance of two atoms, or of an atom and its periodic image."""

DENSEST = np.sqrt(2) / CLOSEST**3
"""Atoms per Å³ that can be CLOSEST apart at all."""

MOST_CELLS = 40
"""Cells that the reach of a potential may span along an axis."""

MOST_IMAGES = 20_000_000
"""Periodic images that are made, if they are many for each atom."""

IMAGE_BYTES = 100
"""About what an image takes."""


def with_images(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, within: float
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms wrapped along the periodic axes, and their images up to `within` outside the cell.

    Returns:
        points (m, 3) Å, the n atoms first; owners (m,) int64, the atom of each point.
    Raises:
        StructureError: as `refuse_thin`.
    """
    refuse_thin(len(positions), cell, periodic, within)
    inverse = np.linalg.inv(cell)
    fractions = positions @ inverse
    fractions[:, periodic] -= np.floor(fractions[:, periodic])
    owners, shifts = images(fractions, margins(inverse, periodic, within))
    fractions = np.concatenate([fractions, fractions[owners] + shifts])
    return fractions @ cell, np.concatenate([np.arange(len(positions)), owners])


def refuse_many_images(n: int, cell: np.ndarray, periodic: np.ndarray, reach: float) -> None:
    """Refuse a cell whose atoms, or whose periodic images, would fill the memory.

    Args:
        n: atoms. cell: (3, 3) float64, Å, rows. reach: Å, of the potential.
    Raises:
        StructureError: more atoms than fit into the cell, or as `refuse_thin`.
    """
    volume = abs(float(np.linalg.det(cell)))
    if np.all(periodic) and n > DENSEST * volume > 0.0:
        raise StructureError(
            f"cell = {volume:.3g} Å³ for {n} atom{'s' * (n > 1)}: atoms must stay {CLOSEST:g} Å apart; check the cell and "
            "the unit of the positions."
        )
    refuse_thin(n, cell, periodic, reach)


def refuse_thin(n: int, cell: np.ndarray, periodic: np.ndarray, reach: float) -> None:
    """Refuse a cell so small or so skewed that its periodic images would fill the memory.

    Args:
        n: atoms. cell: (3, 3) float64, Å, rows. reach: Å, up to which images are made.
    Raises:
        StructureError: see above, or a cell without a volume.
    """
    if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 0.0):
        raise StructureError(f"cell = {np.asarray(cell).tolist()}: must have a volume; check what made it.")
    spans = margins(np.linalg.inv(cell), periodic, reach)[periodic]
    of_each = float(np.prod(1.0 + 2.0 * spans))
    if spans.max(initial=0.0) < MOST_CELLS and not n * of_each > max(MOST_IMAGES, 100 * n):
        return
    size = n * of_each * IMAGE_BYTES / 1e9
    raise StructureError(
        f"cell = {reach / spans.max():.3g} Å thin: must be at least {reach / MOST_CELLS:.3g} Å along periodic axes, and "
        f"its images within {reach:.3g} Å take {size:.3g} GB; check the cell, or take shorter vectors of the same lattice."
    )


def margins(inverse: np.ndarray, periodic: np.ndarray, within: float) -> np.ndarray:
    """Distance `within`, Å, along each axis in fractions of the cell: (3,) float64, infinite where not periodic.

    Args:
        inverse: of the cell, whose columns have the length 1 / height.
    """
    return np.where(periodic, within * np.linalg.norm(inverse, axis=0), np.inf)


@njit()
def images(fractions, margins):
    """Images inside the cell widened by the margins, axis by axis: owners (k,) int64, whole shifts (k, 3) float64.

    Args:
        fractions: (n, 3) float64, of wrapped atoms. margins: (3,) float64; an infinite one: no images along that axis.
    """
    n = len(fractions)
    owners, shifts = np.empty(0, np.int64), np.empty((0, 3))
    for axis in range(3):
        if not margins[axis] < np.inf:
            continue
        low, high, reach = -margins[axis], 1.0 + margins[axis], int(np.ceil(margins[axis]))
        before = n + len(owners)
        places = np.empty(before)
        for k in range(before):
            places[k] = fractions[k if k < n else owners[k - n], axis]
        count = len(owners)
        for shift in range(-reach, reach + 1):
            if shift != 0:
                for k in range(before):
                    count += low < places[k] + shift < high
        longer_owners, longer_shifts = np.empty(count, np.int64), np.zeros((count, 3))
        longer_owners[: before - n], longer_shifts[: before - n] = owners, shifts
        count = before - n
        for shift in range(-reach, reach + 1):
            if shift == 0:
                continue
            for k in range(before):
                if low < places[k] + shift < high:
                    if k < n:
                        longer_owners[count] = k
                    else:
                        longer_owners[count] = owners[k - n]
                        longer_shifts[count] = shifts[k - n]
                    longer_shifts[count, axis] = shift
                    count += 1
        owners, shifts = longer_owners, longer_shifts
    return owners, shifts
