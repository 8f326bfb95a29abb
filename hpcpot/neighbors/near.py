"""Which of some candidates are near a point, several of them at once: the inner step of `pairs`, as LLVM IR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from hpcpot.compiled import source_hash

AHEAD = 8
"""Candidates at once. What is read may lie up to so many places behind the last one, and what is written behind its end."""

INT, INDEX, DOUBLE = ir.IntType(64), ir.IntType(32), ir.DoubleType()
REALS, INDICES, PLACES = (ir.VectorType(kind, AHEAD) for kind in (DOUBLE, INDEX, INT))


@intrinsic
def append_near(typing: Any, arrays: Any, places: Any, point: Any) -> Any:
    """Append the indices of the candidates closer than `reach` to a point; returns where the next one goes.

    Without branches: whether a candidate is near enough is no better known than a coin's fall.

    Args:
        arrays: x, y, z (float64, Å) and indices (int32) of candidates, and where the near ones go (int32).
        places: first and last candidate, that of the point itself, which is not appended, and where the first one goes.
        point: x, y, z, and the square of the reach.
    """

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        parts = [cgutils.unpack_tuple(builder, argument) for argument in arguments]
        data = [
            context.make_array(kind)(context, builder, part).data
            for kind, part in zip(signature.args[0], parts[0], strict=True)
        ]
        compresses = "+avx512vl" in str(context.codegen().magic_tuple())
        return _write(builder, data, parts[1], parts[2], compresses)

    return types.int64(arrays, places, point), build


append_near.cache_key = source_hash(__file__)


def _write(b: Any, data: Sequence[Any], places: Sequence[Any], point: Sequence[Any], compresses: bool) -> Any:
    """Put the instructions; `compresses`: the processor packs the chosen numbers of a register by itself."""
    *coordinates, indices, out = data
    begin, end, own, slot = places
    middle, reach2 = [_splat(b, number, REALS) for number in point[:3]], _splat(b, point[3], REALS)
    ends, owns, lanes = _splat(b, end, PLACES), _splat(b, own, PLACES), ir.Constant(PLACES, list(range(AHEAD)))
    popcount = b.module.declare_intrinsic("llvm.ctpop", [INT])
    free = cgutils.alloca_once(b, INT)
    b.store(slot, free)
    with cgutils.for_range_slice(b, begin, end, ir.Constant(INT, AHEAD)) as (q, _):
        square = None
        for values, number in zip(coordinates, middle, strict=True):
            move = b.fsub(_load(b, values, q, REALS, 8), number)
            square = b.fmul(move, move) if square is None else b.fadd(square, b.fmul(move, move))
        number = b.add(_splat(b, q, PLACES), lanes)
        is_other = b.and_(b.icmp_signed("<", number, ends), b.icmp_signed("!=", number, owns))
        near = b.and_(b.fcmp_ordered("<", square, reach2), is_other)
        chosen, bits, n = (
            _load(b, indices, q, INDICES, 4),
            b.zext(b.bitcast(near, ir.IntType(AHEAD)), INT),
            b.load(free),
        )
        if compresses:
            kind = ir.FunctionType(INDICES, [INDICES, INDICES, near.type])
            pack = cgutils.get_or_insert_function(b.module, kind, f"llvm.x86.avx512.mask.compress.v{AHEAD}i32")
            packed = b.call(pack, [chosen, ir.Constant(INDICES, ir.Undefined), near])
            b.store(packed, b.bitcast(b.gep(out, [n]), INDICES.as_pointer())).align = 4
        else:
            for k in range(AHEAD):
                before = b.call(popcount, [b.and_(bits, ir.Constant(INT, (1 << k) - 1))])
                b.store(b.extract_element(chosen, ir.Constant(INDEX, k)), b.gep(out, [b.add(n, before)]))
        b.store(b.add(n, b.call(popcount, [bits])), free)
    return b.load(free)


def _splat(b: Any, number: Any, kind: Any) -> Any:
    undefined = ir.Constant(kind, ir.Undefined)
    first = b.insert_element(undefined, number, ir.Constant(INDEX, 0))
    return b.shuffle_vector(first, undefined, ir.Constant(INDICES, [0] * AHEAD))


def _load(b: Any, values: Any, q: Any, kind: Any, align: int) -> Any:
    value = b.load(b.bitcast(b.gep(values, [q]), kind.as_pointer()))
    value.align = align
    return value
