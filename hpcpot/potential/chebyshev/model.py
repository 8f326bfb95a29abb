"""Chebyshev descriptor with a neural network per species: the potentials of aenet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import factorial, prod
from typing import Any

import numpy as np

from hpcpot.potential.moments.sets import Curves, MomentSet, monomials
from hpcpot.potential.network import Layer, concatenate, count_parameters, leads, like, value_and_gradient, widths

MOST_ORDER = 100
"""Of the polynomials: each is code of its own."""


@dataclass(frozen=True)
class Chebyshev:
    """Parameters of an aenet potential with the Chebyshev basis.

    Attributes:
        elements: names; index of every array over species below.
        radial_cutoff, radial_order: Å, R_r and N_r; angular_cutoff, angular_order: R_a (<= R_r) and N_a.
        angular_domain: "cos" for T_n(cos theta) (aenet >= 2.0.4), "legacy" for T_n(2 cos theta / pi - 1).
        spins: (species, species) float64, s_j of neighbour species j in the file of centre species i.
        scale, offset: (species, inputs) float64, input x = (G - offset) * scale; inputs = 2 (N_r + N_a + 2),
            or N_r + N_a + 2 for one element; order: radial, angular, weighted radial, weighted angular.
        networks: networks[i], layers inputs -> 1, the last one linear.
        energy_scale, energy_shift: (species,) float64; E_i = y_i / energy_scale + energy_shift + atomic_energies.
        atomic_energies: (species,) float64, eV.
        min_distance: Å, the shortest distance of the training set (RMIN).
    """

    elements: tuple[str, ...]
    radial_cutoff: float
    radial_order: int
    angular_cutoff: float
    angular_order: int
    angular_domain: str
    spins: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    networks: tuple[tuple[Layer, ...], ...]
    energy_scale: np.ndarray
    energy_shift: np.ndarray
    atomic_energies: np.ndarray
    min_distance: float

    slots = None

    @property
    def cutoff(self) -> float:
        return self.radial_cutoff

    def problems(self) -> Iterator[str]:
        """See contract.Family."""
        n, orders = len(self.elements), (self.radial_order, self.angular_order)
        if not 0.0 < self.angular_cutoff <= self.radial_cutoff < np.inf:
            cutoffs = f"{self.radial_cutoff}, {self.angular_cutoff}"
            yield f"R_r, R_a = {cutoffs} Å: 0 < R_a <= R_r is required (aenet is wrong beyond R_r)"
        if not all(0 <= order <= MOST_ORDER for order in orders):
            yield f"N_r, N_a = {orders[0]}, {orders[1]}: whole numbers from 0 to {MOST_ORDER} are required"
        if self.angular_domain not in ("cos", "legacy"):
            yield f"angular_domain = {self.angular_domain}: cos or legacy is required"
        inputs = (sum(orders) + 2) * (2 if n > 1 else 1)
        shapes = {"spins": (n, n), "scale": (n, inputs), "offset": (n, inputs)}
        shapes |= dict.fromkeys(("energy_scale", "energy_shift", "atomic_energies"), (n,))
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                yield f"{name} = array {getattr(self, name).shape}: {shape} is required"
        if len(self.networks) != n or not all(leads(network, inputs, 1) for network in self.networks):
            yield f"networks = of wrong number or widths: {n}, {inputs} -> 1, are required"
        if not self.energy_scale.all():
            yield "energy_scale = 0: another number is required"

    def facts(self) -> dict[str, str]:
        """Cutoffs, orders, widths of the networks and the number of their parameters."""
        return {
            "cutoff": f"radial {self.radial_cutoff:g} Å, angular {self.angular_cutoff:g} Å",
            "orders": f"radial {self.radial_order}, angular {self.angular_order}",
            "angles": f"domain {self.angular_domain}",
            "networks": ", ".join(widths(network) for network in self.networks),
            "parameters": count_parameters(self.networks),
        }

    def moment_sets(self) -> tuple[MomentSet, ...]:
        """Radial: T_n(2 r / R_r - 1) f_c(r, R_r), n = 0 .. N_r, and f_c(r, R_a)^2. Angular: f_c(r, R_a), rank N_a."""
        return (
            MomentSet(self.radial_order + 2, 0, self.radial_cutoff, True, self._radial, knot=self.angular_cutoff),
            MomentSet(1, self.angular_order, self.angular_cutoff, True, self._angular),
        )

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]:
        """Energies of centres of species i and their gradients with respect to the moments.

        radial_n = sum_t A[t, 0, n]; angular_n = 1/2 sum_a P[n, a] (sum_t B[t, a])^2 - 1/2 P_n(1) sum_t S[t], with
        S = sum_j f_c^2 (the j = k terms, and aenet counts each pair once); weighted: each t times its spin s_t.

        Args:
            moments: [(n, t, 1, N_r + 2), (n, t, a, 1)] float64.
        Returns:
            (n,) eV and gradients of the same shapes.
        """
        radial_ntc, angular_nta = moments[0][:, :, 0], moments[1][..., 0]
        powers, at_one = (like(values, angular_nta) for values in self.angular_powers)
        order = self.radial_order + 1
        inputs = (self.descriptors(i, moments) - like(self.offset[i], angular_nta)) * like(self.scale[i], angular_nta)
        energies, gradient = value_and_gradient(self.networks[i], inputs)
        gradient = gradient * like(self.scale[i] / self.energy_scale[i], angular_nta)
        b_ntc, b_nta, start = radial_ntc * 0.0, angular_nta * 0.0, 0
        for weights in self._weights(i, angular_nta):
            summed_na = weights @ angular_nta
            radial_n, angular_n = (
                gradient[:, start : start + order],
                gradient[:, start + order :][:, : self.angular_order + 1],
            )
            b_ntc[:, :, :order] += weights[:, None] * radial_n[:, None]
            b_ntc[:, :, order] -= 0.5 * (weights * weights) * (angular_n @ at_one)[:, None]
            b_nta += weights[:, None] * ((angular_n @ powers) * summed_na)[:, None]
            start += order + self.angular_order + 1
        shift = self.energy_shift[i] + self.atomic_energies[i]
        return energies[:, 0] / self.energy_scale[i] + shift, [b_ntc[:, :, None], b_nta[..., None]]

    def descriptors(self, i: int, moments: list[Any]) -> Any:
        """(n, inputs): radial_n and angular_n of `readout`, plain, then weighted, as aenet has them."""
        radial_ntc, angular_nta = moments[0][:, :, 0], moments[1][..., 0]
        powers, at_one = (like(values, angular_nta) for values in self.angular_powers)
        order, parts = self.radial_order + 1, []
        for weights in self._weights(i, angular_nta):
            self_n = radial_ntc[:, :, order] @ (weights * weights)
            parts.append(weights @ radial_ntc[:, :, :order])
            parts.append(0.5 * (((weights @ angular_nta) ** 2) @ powers.T - self_n[:, None] * at_one))
        return concatenate(tuple(parts))

    def _weights(self, i: int, x: Any) -> tuple[Any, ...]:
        """Weights of the neighbour species, arrays like x: all 1, then the spins where there are several elements."""
        plain = like(np.ones(len(self.elements)), x)
        return (plain,) if len(self.elements) == 1 else (plain, like(self.spins[i], x))

    @cached_property
    def angular_powers(self) -> tuple[np.ndarray, np.ndarray]:
        """P (N_a + 1, a): T_n(u.v) = sum_a P[n, a] Omega_a(u) Omega_a(v) for unit vectors; and P_n(1), (N_a + 1,).

        (u.v)^k = sum over |a| = k of k! / (p! q! r!) Omega_a(u) Omega_a(v).
        """
        argument = np.polynomial.Polynomial([0.0, 1.0] if self.angular_domain == "cos" else [-1.0, 2.0 / np.pi])
        exponents = monomials(self.angular_order)
        multinomial = np.array([factorial(sum(e)) / prod(factorial(k) for k in e) for e in exponents.tolist()])
        powers = np.zeros((self.angular_order + 1, len(exponents)))
        for n in range(self.angular_order + 1):
            series = np.polynomial.Chebyshev.basis(n).convert(kind=np.polynomial.Polynomial)(argument)
            coefficients = np.zeros(self.angular_order + 1)
            coefficients[: len(series.coef)] = series.coef
            powers[n] = coefficients[exponents.sum(axis=1)] * multinomial
        first_axis = exponents[:, 0] == exponents.sum(axis=1)
        return powers, powers[:, first_axis].sum(axis=1)

    def _radial(self, r: np.ndarray, i: int, j: int) -> Curves:
        cut = _cosine_cutoff(r, self.radial_cutoff)
        inner = _cosine_cutoff(r, self.angular_cutoff)
        x, slope = 2.0 * r / self.radial_cutoff - 1.0, 2.0 / self.radial_cutoff
        columns = []
        for n in range(self.radial_order + 1):
            t = np.polynomial.Chebyshev.basis(n)
            columns.append(_product((t(x), slope * t.deriv()(x), slope**2 * t.deriv(2)(x)), cut))
        columns.append(_product(inner, inner))
        return tuple(np.stack(c, axis=1) for c in zip(*columns, strict=True))

    def _angular(self, r: np.ndarray, i: int, j: int) -> Curves:
        return tuple(c[:, None] for c in _cosine_cutoff(r, self.angular_cutoff))


def _cosine_cutoff(r: np.ndarray, cutoff: float) -> Curves:
    """f_c = (cos(pi r / R) + 1) / 2 below R, else 0, with two derivatives."""
    k = np.pi / cutoff
    inside = r <= cutoff  # at the cutoff itself the limit from inside, for the last node of a table
    c, s = np.cos(k * r), np.sin(k * r)
    return inside * 0.5 * (c + 1.0), inside * -0.5 * k * s, inside * -0.5 * k * k * c


def _product(f: Curves, g: Curves) -> Curves:
    return f[0] * g[0], f[1] * g[0] + f[0] * g[1], f[2] * g[0] + 2.0 * f[1] * g[1] + f[0] * g[2]


def mixed_kernels(model: Chebyshev) -> tuple[str, ...]:
    """Kernel sets with mixed precision."""
    return ("cpu", "gpu")
