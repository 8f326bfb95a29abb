"""Extrapolation grade: how far the neighbourhood of an atom is from those that a potential was trained on.

With b_i = dE_i/dparameters and the active set A, the square of such rows of the training that spans most, the grade
is gamma_i = max_j |(b_i A^-1)_j|: up to 1 the energy of the atom is an interpolation between those of active
neighbourhoods. Rule of thumb of MLIP: label and train again above 2, do not trust above 10.

Source: Podryabinkin and Shapeev, Comput. Mater. Sci. 140, 171 (2017); Podryabinkin, Garifullin, Shapeev and Novikov, J.
Chem. Phys. 159, 084112 (2023), of neighbourhoods.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hpcpot.compiled import njit
from hpcpot.errors import ModelError
from hpcpot.neighbors.pairs import Pairs
from hpcpot.potential.moment_tensor.model import MomentTensor
from hpcpot.potential.moment_tensor.rows import ParameterRows

BLOCK = 480
"""Atoms at once; not 512, in whose columns all numbers would be in the same few lines of the first cache."""

ROUGH = 1e-3
"""Expected error of a product in float32, for an atom like those of the active set, above which it is taken in float64."""

MARGIN = 0.01
"""Part of the grade, or of 1, by which products in float32 may miss the largest: ten times what is expected of any."""


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
        self._by_species = [
            _Products.of(family.active, inverse, self._rows.own(i), inverse[i - types]) for i in range(types)
        ]

    def grades(self, positions: np.ndarray, pairs: Pairs, species: np.ndarray) -> np.ndarray:
        """See contract.Grader."""
        grades = np.empty(len(pairs.first) - 1)
        for i, centres, columns in self._rows.side_by_side(positions, pairs, species, BLOCK):
            products = self._by_species[i]
            rough = products.rough @ columns.astype(np.float32)
            _largest(rough, products.exact @ columns, products, columns, centres, grades)
        return grades


class _Products(NamedTuple):
    """b A^-1 of one species, b in columns: a few products in float64, and those that float32 is enough to choose from.

    Attributes:
        exact: (e, v) float64. rough: (r, v) float32. precise: (r, v) float64, the same.
        added, added_roughly: (e,) and (r,) float64, what they have in common for all atoms.
    """

    exact: np.ndarray
    rough: np.ndarray
    precise: np.ndarray
    added: np.ndarray
    added_roughly: np.ndarray

    @classmethod
    def of(cls, active: np.ndarray, inverse: np.ndarray, own: np.ndarray, constant: np.ndarray) -> _Products:
        """Args: own: places of b that vary between atoms of the species. constant: (m,) of the others."""
        largest, weights = np.abs(active[:, own]).max(axis=0), inverse[own]
        error = np.finfo(np.float32).eps / 2 * np.sqrt(((largest[:, None] * weights) ** 2).sum(axis=0))
        is_exact = ~(error < ROUGH)
        exact, rough = (np.ascontiguousarray(weights[:, which].T) for which in (is_exact, ~is_exact))
        return cls(exact, rough.astype(np.float32), rough, constant[is_exact], constant[~is_exact])


@njit(error_model="numpy", nogil=True)
def _largest(rough, exact, products, columns, centres, grades):
    """Largest modulus of all products of each column: in float64, of all that by their rough values it may be."""
    count = rough.shape[1]
    best, sums, largest, total = (
        np.zeros(count, np.float32),
        np.zeros(count, np.float32),
        np.zeros(count),
        np.zeros(count),
    )
    for j in range(len(rough)):
        added = np.float32(products.added_roughly[j])
        for k in range(count):
            value = abs(rough[j, k] + added)
            best[k] = value if value > best[k] else best[k]
            sums[k] += value
    for j in range(len(exact)):
        for k in range(count):
            value = abs(exact[j, k] + products.added[j])
            largest[k] = value if value > largest[k] else largest[k]
            total[k] += value
    least = np.empty(count, np.float32)
    for k in range(count):
        highest = max(np.float64(best[k]), largest[k])
        # Beyond float32, or NaN: all are computed.
        least[k] = highest - MARGIN * max(1.0, highest) if sums[k] < np.inf else -1.0
        largest[k] = largest[k] if total[k] == total[k] else np.nan
    for j in range(len(rough)):
        added = np.float32(products.added_roughly[j])
        for k in range(count):
            if not abs(rough[j, k] + added) < least[k] and largest[k] == largest[k]:
                value = products.added_roughly[j]
                for v in range(len(columns)):
                    value += products.precise[j, v] * columns[v, k]
                if not abs(value) <= largest[k]:  # NaN is taken, and then stays
                    largest[k] = abs(value)
    for k in range(count):
        if centres[k] < len(grades):
            grades[centres[k]] = largest[k]
