"""Loops of the Chebyshev descriptor over the neighbours of some atoms side by side, as LLVM IR.

"held" has the rows below for each set of neighbours, beside those of `vectors.pairs`; "close" has CLOSE rows for each set
of neighbours within the angular cutoff, one of each lane, which come from the sets "origin" (sets, lanes) int64 and have the
"close_spins" (sets, lanes); "inputs" has those of the network.

Sums of T_k over neighbours cost one multiply-add each as sums of products T_{4b} T_a, half of what the recursion takes; and
the way back evaluates series in these products, which are as well conditioned as T_k themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Any

import numpy as np
from llvmlite import ir

from hpcpot.potential.vectors.emit import INT, Data, RowEmitter, has_wide_vectors, mask
from hpcpot.potential.vectors.pairs import DISTANCE, INVERSE, OWN, X, Y, Z, any_lane, counted, integer, register
from hpcpot.potential.vectors.polynomials import ERRORS, economized, polynomial

CUT, CUT_SLOPE, SIZE = OWN, OWN + 1, OWN + 3
"""Rows of a set of neighbours: f_c and its slope, in whose place the gradient comes. How many rows."""

C_X, C_Y, C_Z, C_INVERSE, C_CUT, C_SLOPE, C_ALONG, C_GX, C_GY, C_GZ, CLOSE = range(11)
"""Rows of a set of close neighbours: unit vector, 1 / r, f_c and slope, two sums on the way back, the second of which becomes
the gradient. How many rows."""

SUMS = {False: 10, True: 24}
"""Sums that are kept in registers, without and with AVX-512."""

BLOCK = 4
"""T_k is taken apart as T_{4b} T_a, a = 0 ... 3: T_{4b+a} = 2 T_{4b} T_a - T_{4b-a}."""


SINE = {
    size: economized([np.sin(0.5 * np.pi * k) * np.pi**k / factorial(k) for k in range(26)], 0.5, error)[1::2]
    for size, error in ERRORS.items()
}
COSINE = {
    size: economized([np.cos(0.5 * np.pi * k) * np.pi**k / factorial(k) for k in range(26)], 0.5, error)[::2]
    for size, error in ERRORS.items()
}
"""sin(pi t) / t and cos(pi t) as polynomials of t^2 for |t| <= 1/2."""


def _cut(rows: RowEmitter, r: Any, inverse_cutoff: Any) -> tuple[Any, Any]:
    """f_c = (cos(pi r / R) + 1) / 2 and its slope, by their series around R / 2."""
    t = rows.fma(r, inverse_cutoff, rows.constant(-0.5))
    t2 = rows.mul(t, t)
    sine, cosine = polynomial(rows, SINE, t2), polynomial(rows, COSINE, t2)
    cut = rows.fma(rows.mul(t, rows.constant(-0.5)), sine, rows.constant(0.5))
    return cut, rows.mul(cosine, rows.mul(inverse_cutoff, rows.constant(-0.5 * np.pi)))


def _heads(rows: RowEmitter, x: Any, first: Any, count: int) -> tuple[list[Any], list[Any]]:
    """T_a(x), a = 1 ... 3, after None, as far as needed for `count` orders; and `first` T_{4b}(x)."""
    low, twice = [None, x], None
    for a in range(2, min(count, BLOCK + 1)):
        before = rows.constant(-1.0) if a == 2 else rows.builder.fneg(low[a - 2])
        twice = twice or rows.add(x, x)
        low.append(rows.fma(twice, low[a - 1], before))
    heads = [first]
    if count > BLOCK:
        four = rows.fma(rows.add(low[2], low[2]), low[2], rows.constant(-1.0))
        low, twice = low[:BLOCK], rows.add(four, four)
        heads.append(four if first is None else rows.mul(first, four))
        while len(heads) * BLOCK < count:
            before = heads[-2]
            before = rows.constant(-1.0) if before is None else rows.builder.fneg(before)
            heads.append(rows.fma(twice, heads[-1], before))
    return low, heads


def _passes(count: int, together: int) -> list[range]:
    """Orders in as many parts as their sums, `together` of them in registers, need."""
    parts = -(-count // together)
    return [range(count * part // parts, count * (part + 1) // parts) for part in range(parts)]


def _add_products(rows: RowEmitter, sums: dict[int, Any], x: Any, first: Any) -> None:
    """Add `first` T_{4b}(x) T_a(x) to the sums, which are registers by order 4b + a."""
    b = rows.builder
    low, heads = _heads(rows, x, first, max(sums) + 1)
    for order, place in sums.items():
        head, a = heads[order // BLOCK], order % BLOCK
        b.store(rows.fma(head, low[a], b.load(place)) if a else rows.add(b.load(place), head), place)


def _sums_of_orders(rows: RowEmitter, products: Sequence[Any]) -> list[Any]:
    """Sums of T_k from those of T_{4b} T_a."""
    result: list[Any] = []
    for order, product in enumerate(products):
        start, a = order - order % BLOCK, order % BLOCK
        is_single = start == 0 or a == 0
        result.append(product if is_single else rows.sub(rows.add(product, product), result[start - a]))
    return result


def write_zero(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Rows "out" = 0; numbers: rows."""
    with counted(rows.builder, integer(0), numbers[0]) as k:
        rows.store(data["out"], k, rows.constant(0.0))


