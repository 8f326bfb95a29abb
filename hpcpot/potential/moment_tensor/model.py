"""Moment tensor potentials, as MLIP-2 defines them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hpcpot.potential.moment_tensor.basis import Basis
from hpcpot.potential.moments.sets import Curves, MomentSet, monomials

MOST_POWER = 30
"""Of a direction's component in a moment."""


@dataclass(frozen=True)
class MomentTensor:
    """Parameters of a moment tensor potential: E_i = species_energies[s_i] + sum_k coefficients[k] B_k.

    The scalars B_k are products of the moments M = sum_j f_mu(r_ij; s_i, s_j) x^a y^b z^c over unit vectors, with
    f_mu = sum_b radial[s_i, s_j, mu, b] Q_b(r), Q_b = scaling T_b(x) (cutoff - r)^2 and x = -1 ... 1 between
    min_distance and cutoff. Nearer than min_distance the polynomials go on as they are, as in MLIP-2: a fit knows
    nothing there.

    Attributes:
        elements: names, in the order of the model's types.
        min_distance, cutoff: Å. scaling: of all radial functions.
        radial: (species, species, mu, b) float64, by centre and neighbour species; not symmetric in them.
        basics: (n, 4) int64, mu, a, b, c of each moment. products: (m, 4) int64, rows a, b, factor, k: moment k +=
            factor * moment a * moment b, in order. scalars: (k,) int64, which moments are basis functions.
        coefficients: (k,) float64, eV. species_energies: (species,) float64, eV.
        active: (n, n) float64 or None, rows of derivatives of atomic energies by the n parameters, of the
            neighbourhoods that extrapolation grades are by (see extrapolation.py). .mtp files have none.
    """

    elements: tuple[str, ...]
    min_distance: float
    cutoff: float
    scaling: float
    radial: np.ndarray
    basics: np.ndarray
    products: np.ndarray
    scalars: np.ndarray
    coefficients: np.ndarray
    species_energies: np.ndarray
    active: np.ndarray | None = None

    slots = None

    def problems(self) -> Iterator[str]:
        """See contract.Family."""
        n, radial, basics = len(self.elements), self.radial.shape, self.basics
        if not 0.0 <= self.min_distance < self.cutoff < np.inf:
            yield f"min_dist, max_dist = {self.min_distance}, {self.cutoff} Å: 0 <= min_dist < max_dist is required"
        if len(radial) != 4 or radial[:2] != (n, n) or 0 in radial:
            yield f"radial = array {radial}: ({n}, {n}, functions, size) is required"
        kinds = {"basics": (basics, (4,)), "products": (self.products, (4,)), "scalars": (self.scalars, ())}
        for name, (array, row) in kinds.items():
            if array.dtype.kind != "i" or array.ndim == 0 or array.shape[1:] != row:
                yield f"{name} = {array.dtype} array {array.shape}: whole numbers, (n{', 4' if row else ''}), are required"
        if not (len(basics) and basics.min() >= 0 and basics[:, 1:].max() <= MOST_POWER):
            yield f"basics = not radial functions and powers: mu >= 0 and powers from 0 to {MOST_POWER} are required"
        if basics[:, 0].max() != radial[2] - 1:
            yield f"basics = {basics[:, 0].max() + 1} radial functions: {radial[2]}, those that there are, are required"
        moments = self.basis.n_moments
        if moments > len(basics) + len(self.products) or not _are_in_order(
            self.products.tolist(), len(basics), moments
        ):
            yield f"products = refers to moments not made before: products in order, of {moments} moments, are required"
        scalars = self.scalars
        if not (len(scalars) and scalars.min() >= 0 and scalars.max() < moments and len(set(scalars)) == len(scalars)):
            yield f"scalars = {len(scalars)} entries: different moments from 0 to {moments - 1} are required"
        sizes = self.coefficients.shape, self.species_energies.shape
        if sizes != ((len(scalars),), (n,)):
            yield f"coefficients, species_energies = arrays {sizes[0]}, {sizes[1]}: ({len(scalars)},), ({n},) are required"
        parameters = self.radial.size + len(scalars) + n
        if self.active is not None and self.active.shape != (parameters, parameters):
            yield f"active = array {self.active.shape}: {(parameters, parameters)} is required"

    @property
    def basis(self) -> Basis:
        return Basis(self.basics, self.products, self.scalars)

    def facts(self) -> dict[str, str]:
        """Distances, sizes of the basis and the number of parameters."""
        parameters = self.radial.size + len(self.coefficients) + len(self.species_energies)
        return {
            "distances": f"{self.min_distance:g} to {self.cutoff:g} Å",
            "radial": f"{self.radial.shape[2]} functions of {self.radial.shape[3]} polynomials",
            "basis": f"{len(self.scalars)} functions of {self.basis.n_moments} moments",
            "parameters": f"{parameters:,}",
        }

    def moment_sets(self) -> tuple[MomentSet, ...]:
        """One: all radial functions with all monomials up to the highest rank."""
        rank = int(self.basics[:, 1:].sum(axis=1).max())
        return (MomentSet(self.radial.shape[2], rank, self.cutoff, False, self._radial),)

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]:
        """Energies of centres of species i and their gradients with respect to the moments.

        The products in order, then the gradient through them in reverse order.

        Args:
            moments: [(n, 1, a, mu)] float64.
        Returns:
            (n,) eV and [(n, 1, a, mu)].
        """
        places, radials = self._places
        values = list(moments[0][:, 0, places, radials].T)
        zero = moments[0][:, 0, 0, 0] * 0.0
        values += [zero] * (self.basis.n_moments - len(values))
        for a, b, factor, k in self.products.tolist():
            values[k] = values[k] + factor * values[a] * values[b]
        gradients = [zero] * len(values)
        energies = zero + self.species_energies[i]
        for k, coefficient in zip(self.scalars.tolist(), self.coefficients.tolist(), strict=True):
            energies = energies + coefficient * values[k]
            gradients[k] = gradients[k] + coefficient
        for a, b, factor, k in reversed(self.products.tolist()):
            gradients[a] = gradients[a] + factor * gradients[k] * values[b]
            gradients[b] = gradients[b] + factor * gradients[k] * values[a]
        b_ntac = moments[0] * 0.0
        for place, mu, gradient in zip(places, radials, gradients, strict=False):
            b_ntac[:, 0, place, mu] = gradient
        return energies, [b_ntac]

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        """Monomial and radial function of each basic moment."""
        powers = monomials(int(self.basics[:, 1:].sum(axis=1).max()))
        number = {tuple(row): a for a, row in enumerate(powers.tolist())}
        return np.array([number[tuple(row)] for row in self.basics[:, 1:].tolist()]), self.basics[:, 0]

    def _radial(self, r: np.ndarray, i: int, j: int) -> Curves:
        slope = 2.0 / (self.cutoff - self.min_distance)
        x, left = slope * (r - self.min_distance) - 1.0, self.cutoff - r
        columns = []
        for order in range(self.radial.shape[3]):
            t = np.polynomial.Chebyshev.basis(order)
            value, first, second = t(x), slope * t.deriv()(x), slope**2 * t.deriv(2)(x)
            bent = second * left**2 - 4.0 * first * left + 2.0 * value
            columns.append((value * left**2, first * left**2 - 2.0 * value * left, bent))
        weights = self.scaling * self.radial[i, j].T
        return tuple(np.stack(c, axis=1) @ weights for c in zip(*columns, strict=True))


def _are_in_order(products: Sequence[Sequence[int]], basics: int, moments: int) -> bool:
    """Test whether each moment beyond the basics is a sum of products of moments that are complete before it is used."""
    last = {k: row for row, (*_, k) in enumerate(products)}
    made = dict.fromkeys(range(basics), -1) | last
    if made.keys() != set(range(moments)) or min(last, default=basics) < basics:
        return False
    return all(made.get(a, row) < row and made.get(b, row) < row for row, (a, b, *_) in enumerate(products))
