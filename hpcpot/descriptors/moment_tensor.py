"""The basis of a moment tensor potential as a descriptor, so that a selection can follow a model."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.rows import ParameterRows

BLOCK = 512
"""Atoms at once."""


class MomentTensorBasis:
    """The vector of an atom: the values B_k of the basis functions, which the model's energy of the atom is linear in.

    They know the radial functions of the model, but not its coefficients; see `MomentTensor`.

    Attributes:
        elements, reach, size: see descriptor.Descriptor.
    """

    def __init__(self, model: MomentTensor):
        self.elements, self.reach, self.size = model.elements, model.cutoff, len(model.coefficients)
        self._model = model

    def add(self, points: np.ndarray, pairs: Pairs, species: np.ndarray, targets: np.ndarray, sums: np.ndarray) -> None:
        """See descriptor.Descriptor."""
        for i in range(len(self.elements)):
            mine = np.flatnonzero(species[: len(targets)] == i).astype(np.int32)
            for start in range(0, len(mine), BLOCK):
                block = mine[start : start + BLOCK]
                near = self._rows.near(points, pairs, species, block)
                np.add.at(sums, targets[block], self._rows.varying(i, near)[:, -self.size :])

    @cached_property
    def _rows(self) -> ParameterRows:
        return ParameterRows(self._model)
