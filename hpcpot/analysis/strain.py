"""Atomic strain against a reference frame: von Mises shear strain, volumetric strain and D²min."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from hpcpot.analysis.observable import Arrays, Frame, Rows
from hpcpot.analysis.reference import Reference, make_reference, separation
from hpcpot.compiled import njit
from hpcpot.storage.tables import Columns

MAPPINGS = ("off", "to_reference")
"""off: the strain of the cell is part of that of an atom; to_reference: atoms are first mapped into the reference cell."""

FLAT = 1e-9
"""Threshold of det V / (tr V / 3)³ below which the neighbours of an atom count as coplanar."""


class Strain(NamedTuple):
    """Strain of n atoms; zero where it is undefined: with fewer than three neighbours, or all of them coplanar.

    Attributes:
        shear: (n,) float64, von Mises shear strain. volumetric: (n,) float64, a third of the trace of the strain.
        d2min: (n,) float64, Å², non-affine squared displacement, summed over the neighbours.
        valid: (n,) bool.
    """

    shear: np.ndarray
    volumetric: np.ndarray
    d2min: np.ndarray
    valid: np.ndarray


def strain(
    reference: Reference, positions: np.ndarray, cell: np.ndarray, mapping: str = "off", rows: slice = slice(None)
) -> Strain:
    """Strain of the atoms of a frame.

    Over the neighbours of the reference frame, with d0 and d the vectors to one of them before and now (rows):
    V = sum d0ᵀ d0, W = sum d0ᵀ d, J = V⁻¹ W, eta = (J Jᵀ - 1) / 2,
    shear = sqrt(eta_yz² + eta_xz² + eta_xy² + ((eta_yy - eta_zz)² + (eta_xx - eta_zz)² + (eta_xx - eta_yy)²) / 6),
    volumetric = tr eta / 3, d2min = sum |d0 J - d|².

    Args:
        positions: (n, 3) float64, Å, of all atoms in the order of the reference frame, wrapped or not.
        cell: (3, 3) float64, Å, rows, of this frame.
        mapping: one of MAPPINGS.
        rows: atoms to compute, so that ranks can share a frame.
    Raises:
        StructureError: the frame does not fit the reference.
    Source: Shimizu, Ogata, Li, Mater. Trans. 48, 2923 (2007); Falk, Langer, Phys. Rev. E 57, 7192 (1998), eq. 2.11,
        without its division by the number of neighbours; OVITO's modifier "Atomic strain" is the same.
    """
    present = reference.at_present(positions, cell)
    metric = reference.cell if mapping == "to_reference" else np.asarray(cell, float)
    start, stop, _ = rows.indices(reference.n_atoms)
    shear, volumetric, d2min = np.zeros((3, stop - start))
    valid = np.zeros(stop - start, bool)
    strains = Strain(shear, volumetric, d2min, valid)
    _strain(reference, present, metric, start, strains)
    return strains


class AtomicStrain:
    """Observable: mean and spread of the atomic strain where it is defined. `sample` returns the arrays of `Strain`.

    Args:
        first: the reference frame. cutoff_A: range of its neighbours. mapping: one of MAPPINGS.
    """

    def __init__(self, first: Frame, cutoff_A: float, mapping: str):
        self._first, self._cutoff, self._mapping = first, cutoff_A, mapping
        self._rows = Rows()

    def sample(self, frame: Frame) -> Arrays:
        strains = strain(self._reference, frame.positions, frame.cell, self._mapping)
        self._rows.add(frame, _summary(strains))
        return strains._asdict()

    def merge(self, other: AtomicStrain) -> None:
        self._rows.merge(other._rows)

    def result(self) -> dict[str, Columns]:
        return {"strain": self._rows.columns()}

    def state(self) -> Arrays:
        return self._rows.state()

    def restore(self, arrays: Arrays) -> None:
        self._rows.restore(arrays)

    @cached_property
    def _reference(self) -> Reference:
        return make_reference(self._first.positions, self._first.cell, self._first.periodic, self._cutoff)


def _summary(strains: Strain) -> dict[str, float]:
    valid = strains.valid
    shear, volumetric, d2min = (values[valid] for values in (strains.shear, strains.volumetric, strains.d2min))
    middle, high = np.percentile(shear, [50, 95]) if len(shear) else (0.0, 0.0)
    return {
        "shear_mean": _mean(shear),
        "shear_median": float(middle),
        "shear_95": float(high),
        "volumetric_mean": _mean(volumetric),
        "d2min_mean_A2": _mean(d2min),
        "atoms_without_strain": int(len(valid) - valid.sum()),
    }


def _mean(values: np.ndarray) -> float:
    """Mean, 0 for no values."""
    return float(values.mean()) if len(values) else 0.0


@njit()
def _strain(reference, present, metric, start, strains):
    first, neighbors, cell = reference.first, reference.neighbors, reference.cell
    before, now, d0, d = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    v, w, j, eta = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    for row in range(len(strains.shear)):
        i = start + row
        v[:], w[:] = 0.0, 0.0
        for pair in range(first[i], first[i + 1]):
            separation(reference, present, i, neighbors[pair], before, now)
            _to_space(before, cell, d0)
            _to_space(now, metric, d)
            for a in range(3):
                for b in range(3):
                    v[a, b] += d0[a] * d0[b]
                    w[a, b] += d0[a] * d[b]
        if first[i + 1] - first[i] < 3 or not _solve(v, w, j):
            continue
        for a in range(3):
            for b in range(3):
                eta[a, b] = 0.5 * (j[a, 0] * j[b, 0] + j[a, 1] * j[b, 1] + j[a, 2] * j[b, 2])
            eta[a, a] -= 0.5
        rest = 0.0
        for pair in range(first[i], first[i + 1]):
            separation(reference, present, i, neighbors[pair], before, now)
            _to_space(before, cell, d0)
            _to_space(now, metric, d)
            for b in range(3):
                rest += (d0[0] * j[0, b] + d0[1] * j[1, b] + d0[2] * j[2, b] - d[b]) ** 2
        differences = (eta[1, 1] - eta[2, 2]) ** 2 + (eta[0, 0] - eta[2, 2]) ** 2 + (eta[0, 0] - eta[1, 1]) ** 2
        strains.shear[row] = np.sqrt(eta[1, 2] ** 2 + eta[0, 2] ** 2 + eta[0, 1] ** 2 + differences / 6.0)
        strains.volumetric[row] = (eta[0, 0] + eta[1, 1] + eta[2, 2]) / 3.0
        strains.d2min[row] = rest
        strains.valid[row] = True


@njit(inline="always")
def _to_space(fraction, cell, vector):
    for c in range(3):
        vector[c] = fraction[0] * cell[0, c] + fraction[1] * cell[1, c] + fraction[2] * cell[2, c]


@njit()
def _solve(v, w, j):
    """Solve v j = w by cofactors; False where the symmetric v is singular."""
    c00, c01 = v[1, 1] * v[2, 2] - v[1, 2] * v[2, 1], v[0, 2] * v[2, 1] - v[0, 1] * v[2, 2]
    c02, c11 = v[0, 1] * v[1, 2] - v[0, 2] * v[1, 1], v[0, 0] * v[2, 2] - v[0, 2] * v[2, 0]
    c12, c22 = v[0, 2] * v[1, 0] - v[0, 0] * v[1, 2], v[0, 0] * v[1, 1] - v[0, 1] * v[1, 0]
    determinant = v[0, 0] * c00 + v[1, 0] * c01 + v[2, 0] * c02
    if determinant <= FLAT * ((v[0, 0] + v[1, 1] + v[2, 2]) / 3.0) ** 3:
        return False
    for b in range(3):
        j[0, b] = (c00 * w[0, b] + c01 * w[1, b] + c02 * w[2, b]) / determinant
        j[1, b] = (c01 * w[0, b] + c11 * w[1, b] + c12 * w[2, b]) / determinant
        j[2, b] = (c02 * w[0, b] + c12 * w[1, b] + c22 * w[2, b]) / determinant
    return True
