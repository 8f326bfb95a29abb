"""Networks with derivatives, and the gradients of both with respect to the parameters, by hand.

Values and their derivatives along a curve go through a layer together, one above the other in one array, so that each
layer is one matrix product.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hpcpot.potential.network import Layer, activate
from hpcpot.training import dual_cpu

Kind = tuple[str, bool, bool]
"""Of a layer: activation, whether it has a skip, whether it has a timestep."""


def value_and_slope(layers: tuple[Layer, ...], x: Tensor) -> Tensor:
    """Output of the layers and its derivative along a curve x(r), differentiable in the parameters.

    As hpcpot.potential.network.along, without the second derivative.

    Args:
        x: (2 p, in), x above and dx/dr below; constants.
    Returns:
        (2 p, out), the same of the output.
    """
    return _Dual.apply(x, _kinds(layers), *_tensors(layers))


def value_and_gradient(layers: tuple[Layer, ...], x: Tensor) -> tuple[Tensor, Tensor]:
    """Output of the layers, which is one number, and its gradient, differentiable in x and in the parameters.

    The derivative of <g, dE/dx> is that of E along g: the pass back is one along a curve, and its own way back.

    Args:
        x: (n, in).
    Returns:
        (n, 1) and (n, in).
    """
    return _Fitted.apply(x, _kinds(layers), *_tensors(layers))


def _kinds(layers: tuple[Layer, ...]) -> tuple[Kind, ...]:
    return tuple((layer.activation, layer.resnet, layer.timestep is not None) for layer in layers)


def _tensors(layers: tuple[Layer, ...]) -> list[Tensor]:
    return [t for layer in layers for t in (layer.weights, layer.bias, layer.timestep) if t is not None]


def _by_layer(kinds: tuple[Kind, ...], tensors: list[Tensor]) -> list[tuple[str, bool, Tensor, Tensor, Tensor | None]]:
    """Activation, skip, weights, bias, timestep of each layer."""
    left = iter(tensors)
    return [
        (activation, resnet, next(left), next(left), next(left) if has_timestep else None)
        for activation, resnet, has_timestep in kinds
    ]


class _Dual(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kinds: tuple[Kind, ...], *tensors: Tensor) -> Tensor:
        saved, p = [], len(x) // 2
        for activation, resnet, weights, bias, timestep in _by_layer(kinds, list(tensors)):
            u = x @ weights
            u[:p] += bias
            saved += [x, u]
            x = _bend(activation, u, x, timestep, resnet)
        ctx.kinds, ctx.n = kinds, len(tensors)
        ctx.save_for_backward(*tensors, *saved)
        return x

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple:
        tensors, saved = ctx.saved_tensors[: ctx.n], list(ctx.saved_tensors[ctx.n :])
        gradients: list[Tensor] = []
        layers = _by_layer(ctx.kinds, list(tensors))
        for k, (activation, resnet, weights, _, timestep) in reversed(list(enumerate(layers))):
            u, x = saved.pop(), saved.pop()
            back, of_timestep = _bend_back(activation, u, g, timestep)
            of_layer = [x.T @ back, back[: len(back) // 2].sum(0), of_timestep]
            gradients = [t for t in of_layer if t is not None] + gradients
            if k:
                g = _below(back, weights, g, resnet)
        return None, None, *gradients


class _Fitted(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kinds: tuple[Kind, ...], *tensors: Tensor) -> tuple[Tensor, Tensor]:
        layers, saved = _by_layer(kinds, list(tensors)), []
        for activation, resnet, weights, bias, timestep in layers:
            y, slope, curvature = activate(activation, torch.addmm(bias, x, weights))
            saved.append((x, y, slope, curvature))
            x = _with_skip(y if timestep is None else y * timestep, x, resnet)
        g, above = torch.ones_like(x), []
        for (_, resnet, weights, _, timestep), (_, _, slope, _) in zip(reversed(layers), reversed(saved), strict=True):
            above.append(g)
            g = _below(slope * (g if timestep is None else g * timestep), weights, g, resnet)
        ctx.kinds, ctx.n = kinds, len(tensors)
        ctx.save_for_backward(*tensors, *(t for row in saved for t in row), *reversed(above))
        return x, g

    @staticmethod
    def backward(ctx: Any, of_value: Tensor, of_gradient: Tensor) -> tuple:
        """Along x1 = of_gradient; then back, from of_value for the values and 1 for the slopes, whose way is known."""
        stored, n = list(ctx.saved_tensors), ctx.n
        layers, count = _by_layer(ctx.kinds, stored[:n]), len(ctx.kinds)
        saved = [stored[n + 4 * k : n + 4 * k + 4] for k in range(count)]
        above, x1, along = stored[n + 4 * count :], of_gradient, []
        for (_, resnet, weights, _, timestep), (_, _, slope, _) in zip(layers, saved, strict=True):
            u1 = x1 @ weights
            along.append((x1, u1))
            z1 = slope * u1
            x1 = _with_skip(z1 if timestep is None else z1 * timestep, x1, resnet)
        a, gradients = of_value, []
        for k in reversed(range(count)):
            (_, resnet, weights, _, timestep), (x, y, slope, curvature) = layers[k], saved[k]
            (x1, u1), a1 = along[k], above[k]
            of_timestep = [] if timestep is None else [(a * y + a1 * slope * u1).sum(0)]
            b, b1 = (a, a1) if timestep is None else (a * timestep, a1 * timestep)
            back, back1 = slope * b + curvature * u1 * b1, slope * b1
            gradients = [torch.cat([x, x1]).T @ torch.cat([back, back1]), back.sum(0), *of_timestep, *gradients]
            a = _below(back, weights, a, resnet)
        return a, None, *gradients


def _bend(activation: str, u: Tensor, x: Tensor, timestep: Tensor | None, resnet: bool) -> Tensor:
    """See `dual_cpu.bend`; for any activation and device; u stays as it is unless it is that one which works."""
    if activation == "tanh" and not u.is_cuda:
        return dual_cpu.bend(u, x, timestep, resnet)
    p = len(u) // 2
    y, slope, _ = activate(activation, u[:p])
    z = torch.cat([y, slope * u[p:]])
    return _with_skip(z if timestep is None else z * timestep, x, resnet)


def _bend_back(activation: str, u: Tensor, g: Tensor, timestep: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """See `dual_cpu.bend_back`."""
    if activation == "tanh" and not u.is_cuda:
        return dual_cpu.bend_back(u, g.contiguous(), timestep)
    p = len(u) // 2
    y, slope, curvature = activate(activation, u[:p])
    a, a1, u1 = g[:p], g[p:], u[p:]
    of_timestep = None
    if timestep is not None:
        of_timestep = (a * y + a1 * slope * u1).sum(0)
        a, a1 = a * timestep, a1 * timestep
    return torch.cat([slope * a + curvature * u1 * a1, slope * a1]), of_timestep


def _with_skip(z: Tensor, x: Tensor, resnet: bool) -> Tensor:
    """z + x, or z + [x, x] where z is twice as wide; in place, so z must be of its own."""
    if not resnet:
        return z
    width = x.shape[1]
    z = z.clone()
    for start in range(0, z.shape[1], width):
        z[:, start : start + width] += x
    return z


def _below(back: Tensor, weights: Tensor, g: Tensor, resnet: bool) -> Tensor:
    """The gradient with respect to a layer's input, from those with respect to u (back) and to its output (g)."""
    below = back @ weights.T
    if resnet:
        for start in range(0, g.shape[1], below.shape[1]):
            below += g[:, start : start + below.shape[1]]
    return below
