"""The Deep Potential's readout on the CPU: DeepPotential.readout with its products folded and its buffers kept.

The first `axis` columns of the invariants A^T A_< are symmetric, so one half of them is left out and its weights are
added to the other's: with 100 channels and axis 16 the fitting network reads 1,480 numbers instead of 1,600.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np

from hpcpot.potential.deep_potential import DeepPotential
from hpcpot.potential.network import Layer, activate

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}


class FoldedReadout:
    """Energies and gradients as DeepPotential.readout, to round-off."""

    def __init__(self, family: DeepPotential):
        self.family = family
        self.axis = family.axis
        self.channels = family.fittings[0][0].weights.shape[0] // family.axis
        self.empty = [family.empty_slots(i) for i in range(len(family.elements))]
        self.layers = [self._folded(layers) for layers in family.fittings]
        self._buffers: dict[tuple, np.ndarray] = {}

    def __call__(self, i: int, moments: list[np.ndarray], counts: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """See DeepPotential.readout; the gradient is overwritten by the next call."""
        a_nac = moments[0][:, 0]
        a_nac[:, 0] += (self.family.slots - counts) @ self.empty[i]
        n, layers = len(a_nac), self.layers[i]
        invariants = self._buffer("invariants", n, layers[0].weights.shape[0])
        _invariants(a_nac, self.axis, invariants)
        x, outputs, slopes = invariants, [], []
        for k, layer in enumerate(layers):
            x, slope = self._forward(k, layer, x)
            outputs.append(x)
            slopes.append(slope)
        gradient = np.ones((n, 1))
        for k in reversed(range(len(layers))):
            gradient = self._backward(k, layers[k], slopes[k], gradient)
        b_nac = self._buffer("gradient", n, 4 * self.channels).reshape(n, 4, self.channels)
        _invariants_gradient(self.axis)(a_nac, gradient, b_nac)
        return x[:, 0] + self.family.energy_shift[i], [b_nac[:, None]]

    def _folded(self, layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        first = layers[0]
        weights = first.weights.reshape(self.channels, self.axis, -1)
        rows = []
        for c in range(self.channels):
            for m in range(min(c + 1, self.axis)):
                rows.append(weights[c, m] + (weights[m, c] if m < c < self.axis else 0.0))
        folded = Layer(np.array(rows), first.bias, first.timestep, first.activation, first.resnet)
        return (folded, *layers[1:])

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


@numba.njit(cache=True, fastmath=FASTMATH)
def _invariants(a_nac, axis, d):
    """d[n, (c, m)] = sum_a A[a, c] A[a, m], m < axis, and m <= c where both are below axis."""
    channels = a_nac.shape[2]
    for n in range(a_nac.shape[0]):
        k = 0
        for c in range(channels):
            x0, x1, x2, x3 = a_nac[n, 0, c], a_nac[n, 1, c], a_nac[n, 2, c], a_nac[n, 3, c]
            stop = min(c + 1, axis)
            for m in range(stop):
                d[n, k + m] = x0 * a_nac[n, 0, m] + x1 * a_nac[n, 1, m] + x2 * a_nac[n, 2, m] + x3 * a_nac[n, 3, m]
            k += stop


@lru_cache(maxsize=None)
def _invariants_gradient(axis: int) -> Callable:
    """b[a, c] += g[c, m] A[a, m] and b[a, m] += g[c, m] A[a, c] for each invariant (c, m); axis as a constant."""

    @numba.njit(cache=True, fastmath=FASTMATH)
    def kernel(a_nac, g, b_nac):
        channels = a_nac.shape[2]
        low = np.empty((4, axis))
        for n in range(a_nac.shape[0]):
            k = 0
            low[:] = 0.0
            for c in range(axis):
                b_nac[n, :, c] = 0.0
                for m in range(c + 1):
                    for a in range(4):
                        b_nac[n, a, c] += g[n, k + m] * a_nac[n, a, m]
                        low[a, m] += g[n, k + m] * a_nac[n, a, c]
                k += c + 1
            for c in range(axis, channels):
                x0, x1, x2, x3 = a_nac[n, 0, c], a_nac[n, 1, c], a_nac[n, 2, c], a_nac[n, 3, c]
                s0 = s1 = s2 = s3 = 0.0
                for m in range(axis):
                    q = g[n, k + m]
                    s0 += q * a_nac[n, 0, m]
                    s1 += q * a_nac[n, 1, m]
                    s2 += q * a_nac[n, 2, m]
                    s3 += q * a_nac[n, 3, m]
                    low[0, m] += q * x0
                    low[1, m] += q * x1
                    low[2, m] += q * x2
                    low[3, m] += q * x3
                b_nac[n, 0, c], b_nac[n, 1, c], b_nac[n, 2, c], b_nac[n, 3, c] = s0, s1, s2, s3
                k += axis
            for a in range(4):
                for m in range(axis):
                    b_nac[n, a, m] += low[a, m]

    return kernel
