"""Networks as tensors: the layers of a family with leaves in the place of arrays, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hpcpot.potential.network import Layer
from hpcpot.training import dual


class Net(tuple):
    """Layers of tensors, with the derivatives that training needs in one node of torch's graph each."""

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See `hpcpot.potential.network.value_and_gradient`."""
        return dual.value_and_gradient(self, x)


def to_torch(layers: tuple[Layer, ...], parameters: list[Tensor], dtype: torch.dtype, device: torch.device) -> Net:
    """The layers with leaf tensors, which are added to `parameters`."""

    def leaf(values: np.ndarray) -> Tensor:
        parameters.append(torch.tensor(values, dtype=dtype, device=device, requires_grad=True))
        return parameters[-1]

    return Net(_mapped(layer, leaf) for layer in layers)


def to_numpy(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """The layers with copies of their values, float64."""
    return tuple(_mapped(layer, lambda values: values.detach().cpu().double().numpy().copy()) for layer in layers)


def _mapped(layer: Layer, change: Callable[[Any], Any]) -> Layer:
    timestep = None if layer.timestep is None else change(layer.timestep)
    return replace(layer, weights=change(layer.weights), bias=change(layer.bias), timestep=timestep)
