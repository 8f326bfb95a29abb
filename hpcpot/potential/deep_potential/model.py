"""Deep Potential with the descriptor se_e2_a (DeepPot-SE), as DeePMD-kit defines it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.potential.moments.sets import Curves, MomentSet
from hpcpot.potential.network import (
    Layer,
    along,
    concatenate,
    count_parameters,
    forward,
    leads,
    value_and_gradient,
    widths,
)

MOST_SLOTS = 10**6
"""Of a type."""


@dataclass(frozen=True)
class DeepPotential:
    """Parameters of a Deep Potential, se_e2_a.

    Attributes:
        elements: names, in the order of the model's types.
        cutoff, cutoff_smooth: Å, r_c and r_s of the switch.
        slots: (types,) int64, `sel`: neighbour slots per type; empty ones count.
        axis: M2, how many columns of G R enter the second factor.
        mean, deviation: (types, types, 4) float64, davg and dstd by centre and neighbour type.
        protection: Å, added to r in denominators (env_protection).
        embeddings: embeddings[t_i][t_j], layers 1 -> M1. One-sided models repeat one row for every t_i.
        fittings: fittings[t_i], layers M1*M2 -> 1, the last one linear.
        energy_shift: (types,) float64, eV, added to each atom's energy (bias_atom_e + out_bias).
        one_sided: whether the embedding depends on the neighbour type only (type_one_side).
    """

    elements: tuple[str, ...]
    cutoff: float
    cutoff_smooth: float
    slots: np.ndarray
    axis: int
    mean: np.ndarray
    deviation: np.ndarray
    embeddings: tuple[tuple[tuple[Layer, ...], ...], ...]
    fittings: tuple[tuple[Layer, ...], ...]
    energy_shift: np.ndarray
    one_sided: bool
    protection: float = 0.0

    def problems(self) -> Iterator[str]:
        """See contract.Family; names are those of DeePMD-kit."""
        n = len(self.elements)
        shapes = {"sel": (self.slots, (n,)), "davg": (self.mean, (n, n, 4)), "dstd": (self.deviation, (n, n, 4))}
        for name, (array, shape) in (shapes | {"bias_atom_e": (self.energy_shift, (n,))}).items():
            if array.shape != shape:
                yield f"{name} = array {array.shape}: {shape} is required, type_map has {n} names"
        slots = self.slots
        if slots.dtype.kind != "i" or not (slots.min() >= 0 and 0 < slots.max() <= MOST_SLOTS):
            yield f"sel = {slots.tolist()}: no entry may be negative, or above {MOST_SLOTS}, and one must be positive"
        if not 0.0 <= self.cutoff_smooth < self.cutoff < np.inf:
            yield f"rcut_smth, rcut = {self.cutoff_smooth}, {self.cutoff}: 0 <= rcut_smth < rcut is required"
        if not 0.0 <= self.protection < np.inf:
            yield f"env_protection = {self.protection}: a number >= 0 is required"
        if self.mean[:, self.slots > 0, 1:].any():
            yield "davg = not (a number, 0, 0, 0): only the radial part may have a mean"
        if not (self.deviation > 0.0).all():
            yield "dstd = not positive: a deviation > 0 is required"
        if len(self.embeddings) != n or any(len(row) != n for row in self.embeddings) or not self.embeddings[0][0]:
            yield f"embedding networks = not one for each pair: {n} x {n} are required"
        channels = self.embeddings[0][0][-1].bias.size
        if not all(leads(network, 1, channels) for row in self.embeddings for network in row):
            yield "embedding networks = different widths: 1 -> M1, the same M1 for all, is required"
        if not 1 <= self.axis <= channels:
            yield f"axis_neuron = {self.axis}: 1 to {channels} is required"
        inputs = channels * self.axis
        if len(self.fittings) != n or not all(leads(network, inputs, 1) for network in self.fittings):
            yield f"fitting networks = of wrong number or widths: {n}, {inputs} -> 1, are required"

    @property
    def has_first_skip(self) -> bool:
        """True where a skip goes around the first layer of a fitting network."""
        return any(layers[0].resnet for layers in self.fittings)

    def facts(self) -> dict[str, str]:
        """Cutoffs, slots, widths of the networks and the number of their parameters."""
        rows = self.embeddings[:1] if self.one_sided else self.embeddings
        embeddings = [network for row in rows for network in row]
        sides = "one-sided (by neighbour)" if self.one_sided else "two-sided (by centre and neighbour)"
        return {
            "cutoff": f"{self.cutoff:g} Å, smooth from {self.cutoff_smooth:g} Å",
            "slots": " ".join(str(count) for count in self.slots),
            "embedding": f"{widths(embeddings[0])}, {sides}, axis {self.axis}",
            "fitting": widths(self.fittings[0]),
            "parameters": count_parameters([*embeddings, *self.fittings]),
        }

    def moment_sets(self) -> tuple[MomentSet, ...]:
        """One set: R_c = G_c(s), the embedding, with w_0 = (s - mean_0) / deviation_0 / N, w_1 = s / deviation_1 / N.

        N = sum of the slots. A[0, a, c] is then G^T R / N of the normalised environment matrix R, without the
        empty slots, which `readout` adds.
        """
        channels = self.embeddings[0][0][-1].weights.shape[1]
        return (MomentSet(channels, 1, self.cutoff, False, self._embedding, self._weights, self.cutoff_smooth),)

    def readout(self, i: int, moments: list[Any], counts: Any) -> tuple[Any, list[Any]]:
        """Energies of centres of species i and their gradients with respect to the moments.

        D = (A^T A_<), A_< the first `axis` columns; E = fitting(D) + shift.

        Args:
            moments: [(n, 1, 4, c)] float64. counts: (n, types), neighbours by type.
        Returns:
            (n,) eV and [(n, 1, 4, c)].
        """
        a_nac = moments[0][:, 0]
        a_nac[:, 0] += (self.slots - counts) @ self.empty_slots(i)
        n, _, channels = a_nac.shape
        axis_nam = a_nac[:, :, : self.axis]
        d_ncm = a_nac.swapaxes(1, 2) @ axis_nam
        energies, gradient = value_and_gradient(self.fittings[i], d_ncm.reshape(n, channels * self.axis))
        g_ncm = gradient.reshape(n, channels, self.axis)
        b_nac = axis_nam @ g_ncm.swapaxes(1, 2)
        b_nac[:, :, : self.axis] += a_nac @ g_ncm
        return energies[:, 0] + self.energy_shift[i], [b_nac[:, None]]

    def empty_slots(self, i: int) -> Any:
        """Contribution of one empty slot of each type to A[0, 0, :], (types, c): G(x) x / N at x = -mean / deviation."""
        rows = []
        for j, layers in enumerate(self.embeddings[i]):
            x = 0.0 * layers[0].weights[:1, :1] - self.mean[i, j, 0] / self.deviation[i, j, 0]
            rows.append(forward(layers, x)[0] * (x / self.slots.sum()))
        return concatenate(tuple(rows), 0)

    def _weights(self, r: np.ndarray, i: int, j: int) -> Curves:
        radial, angular = self._switch(r)
        mean, (radial_deviation, angular_deviation) = self.mean[i, j, 0], self.deviation[i, j, :2]
        offset = np.array([[mean / radial_deviation, 0.0]])
        value, first, second = (
            np.stack([f / radial_deviation, g / angular_deviation], axis=1)
            for f, g in zip(radial, angular, strict=True)
        )
        n = float(self.slots.sum())
        return (value - offset) / n, first / n, second / n

    def _embedding(self, r: np.ndarray, i: int, j: int) -> Curves:
        return along(self.embeddings[i][j], *self.embedding_input(r, i, j))

    def embedding_input(self, r: np.ndarray, i: int, j: int) -> Curves:
        """x = (s - mean_0) / deviation_0, the one number that the embedding takes, and two derivatives: (points, 1)."""
        s, s1, s2 = (f[:, None] / self.deviation[i, j, 0] for f in self._switch(r)[0])
        return s - self.mean[i, j, 0] / self.deviation[i, j, 0], s1, s2

    def _switch(self, r: np.ndarray) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
        """s = w / (r + p) and the weight w r / (r + p)^2 of a unit vector, each with two derivatives.

        w = 1 for r < r_s; u^3 (-6 u^2 + 15 u - 10) + 1 with u = (r - r_s) / (r_c - r_s); 0 beyond r_c.
        """
        width = self.cutoff - self.cutoff_smooth
        u = np.clip((r - self.cutoff_smooth) / width, 0.0, 1.0)
        w = u**3 * (-6.0 * u * u + 15.0 * u - 10.0) + 1.0
        w1 = -30.0 * u * u * (u - 1.0) ** 2 / width
        w2 = -60.0 * u * (u - 1.0) * (2.0 * u - 1.0) / width**2
        q = 1.0 / (r + self.protection)
        v, v1, v2 = r * q, q - r * q * q, 2.0 * (r * q**3 - q * q)
        s, s1, s2 = w * q, w1 * q - w * q * q, w2 * q - 2.0 * w1 * q * q + 2.0 * w * q**3
        return (s, s1, s2), (s * v, s1 * v + s * v1, s2 * v + 2.0 * s1 * v1 + s * v2)


def mixed_kernels(model: DeepPotential) -> tuple[str, ...]:
    """Kernel sets with mixed precision: none for a model with a first skip, which is computed from tables."""
    return () if model.has_first_skip else ("cpu", "gpu")
