"""Loops of the Chebyshev descriptor over the neighbours of some atoms side by side, as LLVM IR.

"held" has the rows below for each set of neighbours, beside those of `vectors.pairs`; "close" has CLOSE rows for each set
of neighbours within the angular cutoff, one of each lane, which are copied there; "inputs" those of the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from hpcpot.potential.vectors.emit import Data, RowEmitter, has_wide_vectors
from hpcpot.potential.vectors.pairs import DISTANCE, OWN, X, Y, Z, counted, integer, register

SPIN, ARGUMENT, CUT, CUT_SLOPE, TERM, NEXT_TERM, SIZE = range(OWN + 3, OWN + 10)
"""Rows of a set of neighbours: spin, 2 x, f_c, its slope; two of the terms f_c T_k(x) one after the other. How many rows."""

C_X, C_Y, C_Z, C_INVERSE, C_DISTANCE, C_SPIN, C_CUT, C_SLOPE, C_GX, C_GY, C_GZ, CLOSE = range(12)
"""Rows of a set of close neighbours: unit vector, 1 / r, r, spin, f_c and slope, gradient. How many rows."""

ORDERS = {False: 5, True: 12}
"""Orders that are summed in registers, plain and weighted, without and with AVX-512."""


def economized(series: Sequence[float], half: float, error: float) -> np.ndarray:
    """The shortest polynomial that is within an error of a Taylor series for |t| <= half.

    The last power is the least that a Chebyshev polynomial can replace by lower ones.
    """
    series = np.array(series, float)
    while True:
        n = len(series) - 1
        terms = np.polynomial.chebyshev.cheb2poly([0.0] * n + [1.0])
        factor = series[n] * half**n / terms[n]
        error -= abs(factor)
        if error < 0.0:
            return series
        series = (series - factor * terms / half ** np.arange(n + 1.0))[:n]


ERRORS = {8: 2e-17, 4: 5e-9}
"""Of these polynomials, in float64 and float32 (by bytes)."""

SINE = {
    size: economized([np.sin(0.5 * np.pi * k) * np.pi**k / factorial(k) for k in range(26)], 0.5, error)[1::2]
    for size, error in ERRORS.items()
}
COSINE = {
    size: economized([np.cos(0.5 * np.pi * k) * np.pi**k / factorial(k) for k in range(26)], 0.5, error)[::2]
    for size, error in ERRORS.items()
}
EXPONENTIAL = {
    size: economized([1.0 / factorial(k) for k in range(20)], 0.5 * np.log(2.0), error)
    for size, error in ERRORS.items()
}
"""sin(pi t) / t and cos(pi t) as polynomials of t^2 for |t| <= 1/2, and e^t for |t| <= ln(2) / 2."""

TILE = {False: 13, True: 28}
"""Most outputs of a layer that are summed in registers."""


def _cut(rows: RowEmitter, r: Any, inverse_cutoff: Any) -> tuple[Any, Any]:
    """f_c = (cos(pi r / R) + 1) / 2 and its slope, by their series around R / 2."""
    t = rows.fma(r, inverse_cutoff, rows.constant(-0.5))
    t2 = rows.mul(t, t)
    sine, cosine = _polynomial(rows, SINE, t2), _polynomial(rows, COSINE, t2)
    cut = rows.fma(rows.mul(t, rows.constant(-0.5)), sine, rows.constant(0.5))
    return cut, rows.mul(cosine, rows.mul(inverse_cutoff, rows.constant(-0.5 * np.pi)))


def _polynomial(rows: RowEmitter, coefficients: dict[int, np.ndarray], t: Any) -> Any:
    """Polynomial of t by Horner's scheme, as many terms as the precision needs."""
    *lower, last = coefficients[rows.bytes]
    value = rows.constant(last)
    for coefficient in lower[::-1]:
        value = rows.fma(value, t, rows.constant(coefficient))
    return value


