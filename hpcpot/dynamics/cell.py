"""Deformation of the cell, with its atoms, along the Cartesian axes."""

from __future__ import annotations

import numpy as np

from hpcpot.dynamics.engine import Engine
from hpcpot.errors import SimulationError
from hpcpot.structure.state import State, library

AXES = "xyz"
LARGEST_CHANGE = 0.1
"""Largest relative change of a length of the cell in one step; a barostat that asks for more has lost control."""


def volume(state: State) -> float:
    """Volume of the cell, Å³."""
    return abs(float(np.linalg.det(state.cell)))


def scale_cell(state: State, engine: Engine, factors: np.ndarray) -> None:
    """Stretch the cell and the owned atoms along x, y and z; velocities and forces stay.

    Args:
        factors: (3,), equal on all ranks.
    Raises (on all ranks together):
        SimulationError: a change in one step that no dynamics should make.
    """
    if not (np.abs(factors - 1.0) < LARGEST_CHANGE).all():
        worst = int(np.argmax(np.where(np.isfinite(factors), np.abs(factors - 1.0), np.inf)))
        engine.ranks.agree(
            SimulationError(
                f"cell along {AXES[worst]} = changes by a factor of {factors[worst]:.3g} in step {state.step + 1}: must "
                f"stay within {100 * LARGEST_CHANGE:g} % a step; lengthen md.barostat_time_fs, or lower "
                "md.strain_rate_per_ps."
            )
        )
    state.positions[: state.n_owned] *= library(state.positions).asarray(factors)
    state.cell = state.cell * factors
    engine.domain.set_cell(state.cell)


def stretch(cell: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Ratios of the lengths of a cell along x, y and z to those of a reference of which it is a stretched copy: (3,)."""
    rows = np.argmax(np.abs(reference), axis=0)
    axes = np.arange(3)
    return cell[rows, axes] / reference[rows, axes]
