"""The convex hull of energies over compositions: what a mixture of phases has at least."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from hpcpot.errors import StructureError


class EnergyHull:
    """The lower convex hull of the energies of phases.

    Args:
        fractions: (phases, elements) float64, atomic fractions, each row of sum 1.
        energies: (phases,) float64, eV per atom.
    """

    def __init__(self, fractions: np.ndarray, energies: np.ndarray):
        self.fractions, self.energies = np.asarray(fractions, float), np.asarray(energies, float)

    def energy(self, fractions: np.ndarray) -> float:
        """Energy of a composition on the hull, eV per atom: min sum c_k E_k, c >= 0, sum c_k x_k = x.

        Args:
            fractions: (elements,) float64.
        Raises:
            StructureError: no mixture of the phases has this composition.
        """
        # At small energies the solver's own tolerances, 1e-7, would show: relative to the largest they do not.
        scale = max(float(np.abs(self.energies).max()), 1e-12)
        solved = linprog(self.energies / scale, A_eq=self.fractions.T, b_eq=fractions, bounds=(0, None))
        if solved.status != 0:
            raise StructureError(
                f"composition = fractions {np.round(fractions, 4).tolist()}: must be a mixture of the known phases; give a "
                "phase of each element."
            )
        return float(solved.fun) * scale

    def stable(self, tolerance: float = 1e-6) -> np.ndarray:
        """(phases,) bool: those on the hull, to a tolerance in eV per atom."""
        return np.array(
            [e <= self.energy(x) + tolerance for x, e in zip(self.fractions, self.energies, strict=True)], bool
        )
