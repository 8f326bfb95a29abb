"""Extrapolation grade: how far the neighbourhood of an atom is from those that a potential was trained on.

With b_i = dE_i/dparameters and the active set A, the square of such rows of the training that spans most, the grade
is gamma_i = max_j |(b_i A^-1)_j|: up to 1 the energy of the atom is an interpolation between those of active
neighbourhoods. Rule of thumb of MLIP: label and train again above 2, do not trust above 10.

Source: Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017); Podryabinkin, Garifullin, Shapeev and Novikov, J.
Chem. Phys. 159, 084112 (2023), of neighbourhoods.
"""

from __future__ import annotations

import numpy as np

from hpcpot.errors import ModelError
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.rows import ParameterRows

BLOCK = 1024
"""Atoms at once."""


def grader(family: MomentTensor) -> Extrapolation | None:
    """Grades by a model, or None where it has no active set."""
    return None if family.active is None else Extrapolation(family)


class Extrapolation:
    """Grades by a moment tensor potential.

    Attributes:
        cutoff: Å, of a neighbourhood.
    Raises:
        ModelError: an active set that is not a whole one.
    """

    def __init__(self, family: MomentTensor):
        self.cutoff = family.cutoff
        self._rows = ParameterRows(family)
        shape = (self._rows.size,) * 2
        if family.active.shape != shape:
            raise ModelError(f"active = {family.active.shape}: {shape}, the parameters, are required; train again.")
        try:
            self._inverse = np.linalg.inv(family.active)
        except np.linalg.LinAlgError as error:
            raise ModelError(f"active = {error}: rows that span all directions are required; train again.") from error

    def grades(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """See contract.Grader."""
        centres = np.arange(len(pairs.first) - 1, dtype=np.int32)
        grades = np.empty(len(centres))
        for start in range(0, len(centres), BLOCK):
            rows = self._rows.of(positions, pairs, species, centres[start : start + BLOCK])
            grades[start : start + BLOCK] = np.abs(rows @ self._inverse).max(axis=1)
        return grades