def write_radial(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Arguments, cutoff functions and the first two terms of all sets; numbers: sets."""
    b, (sets,) = rows.builder, numbers
    inverse = rows.scalar(data["inverse_cutoffs"], 0)
    with counted(b, integer(0), sets) as q:
        first = b.mul(q, integer(SIZE))
        put = lambda row, value: rows.store(data["held"], b.add(first, integer(row)), value)  # noqa: E731
        r = rows.load(data["held"], b.add(first, integer(DISTANCE)))
        x2 = rows.fma(r, rows.mul(inverse, rows.constant(4.0)), rows.constant(-2.0))
        cut, slope = _cut(rows, r, inverse)
        put(ARGUMENT, x2)
        put(CUT, cut)
        put(CUT_SLOPE, slope)
        put(TERM, cut)
        put(NEXT_TERM, rows.mul(rows.mul(x2, rows.constant(0.5)), cut))


def radial_sums_writer(n_radial: int, half: int, several: bool) -> Callable:
    """sum_j T_k(x_j) f_j and the same times spins, to "inputs" k and half + k; numbers: sets."""

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets,) = rows.builder, numbers
        step = ORDERS[has_wide_vectors()]
        for start in range(0, n_radial, step):
            orders = range(start, min(start + step, n_radial))
            plain, weighted = ([register(b, rows.constant(0.0)) for _ in orders] for _ in range(2))
            with counted(b, integer(0), sets) as q:
                first = b.mul(q, integer(SIZE))
                place = lambda row: b.add(first, integer(row))  # noqa: B023, E731
                term, after, x2, spin = (
                    rows.load(data["held"], place(row)) for row in (TERM, NEXT_TERM, ARGUMENT, SPIN)
                )
                for k in range(len(orders)):
                    b.store(rows.add(b.load(plain[k]), term), plain[k])
                    if several:
                        b.store(rows.fma(spin, term, b.load(weighted[k])), weighted[k])
                    term, after = after, rows.sub(rows.mul(x2, after), term)
                if orders[-1] < n_radial - 1:
                    rows.store(data["held"], place(TERM), term)
                    rows.store(data["held"], place(NEXT_TERM), after)
            for k, order in enumerate(orders):
                rows.store(data["inputs"], order, b.load(plain[k]))
                if several:
                    rows.store(data["inputs"], half + order, b.load(weighted[k]))

    return write


def write_close(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Cutoff functions of the close neighbours, and gradients of zero; numbers: sets of them."""
    b, (count,) = rows.builder, numbers
    inverse = rows.scalar(data["inverse_cutoffs"], 1)
    with counted(b, integer(0), count) as c:
        first = b.mul(c, integer(CLOSE))
        cut, slope = _cut(rows, rows.load(data["close"], b.add(first, integer(C_DISTANCE))), inverse)
        zero = rows.constant(0.0)
        for row, value in ((C_CUT, cut), (C_SLOPE, slope), (C_GX, zero), (C_GY, zero), (C_GZ, zero)):
            rows.store(data["close"], b.add(first, integer(row)), value)


def _cosine(rows: RowEmitter, a: dict, c: dict) -> Any:
    return rows.fma(a[C_X], c[C_X], rows.fma(a[C_Y], c[C_Y], rows.mul(a[C_Z], c[C_Z])))


def _rows_of_close(rows: RowEmitter, data: Data, c: Any, chosen: Sequence[int]) -> dict[int, Any]:
    b = rows.builder
    first = b.mul(c, integer(CLOSE))
    return {row: rows.load(data["close"], b.add(first, integer(row))) for row in chosen}


def angular_sums_writer(n_radial: int, n_angular: int, half: int, several: bool) -> Callable:
    """sum over pairs of close neighbours of T_k(y) f f, and the same times spins; numbers: sets of them."""

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (count,) = rows.builder, numbers
        factor, shift = (rows.scalar(data["argument"], k) for k in range(2))
        chosen = (C_X, C_Y, C_Z, C_SPIN, C_CUT)
        step = ORDERS[has_wide_vectors()]
        for start in range(0, n_angular, step):
            orders = range(start, min(start + step, n_angular))
            plain, weighted = ([register(b, rows.constant(0.0)) for _ in orders] for _ in range(2))
            with counted(b, integer(1), count) as c:
                own = _rows_of_close(rows, data, c, chosen)
                with counted(b, integer(0), c) as d:
                    other = _rows_of_close(rows, data, d, chosen)
                    y = rows.fma(_cosine(rows, own, other), factor, shift)
                    y2, term = rows.add(y, y), rows.mul(own[C_CUT], other[C_CUT])
                    after, spins = rows.mul(y, term), rows.mul(own[C_SPIN], other[C_SPIN])
                    for k in range(orders[-1] + 1):
                        if k >= start:
                            b.store(rows.add(b.load(plain[k - start]), term), plain[k - start])
                            if several:
                                b.store(rows.fma(spins, term, b.load(weighted[k - start])), weighted[k - start])
                        term, after = after, rows.sub(rows.mul(y2, after), term)
            for k, order in enumerate(orders):
                rows.store(data["inputs"], n_radial + order, b.load(plain[k]))
                if several:
                    rows.store(data["inputs"], half + n_radial + order, b.load(weighted[k]))

    return write


def series_writer(n_radial: int, n_angular: int, half: int, several: bool) -> Callable:
    """Coefficients of the slopes of both series from the gradients of the inputs, to rows of "slopes" in their places.

    sum_k C_k T_k'(x) = sum_k d_k T_k(x), d_{k-1} = d_{k+1} + 2 k C_k, d_0 halved.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        for base in (0, half) if several else (0,):
            for first, count in ((base, n_radial), (base + n_radial, n_angular)):
                d = {count: rows.constant(0.0), count - 1: rows.constant(0.0)}
                for k in range(count - 1, 0, -1):
                    gradient = rows.load(data["input_gradients"], first + k)
                    d[k - 1] = rows.fma(gradient, rows.constant(2.0 * k), d[k + 1])
                for k in range(count):
                    value = rows.mul(d[0], rows.constant(0.5)) if k == 0 else d[k]
                    rows.store(data["slopes"], first + k, value)

    return write


def _series(rows: RowEmitter, data: Data, first: int, count: int, half: int, spin: Any, x2: Any) -> tuple[Any, Any]:
    """Value and slope at x of the series whose coefficients begin at row `first`, by Clenshaw's recursion."""
    results = []
    for array, length in (("input_gradients", count), ("slopes", count - 1)):
        above, current = rows.constant(0.0), rows.constant(0.0)
        value = rows.constant(0.0)
        for k in range(length - 1, -1, -1):
            coefficient = rows.load(data[array], first + k)
            if spin is not None:
                coefficient = rows.fma(spin, rows.load(data[array], half + first + k), coefficient)
            rest = rows.sub(coefficient, above)
            if k == 0:
                value = rows.fma(rows.mul(x2, rows.constant(0.5)), current, rest)
            else:
                current, above = rows.fma(x2, current, rest), current
        results.append(value)
    return results[0], results[1]


def radial_back_writer(n_radial: int, half: int, several: bool) -> Callable:
    """Gradient of the radial part to rows OWN ... of all sets; numbers: sets."""

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets,) = rows.builder, numbers
        steep = rows.mul(rows.scalar(data["inverse_cutoffs"], 0), rows.constant(2.0))
        with counted(b, integer(0), sets) as q:
            first = b.mul(q, integer(SIZE))
            own = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: E731
            value, slope = _series(rows, data, 0, n_radial, half, own(SPIN) if several else None, own(ARGUMENT))
            along = rows.fma(rows.mul(slope, steep), own(CUT), rows.mul(value, own(CUT_SLOPE)))
            for c in (X, Y, Z):
                rows.store(data["held"], b.add(first, integer(OWN + c)), rows.mul(along, own(c)))

    return write


