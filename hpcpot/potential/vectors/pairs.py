"""The way from positions to the neighbours of some atoms side by side, and from their gradients to forces, as LLVM IR.

Neighbours of a group of `lanes` centres are in sets of one for each lane, all of one species; "neighbors" (sets, lanes) int32
are their numbers. "held" (most * size, lanes) is what is computed of each set: `size` rows a set, the first X ... DISTANCE,
then those of a family; "which" (most,) int64 tells which set it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from hpcpot.potential.vectors.emit import DOUBLE, INT, Data, RowEmitter, has_wide_vectors, mask

X, Y, Z, INVERSE, DISTANCE, OWN = range(6)
"""Rows of a set of neighbours: unit vector, 1 / r, r; those of the family from OWN on."""

FOUR = ir.VectorType(DOUBLE, 4)


@contextmanager
def counted(builder: Any, start: Any, stop: Any, step: int = 1) -> Iterator[Any]:
    """A loop; gives the number of the turn."""
    with cgutils.for_range_slice(builder, start, stop, ir.Constant(INT, step)) as (q, _):
        yield q


def integer(number: int) -> Any:
    return ir.Constant(INT, number)


def register(builder: Any, start: Any) -> Any:
    """A variable that a loop changes; the compiler keeps it in a register."""
    place = cgutils.alloca_once(builder, start.type)
    builder.store(start, place)
    return place


def write_gather(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> Any:
    """Unit vectors, distances and their inverses of some sets of neighbours; those without any within the cutoff are left out.

    A neighbour beyond the cutoff gets a unit vector of zero and the cutoff as its distance. A vector that is not finite counts
    as within, so that it is found. Positions are rows of four numbers, the last 0.

    Args:
        numbers: first and last set, sets in "held" already, rows of a set.
    Returns:
        sets in "held" now; -1 where a pair is closer than "closest" (its square), or not finite.
    """
    b = rows.builder
    start, stop, held, size = numbers
    cutoff2, closest2 = rows.scalar(data["cutoff2"], 0), rows.scalar(data["closest2"], 0)
    zero, lanes = rows.constant(0.0), range(rows.lanes)
    centres = [b.load(b.gep(data["centres"], [integer(lane)])) for lane in lanes]
    middle = side_by_side(b, [four(b, data["positions"], i) for i in centres])
    flags = register(b, ir.Constant(ir.VectorType(ir.IntType(1), rows.lanes), [0] * rows.lanes))
    count = register(b, held)
    with counted(b, start, stop) as q:
        of_set = b.mul(q, integer(rows.lanes))
        neighbors = [b.load(b.gep(data["neighbors"], [b.add(of_set, integer(lane))])) for lane in lanes]
        ends = side_by_side(b, [four(b, data["positions"], b.zext(j, INT)) for j in neighbors])
        x, y, z = (b.fsub(end, origin) for end, origin in zip(ends, middle, strict=True))
        if rows.number != DOUBLE:
            x, y, z = (b.fptrunc(c, rows.vector) for c in (x, y, z))
        square = rows.fma(x, x, rows.fma(y, y, rows.mul(z, z)))
        b.store(b.or_(b.load(flags), b.fcmp_unordered("<", square, closest2)), flags)
        within = b.fcmp_unordered("<", square, cutoff2)
        square = b.select(within, square, cutoff2)
        inverse = rows.inverse_root(square)
        n = b.load(count)
        first = b.mul(n, size)
        for row, value in zip((X, Y, Z), (x, y, z), strict=True):
            unit = rows.mul(b.select(within, value, zero), inverse)
            rows.store(data["held"], b.add(first, integer(row)), unit)
        rows.store(data["held"], b.add(first, integer(INVERSE)), inverse)
        rows.store(data["held"], b.add(first, integer(DISTANCE)), rows.mul(square, inverse))
        b.store(q, b.gep(data["which"], [n]))
        b.store(b.add(n, b.zext(any_lane(rows, within), INT)), count)
    return b.select(any_lane(rows, b.load(flags)), integer(-1), b.load(count))


def any_lane(rows: RowEmitter, flags: Any) -> Any:
    """Whether one of the lanes' flags is set."""
    kind = ir.IntType(rows.lanes)
    return rows.builder.icmp_unsigned("!=", rows.builder.bitcast(flags, kind), ir.Constant(kind, 0))


