"""The loops of a Deep Potential's readout between its matrix products: tanh layers, invariants and their gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from hpcpot.compiled import FASTMATH, njit


@njit(fastmath=FASTMATH, error_model="numpy")
def tanh_layer(z, bias, timestep, slope):
    """t = tanh(z + bias): z = t timestep, slope = (1 - t^2) timestep.

    tanh x = (1 - e) / (1 + e) with e = exp(-2 |x|) = exp(-2 |x| / 64)^64, whose inner exponential is a Taylor series
    around the middle of its range: straight lines of code, which vectorise. Error below 1e-14.
    """
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            x = z[n, c] + bias[c]
            w = 0.3125 - min(abs(x), 20.0) * (1.0 / 32.0)
            e = 1.0 / 479001600.0
            e = e * w + 1.0 / 39916800.0
            e = e * w + 1.0 / 3628800.0
            e = e * w + 1.0 / 362880.0
            e = e * w + 1.0 / 40320.0
            e = e * w + 1.0 / 5040.0
            e = e * w + 1.0 / 720.0
            e = e * w + 1.0 / 120.0
            e = e * w + 1.0 / 24.0
            e = e * w + 1.0 / 6.0
            e = e * w + 0.5
            e = e * w + 1.0
            e = (e * w + 1.0) * 0.7316156289466418
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            e = e * e
            t = (1.0 - e) / (1.0 + e)
            t = t if x > 0.0 else -t
            slope[n, c] = (1.0 - t * t) * timestep[c]
            z[n, c] = t * timestep[c]


@njit(fastmath=FASTMATH, error_model="numpy")
def tanh_layer_32(z, bias, timestep, slope):
    """tanh_layer in float32, by the rational function x P(x^2) / Q(x^2) on [-7.9, 7.9]; error below 5e-7."""
    unity, edge = np.float32(1.0), np.float32(7.905311)
    p13, p11, p9 = (
        np.float32(-2.76076847742355e-16),
        np.float32(2.00018790482477e-13),
        np.float32(-8.60467152213735e-11),
    )
    p7, p5, p3 = np.float32(5.12229709037114e-08), np.float32(1.48572235717979e-05), np.float32(6.37261928875436e-04)
    p1, q6, q4 = np.float32(4.89352455891786e-03), np.float32(1.19825839466702e-06), np.float32(1.18534705686654e-04)
    q2, q0 = np.float32(2.26843463243900e-03), np.float32(4.89352518554385e-03)
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            x = min(max(z[n, c] + bias[c], -edge), edge)
            s = x * x
            t = x * ((((((p13 * s + p11) * s + p9) * s + p7) * s + p5) * s + p3) * s + p1)
            t = t / (((q6 * s + q4) * s + q2) * s + q0)
            slope[n, c] = (unity - t * t) * timestep[c]
            z[n, c] = t * timestep[c]


@cache
def invariants(channels: int) -> Callable:
    """D'[t, q, k] = sum_a A'[t, a, k] T[a, q] for one t, the number of functions as a constant.

    Rows are written whole, and what is beyond their kept part is written over by the next; so rows of d_nd need room
    for one more at their end.
    """

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(a_nak, offset, low_naq, kept_q, column, d_nd):
        for n in range(a_nak.shape[0]):
            # Slices, since an index known not to be negative is what lets these loops vectorise.
            a0, a1 = a_nak[n, 0, offset : offset + channels], a_nak[n, 1, offset : offset + channels]
            a2, a3 = a_nak[n, 2, offset : offset + channels], a_nak[n, 3, offset : offset + channels]
            to = column
            for q in range(len(kept_q)):
                y0, y1, y2, y3 = low_naq[n, 0, q], low_naq[n, 1, q], low_naq[n, 2, q], low_naq[n, 3, q]
                d = d_nd[n, to : to + channels]
                for k in range(channels):
                    d[k] = y0 * a0[k] + y1 * a1[k] + y2 * a2[k] + y3 * a3[k]
                to += kept_q[q]

    return kernel


@cache
def gradient(channels: int) -> Callable:
    """Gradients for one t: dE/dA'[a, k] by D' with T fixed, and dE/dT[a, q] added to by_low.

    Rows of g_nd are read whole; `mask_qk` is 1 where they are kept, 0 beyond.
    """

    @njit(fastmath=FASTMATH, error_model="numpy")
    def kernel(a_nak, offset, low_naq, kept_q, mask_qk, column, g_nd, by_low_naq, b_nak):
        zero = a_nak.dtype.type(0.0)
        for n in range(a_nak.shape[0]):
            a0, a1 = a_nak[n, 0, offset : offset + channels], a_nak[n, 1, offset : offset + channels]
            a2, a3 = a_nak[n, 2, offset : offset + channels], a_nak[n, 3, offset : offset + channels]
            b0, b1 = b_nak[n, 0, offset : offset + channels], b_nak[n, 1, offset : offset + channels]
            b2, b3 = b_nak[n, 2, offset : offset + channels], b_nak[n, 3, offset : offset + channels]
            for k in range(channels):
                b0[k] = b1[k] = b2[k] = b3[k] = zero
            start = column
            for q in range(len(kept_q)):
                y0, y1, y2, y3 = low_naq[n, 0, q], low_naq[n, 1, q], low_naq[n, 2, q], low_naq[n, 3, q]
                g_k = g_nd[n, start : start + channels]
                s0 = s1 = s2 = s3 = zero
                for k in range(channels):
                    g = g_k[k] * mask_qk[q, k]
                    b0[k] += y0 * g
                    b1[k] += y1 * g
                    b2[k] += y2 * g
                    b3[k] += y3 * g
                    s0 += a0[k] * g
                    s1 += a1[k] * g
                    s2 += a2[k] * g
                    s3 += a3[k] * g
                by_low_naq[n, 0, q] += s0
                by_low_naq[n, 1, q] += s1
                by_low_naq[n, 2, q] += s2
                by_low_naq[n, 3, q] += s3
                start += kept_q[q]

    return kernel
