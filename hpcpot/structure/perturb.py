"""Structures near a given one, as labels to begin a training with."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure import checks


def perturbed(atoms: Atoms, scale: float, strain: float, displacement: float, seed: tuple[int, ...]) -> Atoms:
    """Scale and strain the cell with its atoms, then move each atom.

    cell' = scale cell (1 + e), e symmetric, e_aa in U(-strain, strain), e_ab in U(-strain, strain) / 2; each atom goes a
    length in U(0, displacement) along the normalised vector to a random point of a cube about it.

    Args:
        scale: factor of all lengths, > 0. strain: largest, 0 <= strain < 0.5. displacement: Å.
        seed: whole numbers >= 0; equal ones give equal atoms.
    Raises:
        StructureError: atoms end on top of each other.
    Source: dpgen 0.14.0, data/tools/create_random_disturb.py.
    """
    random = np.random.default_rng(list(seed))
    values = random.uniform(-strain, strain, 6)
    e = np.array(
        [
            [values[0], values[5] / 2, values[4] / 2],
            [values[5] / 2, values[1], values[3] / 2],
            [values[4] / 2, values[3] / 2, values[2]],
        ]
    )
    moved = atoms.copy()
    deformation = scale * (np.eye(3) + e)
    moved.cell[:] = atoms.cell.array @ deformation
    directions = random.uniform(-0.5, 0.5, (len(atoms), 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lengths = random.uniform(0, displacement, (len(atoms), 1))
    moved.positions[:] = atoms.positions @ deformation + lengths * directions
    try:
        return checks.check(moved, tuple(set(moved.symbols)))
    except StructureError as error:
        raise StructureError(
            f"perturbation = scale {scale:g}, strain {strain:g}, {displacement:g} Å: {error} Or lower the perturbation."
        ) from error
