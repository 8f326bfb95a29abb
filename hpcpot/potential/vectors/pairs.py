"""The way from positions to the neighbours of some atoms side by side, and from their gradients to forces, as LLVM IR.

Buffers of a group of `lanes` centres: "near" (lanes, most, 4) vectors to neighbours and "which" (lanes, most) int32 their
numbers, both by lane; "held" (most * size, lanes) what is computed of each set of neighbours, one of each lane: `size` rows
a set, the first X ... DISTANCE, then those of a family.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from hpcpot.potential.vectors.emit import DOUBLE, INT, Data, RowEmitter, mask

X, Y, Z, INVERSE, DISTANCE, OWN = range(6)
"""RowEmitter of a set of neighbours: unit vector, 1 / r, r; those of the family from OWN on."""

FOUR = ir.VectorType(DOUBLE, 4)
INDEX = ir.IntType(32)


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


def write_filter(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> Any:
    """Neighbours within the cutoff of one centre, appended to its buffers; four candidates at a time, without a branch.

    A vector that is not finite counts as within, so that it is found. Positions are rows of four numbers, the last 0; behind
    the last candidate of all there are three numbers of atoms more, which are read but not kept.

    Args:
        numbers: centre, first and last candidate, first place of the lane in the buffers, neighbours there already.
    Returns:
        neighbours there now.
    """
    b = rows.builder
    centre, start, stop, base, held = numbers
    middle, cutoff2 = four(b, data["positions"], centre), splat_double(b, b.load(data["cutoff2"]), 4)
    count = register(b, held)

    def turn(p: Any, left: Any | None) -> None:
        """Candidates p ... p + 3, of which the last turn keeps no more than are left."""
        numbers = [b.load(b.gep(data["neighbors"], [b.add(p, integer(k))])) for k in range(4)]
        differences = [b.fsub(four(b, data["positions"], b.sext(j, INT)), middle) for j in numbers]
        x, y, z = columns(b, differences)
        square = b.fadd(
            b.fmul(x, x),
            b.fadd(b.fmul(y, y, flags=("contract",)), b.fmul(z, z), flags=("contract",)),
            flags=("contract",),
        )
        within = b.fcmp_unordered("<", square, cutoff2)
        bits = b.zext(b.bitcast(within, ir.IntType(4)), INT)
        if left is not None:
            bits = b.and_(bits, b.sub(b.shl(integer(1), left), integer(1)))
        n = b.load(count)
        for k, (difference, j) in enumerate(zip(differences, numbers, strict=True)):
            before = b.call(_popcount(b), [b.and_(bits, integer((1 << k) - 1))]) if k else integer(0)
            row = b.add(base, b.add(n, before))
            put_four(rows, data["near"], row, difference)
            b.store(j, b.gep(data["which"], [row]))
        b.store(b.add(n, b.call(_popcount(b), [bits])), count)

    last = b.add(start, b.and_(b.sub(b.sub(stop, start), integer(1)), integer(-4)))
    with counted(b, start, last, 4) as p:
        turn(p, None)
    with b.if_then(b.icmp_signed("<", start, stop), likely=True):
        turn(last, b.sub(stop, last))
    return b.load(count)


def write_geometry(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> Any:
    """Unit vectors, distances and their inverses of all sets of neighbours.

    Args:
        numbers: sets; places of a lane in the buffers; rows of a set.
    Returns:
        whether a pair is closer than "closest" (its square), or not finite.
    """
    b = rows.builder
    sets, most, size = numbers
    flags = register(b, ir.Constant(ir.VectorType(ir.IntType(1), rows.lanes), [0] * rows.lanes))
    with counted(b, integer(0), sets) as q:
        vectors = [load_four(rows, data["near"], b.add(b.mul(integer(lane), most), q)) for lane in range(rows.lanes)]
        x, y, z = side_by_side(rows, vectors)
        square = rows.fma(x, x, rows.fma(y, y, rows.mul(z, z)))
        close = b.fcmp_unordered("<", square, rows.scalar(data["closest2"], 0))
        b.store(b.or_(b.load(flags), close), flags)
        inverse = rows.inverse_root(square)
        r = rows.mul(square, inverse)
        first = b.mul(q, size)
        for row, value in (
            (X, rows.mul(x, inverse)),
            (Y, rows.mul(y, inverse)),
            (Z, rows.mul(z, inverse)),
            (INVERSE, inverse),
            (DISTANCE, r),
        ):
            rows.store(data["held"], b.add(first, integer(row)), value)
    return b.zext(b.bitcast(b.load(flags), ir.IntType(rows.lanes)), INT)


def scatter_writer(size: int) -> Any:
    """Forces and the virial of a group from its gradients; numbers: sets, places of a lane in the buffers.

    What a neighbour gets its centre loses, in float64, so that momentum stays. A set has `size` rows. "forces" has rows of
    four numbers; "centres" (lanes,) int64 of rows there. "virials" (9, lanes): r_a g_b.
    """

    def write(rows: RowEmitter, data: Data, numbers: Sequence[Any]) -> None:
        b, (sets, most) = rows.builder, numbers
        zero = rows.constant(0.0)
        nothing = ir.Constant(FOUR, [0.0] * 4)
        sums, virials = [register(b, nothing) for _ in range(rows.lanes)], [register(b, zero) for _ in range(9)]
        with counted(b, integer(0), sets) as q:
            first = b.mul(q, integer(size))
            own = lambda row: rows.load(data["held"], b.add(first, integer(row)))  # noqa: E731
            gradient, r = [own(OWN + c) for c in range(3)], own(DISTANCE)
            d = [rows.mul(own(c), r) for c in (X, Y, Z)]
            for k, place in enumerate(virials):
                b.store(rows.fma(d[k // 3], gradient[k % 3], b.load(place)), place)
            for lane, vector in enumerate(apart(rows, gradient)):
                j = b.load(b.gep(data["which"], [b.add(b.mul(integer(lane), most), q)]))
                change(b, data["forces"], b.sext(j, INT), vector, "fsub")
                b.store(b.fadd(b.load(sums[lane]), vector), sums[lane])
        for lane, place in enumerate(sums):
            change(b, data["forces"], b.load(b.gep(data["centres"], [integer(lane)])), b.load(place), "fadd")
        for k, place in enumerate(virials):
            rows.store(data["virials"], k, b.load(place))

    return write


def four(b: Any, data: Any, row: Any) -> Any:
    """A row of an array (n, 4) float64."""
    value = b.load(b.bitcast(b.gep(data, [b.mul(row, integer(4))]), FOUR.as_pointer()))
    value.align = 8
    return value


def change(b: Any, data: Any, row: Any, vector: Any, operation: str) -> None:
    """Add to a row of an array (n, 4) float64, or subtract."""
    place = b.bitcast(b.gep(data, [b.mul(row, integer(4))]), FOUR.as_pointer())
    held = b.load(place)
    held.align = 8
    b.store(getattr(b, operation)(held, vector), place).align = 8


def put_four(rows: RowEmitter, data: Any, row: Any, vector: Any) -> None:
    """Store four float64 in a row of an array (n, 4) of the kernel's precision."""
    b, kind = rows.builder, ir.VectorType(rows.number, 4)
    value = vector if rows.number == DOUBLE else b.fptrunc(vector, kind)
    b.store(value, b.bitcast(b.gep(data, [b.mul(row, integer(4))]), kind.as_pointer())).align = rows.bytes


