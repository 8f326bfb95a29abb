"""A Deep Potential in fewer radial functions and fewer invariants: what makes it fast on a CPU.

The 100 outputs of an embedding net are functions of one number, s(r), and smooth: over the distances that occur they
span 20 to 40 functions to nearly machine precision. With U the leading functions of a weighted singular value
decomposition, R_c(r) = sum_k U_k(r) V_kc for each pair of species, so that

    A[a, c] = sum_t sum_k A'[t, a, k] V_t[k, c]            moments over U, kept apart by neighbour species t
    A_<[a, m] = sum_q T[a, q] Q[m, q]                      T = sum_t A'_t P_t, the 16 columns in their singular vectors
    D[c, m] W[c, m, o] = D'[t, k, q] W'[t, k, q, o]        D'[t, k, q] = sum_a A'[t, a, k] T[a, q]

and the loops over pairs and the first layer of the fitting network work on A' and D' alone. Both U and T come in falling
size, so the product of two small ones does not matter: D'[t, k, q] is kept for k < n_tq only, where its bound times its
weights reaches a given share of the largest. Nothing is fitted; tests hold energies and forces to 1e-7 eV and 1e-6 eV/Å
in float64, and to 1e-4 eV/Å in mixed precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import NamedTuple

import numba
import numpy as np

from hpcpot.potential.deep_potential import DeepPotential
from hpcpot.potential.moments.sets import Curves, MomentSet
from hpcpot.potential.network import Layer, activate

FASTMATH = {"reassoc", "nsz", "contract", "arcp"}


class Precision(NamedTuple):
    """What is left out, and the type of what remains.

    Attributes:
        dtype: of tables, moments and network.
        radial: largest part of a radial function, and of its slope * 1 Å, left out beyond NEAR, relative to the largest.
        invariants: largest influence of an invariant on the first fitting layer that is left out, relative to the largest.
        tables: error of the tables, see tables.build.
    """

    dtype: type
    radial: float
    invariants: float
    tables: float


PRECISIONS = {
    "float64": Precision(np.float64, 1.0e-6, 1.5e-7, 1.0e-7),
    "mixed": Precision(np.float32, 1.0e-5, 1.0e-5, 1.0e-6),
}

NEAR, NEAR_TOLERANCE = 0.9, 1.0e-4
"""Å; closer than bonds are (but H-H's), where forces are hundreds of eV/Å, radial functions are kept to this or `radial`."""

SAMPLES = 2000

LANES = 4
"""Numbers of functions and of kept invariants are multiples of this, for vector loops."""


class FirstLayer(NamedTuple):
    """The first fitting layer of a centre species over the invariants D'.

    Attributes:
        project: (k of all t, axis) float, P: T = A' P.
        kept: (t, axis) int64, n_tq. starts: (t,) int64, where those of t begin.
        masks: masks[t] (axis, k) float, 1 for k < n_tq, else 0.
        layers: the fitting network, its first layer over the kept D'[t, q, k], in this order.
        empty: (t, k of all t) float, what an empty slot of type t adds to A'[0].
    """

    project: np.ndarray
    kept: np.ndarray
    starts: np.ndarray
    masks: list[np.ndarray]
    layers: tuple[Layer, ...]
    empty: np.ndarray


class Readout:
    """Energies and gradients as DeepPotential.readout, of the reduced moments.

    Attributes:
        radial: radial[i][t], r (points,) -> Curves of the functions U of centre species i and neighbour species t.
        offsets: (species, species + 1) int64, where those of t begin among all of i.
    """

    def __init__(self, family: DeepPotential, closest: float, precision: str):
        full, species = family.moment_sets()[0], range(len(family.elements))
        self.family = family
        self._precision = PRECISIONS[precision]
        mixing = [[_leading(full, i, t, closest, self._precision.radial) for t in species] for i in species]
        self.radial = [[partial(_functions, full, i, t, mixing[i][t]) for t in species] for i in species]
        self.offsets = np.array([np.cumsum([0, *(len(v) for v in row)]) for row in mixing])
        self._first = [_first_layer(family, full, i, mixing[i], self._precision) for i in species]
        self._buffers: dict[tuple[str, int], np.ndarray] = {}

    def __call__(self, i: int, a_nak: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies of centres of species i and their gradient.

        Args:
            a_nak: (n, 4, k of all t), to which the empty slots are added. counts: (n, t), neighbours by type.
        Returns:
            (n,) float64 eV and (n, 4, k); the gradient is overwritten by the next call.
        """
        own, axis, offsets = self._first[i], self.family.axis, self.offsets[i]
        n, layers = len(a_nak), own.layers
        vacant = (self.family.slots - counts).astype(a_nak.dtype)
        a_nak[:, 0] += vacant @ own.empty
        low = self._buffer("low", n * 4, axis)
        np.matmul(a_nak.reshape(n * 4, -1), own.project, out=low)
        low = low.reshape(n, 4, axis)
        spare, species = np.diff(offsets).max(), range(len(self.family.elements))
        x = self._buffer("invariants", n, layers[0].weights.shape[0] + spare)
        for t in species:
            _invariants(offsets[t + 1] - offsets[t])(a_nak, offsets[t], low, own.kept[t], own.starts[t], x)
        x = x[:, : layers[0].weights.shape[0]]
        slopes = []
        for k, layer in enumerate(layers):
            x, slope = self._forward(k, layer, x)
            slopes.append(slope)
        gradient = np.ones((n, 1), a_nak.dtype)
        for k in reversed(range(len(layers))):
            gradient = self._backward(k, layers[k], slopes[k], gradient)
        b_nak, by_low = self._buffer("gradient", n * 4, a_nak.shape[2]), self._buffer("by low", n * 4, axis)
        by_low[...] = 0.0
        for t in species:
            _gradient(offsets[t + 1] - offsets[t])(
                a_nak, offsets[t], low, own.kept[t], own.masks[t], own.starts[t], gradient, by_low.reshape(n, 4, axis),
                b_nak.reshape(a_nak.shape),
            )  # fmt: skip
        b_nak += np.matmul(by_low, own.project.T, out=self._buffer("through low", n * 4, a_nak.shape[2]))
        b_nak = b_nak.reshape(a_nak.shape)
        return x[:, 0].astype(float) + self.family.energy_shift[i], b_nak

    def _buffer(self, name: str, n: int, width: int) -> np.ndarray:
        """The first n rows of an array that is kept from call to call."""
        key = (name, width)
        if key not in self._buffers or len(self._buffers[key]) < n:
            # One more row, since the loops over a row may run past its end.
            self._buffers[key] = np.zeros((n + 1, width), self._precision.dtype)
        return self._buffers[key][:n]

    def _forward(self, k: int, layer: Layer, x: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        n, width = len(x), layer.weights.shape[1]
        z = np.matmul(x, layer.weights, out=self._buffer(f"z{k}", n, width))
        if layer.activation == "linear" and layer.timestep is None and not layer.resnet:
            z += layer.bias
            return z, None
        slope = self._buffer(f"slope{k}", n, width)
        timestep = np.ones(width, z.dtype) if layer.timestep is None else layer.timestep
        if layer.activation == "tanh":
            (_tanh_layer if z.dtype == np.float64 else _tanh_layer_32)(z, layer.bias, timestep, slope)
        else:
            z += layer.bias
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


def _leading(full: MomentSet, i: int, t: int, closest: float, tolerance: float) -> np.ndarray:
    """V (k, c) with orthonormal rows: the fewest, in LANES, that keep R and R' to the tolerances above."""
    r = np.linspace(closest, full.cutoff, SAMPLES)
    value, slope, _ = full.radial(r, i, t)
    allowed = np.where(r < NEAR, max(NEAR_TOLERANCE, tolerance), tolerance) * np.abs(value).max()
    allowed[-1] *= 0.01  # the cutoff stands for empty slots, of which an atom has a hundred
    rows = np.concatenate([value, slope]) / np.tile(allowed, 2)[:, None]
    _, _, v = np.linalg.svd(rows, full_matrices=False)
    for k in range(1, len(v) + 1):
        left = rows - (rows @ v[:k].T) @ v[:k]
        if np.abs(left).max() < 1.0:
            break
    return v[: -(-k // LANES) * LANES]


def _functions(full: MomentSet, i: int, t: int, mixing: np.ndarray, r: np.ndarray) -> Curves:
    """U(r) = R(r) V^T."""
    return tuple(curve @ mixing.T for curve in full.radial(r, i, t))


def _first_layer(
    family: DeepPotential, full: MomentSet, i: int, mixing: list[np.ndarray], precision: Precision
) -> FirstLayer:
    """The invariants that matter for centre species i, and the first layer over them."""
    axis, layers, dtype = family.axis, family.fittings[i], precision.dtype
    stacked = np.concatenate(mixing)
    sizes = np.concatenate([_sizes(full, i, t, v) for t, v in enumerate(mixing)])
    low_km = stacked[:, :axis]
    _, scale, rotation = np.linalg.svd(low_km * sizes[:, None], full_matrices=False)
    weights = np.tensordot(stacked, layers[0].weights.reshape(full.channels, axis, -1), axes=1)
    weights = np.einsum("kmo,qm->qko", weights, rotation)
    influence = np.linalg.norm(weights, axis=2) * scale[:, None] * sizes
    matters = influence > precision.invariants * influence.max()
    offsets = np.cumsum([0, *(len(v) for v in mixing)])
    kept, rows = np.zeros((len(mixing), axis), np.int64), []
    for t, v in enumerate(mixing):
        for q in range(axis):
            last = np.flatnonzero(matters[q, offsets[t] : offsets[t + 1]]).max(initial=-1) + 1
            kept[t, q] = min(-(-last // LANES) * LANES, len(v))
            rows.append(weights[q, offsets[t] : offsets[t] + kept[t, q]])
    reduced = [replace(layers[0], weights=np.concatenate(rows)), *layers[1:]]
    empty = np.zeros((len(mixing), len(stacked)))
    for t, v in enumerate(mixing):
        # Empty slots are the radial functions at the cutoff, where s = 0.
        empty[t, offsets[t] : offsets[t + 1]] = family.empty_slots(i)[t] @ v.T
    return FirstLayer(
        np.ascontiguousarray(low_km @ rotation.T, dtype), kept, np.cumsum([0, *kept.sum(axis=1)[:-1]]),
        [(np.arange(len(v)) < kept[t][:, None]).astype(dtype) for t, v in enumerate(mixing)],
        tuple(_as_type(layer, dtype) for layer in reduced), empty.astype(dtype),
    )  # fmt: skip


def _as_type(layer: Layer, dtype: type) -> Layer:
    timestep = None if layer.timestep is None else layer.timestep.astype(dtype)
    weights = np.ascontiguousarray(layer.weights, dtype)
    return replace(layer, weights=weights, bias=layer.bias.astype(dtype), timestep=timestep)


def _sizes(full: MomentSet, i: int, t: int, mixing: np.ndarray) -> np.ndarray:
    """Largest value or slope * 1 Å of each function U_k w beyond NEAR, (k,)."""
    r = np.linspace(NEAR, full.cutoff, SAMPLES)
    value, slope, _ = full.radial(r, i, t)
    weight = np.abs(full.weights(r, i, t)[0]).max(axis=1)[:, None]
    return (weight * np.maximum(np.abs(value @ mixing.T), np.abs(slope @ mixing.T))).max(axis=0)


@numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
def _tanh_layer(z, bias, timestep, slope):
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


@numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
def _tanh_layer_32(z, bias, timestep, slope):
    """As _tanh_layer in float32, by the rational function x P(x^2) / Q(x^2) on [-7.9, 7.9]; error below 5e-7."""
    one, edge = np.float32(1.0), np.float32(7.905311)
    p13, p11, p9 = np.float32(-2.76076847742355e-16), np.float32(2.00018790482477e-13), np.float32(-8.60467152213735e-11)
    p7, p5, p3 = np.float32(5.12229709037114e-08), np.float32(1.48572235717979e-05), np.float32(6.37261928875436e-04)
    p1, q6, q4 = np.float32(4.89352455891786e-03), np.float32(1.19825839466702e-06), np.float32(1.18534705686654e-04)
    q2, q0 = np.float32(2.26843463243900e-03), np.float32(4.89352518554385e-03)
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            x = min(max(z[n, c] + bias[c], -edge), edge)
            s = x * x
            t = x * ((((((p13 * s + p11) * s + p9) * s + p7) * s + p5) * s + p3) * s + p1)
            t = t / (((q6 * s + q4) * s + q2) * s + q0)
            slope[n, c] = (one - t * t) * timestep[c]
            z[n, c] = t * timestep[c]


@lru_cache(maxsize=None)
def _invariants(channels: int) -> Callable:
    """D'[t, q, k] = sum_a A'[t, a, k] T[a, q] for one t, the number of functions as a constant.

    Rows are written whole, and what is beyond their kept part is written over by the next; so rows of d_nd need room
    for one more at their end.
    """

    @numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
    def kernel(a_nak, offset, low_naq, kept_q, at, d_nd):
        for n in range(a_nak.shape[0]):
            # Slices, since an index known not to be negative is what lets these loops vectorise.
            a0, a1 = a_nak[n, 0, offset : offset + channels], a_nak[n, 1, offset : offset + channels]
            a2, a3 = a_nak[n, 2, offset : offset + channels], a_nak[n, 3, offset : offset + channels]
            to = at
            for q in range(len(kept_q)):
                y0, y1, y2, y3 = low_naq[n, 0, q], low_naq[n, 1, q], low_naq[n, 2, q], low_naq[n, 3, q]
                d = d_nd[n, to : to + channels]
                for k in range(channels):
                    d[k] = y0 * a0[k] + y1 * a1[k] + y2 * a2[k] + y3 * a3[k]
                to += kept_q[q]

    return kernel


@lru_cache(maxsize=None)
def _gradient(channels: int) -> Callable:
    """Of one t: dE/dA'[a, k] by D' with T fixed, and dE/dT[a, q] added to by_low.

    Rows of g_nd are read whole; `mask_qk` is 1 where they are kept, 0 beyond.
    """

    @numba.njit(cache=True, fastmath=FASTMATH, error_model="numpy")
    def kernel(a_nak, offset, low_naq, kept_q, mask_qk, at, g_nd, by_low_naq, b_nak):
        zero = a_nak.dtype.type(0.0)
        for n in range(a_nak.shape[0]):
            a0, a1 = a_nak[n, 0, offset : offset + channels], a_nak[n, 1, offset : offset + channels]
            a2, a3 = a_nak[n, 2, offset : offset + channels], a_nak[n, 3, offset : offset + channels]
            b0, b1 = b_nak[n, 0, offset : offset + channels], b_nak[n, 1, offset : offset + channels]
            b2, b3 = b_nak[n, 2, offset : offset + channels], b_nak[n, 3, offset : offset + channels]
            for k in range(channels):
                b0[k] = b1[k] = b2[k] = b3[k] = zero
            start = at
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
