"""A Deep Potential in fewer radial functions and fewer invariants: what makes it fast on a CPU.

The 100 outputs of an embedding net are functions of one number, s(r), and smooth: over the distances that occur they
span 20 to 40 functions to nearly machine precision. With U the leading functions of a weighted singular value
decomposition, R_c(r) = sum_k U_k(r) V_kc for each pair of species, so that

    A[a, c] = sum_t sum_k A'[t, a, k] V_t[k, c]            moments over U, kept apart by neighbour species t
    A_<[a, m] = sum_q T[a, q] Q[m, q]                      T = sum_t A'_t P_t, the 16 columns in their singular vectors
    D[c, m] W[c, m, o] = D'[t, k, q] W'[t, k, q, o]        D'[t, k, q] = sum_a A'[t, a, k] T[a, q]

and the loops over pairs and the first layer of the fitting network work on A' and D' alone. Both U and T come in falling
size, so the product of two small ones does not matter: D'[t, k, q] is kept for k < n_tq only, where its bound times its
weights reaches a given share of the largest. A neighbour species that a block of atoms lacks altogether, as in bulk Si or
Li, has one function only: its empty slots. Nothing is fitted; tests hold energies and forces to 1e-7 eV and 1e-6 eV/Å
in float64, and to 1e-4 eV/Å in mixed precision.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from hpcpot.errors import ModelError
from hpcpot.potential.deep_potential import readout as readout_cpu
from hpcpot.potential.deep_potential.model import DeepPotential
from hpcpot.potential.moments.sets import Curves, MomentSet
from hpcpot.potential.network import Layer, activate


class Precision(NamedTuple):
    """Type of the numbers, and how much is left out.

    Attributes:
        dtype: of tables, moments and network.
        single: largest influence of the functions whose invariants are multiplied in float32, relative to the largest:
            their rounding then counts 6e-8 times that.
        radial: largest part of a radial function, and of its slope * 1 Å, left out beyond NEAR, relative to the largest.
        invariants: largest influence of an invariant on the first fitting layer that is left out, relative to the largest.
        tables: error of the tables, see tables.build.
    """

    dtype: type
    single: float
    radial: float
    invariants: float
    tables: float


PRECISIONS = {
    "float64": Precision(np.float64, 1.0e-3, 1.0e-6, 8.0e-8, 1.0e-7),
    "mixed": Precision(np.float32, np.inf, 3.0e-6, 1.0e-5, 1.0e-6),
}

NEAR, NEAR_TOLERANCE = 0.9, 1.0e-4
"""Å; closer than bonds are (but H-H's), where forces are hundreds of eV/Å, radial functions are kept to this or `radial`."""

EMPTY_SIZE = 1.0
"""Of the moment 1 that stands for an absent species, where the sizes of functions are compared."""

SAMPLES = 1000
"""Distances at which radial functions are compared: with twice as many, as many functions are kept; with half, fewer."""

LANES = 4
"""Numbers of functions and of kept invariants are multiples of this, for vector loops."""


class Part(NamedTuple):
    """Invariants D'[t, q, k] of some functions k of one neighbour species t, next to one another.

    Attributes:
        offset, channels: of the functions, among those of all t.
        single: whether they are float32. start: where they begin among the float64 or the float32 invariants.
        kept: (axis,) int64, how many of them for each q.
        mask: (axis, k) float, 1 for k < kept, else 0.
    """

    offset: int
    channels: int
    single: bool
    start: int
    kept: np.ndarray
    mask: np.ndarray


class FirstLayer(NamedTuple):
    """The first fitting layer of a centre species over the invariants D', for given neighbour species.

    Attributes:
        offsets: (t + 1,) int64, where the functions of t begin among all.
        project: (k of all t, axis) float, P: T = A' P.
        parts: which invariants there are.
        weights: their weights, of those in float64 and of those in float32; None where there are none.
        layers: the fitting network (the weights of its first layer are those above).
        empty: (t, k of all t) float, what an empty slot of type t adds to A'[0].
        largest: influence of an invariant, by its bound and weights, to which those of all were compared.
    """

    offsets: np.ndarray
    project: np.ndarray
    parts: list[Part]
    weights: tuple[np.ndarray | None, np.ndarray | None]
    layers: tuple[Layer, ...]
    empty: np.ndarray
    largest: float


class Readout:
    """Energies and gradients as DeepPotential.readout, of the reduced moments.

    Attributes:
        radial: radial[i][t], r (points,) -> Curves of the functions U of centre species i and neighbour species t.
        widths: (species, species) int64, how many they are.
    """

    def __init__(self, family: DeepPotential, closest: float, precision: str):
        self._full, species = family.moment_sets()[0], range(len(family.elements))
        self.family = family
        self._precision = PRECISIONS[precision]
        self._leading = [
            [_leading(self._full, i, t, closest, self._precision.radial) for t in species] for i in species
        ]
        self.radial = [
            [partial(_functions, self._full, i, t, self._leading[i][t][0]) for t in species] for i in species
        ]
        self.widths = np.array([[len(v) for v, _ in row] for row in self._leading])
        self._first: dict[tuple[int, int], FirstLayer] = {}
        self._buffers: dict[tuple[str, int], np.ndarray] = {}

    def first_layer(self, i: int, present: int) -> FirstLayer:
        """First layer of centre species i with the neighbour species whose bits are set in `present`."""
        if (i, present) not in self._first:
            everything = (1 << len(self.widths)) - 1
            largest = None if present == everything else self.first_layer(i, everything).largest
            self._first[i, present] = _first_layer(
                self.family, self._full, i, self._leading[i], present, self._precision, largest
            )
        return self._first[i, present]

    def __call__(self, i: int, present: int, a_nak: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies of centres of species i, with those neighbour species, and their gradient.

        Args:
            a_nak: (n, 4, k of all t), to which the empty slots are added. counts: (n, t), neighbours by type.
        Returns:
            (n,) float64 eV and (n, 4, k); the gradient is overwritten by the next call.
        """
        own, axis = self.first_layer(i, present), self.family.axis
        n, layers = len(a_nak), own.layers
        vacant = (self.family.slots - counts).astype(a_nak.dtype)
        a_nak[:, 0] += vacant @ own.empty
        low = self._buffer("low", n * 4, axis)
        np.matmul(a_nak.reshape(n * 4, -1), own.project, out=low)
        low = low.reshape(n, 4, axis)
        invariants = [self._invariants_buffer("invariants", n, own, single) for single in (False, True)]
        for part in own.parts:
            readout_cpu.invariants(part.channels)(
                a_nak, part.offset, low, part.kept, part.start, invariants[part.single]
            )
        x, slope = self._activate(0, layers[0], self._first_product(own, invariants), None)
        slopes = [slope]
        for k, layer in enumerate(layers[1:], 1):
            z = np.matmul(x, layer.weights, out=self._buffer(f"z{k}", n, layer.weights.shape[1]))
            x, slope = self._activate(k, layer, z, x)
            slopes.append(slope)
        # The last layer is linear: its gradient is its weights.
        gradient = np.broadcast_to(layers[-1].weights[:, 0], layers[-1].weights.shape[::-1])
        for k in reversed(range(1, len(layers) - 1)):
            gradient = self._backward(k, layers[k], slopes[k], gradient)
        by_invariants = self._first_gradient(own, np.multiply(gradient, slopes[0], out=slopes[0]))
        b_nak, by_low = self._buffer("gradient", n * 4, a_nak.shape[2]), self._buffer("by low", n * 4, axis)
        by_low[...] = 0.0
        for part in own.parts:
            readout_cpu.gradient(part.channels)(
                a_nak,
                part.offset,
                low,
                part.kept,
                part.mask,
                part.start,
                by_invariants[part.single],
                by_low.reshape(n, 4, axis),
                b_nak.reshape(a_nak.shape),
            )
        b_nak += np.matmul(by_low, own.project.T, out=self._buffer("through low", n * 4, a_nak.shape[2]))
        b_nak = b_nak.reshape(a_nak.shape)
        return x[:, 0].astype(float) + self.family.energy_shift[i], b_nak

    def _buffer(self, name: str, n: int, width: int, single: bool = False) -> np.ndarray:
        """The first n rows of an array that is kept from call to call; as `Precision.dtype`, or float32."""
        key = (name, width)
        if key not in self._buffers or len(self._buffers[key]) < n:
            # One more row, since the loops over a row may run past its end.
            self._buffers[key] = np.zeros((n + 1, width), np.float32 if single else self._precision.dtype)
        return self._buffers[key][:n]

    def _invariants_buffer(self, name: str, n: int, own: FirstLayer, single: bool) -> np.ndarray:
        """Room for the invariants of one type, and for what is written past the last of a row."""
        weights = own.weights[single]
        width = 0 if weights is None else len(weights) + max(part.channels for part in own.parts)
        return self._buffer(f"{name} {single}", n, width, single)

    def _first_product(self, own: FirstLayer, invariants: list[np.ndarray]) -> np.ndarray:
        """D' W' of the first layer."""
        n, width, products = len(invariants[0]), len(own.layers[0].bias), []
        for single, weights in enumerate(own.weights):
            if weights is not None:
                out = self._buffer(f"z0 {single}", n, width, bool(single))
                products.append(np.matmul(invariants[single][:, : len(weights)], weights, out=out))
        if len(products) == 2:
            products[0] += products[1]
        return products[0]

    def _first_gradient(self, own: FirstLayer, through: np.ndarray) -> list[np.ndarray]:
        """dE/dD', in float64 and in float32, from dE/d(D' W')."""
        gradients = []
        for single, weights in enumerate(own.weights):
            gradients.append(self._invariants_buffer("by invariants", len(through), own, bool(single)))
            if weights is not None:
                left = through.astype(np.float32) if single else through
                np.matmul(left, weights.T, out=gradients[single][:, : len(weights)])
        return gradients

    def _activate(
        self, k: int, layer: Layer, z: np.ndarray, x: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Output of a layer and its slope, from the product z = x W; x is None for the first layer, which has no skip."""
        n, width = z.shape
        if layer.activation == "linear" and layer.timestep is None and not layer.resnet:
            z += layer.bias
            return z, None
        slope = self._buffer(f"slope{k}", n, width)
        timestep = np.ones(width, z.dtype) if layer.timestep is None else layer.timestep
        if layer.activation == "tanh":
            (readout_cpu.tanh_layer if z.dtype == np.float64 else readout_cpu.tanh_layer_32)(
                z, layer.bias, timestep, slope
            )
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

    def _backward(self, k: int, layer: Layer, slope: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        n, width = len(slope), layer.weights.shape[0]
        through = np.multiply(gradient, slope, out=slope)
        below = np.matmul(through, layer.weights.T, out=self._buffer(f"below{k}", n, width))
        if layer.resnet:
            below += gradient[:, :width]
            if layer.weights.shape[1] == 2 * width:
                below += gradient[:, width:]
        return below


def _leading(full: MomentSet, i: int, t: int, closest: float, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """The functions U = R V^T.

    Returns:
        V (k, c) with orthonormal rows: the fewest, in LANES, that keep R and R' to the tolerances above; and (k,) the
        largest value or slope * 1 Å of each U_k w beyond NEAR.
    """
    r = np.linspace(closest, full.cutoff, SAMPLES)
    value, slope, _ = full.radial(r, i, t)
    allowed = np.where(r < NEAR, max(NEAR_TOLERANCE, tolerance), tolerance) * np.abs(value).max()
    allowed[-1] *= 0.01  # the cutoff stands for empty slots, of which an atom has a hundred
    rows = np.concatenate([value, slope]) / np.tile(allowed, 2)[:, None]
    if not np.isfinite(rows).all():
        raise ModelError(
            f"potential.file: embedding of types {i} and {t} = 0 everywhere, or not finite: must be numbers, not "
            "all of them 0; is the file damaged?"
        )
    _, size, v = np.linalg.svd(np.linalg.qr(rows, mode="r"))
    # The largest number is no less than the root mean square, which the sizes of the functions left out give.
    k, left, tail = 0, rows, np.cumsum(size[::-1] ** 2)[::-1]
    while k < len(v) and np.abs(left).max() >= 1.0:
        more = slice(k, max(k + 1, np.count_nonzero(tail >= rows.size)))
        left = left - (left @ v[more].T) @ v[more]
        k = min(more.stop, len(v))
    v = v[: -(-k // LANES) * LANES]
    weight = np.abs(full.weights(r, i, t)[0]).max(axis=1)[:, None]
    sizes = weight * np.maximum(np.abs(value @ v.T), np.abs(slope @ v.T))
    return v, sizes[r >= min(NEAR, r[-1])].max(axis=0)


def _functions(full: MomentSet, i: int, t: int, mixing: np.ndarray, r: np.ndarray) -> Curves:
    """U(r) = R(r) V^T."""
    return tuple(curve @ mixing.T for curve in full.radial(r, i, t))


def _first_layer(
    family: DeepPotential,
    full: MomentSet,
    i: int,
    leading: list[tuple[np.ndarray, np.ndarray]],
    present: int,
    precision: Precision,
    largest: float | None,
) -> FirstLayer:
    """The invariants that matter for centre species i, and the first layer over them.

    Args:
        leading: see `_leading`, of each neighbour species.
        largest: influence to which the others are compared; None for the largest of these.
    """
    axis, layers, dtype, species = family.axis, family.fittings[i], precision.dtype, range(len(leading))
    empty_slots, is_present = family.empty_slots(i), [bool(present >> t & 1) for t in species]
    # Of an absent species all slots are empty: one function, whose moment is 1 in a = 0.
    rows_k = [v if is_present[t] else family.slots[t] * empty_slots[t : t + 1] for t, (v, _) in enumerate(leading)]
    offsets, stacked = np.cumsum([0, *(len(v) for v in rows_k)]), np.concatenate(rows_k)
    sizes = np.concatenate([own if is_present[t] else [EMPTY_SIZE] for t, (_, own) in enumerate(leading)])
    _, scale, rotation = np.linalg.svd(stacked[:, :axis] * sizes[:, None])
    scale = np.pad(scale, (0, axis - len(scale)))
    weights = np.tensordot(stacked, layers[0].weights.reshape(full.channels, axis, -1), axes=1)
    weights = np.einsum("kmo,qm->qko", weights, rotation)
    influence = np.linalg.norm(weights, axis=2) * scale[:, None] * sizes
    largest = float(influence.max()) if largest is None else largest
    matters = influence > precision.invariants * largest
    parts, chosen = [], ([], [])
    empty = np.zeros((len(leading), len(stacked)))
    for t in species:
        k = np.arange(offsets[t], offsets[t + 1])
        # The orthonormal rows give what an empty slot adds: the radial functions at the cutoff, where s = 0.
        empty[t, k] = empty_slots[t] @ rows_k[t].T if is_present[t] else 1.0 / family.slots[t]
        leading = _leading_in_float64(influence[:, k].max(axis=0) / largest, precision) if is_present[t] else 1
        for single, own in ((False, k[:leading]), (True, k[leading:])):
            if len(own):
                kept = _counts(matters[:, own]) if is_present[t] else np.ones(axis, np.int64)
                start = sum(len(rows) for rows in chosen[single])
                mask = (np.arange(len(own)) < kept[:, None]).astype(dtype)
                parts.append(Part(int(own[0]), len(own), single, start, kept, mask))
                chosen[single].extend(weights[q, own[: kept[q]]] for q in range(axis))
    first = tuple(
        np.ascontiguousarray(np.concatenate(rows), np.float32 if single else dtype) if rows else None
        for single, rows in enumerate(chosen)
    )
    project = np.ascontiguousarray(stacked[:, :axis] @ rotation.T, dtype)
    typed = tuple(_as_type(layer, dtype) for layer in layers)
    return FirstLayer(offsets, project, parts, first, typed, empty.astype(dtype), largest)


def _leading_in_float64(influence_k: np.ndarray, precision: Precision) -> int:
    """Up to which function, in LANES, some invariant's rounding in float32 would count."""
    last = np.flatnonzero(influence_k >= precision.single).max(initial=-1) + 1
    return min(-(-last // LANES) * LANES, len(influence_k))


def _counts(matters_qk: np.ndarray) -> np.ndarray:
    """n_q: up to which k, in LANES, an invariant matters, for each q."""
    last = np.array([np.flatnonzero(row).max(initial=-1) + 1 for row in matters_qk])
    return np.minimum(-(-last // LANES) * LANES, matters_qk.shape[1])


def _as_type(layer: Layer, dtype: type) -> Layer:
    timestep = None if layer.timestep is None else layer.timestep.astype(dtype)
    weights = np.ascontiguousarray(layer.weights, dtype)
    return replace(layer, weights=weights, bias=layer.bias.astype(dtype), timestep=timestep)
