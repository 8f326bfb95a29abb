"""Layers of networks for some atoms side by side, as LLVM IR: rows of arrays (rows, lanes), weights in every lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np

from hpcpot.potential.vectors.emit import Data, RowEmitter, has_wide_vectors
from hpcpot.potential.vectors.pairs import counted, integer, register
from hpcpot.potential.vectors.polynomials import ERRORS, economized, polynomial

TILE = {False: 13, True: 28}
"""Most outputs of a layer that are summed in registers."""

EXPONENTIAL = {
    size: economized([1.0 / factorial(k) for k in range(20)], 0.5 * np.log(2.0), error)
    for size, error in ERRORS.items()
}
"""e^t for |t| <= ln(2) / 2."""


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
    n, power = rows.rounded(x, 2.0 / np.log(2.0))
    t = rows.fma(n, rows.constant(-np.log(2.0)), rows.add(x, x))
    above = rows.fma(polynomial(rows, EXPONENTIAL, t), power, rows.constant(1.0))
    return rows.fnma(rows.constant(2.0), rows.inverse(above), rows.constant(1.0))
