"""A Deep Potential in fewer radial functions: what makes it fast on a CPU.

The 100 outputs of an embedding net are functions of one number, s(r), and smooth: over the distances that occur they
span 20 to 40 functions to nearly machine precision. With U the leading functions of a weighted singular value
decomposition, R_c(r) = sum_k U_k(r) V_kc for each pair of species, so that

    A[a, c] = sum_t sum_k A'[t, a, k] V_t[k, c]           moments over U, kept apart by neighbour species t
    D[c, m] W[c, m, o] = D'[t, k, m] W'[t, k, m, o]        with W'[t, k, m, o] = sum_c V_t[k, c] W[c, m, o]

and the loops over pairs and the first layer of the fitting network work on the U alone. Nothing is fitted: the error is
the part of R and R' left out, which is bounded below; tests hold energies and forces to 1e-7 eV and 1e-6 eV/Å.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np

from hpcpot.potential.deep_potential import DeepPotential
from hpcpot.potential.moments.sets import Curves, MomentSet
from hpcpot.potential.network import Layer, activate

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}

TOLERANCE = 1.0e-7
"""Largest part of a radial function, and of its slope * 1 Å, left out beyond NEAR, relative to the largest function."""

NEAR, NEAR_TOLERANCE = 0.9, 1.0e-4
"""Å; closer than bonds are (but H-H's), where forces are hundreds of eV/Å, the same bound is NEAR_TOLERANCE."""

SAMPLES = 2000


def reduce(family: DeepPotential, closest: float) -> tuple[MomentSet, Readout]:
    """The moments over the leading functions, and the readout that takes them."""
    full = family.moment_sets()[0]
    species = range(len(family.elements))
    mixing = [[_leading(full, i, j, closest) for j in species] for i in species]
    channels = max(len(v) for row in mixing for v in row)

    def radial(r: np.ndarray, i: int, j: int) -> Curves:
        v_ck = np.zeros((full.channels, channels))
        v_ck[:, : len(mixing[i][j])] = mixing[i][j].T
        return tuple(curve @ v_ck for curve in full.radial(r, i, j))

    moment_set = MomentSet(channels, full.rank, full.cutoff, True, radial, full.weights, full.knot)
    return moment_set, Readout(family, mixing)


def _leading(full: MomentSet, i: int, j: int, closest: float) -> np.ndarray:
    """V (k, c) with orthonormal rows: the fewest that keep R and R' to the tolerances above."""
    r = np.linspace(closest, full.cutoff, SAMPLES)
    value, slope, _ = full.radial(r, i, j)
    allowed = np.where(r < NEAR, NEAR_TOLERANCE, TOLERANCE) * np.abs(value).max()
    allowed[-1] *= 0.01  # the cutoff stands for empty slots, of which an atom has a hundred
    rows = np.concatenate([value, slope]) / np.tile(allowed, 2)[:, None]
    _, _, v = np.linalg.svd(rows, full_matrices=False)
    for k in range(1, len(v) + 1):
        left = rows - (rows @ v[:k].T) @ v[:k]
        if np.abs(left).max() < 1.0:
            break
    return v[:k]


class Readout:
    """Energies and gradients as DeepPotential.readout, of the reduced moments."""

    def __init__(self, family: DeepPotential, mixing: list[list[np.ndarray]]):
        self.family, self.axis = family, family.axis
        species = range(len(family.elements))
        self.kept = [np.array([len(v) for v in row]) for row in mixing]
        self.low = [np.concatenate([v[:, : self.axis] for v in row]) for row in mixing]
        # Empty slots are the radial functions at the cutoff, where s = 0.
        self.empty = [[family.empty_slots(i)[j] @ mixing[i][j].T for j in species] for i in species]
        self.layers = [self._mixed(family.fittings[i], np.concatenate(mixing[i])) for i in species]
        self._buffers: dict[tuple[str, int], np.ndarray] = {}

    def __call__(self, i: int, moments: list[np.ndarray], counts: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """See DeepPotential.readout; moments [(n, t, 4, k)]. The gradient is overwritten by the next call."""
        a_ntak = moments[0]
        for t, empty in enumerate(self.empty[i]):
            a_ntak[:, t, 0, : len(empty)] += np.outer(self.family.slots[t] - counts[:, t], empty)
        n, layers = len(a_ntak), self.layers[i]
        packed = self._buffer("packed", n, 4 * len(self.low[i])).reshape(n, 4, -1)
        start = 0
        for t, kept in enumerate(self.kept[i]):
            packed[:, :, start : start + kept] = a_ntak[:, t, :, :kept]
            start += kept
        low = self._buffer("low", n * 4, self.axis)
        np.matmul(packed.reshape(n * 4, -1), self.low[i], out=low)
        low = low.reshape(n, 4, self.axis)
        invariants = self._buffer("invariants", n, layers[0].weights.shape[0])
        _invariants(self.axis)(packed, low, invariants)
        x, slopes = invariants, []
        for k, layer in enumerate(layers):
            x, slope = self._forward(k, layer, x)
            slopes.append(slope)
        gradient = np.ones((n, 1))
        for k in reversed(range(len(layers))):
            gradient = self._backward(k, layers[k], slopes[k], gradient)
        low_gradient = self._buffer("low gradient", n * 4, self.axis).reshape(n, 4, self.axis)
        b_nak = self._buffer("gradient", n * 4, len(self.low[i]))
        np.matmul(
            _low_gradient(self.axis)(packed, gradient, low_gradient).reshape(n * 4, self.axis), self.low[i].T, out=b_nak
        )
        b_nak = b_nak.reshape(n, 4, -1)
        _add_gradient(self.axis)(low, gradient, b_nak)
        b_ntak = self._buffer("unpacked", n, a_ntak[0].size).reshape(a_ntak.shape)
        b_ntak[...] = 0.0
        start = 0
        for t, kept in enumerate(self.kept[i]):
            b_ntak[:, t, :, :kept] = b_nak[:, :, start : start + kept]
            start += kept
        return x[:, 0] + self.family.energy_shift[i], [b_ntak]

    def _mixed(self, layers: tuple[Layer, ...], mixing: np.ndarray) -> tuple[Layer, ...]:
        first = layers[0]
        weights = np.tensordot(mixing, first.weights.reshape(mixing.shape[1], self.axis, -1), axes=1)
        reduced = Layer(
            np.ascontiguousarray(weights.reshape(len(mixing) * self.axis, -1)), first.bias, first.timestep,
            first.activation, first.resnet,
        )  # fmt: skip
        return (reduced, *layers[1:])

    def _buffer(self, name: str, n: int, width: int) -> np.ndarray:
        """The first n rows of an array that is kept from call to call."""
        key = (name, width)
        if key not in self._buffers or len(self._buffers[key]) < n:
            self._buffers[key] = np.empty((n, width))
        return self._buffers[key][:n]

    def _forward(self, k: int, layer: Layer, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        n, width = len(x), layer.weights.shape[1]
        z = np.matmul(x, layer.weights, out=self._buffer(f"z{k}", n, width))
        z += layer.bias
        if layer.activation == "linear" and layer.timestep is None and not layer.resnet:
            return z, None
        slope = self._buffer(f"slope{k}", n, width)
        timestep = np.ones(width) if layer.timestep is None else layer.timestep
        if layer.activation == "tanh":
            np.tanh(z, out=z)
            _tanh_layer(z, timestep, slope)
        else:
            z[...], slope[...], _ = activate(layer.activation, z)
            z *= timestep
            slope *= timestep
        if layer.resnet:
            z[:, : x.shape[1]] += x
            if width == 2 * x.shape[1]:
                z[:, x.shape[1] :] += x
        return z, slope

    def _backward(self, k: int, layer: Layer, slope: np.ndarray | None, gradient: np.ndarray) -> np.ndarray:
        n, width = len(gradient), layer.weights.shape[0]
        through = gradient if slope is None else np.multiply(gradient, slope, out=slope)
        below = np.matmul(through, layer.weights.T, out=self._buffer(f"below{k}", n, width))
        if layer.resnet:
            below += gradient[:, :width]
            if layer.weights.shape[1] == 2 * width:
                below += gradient[:, width:]
        return below


@numba.njit(cache=True, fastmath=FASTMATH)
def _tanh_layer(t, timestep, slope):
    """slope = (1 - t^2) timestep; t *= timestep."""
    for n in range(t.shape[0]):
        for c in range(t.shape[1]):
            slope[n, c] = (1.0 - t[n, c] * t[n, c]) * timestep[c]
            t[n, c] *= timestep[c]


@lru_cache(maxsize=None)
def _invariants(axis: int) -> Callable:
    """d[n, (k, m)] = sum_a a[a, k] low[a, m]; axis as a constant."""

    @numba.njit(cache=True, fastmath=FASTMATH)
    def kernel(a_nak, low_nam, d):
        for n in range(a_nak.shape[0]):
            for k in range(a_nak.shape[2]):
                x0, x1, x2, x3 = a_nak[n, 0, k], a_nak[n, 1, k], a_nak[n, 2, k], a_nak[n, 3, k]
                for m in range(axis):
                    d[n, k * axis + m] = (
                        x0 * low_nam[n, 0, m] + x1 * low_nam[n, 1, m] + x2 * low_nam[n, 2, m] + x3 * low_nam[n, 3, m]
                    )

    return kernel


@lru_cache(maxsize=None)
def _low_gradient(axis: int) -> Callable:
    """low[a, m] = sum_k g[k, m] a[a, k]; returns it."""

    @numba.njit(cache=True, fastmath=FASTMATH)
    def kernel(a_nak, g, low_nam):
        for n in range(a_nak.shape[0]):
            low_nam[n] = 0.0
            for k in range(a_nak.shape[2]):
                x0, x1, x2, x3 = a_nak[n, 0, k], a_nak[n, 1, k], a_nak[n, 2, k], a_nak[n, 3, k]
                for m in range(axis):
                    q = g[n, k * axis + m]
                    low_nam[n, 0, m] += q * x0
                    low_nam[n, 1, m] += q * x1
                    low_nam[n, 2, m] += q * x2
                    low_nam[n, 3, m] += q * x3
        return low_nam

    return kernel


@lru_cache(maxsize=None)
def _add_gradient(axis: int) -> Callable:
    """b[a, k] += sum_m g[k, m] low[a, m]."""

    @numba.njit(cache=True, fastmath=FASTMATH)
    def kernel(low_nam, g, b_nak):
        for n in range(b_nak.shape[0]):
            for k in range(b_nak.shape[2]):
                s0 = s1 = s2 = s3 = 0.0
                for m in range(axis):
                    q = g[n, k * axis + m]
                    s0 += q * low_nam[n, 0, m]
                    s1 += q * low_nam[n, 1, m]
                    s2 += q * low_nam[n, 2, m]
                    s3 += q * low_nam[n, 3, m]
                b_nak[n, 0, k] += s0
                b_nak[n, 1, k] += s1
                b_nak[n, 2, k] += s2
                b_nak[n, 3, k] += s3

    return kernel