def radial_sums_writer(n_radial: int, half: int, several: bool) -> Callable:
    """Add sum_j T_k(x_j) f_j over neighbours of one species to "inputs" k, and the same times its spin to half + k.

    It leaves cutoff functions in "held". Numbers: first and last set, place of the spin.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (start, stop, spin) = rows.builder, numbers
        inverse = rows.scalar(data["inverse_cutoffs"], 0)
        products: list[Any] = []
        for orders in _passes(n_radial, SUMS[has_wide_vectors()]):
            sums = {order: register(b, rows.constant(0.0)) for order in orders}
            with counted(b, start, stop) as q:
                first = b.mul(q, integer(SIZE))
                place = lambda row: b.add(first, integer(row))  # noqa: B023, E731
                r = rows.load(data["held"], place(DISTANCE))
                if orders.start == 0:
                    cut, slope = _cut(rows, r, inverse)
                    rows.store(data["held"], place(CUT), cut)
                    rows.store(data["held"], place(CUT_SLOPE), slope)
                else:
                    cut = rows.load(data["held"], place(CUT))
                _add_products(rows, sums, _argument(rows, r, inverse), cut)
            products += [b.load(place) for place in sums.values()]
        spin = rows.scalar(data["spins"], spin)
        for order, value in enumerate(_sums_of_orders(rows, products)):
            rows.store(data["inputs"], order, rows.add(rows.load(data["inputs"], order), value))
            if several:
                row = half + order
                rows.store(data["inputs"], row, rows.fma(spin, value, rows.load(data["inputs"], row)))

    return write


def _argument(rows: RowEmitter, r: Any, inverse_cutoff: Any) -> Any:
    """x = 2 r / R - 1."""
    return rows.fma(r, rows.add(inverse_cutoff, inverse_cutoff), rows.constant(-1.0))


def write_choice(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Append the neighbours of one species within the angular cutoff to the close ones of each lane, whose "counts" are kept.

    Numbers: first and last set, place of the spin.
    """
    b, (start, stop, spin) = rows.builder, numbers
    cutoff = rows.scalar(data["angular_cutoff"], 0)
    spin = b.load(b.gep(data["spins"], [spin]))
    with counted(b, start, stop) as q:
        within = b.fcmp_ordered("<", rows.load(data["held"], b.add(b.mul(q, integer(SIZE)), integer(DISTANCE))), cutoff)
        with b.if_then(any_lane(rows, within)):
            for lane in range(rows.lanes):  # without branches, which would be guesses
                where = b.gep(data["counts"], [integer(lane)])
                count = b.load(where)
                place = b.add(b.mul(count, integer(rows.lanes)), integer(lane))
                b.store(q, b.gep(data["origin"], [place]))
                b.store(spin, b.gep(data["close_spins"], [place]))
                b.store(b.add(count, b.zext(b.extract_element(within, integer(lane)), INT)), where)


