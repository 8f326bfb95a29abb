"""Lennard-Jones: the smallest potential of the moments / readout / pair-forces shape, to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.potential.moments.sets import Curves, MomentSet


@dataclass(frozen=True)
class LennardJones:
    """E = 1/2 sum_ij 4 epsilon [(sigma / r)^12 - (sigma / r)^6], cut (not shifted) at `cutoff`.

    Attributes:
        elements: names.
        epsilon, sigma: (species, species) float64, symmetric, eV and Å.
        cutoff: Å.
    """

    elements: tuple[str, ...]
    epsilon: np.ndarray
    sigma: np.ndarray
    cutoff: float

    slots = None

    def problems(self) -> Iterator[str]:
        """See contract.Family."""
        shape = (len(self.elements),) * 2
        if self.epsilon.shape != shape or self.sigma.shape != shape:
            yield f"epsilon, sigma = {self.epsilon.shape}, {self.sigma.shape}: {shape}, a number for each pair, is required"

    def facts(self) -> dict[str, str]:
        """The cutoff."""
        return {"cutoff": f"{self.cutoff:g} Å"}

    def moment_sets(self) -> tuple[MomentSet, ...]:
        """One radial function: half the pair energy, so that A_i is the energy of atom i."""
        return (MomentSet(1, 0, self.cutoff, False, self._half_pair_energy),)

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]:
        """E_i = A_i, dE_i/dA_i = 1."""
        return moments[0][:, 0, 0, 0], [moments[0] * 0.0 + 1.0]

    def _half_pair_energy(self, r: np.ndarray, i: int, j: int) -> Curves:
        x6 = (self.sigma[i, j] / r) ** 6
        scale = 2.0 * self.epsilon[i, j]
        value = scale * x6 * (x6 - 1.0)
        first = scale * x6 * (6.0 - 12.0 * x6) / r
        second = scale * x6 * (156.0 * x6 - 42.0) / r**2
        return value[:, None], first[:, None], second[:, None]
