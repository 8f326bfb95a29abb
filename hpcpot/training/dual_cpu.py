"""The element-wise work of `dual` for tanh on a CPU: one pass over the arrays in place of ten."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from hpcpot.compiled import njit


def bend(u: Tensor, x: Tensor, timestep: Tensor | None, resnet: bool) -> Tensor:
    """z = y idt (+ skip) and z1 = (1 - y^2) u1 idt (+ skip) of y = tanh(u), which takes the place of u.

    Args:
        u: (2 p, m), x W + b above and x1 W below. x: (2 p, k), input and its slope.
    Returns:
        (2 p, m).
    """
    above = u.numpy()[: len(u) // 2]
    np.tanh(above, out=above)
    z = u.new_empty(u.shape)
    factors = above[:0, 0] if timestep is None else timestep.detach().numpy()
    _bend(u.numpy(), x.numpy() if resnet else u.numpy()[:, :0], factors, z.numpy())
    return z


def bend_back(yu: Tensor, g: Tensor, timestep: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The gradient with respect to u and u1, (2 p, m), and to idt, from that with respect to z and z1.

    Args:
        yu: (2 p, m), y above and u1 below. g: (2 p, m).
    """
    back, of_timestep = g.new_empty(g.shape), None
    factors = np.zeros(0, yu.numpy().dtype)
    if timestep is not None:
        factors, of_timestep = timestep.detach().numpy(), timestep.new_zeros(timestep.shape)
    _bend_back(yu.numpy(), g.numpy(), factors, back.numpy(), factors if of_timestep is None else of_timestep.numpy())
    return back, of_timestep


@njit(error_model="numpy")
def _bend(u, x, factors, z):
    p, m, k = len(u) // 2, u.shape[1], x.shape[1]
    unity = u.dtype.type(1)
    for n in range(p):
        for c in range(m):
            y = u[n, c]
            z[n, c] = y
            z[n + p, c] = (unity - y * y) * u[n + p, c]
        if len(factors):
            for c in range(m):
                z[n, c] *= factors[c]
                z[n + p, c] *= factors[c]
        if k:
            for start in range(0, m - k + 1, k):
                for c in range(k):
                    z[n, start + c] += x[n, c]
                    z[n + p, start + c] += x[n + p, c]


@njit(error_model="numpy")
def _bend_back(yu, g, factors, back, of_factors):
    p, m = len(yu) // 2, yu.shape[1]
    unity, two = yu.dtype.type(1), yu.dtype.type(2)
    for n in range(p):
        if len(factors):
            for c in range(m):
                y, u1 = yu[n, c], yu[n + p, c]
                of_factors[c] += g[n, c] * y + g[n + p, c] * (unity - y * y) * u1
                back[n, c], back[n + p, c] = g[n, c] * factors[c], g[n + p, c] * factors[c]
        else:
            for c in range(m):
                back[n, c], back[n + p, c] = g[n, c], g[n + p, c]
        for c in range(m):
            y = yu[n, c]
            slope, a1 = unity - y * y, back[n + p, c]
            back[n, c] = slope * (back[n, c] - two * y * yu[n + p, c] * a1)
            back[n + p, c] = slope * a1