def angular_back_writer(n_radial: int, n_angular: int, half: int, several: bool) -> Callable:
    """Gradient of the angular part to the rows C_GX ... of both close neighbours of each pair; numbers: sets of them."""

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (count,) = rows.builder, numbers
        factor, shift = (rows.scalar(data["argument"], k) for k in range(2))
        chosen = (C_X, C_Y, C_Z, C_INVERSE, C_SPIN, C_CUT, C_SLOPE)
        axes = ((C_X, C_GX), (C_Y, C_GY), (C_Z, C_GZ))
        with counted(b, integer(1), count) as c:
            own = _rows_of_close(rows, data, c, chosen)
            sums, along = [register(b, rows.constant(0.0)) for _ in axes], register(b, rows.constant(0.0))
            with counted(b, integer(0), c) as d:
                other = _rows_of_close(rows, data, d, chosen)
                cosine = _cosine(rows, own, other)
                y = rows.fma(cosine, factor, shift)
                spin = rows.mul(own[C_SPIN], other[C_SPIN]) if several else None
                value, slope = _series(rows, data, n_radial, n_angular, half, spin, rows.add(y, y))
                by_cosine = rows.mul(rows.mul(slope, factor), rows.mul(own[C_CUT], other[C_CUT]))
                turned = rows.mul(by_cosine, cosine)
                part = rows.mul(rows.mul(value, other[C_CUT]), own[C_SLOPE])
                b.store(rows.add(b.load(along), rows.fnma(turned, own[C_INVERSE], part)), along)
                part = rows.mul(rows.mul(value, own[C_CUT]), other[C_SLOPE])
                others = rows.fnma(turned, other[C_INVERSE], part)
                across = rows.mul(by_cosine, other[C_INVERSE])
                first = b.mul(d, integer(CLOSE))
                for (axis, gradient), place in zip(axes, sums, strict=True):
                    b.store(rows.fma(by_cosine, other[axis], b.load(place)), place)
                    row = b.add(first, integer(gradient))
                    change = rows.fma(across, own[axis], rows.mul(others, other[axis]))
                    rows.store(data["close"], row, rows.add(rows.load(data["close"], row), change))
            first = b.mul(c, integer(CLOSE))
            for (axis, gradient), place in zip(axes, sums, strict=True):
                row = b.add(first, integer(gradient))
                change = rows.fma(b.load(place), own[C_INVERSE], rows.mul(b.load(along), own[axis]))
                rows.store(data["close"], row, rows.add(rows.load(data["close"], row), change))

    return write


