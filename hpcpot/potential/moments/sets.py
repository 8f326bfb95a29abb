"""Moment sets, which a family asks for, and environments, which they are summed over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Curves = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Value, first and second derivative with respect to r, each (points, functions) float64."""


@dataclass(frozen=True)
class MomentSet:
    """One set of moments that share radial functions.

    A_i[t, a, c] = sum_j R_c(r_ij; s_i, s_j) w_|a|(r_ij; s_i, s_j) Omega_a(r_ij / |r_ij|),   r_ij <= cutoff

    Omega_a runs over the monomials x^p y^q z^k of the unit vector up to `rank`, |a| = p + q + k is the rank of a.
    With `by_neighbor` there is one t for each neighbour species, else one in all.

    Attributes:
        channels: number of radial functions R_c.
        rank: highest rank of the monomials.
        cutoff: Å.
        by_neighbor: keep the moments of each neighbour species apart.
        radial: (r, i, j) -> Curves of R_c for centre species i, neighbour species j; r (points,) Å.
        weights: (r, i, j) -> Curves of w_0 ... w_rank, or None where all are 1.
        knot: Å, where a third derivative of these functions jumps, or None.
    """

    channels: int
    rank: int
    cutoff: float
    by_neighbor: bool
    radial: Callable[[np.ndarray, int, int], Curves]
    weights: Callable[[np.ndarray, int, int], Curves] | None = None
    knot: float | None = None

    def shape(self, n: int, n_species: int) -> tuple[int, int, int, int]:
        """Shape of the moments of n centres: (n, t, a, c)."""
        return n, n_species if self.by_neighbor else 1, len(monomials(self.rank)), self.channels


@dataclass
class Environment:
    """Neighbours within the cutoff of a block of centres of one species.

    Attributes:
        centres: (n,) int32, indices of the centres. species: their common species.
        first: (n + 1,) int64, CSR offsets into the arrays below (p pairs).
        neighbors: (p,) int32; neighbor_species: (p,) int32.
        distances: (p,) float64, Å; directions: (p, 3) float64, unit vectors from centre to neighbour.
        counts: (n, species) float64, neighbours of each species that are in the arrays above.
        truncated: centres that have more neighbours than the model has slots.
    """

    centres: np.ndarray
    species: int
    first: np.ndarray
    neighbors: np.ndarray
    neighbor_species: np.ndarray
    distances: np.ndarray
    directions: np.ndarray
    counts: np.ndarray
    truncated: int


def monomials(rank: int) -> np.ndarray:
    """Exponents (p, q, k) of the monomials x^p y^q z^k up to a rank, by rank: (a, 3) int64."""
    return np.array(
        [(p, q, n - p - q) for n in range(rank + 1) for p in range(n, -1, -1) for q in range(n - p, -1, -1)], np.int64
    )
