"""Dense layers on the device: matrix products by cuBLAS, all between them in one kernel a layer."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import NULL, Device
from hpcpot.gpu.sources import Source
from hpcpot.potential.network import ACTIVATIONS, Layer

Activation = IntEnum("Activation", [name.upper() for name in ACTIVATIONS], start=0)
"""Numbers of the activations in network.cu."""


class Network:
    """Energies of the centres of one species, and the gradient with respect to the network's inputs.

    With layers D -> w -> w -> 1 an atom needs 4 (D w + w w) FLOP of matrix products, forward and backward; between them
    each number of a layer is read twice and written twice.
    """

    def __init__(
        self,
        device: Device,
        buffers: Buffers,
        i: int,
        layers: tuple[Layer, ...],
        weights: np.ndarray,
        dtype: type,
        scale: float,
        shift: float,
    ):
        """Layers, the last one linear, without a skip around the first.

        Args:
            i: species, whose buffers are their own. weights: (inputs, width) of the first layer, in place of its own.
            scale, shift: E = scale y + shift, eV.
        """
        xp = device.xp
        self._i, self._product, self._buffers, self._dtype = i, device.product, buffers, dtype
        self._kernels = device.build(Source("potential/moments/gpu/network.cu", dtype=dtype, enums=(Activation,)))
        self._layers, self._last = layers[:-1], layers[-1]
        self._weights = [
            xp.asarray(np.ascontiguousarray(w, dtype)) for w in (weights, *(a.weights for a in layers[1:-1]))
        ]
        self._biases = [xp.asarray(np.asarray(a.bias, dtype)) for a in self._layers]
        ones = [np.ones(len(a.bias)) if a.timestep is None else a.timestep for a in self._layers]
        self._timesteps = [xp.asarray(np.asarray(t, dtype)) for t in ones]
        self._last_weights = xp.asarray(np.ascontiguousarray(self._last.weights[:, 0], dtype))
        self._top = xp.asarray(np.ascontiguousarray(self._last.weights[:, 0] * scale, dtype))
        self._scale, self._shift = np.float64(scale), np.float64(shift)
        self._slopes: list[Any] = []

    @property
    def numbers_per_row(self) -> int:
        """Numbers in the buffers of one centre, besides its inputs and their gradient."""
        return 3 * sum(len(a.bias) for a in self._layers)

    def forward(self, x: Any, centres: Any, energies: Any) -> None:
        """Energies of the centres.

        Args:
            x: (n, inputs). centres: (n,) int32. energies: (atoms,) float64, written at the centres.
        """
        n, below, self._slopes = len(x), None, []
        for k, layer in enumerate(self._layers):
            width = len(layer.bias)
            z = self._buffer("z", k, n, width)
            self._product(x, self._weights[k], z)
            slope = self._buffer("slope", k, n, width)
            skip = (below, np.int32(below.shape[1])) if layer.resnet else (NULL, np.int32(1))
            self._kernels.elements(
                "activate",
                n * width,
                np.int32(width),
                np.int32(Activation[layer.activation.upper()]),
                self._biases[k],
                self._timesteps[k],
                *skip,
                z,
                slope,
            )
            self._slopes.append(slope)
            x = below = z
        self._kernels.rows(
            "energies",
            n,
            np.int32(x.shape[1]),
            x,
            self._last_weights,
            np.float64(self._last.bias[0]),
            self._scale,
            self._shift,
            centres,
            energies,
        )

    def backward(self, out: Any) -> None:
        """Gradient of the energies of the last `forward` with respect to its x, into `out` (n, inputs)."""
        n, g, above = len(out), None, (self._top, len(self._top), 0)
        for k in reversed(range(len(self._layers))):
            slope = self._slopes[k]
            width = slope.shape[1]
            passed = (
                (NULL, np.int32(0), np.int32(0))
                if above is None
                else (above[0], np.int32(above[1]), np.int32(above[2]))
            )
            self._kernels.elements("through", n * width, np.int32(width), NULL if g is None else g, *passed, slope)
            if k == 0:
                self._product(slope, self._weights[0], out, True)
                return
            below = self._buffer("g", k, n, self._weights[k].shape[0])
            self._product(slope, self._weights[k], below, True)
            own = (self._top, width, 0) if g is None else (g, width, width)
            above, g = own if self._layers[k].resnet else None, below

    def _buffer(self, name: str, k: int, n: int, width: int) -> Any:
        return self._buffers(f"{name}{k} {self._i}", (n, width), self._dtype)