def scatter_writer(size: int) -> Any:
    """Forces and the virial of a group from its gradients; numbers: sets.

    What a neighbour gets its centre loses, in float64, so that momentum stays. A set has `size` rows. "forces" has rows of
    four numbers; "centres" (lanes,) int64 of rows there. "virials" (9, lanes): r_a g_b.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets,) = rows.builder, numbers
        wide = ir.VectorType(DOUBLE, rows.lanes)
        sums = [register(b, ir.Constant(wide, [0.0] * rows.lanes)) for _ in range(3)]
        virials = [register(b, rows.constant(0.0)) for _ in range(9)]
        with counted(b, integer(0), sets) as q:
            first = b.mul(q, integer(size))
            own = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: E731
            gradient, r = [own(OWN + c) for c in range(3)], own(DISTANCE)
            d = [rows.mul(own(c), r) for c in (X, Y, Z)]
            for k, place in enumerate(virials):
                b.store(rows.fma(d[k // 3], gradient[k % 3], b.load(place)), place)
            if rows.number != DOUBLE:
                gradient = [b.fpext(c, wide) for c in gradient]
            for c, place in zip(gradient, sums, strict=True):
                b.store(b.fadd(b.load(place), c), place)
            of_set = b.mul(b.load(b.gep(data["which"], [q])), integer(rows.lanes))
            for lane, vector in enumerate(apart(b, [b.fneg(c) for c in gradient])):
                j = b.load(b.gep(data["neighbors"], [b.add(of_set, integer(lane))]))
                add_four(b, data["forces"], b.zext(j, INT), vector)
        for lane, vector in enumerate(apart(b, [b.load(place) for place in sums])):
            add_four(b, data["forces"], b.load(b.gep(data["centres"], [integer(lane)])), vector)
        for k, place in enumerate(virials):
            rows.store(data["virials"], k, b.load(place))

    return write


def four(b: Any, data: Any, row: Any) -> Any:
    """A row of an array (n, 4) float64."""
    value = b.load(b.bitcast(b.gep(data, [b.mul(row, integer(4))]), FOUR.as_pointer()))
    value.align = 8
    return value


def add_four(b: Any, data: Any, row: Any, vector: Any) -> None:
    """Add to a row of an array (n, 4) float64."""
    place = b.bitcast(b.gep(data, [b.mul(row, integer(4))]), FOUR.as_pointer())
    held = b.load(place)
    held.align = 8
    b.store(b.fadd(held, vector), place).align = 8


def side_by_side(b: Any, vectors: Sequence[Any]) -> tuple[Any, Any, Any]:
    """x, y, z (n,) of n vectors (4,)."""
    step = _together(len(vectors))
    parts = [_columns(b, vectors[k : k + step]) for k in range(0, len(vectors), step)]
    return tuple(joined(b, [part[c] for part in parts]) for c in range(3))


def _columns(b: Any, vectors: Sequence[Any]) -> tuple[Any, Any, Any]:
    """x, y, z of four vectors (4,), or of eight."""
    n = len(vectors)
    v0, v1, v2, v3 = vectors if n == 4 else (joined(b, [vectors[k], vectors[k + 4]]) for k in range(4))
    even, odd, first, last = _orders(n)
    low01, high01 = b.shuffle_vector(v0, v1, even), b.shuffle_vector(v0, v1, odd)
    low23, high23 = b.shuffle_vector(v2, v3, even), b.shuffle_vector(v2, v3, odd)
    x, z = b.shuffle_vector(low01, low23, first), b.shuffle_vector(low01, low23, last)
    return x, b.shuffle_vector(high01, high23, first), z


def apart(b: Any, vector: Sequence[Any]) -> list[Any]:
    """The n vectors (x, y, z, 0) (4,) of x, y, z (n,)."""
    total = vector[0].type.count
    n, result = _together(total), []
    zero, (even, odd, first, last) = ir.Constant(ir.VectorType(DOUBLE, n), [0.0] * n), _orders(n)
    for k in range(0, total, n):
        x, y, z = (b.shuffle_vector(v, v, mask(range(k, k + n))) for v in vector)
        low_xy, high_xy = b.shuffle_vector(x, y, even), b.shuffle_vector(x, y, odd)
        low_z, high_z = b.shuffle_vector(z, zero, even), b.shuffle_vector(z, zero, odd)
        parts = [
            b.shuffle_vector(xy, zw, order)
            for order in (first, last)
            for xy, zw in ((low_xy, low_z), (high_xy, high_z))
        ]
        for of in range(0, n, 4):
            result += [b.shuffle_vector(part, part, mask(range(of, of + 4))) for part in parts]
    return result


def _together(count: int) -> int:
    """Vectors (4,) float64 that are turned at once: eight where registers hold as many."""
    return 8 if has_wide_vectors() and count % 8 == 0 else 4


def _orders(n: int) -> tuple[Any, Any, Any, Any]:
    """Orders of two vectors (n,): even places, odd places, one of each in turn; first and last pairs of each four."""
    even = [k + of for k in range(0, n, 2) for of in (0, n)]
    first = [k + of + e for k in range(0, n, 4) for of in (0, n) for e in (0, 1)]
    return mask(even), mask([k + 1 for k in even]), mask(first), mask([k + 2 for k in first])


def joined(b: Any, parts: Sequence[Any]) -> Any:
    """Vectors of equal length, one after the other."""
    while len(parts) > 1:
        n = parts[0].type.count
        parts = [b.shuffle_vector(p, q, mask(range(2 * n))) for p, q in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]