def write_close(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Rows of the close neighbours, sums of zero; cutoff functions are zero where a lane has no more. Numbers: sets of them."""
    b, (count,) = rows.builder, numbers
    inverse, zero = rows.scalar(data["inverse_cutoffs"], 1), rows.constant(0.0)
    kind = ir.VectorType(INT, rows.lanes)
    counts = b.load(b.bitcast(data["counts"], kind.as_pointer()))
    counts.align = 8
    with counted(b, integer(0), count) as c:
        of_set = b.mul(c, integer(rows.lanes))
        firsts = []
        for lane in range(rows.lanes):
            q = b.load(b.gep(data["origin"], [b.add(of_set, integer(lane))]))
            firsts.append(b.add(b.mul(q, integer(SIZE * rows.lanes)), integer(lane)))
        values = []
        for row in (X, Y, Z, INVERSE, DISTANCE):
            value = ir.Constant(rows.vector, ir.Undefined)
            for lane, first in enumerate(firsts):
                number = b.load(b.gep(data["held"], [b.add(first, integer(row * rows.lanes))]))
                value = b.insert_element(value, number, integer(lane))
            values.append(value)
        *units, r = values
        cut, slope = _cut(rows, r, inverse)
        turn = b.insert_element(ir.Constant(kind, ir.Undefined), c, integer(0))
        turn = b.shuffle_vector(turn, turn, mask([0] * rows.lanes))
        has_one = b.icmp_signed("<", turn, counts)
        values = [*units, b.select(has_one, cut, zero), b.select(has_one, slope, zero), zero, zero, zero, zero]
        for row, value in enumerate(values):
            rows.store(data["close"], b.add(b.mul(c, integer(CLOSE)), integer(row)), value)


def write_return(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Add the gradients of close neighbours to those in "held"; numbers: sets of them."""
    b, (count,) = rows.builder, numbers
    lanes = integer(rows.lanes)
    with counted(b, integer(0), count) as c:
        for lane in range(rows.lanes):
            q = b.load(b.gep(data["origin"], [b.add(b.mul(c, lanes), integer(lane))]))
            for axis in range(3):
                own = b.add(b.mul(c, integer(CLOSE)), integer(C_GX + axis))
                value = b.load(b.gep(data["close"], [b.add(b.mul(own, lanes), integer(lane))]))
                to = b.add(b.mul(q, integer(SIZE)), integer(OWN + axis))
                place = b.gep(data["held"], [b.add(b.mul(to, lanes), integer(lane))])
                b.store(b.fadd(b.load(place), value), place)


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
        chosen = (C_X, C_Y, C_Z, C_CUT)
        starts = [n_radial, half + n_radial] if several else [n_radial]
        products: list[list[Any]] = [[] for _ in starts]
        for orders in _passes(n_angular, SUMS[has_wide_vectors()] // len(starts)):
            sums = [{order: register(b, rows.constant(0.0)) for order in orders} for _ in starts]
            with counted(b, integer(1), count) as c:
                own = _rows_of_close(rows, data, c, chosen)
                with counted(b, integer(0), c) as d:
                    other = _rows_of_close(rows, data, d, chosen)
                    y = rows.fma(_cosine(rows, own, other), factor, shift)
                    both = rows.mul(own[C_CUT], other[C_CUT])
                    _add_products(rows, sums[0], y, both)
                    if several:
                        spins = rows.mul(rows.load(data["close_spins"], c), rows.load(data["close_spins"], d))
                        _add_products(rows, sums[1], y, rows.mul(spins, both))
            for part, held in zip(products, sums, strict=True):
                part += [b.load(place) for place in held.values()]
        for first, part in zip(starts, products, strict=True):
            for order, value in enumerate(_sums_of_orders(rows, part)):
                rows.store(data["inputs"], first + order, value)

    return write


def _put_series(rows: RowEmitter, data: Data, first: int, coefficients: Sequence[Any]) -> None:
    """A series and that of its slope to rows of "series" from `first` on, as coefficients of T_{4b} T_a.

    sum_k C_k T_k'(x) = sum_k d_k T_k(x), d_{k-1} = d_{k+1} + 2 k C_k, d_0 halved.
    """
    count = len(coefficients)
    slopes = [rows.constant(0.0)] * (count + 1)
    for k in range(count - 1, 0, -1):
        slopes[k - 1] = rows.fma(coefficients[k], rows.constant(2.0 * k), slopes[k + 1])
    slopes[0] = rows.mul(slopes[0], rows.constant(0.5))
    for start, held in ((first, list(coefficients)), (first + count, slopes[: count - 1])):
        for order in range(len(held) - 1, -1, -1):
            base, a = order - order % BLOCK, order % BLOCK
            value = held[order]
            if base and a:
                held[base - a] = rows.sub(held[base - a], value)
                value = rows.add(value, value)
            rows.store(data["series"], start + order, value)


def _series(rows: RowEmitter, count: int, coefficient: Callable[[int], Any], x: Any) -> tuple[Any, Any]:
    """Value and slope at x of the series whose rows `coefficient` gives in the order of `_put_series`."""
    low, heads = _heads(rows, x, None, count)
    results = []
    for start, length in ((0, count), (count, count - 1)):
        value = rows.constant(0.0)
        for base in range(0, length, BLOCK):
            inner = coefficient(start + base)
            for a in range(1, min(BLOCK, length - base)):
                inner = rows.fma(low[a], coefficient(start + base + a), inner)
            value = rows.fma(heads[base // BLOCK], inner, value) if base else inner
        results.append(value)
    return results[0], results[1]


def radial_back_writer(n_radial: int, half: int, several: bool) -> Callable:
    """Gradient of the radial part to rows OWN ... of neighbours of one species.

    Numbers: first and last set, place of the spin.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (start, stop, spin) = rows.builder, numbers
        spin = rows.scalar(data["spins"], spin)
        gradient = lambda row: rows.load(data["input_gradients"], row)  # noqa: E731
        coefficients = [gradient(k) for k in range(n_radial)]
        if several:
            coefficients = [rows.fma(spin, gradient(half + k), plain) for k, plain in enumerate(coefficients)]
        _put_series(rows, data, 0, coefficients)
        inverse = rows.scalar(data["inverse_cutoffs"], 0)
        steep = rows.add(inverse, inverse)
        with counted(b, start, stop) as q:
            first = b.mul(q, integer(SIZE))
            own = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: E731
            x = _argument(rows, own(DISTANCE), inverse)
            value, slope = _series(rows, n_radial, lambda k: rows.load(data["series"], k), x)
            along = rows.fma(rows.mul(slope, steep), own(CUT), rows.mul(value, own(CUT_SLOPE)))
            for c, unit in enumerate([own(X), own(Y), own(Z)]):
                rows.store(data["held"], b.add(first, integer(OWN + c)), rows.mul(along, unit))

    return write


def angular_back_writer(n_radial: int, n_angular: int, half: int, several: bool) -> Callable:
    """Gradient of the angular part to the rows C_GX ... of close neighbours; numbers: sets of them.

    E = sum over pairs of F(u_c . u_d) f_c f_d. With a = sum_d F f_d and v = sum_d F' f_d u_d it is
    (a f_c' - (u_c . v) f_c / r_c) u_c + v f_c / r_c.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (count,) = rows.builder, numbers
        factor, shift = (rows.scalar(data["argument"], k) for k in range(2))
        units, vector = (C_X, C_Y, C_Z), (C_GX, C_GY, C_GZ)
        rows_of_series = 2 * n_angular - 1
        for first in (n_radial, half + n_radial) if several else (n_radial,):
            orders = range(first, first + n_angular)
            gradients = [rows.load(data["input_gradients"], order) for order in orders]
            _put_series(rows, data, 0 if first == n_radial else rows_of_series, gradients)

        def add(c: Any, changes: Sequence[Any]) -> None:
            for row, change in zip((C_ALONG, *vector), changes, strict=True):
                place = b.add(b.mul(c, integer(CLOSE)), integer(row))
                rows.store(data["close"], place, rows.add(rows.load(data["close"], place), change))

        with counted(b, integer(1), count) as c:
            own = _rows_of_close(rows, data, c, (*units, C_CUT))
            sums = [register(b, rows.constant(0.0)) for _ in range(4)]
            with counted(b, integer(0), c) as d:
                other = _rows_of_close(rows, data, d, (*units, C_CUT))
                y = rows.fma(_cosine(rows, own, other), factor, shift)
                coefficient = lambda k: rows.load(data["series"], k)  # noqa: E731
                if several:
                    spins = rows.mul(rows.load(data["close_spins"], c), rows.load(data["close_spins"], d))
                    plain = coefficient
                    coefficient = lambda k: rows.fma(spins, plain(rows_of_series + k), plain(k))  # noqa: E731
                value, slope = _series(rows, n_angular, coefficient, y)
                slope = rows.mul(slope, factor)
                for place, part in zip(sums, _parts(rows, value, slope, other, units), strict=True):
                    b.store(rows.add(b.load(place), part), place)
                add(d, _parts(rows, value, slope, own, units))
            add(c, [b.load(place) for place in sums])
        with counted(b, integer(0), count) as c:
            own = _rows_of_close(rows, data, c, (*units, C_INVERSE, C_CUT, C_SLOPE, C_ALONG, *vector))
            turned = rows.constant(0.0)
            for unit, row in zip(units, vector, strict=True):
                turned = rows.fma(own[unit], own[row], turned)
            across = rows.mul(own[C_CUT], own[C_INVERSE])
            along = rows.fnma(turned, across, rows.mul(own[C_ALONG], own[C_SLOPE]))
            for unit, row in zip(units, vector, strict=True):
                gradient = rows.fma(own[row], across, rows.mul(along, own[unit]))
                rows.store(data["close"], b.add(b.mul(c, integer(CLOSE)), integer(row)), gradient)

    return write


def _parts(rows: RowEmitter, value: Any, slope: Any, of: dict[int, Any], units: Sequence[int]) -> list[Any]:
    """F f and F' f u of a close neighbour."""
    scaled = rows.mul(slope, of[C_CUT])
    return [rows.mul(value, of[C_CUT]), *(rows.mul(scaled, of[unit]) for unit in units)]
