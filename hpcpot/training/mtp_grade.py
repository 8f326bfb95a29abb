"""Extrapolation grade of a moment tensor potential, by maxvol: how far a structure is from those it was trained on.

Rows b are derivatives of an energy by all parameters; the active set A is the square of rows of maximal |det|. The
grade of a row is max_j |(b A^-1)_j|: up to 1 the row is interpolated between active ones. MLIP-2 selects above 2.1 and
stops a run above 10 or 11.

Source: Gubaev, Podryabinkin, Hart and Shapeev, Comput. Mater. Sci. 156, 148 (2019); MLIP-2, src/cfg_selection.cpp.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpcpot.errors import OutputError
from hpcpot.training import mtp_kernels
from hpcpot.training.mtp_loss import Model, neighbors_of
from hpcpot.training.mtp_sites import Chunk, Sites, over

THRESHOLD = 1.001
"""Grade above which a row enters the active set."""
EMPTY = 1.0e-6
"""Active rows before there are any: EMPTY times the unit matrix, so that all is extrapolation."""


@dataclass
class ActiveSet:
    """Attributes:
    rows: (m, m) float64, the active rows. inverse: its inverse.
    members: (m,) int64, which of the rows given, counted over all calls of `add`, each is; -1 where none is yet.
    seen: rows given so far.
    """

    rows: np.ndarray
    inverse: np.ndarray
    members: np.ndarray
    seen: int = 0

    @classmethod
    def empty(cls, size: int) -> ActiveSet:
        return cls(EMPTY * np.eye(size), np.eye(size) / EMPTY, np.full(size, -1))

    def add(self, rows: np.ndarray) -> int:
        """Swap rows (n, m) in while one has a grade above THRESHOLD; returns how many swaps."""
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
            self.rows[j], self.members[j] = rows[i], self.seen + i
            swaps += 1
        self.inverse = np.linalg.inv(self.rows)
        self.seen += len(rows)
        return swaps

    def grades(self, rows: np.ndarray) -> np.ndarray:
        """(n,) float64, of rows (n, m)."""
        return np.abs(rows @ self.inverse).max(axis=1)

    def write(self, path: Path) -> None:
        """Write an .npz file, aside and then renamed.

        Raises:
            OutputError: it cannot be written.
        """
        aside = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
        try:
            np.savez(aside, rows=self.rows, inverse=self.inverse, members=self.members, seen=self.seen)
            os.replace(aside, path)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise OutputError(
                f"{path} = cannot be written ({error}): a writable folder with room is required."
            ) from error

    @classmethod
    def read(cls, path: Path) -> ActiveSet:
        """An active set that `write` wrote.

        Raises:
            OutputError: absent, or no active set.
        """
        try:
            with np.load(path) as file:
                return cls(file["rows"], file["inverse"], file["members"], int(file["seen"]))
        except (OSError, KeyError, ValueError) as error:
            raise OutputError(
                f"{path} = no active set ({error}): a file that hpcpot train wrote is required."
            ) from error


def frame_rows(model: Model, parts: Sequence[Chunk], power: float = 2.0, threads: int = 1) -> np.ndarray:
    """dE/dparameters / N^(power / 2) of each frame, (frames, m): by radial, coefficients, species energies."""

    def rows(part: Chunk) -> np.ndarray:
        found = np.zeros((len(part.data), _size(model)))
        for sites in part.sites:
            for k in np.unique(sites.frames):
                found[k] += _row(model, sites, sites.order[sites.frames[sites.order] == k])
        return found / part.data.sizes[:, None] ** (0.5 * power)

    return np.concatenate(over(parts, rows, threads))


def site_rows(model: Model, parts: Sequence[Chunk], threads: int = 1) -> np.ndarray:
    """dE_i/dparameters of each atom, (atoms, m), in the order of the data set."""

    def rows(part: Chunk) -> np.ndarray:
        found = np.zeros((len(part.data.species), _size(model)))
        for sites in part.sites:
            for n, atom in enumerate(sites.atoms):
                found[atom] = _row(model, sites, np.array([n]))
        return found

    return np.concatenate(over(parts, rows, threads))


def _size(model: Model) -> int:
    return model.family.radial.size + len(model.family.coefficients) + len(model.family.elements)


def _row(model: Model, sites: Sites, order: np.ndarray) -> np.ndarray:
    """Derivatives of the energy of some atoms of one species."""
    family = model.family
    by_coefficients, by_weights = np.zeros(len(family.coefficients)), np.zeros_like(family.radial)
    mtp_kernels.gradient(
        *neighbors_of(sites), order, model.weights[sites.species], *model.basis(), family.coefficients,
        np.ones(len(sites.atoms)), np.zeros((len(sites.kinds), 3)), by_coefficients, by_weights[sites.species],
    )  # fmt: skip
    counts = np.zeros(len(family.elements))
    counts[sites.species] = len(order)
    return np.concatenate([family.scaling * by_weights.ravel(), by_coefficients, counts])
