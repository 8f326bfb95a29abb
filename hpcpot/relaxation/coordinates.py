"""Coordinates of relaxations: atoms and cell of each structure as rows of three numbers, many structures in flat arrays.

A structure of n atoms has n + 3 rows. Its atoms' rows are u, positions in the undeformed cell h_0; its last three are
k F with the deformation F and a length k (ASE's UnitCellFilter with k = n): position = F u, cell rows h = h_0 F^T.
Forces on rows are minus the gradient of the enthalpy E + P V in these coordinates, so every minimiser works on one
vector and knows no cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass
class RelaxationCoordinates:
    """The coordinates of several structures; none at first.

    Attributes:
        sizes: (structures,) int64, rows of each: atoms + 3. scales: (structures,) float64, Å, k.
        x: (rows, 3) float64, Å. forces: (rows, 3) float64, eV/Å.
        enthalpies: (structures,) float64, eV.
        cells: (structures, 3, 3) float64, Å, the undeformed cells h_0.
        free: (rows,) bool, False for frozen atoms; frozen atoms keep their place in the undeformed cell.
        by_row, by_structure: a minimiser's own numbers, an array each, first axis rows or structures.
    """

    sizes: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    scales: np.ndarray = field(default_factory=lambda: np.zeros(0))
    x: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    forces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    enthalpies: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cells: np.ndarray = field(default_factory=lambda: np.zeros((0, 3, 3)))
    free: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    by_row: dict[str, np.ndarray] = field(default_factory=dict)
    by_structure: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def first(self) -> np.ndarray:
        """(structures,) int64, first row of each."""
        return np.cumsum(self.sizes) - self.sizes

    @property
    def of_cell(self) -> np.ndarray:
        """(structures, 3) int64, the rows of each cell."""
        return (self.first + self.sizes)[:, None] - np.arange(3, 0, -1)

    @property
    def is_atom(self) -> np.ndarray:
        """(rows,) bool."""
        mask = np.ones(len(self.x), bool)
        mask[self.of_cell] = False
        return mask

    @property
    def structure(self) -> np.ndarray:
        """(rows,) int64, the structure of each row."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    @property
    def deformations(self) -> np.ndarray:
        """F, (structures, 3, 3)."""
        return self.x[self.of_cell] / self.scales[:, None, None]

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Sum of a b over the rows of each structure, (structures,)."""
        return np.add.reduceat(np.einsum("rc,rc->r", a, b), self.first)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """A value of each structure for each of its rows, (rows, 1)."""
        return np.repeat(values, self.sizes)[:, None]

    def geometry(self) -> tuple[np.ndarray, np.ndarray]:
        """positions (atoms, 3), all structures in order, and cells (structures, 3, 3), Å."""
        deformed = self.deformations.swapaxes(1, 2)
        is_atom = self.is_atom
        positions = np.einsum("nb,nbc->nc", self.x[is_atom], deformed[self.structure[is_atom]])
        return positions, self.cells @ deformed

    def set_forces(
        self, forces: np.ndarray, virials: np.ndarray, energies: np.ndarray, cell: str, pressure: float
    ) -> np.ndarray:
        """Set enthalpies, and forces on rows from those on atoms.

        Args:
            forces: (atoms, 3) eV/Å. virials: (structures, 3, 3) eV, -dE/d(strain). energies: (structures,) eV.
            cell: one of settings.CELLS. pressure: eV/Å³.
        Returns:
            (structures, 3, 3) eV, the part of virial - P V that the cell may follow; symmetric.
        """
        is_atom, deformations = self.is_atom, self.deformations
        volumes = np.abs(np.linalg.det(self.cells @ deformations.swapaxes(1, 2)))
        driving = 0.5 * (virials + virials.swapaxes(1, 2)) - pressure * volumes[:, None, None] * np.eye(3)
        trace = np.einsum("saa->s", driving)[:, None, None] / 3.0 * np.eye(3)
        driving = {"fixed": 0.0 * driving, "full": driving, "hydrostatic": trace, "fixed_volume": driving - trace}[cell]
        self.enthalpies = energies + pressure * volumes
        self.forces[is_atom] = np.einsum("nb,nbc->nc", forces, deformations[self.structure[is_atom]])
        self.forces[~self.free] = 0.0
        inverse = np.linalg.inv(deformations).swapaxes(1, 2)
        self.forces[self.of_cell] = (driving @ inverse) / self.scales[:, None, None]
        return driving

    def keep(self, structures: np.ndarray) -> None:
        """Drop the structures whose mask is False."""
        rows = np.repeat(structures, self.sizes)
        for name in ("sizes", "scales", "enthalpies", "cells"):
            setattr(self, name, getattr(self, name)[structures])
        for name in ("x", "forces", "free"):
            setattr(self, name, getattr(self, name)[rows])
        self.by_row = {name: values[rows] for name, values in self.by_row.items()}
        self.by_structure = {name: values[structures] for name, values in self.by_structure.items()}

    def add(
        self,
        positions: Sequence[np.ndarray],
        cells: Sequence[np.ndarray],
        frozen: Sequence[np.ndarray],
        memory: MinimizerMemory,
    ) -> None:
        """Append structures at rest, with a minimiser's numbers at their start."""
        if not positions:
            return
        n = np.array([len(atoms) for atoms in positions])
        scales = n.astype(float) ** memory.power
        x = [np.concatenate([atoms, scale * np.eye(3)]) for atoms, scale in zip(positions, scales, strict=True)]
        free = [np.concatenate([~mask, np.ones(3, bool)]) for mask in frozen]
        rows = int(n.sum()) + 3 * len(n)
        self.sizes, self.scales = np.concatenate([self.sizes, n + 3]), np.concatenate([self.scales, scales])
        self.x = np.concatenate([self.x, *x])
        self.free = np.concatenate([self.free, *free])
        self.forces = np.concatenate([self.forces, np.zeros((rows, 3))])
        self.enthalpies = np.concatenate([self.enthalpies, np.zeros(len(n))])
        self.cells = np.concatenate([self.cells, np.array(cells)])
        _append(self.by_row, memory.by_row, rows)
        _append(self.by_structure, memory.by_structure, len(n))


@dataclass(frozen=True)
class MinimizerMemory:
    """Numbers that a minimiser keeps for each row and for each structure.

    Attributes:
        by_row, by_structure: name -> value at the start, any shape.
        power: k = n ** power Å. 1 as in ASE; 1/2 makes a cell about as stiff as its atoms at any n: V C / k² is
            10 eV/Å².
    """

    by_row: Mapping[str, np.ndarray]
    by_structure: Mapping[str, np.ndarray]
    power: float = 1.0


def _append(arrays: dict[str, np.ndarray], starts: Mapping[str, np.ndarray], count: int) -> None:
    for name, start in starts.items():
        fresh = np.broadcast_to(start, (count, *np.shape(start)))
        arrays[name] = np.concatenate([arrays[name], fresh]) if name in arrays else np.array(fresh)