def load_four(rows: RowEmitter, data: Any, row: Any) -> Any:
    b, kind = rows.builder, ir.VectorType(rows.number, 4)
    value = b.load(b.bitcast(b.gep(data, [b.mul(row, integer(4))]), kind.as_pointer()))
    value.align = rows.bytes
    return value


def columns(b: Any, vectors: Sequence[Any]) -> tuple[Any, Any, Any]:
    """x, y, z (4,) of four vectors (4,)."""
    v0, v1, v2, v3 = vectors
    low01, high01 = b.shuffle_vector(v0, v1, mask((0, 4, 2, 6))), b.shuffle_vector(v0, v1, mask((1, 5, 3, 7)))
    low23, high23 = b.shuffle_vector(v2, v3, mask((0, 4, 2, 6))), b.shuffle_vector(v2, v3, mask((1, 5, 3, 7)))
    x, z = b.shuffle_vector(low01, low23, mask((0, 1, 4, 5))), b.shuffle_vector(low01, low23, mask((2, 3, 6, 7)))
    return x, b.shuffle_vector(high01, high23, mask((0, 1, 4, 5))), z


def side_by_side(rows: RowEmitter, vectors: Sequence[Any]) -> tuple[Any, Any, Any]:
    """x, y, z (lanes,) of as many vectors (4,)."""
    b = rows.builder
    parts = [columns(b, vectors[k : k + 4]) for k in range(0, len(vectors), 4)]
    return tuple(joined(b, [part[c] for part in parts]) for c in range(3))


def joined(b: Any, parts: Sequence[Any]) -> Any:
    """Vectors of equal length, one after the other."""
    while len(parts) > 1:
        n = parts[0].type.count
        parts = [b.shuffle_vector(p, q, mask(range(2 * n))) for p, q in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def apart(rows: RowEmitter, vector: Sequence[Any]) -> list[Any]:
    """(x, y, z, 0) (4,) float64 of each lane."""
    b, result = rows.builder, []
    zero = ir.Constant(ir.VectorType(rows.number, 4), [0.0] * 4)
    for k in range(0, rows.lanes, 4):
        x, y, z = (b.shuffle_vector(v, v, mask(range(k, k + 4))) for v in vector)
        low_xy, high_xy = b.shuffle_vector(x, y, mask((0, 4, 2, 6))), b.shuffle_vector(x, y, mask((1, 5, 3, 7)))
        low_z, high_z = b.shuffle_vector(z, zero, mask((0, 4, 2, 6))), b.shuffle_vector(z, zero, mask((1, 5, 3, 7)))
        for xy, zw, order in (
            (low_xy, low_z, (0, 1, 4, 5)),
            (high_xy, high_z, (0, 1, 4, 5)),
            (low_xy, low_z, (2, 3, 6, 7)),
            (high_xy, high_z, (2, 3, 6, 7)),
        ):
            lane = b.shuffle_vector(xy, zw, mask(order))
            result.append(lane if rows.number == DOUBLE else b.fpext(lane, FOUR))
    return result


def splat_double(b: Any, number: Any, count: int) -> Any:
    undefined = ir.Constant(ir.VectorType(DOUBLE, count), ir.Undefined)
    first = b.insert_element(undefined, number, ir.Constant(INDEX, 0))
    return b.shuffle_vector(first, undefined, mask([0] * count))


def _popcount(b: Any) -> Any:
    return cgutils.get_or_insert_function(b.module, ir.FunctionType(INT, [INT]), "llvm.ctpop.i64")