def dense_writer(widths: Sequence[int]) -> Callable:
    """Rows "out" = "weights" times rows "in", for layers with these numbers of outputs.

    Numbers: inputs and outputs; first row of each; first of the weights (inputs, outputs) and of the biases (outputs).
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (n_in, n_out, first_in, first_out, weights, biases) = rows.builder, numbers
        for width in widths:
            with b.if_then(b.icmp_signed("==", n_out, integer(width))):
                parts = -(-width // TILE[has_wide_vectors()])
                stops = [width * part // parts for part in range(parts + 1)]
                for start, stop in zip(stops, stops[1:], strict=False):
                    bias, place = b.add(biases, integer(start)), b.add(first_out, integer(start))
                    _dense(
                        rows, data, (n_in, first_in, place, b.add(weights, integer(start)), bias), stop - start, width
                    )

    return write


def _dense(rows: RowEmitter, data: Data, numbers: Sequence[Any], count: int, width: int) -> None:
    """Some outputs of a layer, summed in registers; numbers as of `dense_writer`, but for the number of outputs."""
    b, (n_in, first_in, first_out, weights, biases) = rows.builder, numbers
    sums = [register(b, rows.scalar(data["weights"], b.add(biases, integer(k)))) for k in range(count)]
    with counted(b, integer(0), n_in) as i:
        x = rows.load(data["in"], b.add(first_in, i))
        row = b.add(weights, b.mul(i, integer(width)))
        for k, place in enumerate(sums):
            b.store(rows.fma(rows.scalar(data["weights"], b.add(row, integer(k))), x, b.load(place)), place)
    for k, place in enumerate(sums):
        rows.store(data["out"], b.add(first_out, integer(k)), b.load(place))


def write_affine(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Rows "out" = (rows "in" - "offset") times "scale"; numbers: rows, first number of both."""
    b, (count, first) = rows.builder, numbers
    with counted(b, integer(0), count) as k:
        number = b.add(first, k)
        shifted = rows.sub(rows.load(data["in"], k), rows.scalar(data["offset"], number))
        rows.store(data["out"], k, rows.mul(shifted, rows.scalar(data["scale"], number)))


