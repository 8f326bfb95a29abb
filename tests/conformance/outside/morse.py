"""A family of potentials of another package: Morse pair potentials."""

from dataclasses import dataclass

import numpy as np

from hpcpot.potential.moments.sets import MomentSet
from hpcpot.potential.registry import FamilyRow, register


@dataclass(frozen=True)
class Morse:
    """E = 1/2 sum_ij depth [(1 - exp(-steepness (r - length)))² - 1] (1 - (r / cutoff)²)³."""

    elements: tuple[str, ...]
    depth: float
    steepness: float
    length: float
    cutoff: float

    slots = None

    def problems(self):
        if not (self.steepness > 0.0 and self.length > 0.0):
            yield f"steepness, length = {self.steepness}, {self.length}: positive numbers are required"

    def facts(self):
        return {"cutoff": f"{self.cutoff:g} Å", "minimum": f"{-self.depth:g} eV at {self.length:g} Å"}

    def moment_sets(self):
        return (MomentSet(1, 0, self.cutoff, False, self._half_pair_energy),)

    def readout(self, i, moments, counts):
        return moments[0][:, 0, 0, 0], [moments[0] * 0.0 + 1.0]

    def _half_pair_energy(self, r, i, j):
        """Value, first and second derivative, each (r, 1)."""
        a, e = self.steepness, np.exp(-self.steepness * (r - self.length))
        f, f1, f2 = e * (e - 2.0), 2.0 * a * e * (1.0 - e), 2.0 * a * a * e * (2.0 * e - 1.0)
        x = r / self.cutoff
        q = 1.0 - x * x
        g, g1, g2 = q**3, -6.0 * x * q**2 / self.cutoff, (24.0 * x * x * q - 6.0 * q**2) / self.cutoff**2
        value, first, second = f * g, f1 * g + f * g1, f2 * g + 2.0 * f1 * g1 + f * g2
        return tuple(0.5 * self.depth * curve[:, None] for curve in (value, first, second))


register(FamilyRow("morse", "Morse potential", f"{__name__}:Morse"))
