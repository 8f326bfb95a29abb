"""A network of one variable with its derivative, and the gradient of both with respect to the parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hpcpot.potential.network import Layer, activate


def value_and_slope(layers: tuple[Layer, ...], x: Tensor, x1: Tensor) -> tuple[Tensor, Tensor]:
    """Output of the layers at x and its derivative along a curve x(r), differentiable in the parameters.

    As hpcpot.potential.network.along, without the second derivative; one node of torch's graph, with the gradient by hand.

    Args:
        x, x1: (p, in), x and dx/dr; constants.
    Returns:
        (p, out) each.
    """
    kinds = tuple((layer.activation, layer.resnet, layer.timestep is not None) for layer in layers)
    tensors = [t for layer in layers for t in (layer.weights, layer.bias, layer.timestep) if t is not None]
    return _Dual.apply(x, x1, kinds, *tensors)


class _Dual(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, x1: Tensor, kinds: tuple, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        saved, given = [], iter(tensors)
        for activation, resnet, has_timestep in kinds:
            weights, bias = next(given), next(given)
            u1 = x1 @ weights
            y, slope, curvature = activate(activation, torch.addmm(bias, x, weights))
            saved += [x, x1, u1, slope, curvature]
            z1 = slope * u1
            if has_timestep:
                timestep = next(given)
                saved += [y, z1]
                y, z1 = y * timestep, z1 * timestep
            if resnet:
                # In place unless y is kept: the slope of tanh above was made from it already.
                y, z1 = _add_skip(y, x), _add_skip(z1, x1)
            x, x1 = y, z1
        ctx.kinds = kinds
        ctx.save_for_backward(*tensors, *saved)
        ctx.n_tensors = len(tensors)
        return x, x1

    @staticmethod
    def backward(ctx: Any, g: Tensor, g1: Tensor) -> tuple:
        """With z = y idt, z1 = slope u1 idt: d/du = slope g + curvature u1 g1, d/du1 = slope g1 (times idt)."""
        tensors, saved = list(ctx.saved_tensors[: ctx.n_tensors]), list(ctx.saved_tensors[ctx.n_tensors :])
        gradients: list[Tensor] = []
        for k, (_, resnet, has_timestep) in reversed(list(enumerate(ctx.kinds))):
            timestep = tensors.pop() if has_timestep else None
            if has_timestep:
                z1 = saved.pop()
                y = saved.pop()
            tensors.pop()
            weights = tensors.pop()
            curvature, slope, u1, x1, x = (saved.pop() for _ in range(5))
            a, a1 = g, g1
            if has_timestep:
                gradients.insert(0, (g * y).sum(0) + (g1 * z1).sum(0))
                a, a1 = g * timestep, g1 * timestep
            back = torch.addcmul(slope * a, curvature.mul_(u1), a1)
            back1 = slope * a1
            gradients.insert(0, back.sum(0))
            gradients.insert(0, torch.addmm(x1.T @ back1, x.T, back))
            if k:
                below, below1 = back @ weights.T, back1 @ weights.T
                if resnet:
                    _add_skip_back(below, g)
                    _add_skip_back(below1, g1)
                g, g1 = below, below1
        return None, None, None, *gradients


def _add_skip(z: Tensor, x: Tensor) -> Tensor:
    width = x.shape[1]
    z = z.clone()
    z[:, :width] += x
    if z.shape[1] == 2 * width:
        z[:, width:] += x
    return z


def _add_skip_back(below: Tensor, g: Tensor) -> None:
    width = below.shape[1]
    below += g[:, :width]
    if g.shape[1] == 2 * width:
        below += g[:, width:]
