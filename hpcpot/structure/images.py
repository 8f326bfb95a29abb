"""Periodic images of the atoms around a cell."""

from __future__ import annotations

import numpy as np

from hpcpot.compiled import njit


def with_images(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, within: float
) -> tuple[np.ndarray, np.ndarray]:
    """Atoms wrapped along the periodic axes, and their images up to `within` outside the cell.

    Returns:
        points (m, 3) Å, the n atoms first; owners (m,) int64, the atom of each point.
    """
    inverse = np.linalg.inv(cell)
    fractions = positions @ inverse
    fractions[:, periodic] -= np.floor(fractions[:, periodic])
    owners, shifts = images(fractions, margins(inverse, periodic, within))
    fractions = np.concatenate([fractions, fractions[owners] + shifts])
    return fractions @ cell, np.concatenate([np.arange(len(positions)), owners])


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