def write_scaled(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Rows "out" = rows "in" times "scale"; numbers: rows, first row of "in", first number of "scale"."""
    b, (count, first, number) = rows.builder, numbers
    with counted(b, integer(0), count) as k:
        value = rows.mul(rows.load(data["in"], b.add(first, k)), rows.scalar(data["scale"], b.add(number, k)))
        rows.store(data["out"], k, value)


def write_product(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Rows of "in" times rows of "out", to others of "out"; numbers: rows, first row of both factors and of the product."""
    b, (count, first, second, to) = rows.builder, numbers
    with counted(b, integer(0), count) as k:
        value = rows.mul(rows.load(data["in"], b.add(first, k)), rows.load(data["out"], b.add(second, k)))
        rows.store(data["out"], b.add(to, k), value)


def activation_writer(name: str) -> Callable:
    """Value and slope of an activation, see network.activate; numbers: first row, how many.

    Rows of "out" become values, those of "derivatives" slopes.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (first, count) = rows.builder, numbers
        unity = rows.constant(1.0)
        with counted(b, integer(0), count) as k:
            row = b.add(first, k)
            x = rows.load(data["out"], row)
            if name == "linear":
                rows.store(data["derivatives"], row, unity)
                value = x
            else:
                inner, scale = {"tanh": (1.0, 1.0), "logistic": (0.5, 0.5)}.get(name, (2.0 / 3.0, 1.7159))
                t = _tanh(rows, rows.mul(x, rows.constant(inner)))
                slope = rows.mul(rows.fnma(t, t, unity), rows.constant(inner * scale))
                value = rows.mul(t, rows.constant(scale))
                if name == "logistic":
                    value = rows.add(value, rows.constant(0.5))
                if name == "scaled_tanh_twist":
                    slope = rows.add(slope, rows.constant(0.1))
                    value = rows.fma(x, rows.constant(0.1), value)
                rows.store(data["derivatives"], row, slope)
            rows.store(data["out"], row, value)

    return write


def _tanh(rows: RowEmitter, x: Any) -> Any:
    """tanh x = 1 - 2 / (e^{2 x} + 1), the exponential as 2^n e^t; a NaN stays."""
    b = rows.builder
    limit = 19.0625 if rows.bytes == 8 else 9.5
    low, high = rows.constant(-limit), rows.constant(limit)
    x = b.select(b.fcmp_ordered(">", x, high), high, b.select(b.fcmp_ordered("<", x, low), low, x))
    n = rows.call("rint", rows.mul(x, rows.constant(2.0 / np.log(2.0))))
    t = rows.fma(n, rows.constant(-np.log(2.0)), rows.add(x, x))
    above = rows.fma(_polynomial(rows, EXPONENTIAL, t), rows.power_of_two(n), rows.constant(1.0))
    return rows.fnma(rows.constant(2.0), rows.inverse(above), rows.constant(1.0))
