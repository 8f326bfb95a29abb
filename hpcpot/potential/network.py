"""Dense layers: what the neural families have in common, with hand-written gradients.

Row-vector convention: y = act(x W + b). The operations are those that NumPy, CuPy and torch share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.structure.state import library

ACTIVATIONS = ("linear", "tanh", "logistic", "scaled_tanh", "scaled_tanh_twist")
"""Names a layer may carry. scaled_tanh = 1.7159 tanh(2x/3); scaled_tanh_twist adds 0.1 x (LeCun; aenet's 3 and 4)."""


@dataclass(frozen=True)
class Layer:
    """One dense layer: z = act(x W + b) * idt, then the skip if `resnet`.

    The skip: z + x where the widths agree, z + [x, x] where the output is twice as wide.

    Attributes:
        weights: (in, out) float64.
        bias: (out,) float64.
        timestep: (out,) float64, the factor idt of a residual layer, or None.
        activation: a name of ACTIVATIONS.
        resnet: whether the skip is there; widths other than n -> n and n -> 2n have none and must say False.
    """

    weights: np.ndarray
    bias: np.ndarray
    timestep: np.ndarray | None = None
    activation: str = "tanh"
    resnet: bool = False


def leads(layers: tuple[Layer, ...], inputs: int, outputs: int) -> bool:
    """Test whether layers lead from so many inputs to so many outputs, with parts that fit."""
    width = inputs
    for layer in layers:
        if layer.weights.ndim != 2 or layer.weights.shape[0] != width or layer.activation not in ACTIVATIONS:
            return False
        width = layer.weights.shape[1]
        vectors = [layer.bias] if layer.timestep is None else [layer.bias, layer.timestep]
        if any(vector.shape != (width,) for vector in vectors):
            return False
        if layer.resnet and width not in (len(layer.weights), 2 * len(layer.weights)):
            return False
    return bool(layers) and width == outputs


def widths(layers: tuple[Layer, ...]) -> str:
    """Widths of a network, from its input to its output, as 48-24-24-1."""
    return "-".join(str(width) for width in (layers[0].weights.shape[0], *(layer.weights.shape[1] for layer in layers)))


def count_parameters(networks: Sequence[tuple[Layer, ...]]) -> str:
    """Number of parameters of some networks, as text."""
    leaves = (leaf for layers in networks for layer in layers for leaf in (layer.weights, layer.bias, layer.timestep))
    return f"{sum(leaf.size for leaf in leaves if leaf is not None):,} in {len(networks)} networks"


def activate(name: str, x: Any) -> tuple[Any, Any, Any]:
    """Value, first and second derivative of an activation at x (any array; element-wise)."""
    if name == "linear":
        ones = x * 0.0 + 1.0
        return x, ones, ones * 0.0
    if name == "logistic":
        y = 0.5 * (tanh(0.5 * x) + 1.0)
        slope = y * (1.0 - y)
        return y, slope, slope * (1.0 - 2.0 * y)
    if name == "tanh":
        y = tanh(x)
        slope = 1.0 - y * y
        return y, slope, -2.0 * y * slope
    t = tanh(x * (2.0 / 3.0))
    slope = 1.0 - t * t
    y, first, second = 1.7159 * t, 1.7159 * (2.0 / 3.0) * slope, -2.0 * 1.7159 * (4.0 / 9.0) * t * slope
    return (y + 0.1 * x, first + 0.1, second) if name == "scaled_tanh_twist" else (y, first, second)


def tanh(x: Any) -> Any:
    """tanh of a NumPy or CuPy array, or of a torch tensor."""
    return np.tanh(x) if hasattr(x, "__array_ufunc__") else x.tanh()


def concatenate(parts: tuple[Any, ...], axis: int = -1) -> Any:
    """Arrays of one library (NumPy, CuPy, torch) joined along an axis, the last one unless told otherwise."""
    return library(parts[0]).concatenate(parts, axis)


def like(values: np.ndarray, x: Any) -> Any:
    """Constants in the library, type and place of x."""
    return x.new_tensor(values) if hasattr(x, "new_tensor") else values


def skip(layer: Layer, x: Any) -> Any:
    """Contribution of the skip of a residual layer: x, or [x, x] where the layer doubles the width."""
    return x if layer.weights.shape[0] == layer.weights.shape[1] else concatenate((x, x))


def forward(layers: tuple[Layer, ...], x: Any) -> tuple[Any, list]:
    """Output of the layers, and the slopes of each layer that `backward` needs.

    Args:
        x: (n, in) float64.
    Returns:
        (n, out) float64 and a list of (n, out_k), d z / d (x W + b) with the layer's timestep.
    """
    slopes = []
    for layer in layers:
        z, slope, _ = activate(layer.activation, x @ layer.weights + layer.bias)
        if layer.timestep is not None:
            z, slope = z * layer.timestep, slope * layer.timestep
        slopes.append(slope)
        x = z + skip(layer, x) if layer.resnet else z
    return x, slopes


def backward(layers: tuple[Layer, ...], slopes: list, gradient: Any) -> Any:
    """Gradient with respect to the input, from the gradient (n, out) with respect to the output."""
    for layer, slope in zip(reversed(layers), reversed(slopes), strict=True):
        below = (gradient * slope) @ layer.weights.T
        if layer.resnet:
            width = layer.weights.shape[0]
            below = below + gradient[:, :width]
            if layer.weights.shape[1] == 2 * width:
                below = below + gradient[:, width:]
        gradient = below
    return gradient


def value_and_gradient(layers: tuple[Layer, ...], x: Any) -> tuple[Any, Any]:
    """Output of layers that lead to one number, and its gradient: (n, 1) and (n, in).

    Layers may be a tuple that computes both by itself, as those of training do.
    """
    if hasattr(layers, "value_and_gradient"):
        return layers.value_and_gradient(x)
    value, slopes = forward(layers, x)
    return value, backward(layers, slopes, value * 0.0 + 1.0)


def along(layers: tuple[Layer, ...], x: Any, first: Any, second: Any) -> tuple[Any, Any, Any]:
    """Output of the layers and its first two derivatives along a curve x(r).

    z' = act' u', z'' = act'' u'^2 + act' u'' with u = x W + b.

    Args:
        x, first, second: (n, in) float64, x and its derivatives with respect to r.
    Returns:
        Three (n, out) arrays.
    """
    for layer in layers:
        u1, u2 = first @ layer.weights, second @ layer.weights
        z, slope, curvature = activate(layer.activation, x @ layer.weights + layer.bias)
        z1, z2 = slope * u1, curvature * u1 * u1 + slope * u2
        if layer.timestep is not None:
            z, z1, z2 = z * layer.timestep, z1 * layer.timestep, z2 * layer.timestep
        if layer.resnet:
            z, z1, z2 = z + skip(layer, x), z1 + skip(layer, first), z2 + skip(layer, second)
        x, first, second = z, z1, z2
    return x, first, second
