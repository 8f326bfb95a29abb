"""Loops of the moment tensor potential over the neighbours of some atoms side by side, as LLVM IR.

"held" has the rows of `program` for each set of neighbours, beside those of `vectors.pairs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpcpot.potential.moment_tensor.program import FUNCTIONS, Reduced, rows_of
from hpcpot.potential.vectors.emit import Data, RowEmitter, follow, has_wide_vectors
from hpcpot.potential.vectors.pairs import DISTANCE, X, Y, Z, counted, integer, register
from hpcpot.potential.vectors.tape import Tape, fused

SUMS = {False: 10, True: 24}
"""Sums that are kept in registers, without and with AVX-512."""


def radial_writer(n_radial: int, polynomials: int) -> Any:
    """Radial functions f_mu = (cutoff - r)^2 sum_b w_b x^b and slopes for neighbours of one species.

    Numbers: first and last set, first number of the species in "weights", rows of a set.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b = rows.builder
        start, stop, weights, size = numbers
        low, stretch, cutoff = (rows.scalar(data["radial"], k) for k in range(3))
        with counted(b, start, stop) as q:
            first = b.mul(q, size)
            place = lambda row: b.add(first, integer(row))  # noqa: E731
            r = rows.load(data["held"], place(DISTANCE))
            x = rows.sub(rows.mul(rows.sub(r, low), stretch), rows.constant(1.0))
            left = rows.sub(cutoff, r)
            square, twice = rows.mul(left, left), rows.mul(left, rows.constant(-2.0))
            steep = rows.mul(square, stretch)
            for mu in range(n_radial):
                value = slope = None
                for power in range(polynomials - 1, -1, -1):
                    weight = rows.scalar(data["weights"], b.add(weights, integer(mu * polynomials + power)))
                    slope = value if slope is None else rows.fma(slope, x, value)
                    value = weight if value is None else rows.fma(value, x, weight)
                f, df = rows.mul(square, value), rows.mul(twice, value)
                if slope is not None:
                    df = rows.fma(steep, slope, df)
                for row, new in ((FUNCTIONS + mu, f), (FUNCTIONS + n_radial + mu, df)):
                    rows.store(data["held"], place(row), new)

    return write


def sums_writer(reduced: Reduced) -> Any:
    """Reduced moments of all sets of neighbours; numbers: sets, rows of a set.

    Chains f_mu z^c y^b x^a, a ascending, are summed in registers, as many at once as there are: each a multiply-add of
    its head and a power of x. The head of the next chain waits in "chains".
    """
    size, registers = rows_of(len(reduced.highest)), SUMS[has_wide_vectors()]
    chains = [
        (mu, c, b, top - c - b + 1)
        for mu, top in enumerate(reduced.highest)
        for c in range(min(top, 1) + 1)
        for b in range(top - c + 1)
    ]
    passes: list[list[tuple[int, int, int, int]]] = [[]]
    for chain in chains:
        if passes[-1] and sum(length for *_, length in passes[-1]) + chain[3] > registers:
            passes.append([])
        passes[-1].append(chain)

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets,) = rows.builder, numbers
        for chosen in passes:
            sums = {
                (mu, c, e, a): register(b, rows.constant(0.0)) for mu, c, e, length in chosen for a in range(length)
            }
            with counted(b, integer(0), sets) as q:
                first = b.mul(q, integer(size))
                own = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: B023, E731
                x, y, head = own(X), own(Y), None
                powers = [None, x]
                while len(powers) < max(length for *_, length in chosen):
                    powers.append(rows.mul(powers[-1], x))
                for mu, c, e, length in chosen:
                    if e == 0:
                        head = own(FUNCTIONS + mu)
                        if c:
                            head = rows.mul(head, own(Z))
                    else:
                        head = rows.mul(rows.load(data["chains"], q) if head is None else head, y)
                    for a in range(length):
                        place = sums[mu, c, e, a]
                        value = b.load(place)
                        b.store(rows.fma(head, powers[a], value) if a else rows.add(value, head), place)
                mu, c, e, _ = chosen[-1]
                if e < reduced.highest[mu] - c:
                    rows.store(data["chains"], q, head)
            for (mu, c, e, a), place in sums.items():
                rows.store(data["moments"], reduced.row[mu, a, e, c], b.load(place))

    return write


def sets_writer(reduced: Reduced, tape: Tape) -> Any:
    """A program for each set of neighbours in turn, whose rows are its array "neighbor"; numbers: sets."""
    size, code = rows_of(len(reduced.highest)), fused(tape.code)

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets,) = rows.builder, numbers
        with counted(b, integer(0), sets) as q:
            follow(rows, code, data | {"neighbor": data["held"]}, {"neighbor": b.mul(q, integer(size))})

    return write


def write_products(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Products of a basis in order: row k of "all" += factor * row a * row b; numbers: products, basics, moments."""
    b, (count, basics, moments) = rows.builder, numbers
    with counted(b, basics, moments) as k:
        rows.store(data["all"], k, rows.constant(0.0))
    with counted(b, integer(0), count) as t:
        first, second, factor, k = _product(rows, data, t)
        term = rows.mul(rows.load(data["all"], first), factor)
        rows.store(data["all"], k, rows.fma(term, rows.load(data["all"], second), rows.load(data["all"], k)))


def write_scalars(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Energy, and its gradient with respect to all moments in "back" as far as it is direct; numbers: scalars, moments."""
    b, (count, moments) = rows.builder, numbers
    with counted(b, integer(0), moments) as k:
        rows.store(data["back"], k, rows.constant(0.0))
    rows.store(data["energy"], 0, rows.constant(0.0))
    with counted(b, integer(0), count) as s:
        k, coefficient = _whole(b, data["places"], s), rows.scalar(data["coefficients"], s)
        energy = rows.fma(coefficient, rows.load(data["all"], k), rows.load(data["energy"], 0))
        rows.store(data["energy"], 0, energy)
        rows.store(data["back"], k, rows.add(rows.load(data["back"], k), coefficient))


def write_products_back(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
    """Gradients through the products in reverse order; numbers: products."""
    b, (count,) = rows.builder, numbers
    with counted(b, integer(0), count) as t:
        first, second, factor, k = _product(rows, data, b.sub(b.sub(count, integer(1)), t))
        gradient = rows.mul(rows.load(data["back"], k), factor)
        for of, other in ((first, second), (second, first)):
            held = rows.load(data["back"], of)
            rows.store(data["back"], of, rows.fma(gradient, rows.load(data["all"], other), held))


def _product(rows: RowEmitter, data: Data, t: Any) -> tuple[Any, Any, Any, Any]:
    """Row t of Basis.products, "products" (m, 4) int64: a, b, factor in every lane, k."""
    b, base = rows.builder, rows.builder.mul(t, integer(4))
    a, second, factor, k = (_whole(b, data["products"], b.add(base, integer(c))) for c in range(4))
    return a, second, rows.splat(b.sitofp(factor, rows.number)), k


def _whole(b: Any, data: Any, index: Any) -> Any:
    return b.load(b.gep(data, [index]))
