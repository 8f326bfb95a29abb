"""State: one rank's atoms, owned first, ghosts after."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np


@dataclass
class State:
    """One rank's atoms in flat arrays; n owned atoms come first, then ghosts up to m in all.

    Arrays of atoms are NumPy's; while a GPU moves the atoms (md/on_device.py) they are CuPy's.

    Attributes:
        cell: (3, 3) float64, Å, lattice vectors in rows.
        periodic: (3,) bool.
        elements: names that `species` indexes.
        masses: (species,) float64, amu.
        positions: (m, 3) float64, Å; owned atoms unwrapped between rebuilds, ghosts where their image is.
        species: (m,) int32.
        ids: (n,) int64, 0 .. n_atoms - 1, never reused.
        velocities: (n, 3) float64, Å/fs.
        images: (n, 3) int32, how often an atom has crossed each periodic boundary.
        frozen: (n,) bool, atoms that do not move.
        forces: (n, 3) float64, eV/Å; energies: (n,) float64, eV; virial: (3, 3) float64, eV (this rank's share):
            of the last evaluation.
        n_owned: n. n_atoms: owned atoms of all ranks.
        step: steps done.
        scalars: an integrator's own numbers, float arrays equal on all ranks.
        per_atom: an integrator's own arrays, (n, ...) each; they go with the atoms.
        stage: numbers of the present stage of a run, arrays equal on all ranks (md/stages.py).
    """

    cell: np.ndarray
    periodic: np.ndarray
    elements: tuple[str, ...]
    masses: np.ndarray
    positions: np.ndarray
    species: np.ndarray
    ids: np.ndarray
    velocities: np.ndarray
    images: np.ndarray
    frozen: np.ndarray
    n_owned: int
    n_atoms: int
    step: int = 0
    forces: np.ndarray | None = None
    energies: np.ndarray | None = None
    virial: np.ndarray | None = None
    scalars: dict[str, np.ndarray] = field(default_factory=dict)
    per_atom: dict[str, np.ndarray] = field(default_factory=dict)
    stage: dict[str, np.ndarray] = field(default_factory=dict)


def library(array: Any) -> ModuleType:
    """The library of an array: NumPy, CuPy or torch."""
    return sys.modules[type(array).__module__.partition(".")[0]]


def to_host(array: Any) -> np.ndarray:
    """An array of NumPy as it is, of CuPy a copy on the host."""
    return array if isinstance(array, (np.ndarray, np.generic)) else array.get()
