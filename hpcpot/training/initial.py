"""Parameters before the first step: what DeePMD-kit and torch draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hpcpot.potential.network import Layer


def deepmd_layers(
    random: np.random.Generator, widths: Sequence[int], activation: str, timestep: bool
) -> tuple[Layer, ...]:
    """Hidden layers with skips where the width stays or doubles.

    W ~ N(0, 1 / sqrt(in + out)), b ~ N(0, 1), idt ~ N(0.1, 0.001).

    Args:
        widths: of the input and of each layer. timestep: whether layers with a skip have a factor idt.
    Source: deepmd-kit 3.2, PyTorch backend.
    """
    layers = []
    for n, m in zip(widths, widths[1:], strict=False):
        resnet = m in (n, 2 * n)
        layers.append(
            Layer(
                random.normal(0.0, 1.0 / np.sqrt(n + m), (n, m)),
                random.normal(0.0, 1.0, m),
                random.normal(0.1, 0.001, m) if timestep and resnet else None,
                activation,
                resnet,
            )
        )
    return tuple(layers)


def deepmd_output(random: np.random.Generator, width: int) -> Layer:
    """The linear layer to one number."""
    weights = random.normal(0.0, 1.0 / np.sqrt(width + 1), (width, 1))
    return Layer(weights, random.normal(0.0, 1.0, 1), None, "linear", False)


def torch_layers(random: np.random.Generator, widths: Sequence[int], activations: Sequence[str]) -> tuple[Layer, ...]:
    """Layers as torch's nn.Linear begins: W, b ~ U(-1 / sqrt(in), 1 / sqrt(in))."""
    return tuple(
        Layer(random.uniform(-1.0, 1.0, (n, m)) / n**0.5, random.uniform(-1.0, 1.0, m) / n**0.5, None, activation)
        for n, m, activation in zip(widths, widths[1:], activations, strict=False)
    )
