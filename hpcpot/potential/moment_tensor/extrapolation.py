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

BLOCK = 512
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
            inverse = np.linalg.inv(family.active)
        except np.linalg.LinAlgError as error:
            raise ModelError(f"active = {error}: rows that span all directions are required; train again.") from error
        # Rows of b that are 0 for all atoms of a species are left out of the product, and its own energy's is 1 for all.
        types = len(family.elements)
        self._by_species = [(inverse[self._rows.own(i)], inverse[i - types]) for i in range(types)]

    def grades(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """See contract.Grader."""
        n = len(pairs.first) - 1
        grades = np.empty(n)
        for i, (inverse, constant) in enumerate(self._by_species):
            mine = np.flatnonzero(species[:n] == i).astype(np.int32)
            for start in range(0, len(mine), BLOCK):
                block = mine[start : start + BLOCK]
                c = self._rows.varying(i, self._rows.near(positions, pairs, species, block)) @ inverse
                c += constant
                grades[block] = np.maximum(c.max(axis=1), -c.min(axis=1))
        return grades
