"""SOAP power spectra of neighbourhoods, in the convention of quippy.

The neighbours of species s of an atom are Gaussians of width sigma, whose density is expanded in n_max radial functions
and real spherical harmonics up to l_max,

    c[s, n, l, m] = sum_j of species s: f(r_j) g_nl(r_j) Y_lm(u_j), and at r = 0 the atom itself with its own weight,

with the taper f and the functions g of `radial`. The vector of the atom is the power spectrum of all pairs of species,

    p[s, n, s', n', l] = sum_m c[s, n, l, m] c[s', n', l, m] / sqrt(2 l + 1), of unit length,

of which each unordered pair of (s, n) and (s', n') is kept once, times sqrt(2) where they differ: the product of two
vectors is the kernel k of the neighbourhoods.

Source: Bartok, Kondor and Csanyi, Phys. Rev. B 87, 184115 (2013), eqs. 31 and 36; radial functions as in libAtoms/GAP,
descriptors.F90, basis EQUISPACED_GAUSS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hpcpot.descriptors.soap import cpu, radial
from hpcpot.errors import ConfigError
from hpcpot.neighbors.pairs import Pairs

MOST_FUNCTIONS = 32
"""Radial functions, and degrees of spherical harmonics, at most."""


@dataclass(frozen=True)
class Soap:
    """What a power spectrum depends on; see the module.

    Attributes:
        elements: symbols; species are indices into them.
        cutoff: Å. width: Å, of the taper, on which neighbours fade.
        taper: "inside": they fade from cutoff - width to the cutoff; "outside": from the cutoff to cutoff + width, which
            is then quippy's cutoff.
        n_max: radial functions. l_max: highest degree of the spherical harmonics.
        sigma: Å, of the Gaussians.
        central_weight: weight of the atom itself.
    Raises:
        ConfigError: a number out of range, or more radial functions than sigma tells apart.
    """

    elements: tuple[str, ...]
    cutoff: float = 3.0
    width: float = 0.5
    taper: str = "inside"
    n_max: int = 8
    l_max: int = 6
    sigma: float = 0.4
    central_weight: float = 1.0

    def __post_init__(self) -> None:
        for name, holds, required in (
            ("cutoff", 0.0 < self.cutoff <= 20.0, "above 0 and at most 20 Å"),
            ("width", 0.0 < self.width <= self.cutoff, f"above 0 and at most the cutoff, {self.cutoff:g} Å"),
            ("taper", self.taper in ("inside", "outside"), "inside or outside"),
            ("n_max", 1 <= self.n_max <= MOST_FUNCTIONS, f"1 to {MOST_FUNCTIONS}"),
            ("l_max", 0 <= self.l_max <= MOST_FUNCTIONS, f"0 to {MOST_FUNCTIONS}"),
            ("sigma", 0.05 <= self.sigma <= 5.0, "0.05 to 5 Å"),
            ("central_weight", 0.0 <= self.central_weight <= 100.0, "0 to 100"),
        ):
            if not holds:
                raise ConfigError(f"{name} of SOAP = {getattr(self, name)}: must be {required}; correct it.")
        radial.transform(self.n_max, self.reach, self.sigma)

    @property
    def reach(self) -> float:
        """Å, how far neighbours count: quippy's cutoff."""
        return self.cutoff + self.width if self.taper == "outside" else self.cutoff

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        channels = len(self.elements) * self.n_max
        return channels * (channels + 1) // 2 * (self.l_max + 1)

    def add(self, points: np.ndarray, pairs: Pairs, species: np.ndarray, targets: np.ndarray, sums: np.ndarray) -> None:
        """See descriptor.Descriptor; a vector has the length 1, or 0 of an atom alone whose weight is 0."""
        self._kernel.add(points, pairs, species, targets, sums)

    @cached_property
    def _kernel(self) -> cpu.PowerSpectrum:
        table = radial.tabulate(self.n_max, self.l_max, self.reach, self.width, self.sigma, self.central_weight)
        return cpu.PowerSpectrum(table, len(self.elements))
