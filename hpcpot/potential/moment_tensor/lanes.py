"""Rows of an array as single values in compiled loops: vectors, where a compiler could not prove that rows differ.

`load(a, i)` is the row i of an array (rows, LANES) float64; `+ - *` work on such values and floats; `store(a, i, v)`
puts one back. A variable that holds one stays in vector registers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from hpcpot.compiled import njit

LANES = 16
"""Numbers in a row: two registers of AVX-512 or four of AVX, which hides the latency of their arithmetic."""

FLAGS = ("reassoc", "nsz", "contract", "arcp")
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class Lanes(types.Type):
    """LANES float64 numbers."""

    def __init__(self) -> None:
        super().__init__("Lanes")


lanes = Lanes()


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _VECTOR)


def _row(context: Any, builder: Any, kind: Any, array: Any, row: Any) -> Any:
    """Pointer to the first number of a row."""
    data = context.make_array(kind)(context, builder, array).data
    start = builder.gep(data, [builder.mul(row, ir.Constant(row.type, LANES))])
    return builder.bitcast(start, _VECTOR.as_pointer())


@intrinsic
def _load(typing: Any, array: Any, row: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = builder.load(_row(context, builder, signature.args[0], *arguments))
        value.align = 8
        return value

    return lanes(array, types.int64), code


@intrinsic
def _store(typing: Any, array: Any, row: Any, value: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _row(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], place).align = 8
        return context.get_dummy_value()

    return types.void(array, types.int64, lanes), code


@intrinsic
def _splat(typing: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[0], ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(first, ir.Constant(_VECTOR, ir.Undefined), mask)

    return lanes(types.float64), code


def _arithmetic(operation: Callable, instruction: str) -> None:
    """Let `operation` work on rows, and on a row and a number."""

    @intrinsic
    def vectors(typing: Any, a: Any, b: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*arguments, flags=FLAGS)

        return lanes(lanes, lanes), code

    @overload(operation, inline="always")
    def typed(a, b):
        if a is lanes and b is lanes:
            return lambda a, b: vectors(a, b)
        if a is lanes and isinstance(b, types.Float):
            return lambda a, b: vectors(a, _splat(b))
        if b is lanes and isinstance(a, types.Float):
            return lambda a, b: vectors(_splat(a), b)
        return None


for _operation, _instruction in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_operation, _instruction)


@njit(inline="always")
def load(array, row):
    """Row of a C-contiguous array (rows, LANES) float64."""
    return _load(array, row)


@njit(inline="always")
def store(array, row, value):
    _store(array, row, value)


@njit(inline="always")
def splat(number):
    """LANES times the number."""
    return _splat(number)
