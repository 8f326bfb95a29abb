"""Vector instructions of compiled kernels, as LLVM IR: rows of arrays (rows, lanes), one lane for each of some atoms.

Numba compiles loops whose statements are Python; it would take minutes for the thousands of statements of a contraction
and does not let a loop's vectors be named. Each function here gives an intrinsic of Numba: called in a compiled function,
it puts its instructions there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from hpcpot.compiled import provide
from hpcpot.potential.vectors.tape import Instruction

INT = ir.IntType(64)
DOUBLE = ir.DoubleType()
KINDS = {"float64": DOUBLE, "float32": ir.FloatType()}


def has_feature(name: str) -> bool:
    """Whether code is made for processors with some instructions: as NUMBA_CPU_FEATURES says, or else as this one has."""
    features = llvm.get_host_cpu_features().flatten() if config.CPU_FEATURES is None else config.CPU_FEATURES
    return f"+{name}" in features.split(",")


def has_wide_vectors() -> bool:
    """Whether there is AVX-512: twice the numbers in a register, and twice the registers."""
    return has_feature("avx512f")


def lanes_of(dtype: str) -> int:
    """Numbers of a row, which fills a register: eight of float64 with AVX-512 and four with AVX2, twice as many of float32."""
    return (64 if has_wide_vectors() else 32) // np.dtype(dtype).itemsize


class RowEmitter:
    """Reads and writes rows of arrays in the IR of one builder.

    Attributes:
        vector: LLVM type of a row.
    """

    def __init__(self, builder: Any, dtype: str):
        self.builder, self.number, self.lanes = builder, KINDS[dtype], lanes_of(dtype)
        self.vector = ir.VectorType(self.number, self.lanes)
        self.bytes = np.dtype(dtype).itemsize

    def place(self, data: Any, row: Any) -> Any:
        """Pointer to a row, by an int or an IR value."""
        row = ir.Constant(INT, row) if isinstance(row, int) else row
        start = self.builder.gep(data, [self.builder.mul(row, ir.Constant(INT, self.lanes))])
        return self.builder.bitcast(start, self.vector.as_pointer())

    def load(self, data: Any, row: Any) -> Any:
        value = self.builder.load(self.place(data, row))
        value.align = self.bytes
        return value

    def store(self, data: Any, row: Any, value: Any) -> None:
        self.builder.store(value, self.place(data, row)).align = self.bytes

    def splat(self, number: Any) -> Any:
        """An IR number in every lane."""
        b, undefined = self.builder, ir.Constant(self.vector, ir.Undefined)
        first = b.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return b.shuffle_vector(first, undefined, mask([0] * self.lanes))

    def scalar(self, data: Any, index: Any) -> Any:
        """A number of a flat array in every lane."""
        index = ir.Constant(INT, index) if isinstance(index, int) else index
        return self.splat(self.builder.load(self.builder.gep(data, [index])))

    def constant(self, number: float) -> Any:
        return ir.Constant(self.vector, [float(number)] * self.lanes)

    def mul(self, a: Any, b: Any) -> Any:
        return self.builder.fmul(a, b)

    def add(self, a: Any, b: Any) -> Any:
        return self.builder.fadd(a, b)

    def sub(self, a: Any, b: Any) -> Any:
        return self.builder.fsub(a, b)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c, rounded once where the processor can."""
        return self.call("fmuladd", a, b, c)

    def fnma(self, a: Any, b: Any, c: Any) -> Any:
        """c - a b."""
        return self.fma(self.builder.fneg(a), b, c)

    def inverse_root(self, a: Any) -> Any:
        """1 / sqrt a of normal numbers in the range of float32, exact to rounding but for an ulp or so.

        A processor's estimate, of 14 bits with AVX-512 and of 12 without, is made better by a series in its error, and in the
        latter case by a second step in float64, which together take a third of the time of its root and division.
        """
        y = self._estimate("rsqrt", a)
        if y is None:
            return self.builder.fdiv(self.constant(1.0), self.call("sqrt", a))
        error = self.fnma(self.mul(a, y), y, self.constant(1.0))
        series = self.constant(0.375)
        if self.bytes == 8 and has_wide_vectors():
            series = self.fma(error, self.constant(0.3125), series)
        y = self.fma(self.mul(y, error), self.fma(error, series, self.constant(0.5)), y)
        if self.bytes == 8 and not has_wide_vectors():
            error = self.fnma(self.mul(a, y), y, self.constant(1.0))
            y = self.fma(self.mul(y, error), self.constant(0.5), y)
        return y

    def inverse(self, a: Any) -> Any:
        """1 / a of normal numbers in the range of float32, exact to rounding but for an ulp or so; see `inverse_root`."""
        y = self._estimate("rcp", a)
        if y is None:
            return self.builder.fdiv(self.constant(1.0), a)
        error = self.fnma(a, y, self.constant(1.0))
        y = self.fma(y, error, y)
        if self.bytes == 8 or not has_wide_vectors():
            y = self.fma(y, self.mul(error, error), y)
        if self.bytes == 8 and not has_wide_vectors():
            y = self.fma(y, self.fnma(a, y, self.constant(1.0)), y)
        return y

    def _estimate(self, what: str, a: Any) -> Any:
        """1 / sqrt a ("rsqrt") or 1 / a ("rcp") to 12 bits or more; None where the processor has no instruction for it."""
        b, count = self.builder, self.lanes
        if has_wide_vectors():
            bits = ir.IntType(count)  # all results are wanted
            kind = ir.FunctionType(self.vector, [self.vector, self.vector, bits])
            name = f"llvm.x86.avx512.{what}14.{'pd' if self.bytes == 8 else 'ps'}.512"
            return b.call(cgutils.get_or_insert_function(b.module, kind, name), [a, a, ir.Constant(bits, -1)])
        if not has_feature("avx"):
            return None
        single = ir.VectorType(KINDS["float32"], count)
        name = f"llvm.x86.sse.{what}.ps" if self.bytes == 8 else f"llvm.x86.avx.{what}.ps.256"
        estimate = cgutils.get_or_insert_function(b.module, ir.FunctionType(single, [single]), name)
        if self.bytes == 4:
            return b.call(estimate, [a])
        return b.fpext(b.call(estimate, [b.fptrunc(a, single)]), self.vector)

    def rounded(self, a: Any, factor: float) -> tuple[Any, Any]:
        """n, the whole number next to a times a factor, as a real, and 2^n.

        Added to a large number n stands in its last bits, and then in the exponent.
        """
        width, large = (52, 1.5 * 2**52 + 1023) if self.bytes == 8 else (23, 1.5 * 2**23 + 127)
        kind = ir.VectorType(ir.IntType(8 * self.bytes), self.lanes)
        held = self.fma(a, self.constant(factor), self.constant(large))
        power = self.builder.shl(self.builder.bitcast(held, kind), ir.Constant(kind, [width] * self.lanes))
        return self.sub(held, self.constant(large)), self.builder.bitcast(power, self.vector)

    def call(self, name: str, *arguments: Any) -> Any:
        """An intrinsic of LLVM on vectors, as sqrt."""
        kind = arguments[0].type
        letter = "f64" if kind.element == DOUBLE else "f32"
        function = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(kind, [kind] * len(arguments)), f"llvm.{name}.v{kind.count}{letter}"
        )
        return self.builder.call(function, arguments)


def mask(order: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order))


def pointer(context: Any, builder: Any, kind: Any, array: Any) -> Any:
    """Pointer to the first number of an array."""
    return context.make_array(kind)(context, builder, array).data


Data = dict[str, Any]
"""Name of an array -> pointer to its first number."""


def kernel(names: Sequence[str], dtype: str, write: Callable[[RowEmitter, Data, list], Any], key: object) -> Callable:
    """An intrinsic f(arrays, numbers) -> int64 with the instructions that `write(rows, data, numbers)` puts.

    Args:
        names: of the arrays, in the order of the first tuple; the second holds int64.
        key: what the instructions depend on, besides the sources of the package and the width of vectors.
    """

    @intrinsic
    def run(typing: Any, arrays: Any, numbers: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            parts = cgutils.unpack_tuple(builder, arguments[0])
            data = _pointers(context, builder, names, signature.args[0], parts)
            result = write(RowEmitter(builder, dtype), data, cgutils.unpack_tuple(builder, arguments[1]))
            return ir.Constant(INT, 0) if result is None else result

        return types.int64(arrays, numbers), build

    run.cache_key = _key(names, dtype, key)
    return run


def straight(names: Sequence[str], dtype: str, code: Callable[[], Sequence[Instruction]], key: object) -> Callable:
    """An intrinsic f(arrays) that runs the instructions of a tape, which are compiled by themselves when this is called.

    Args:
        names: of the arrays, five. code: gives the instructions; called where none are kept that were compiled.
        key: what the instructions depend on.
    """
    cache_key = _key(names, dtype, key)
    name = f"hpcpot_{cache_key}"
    body = kernel(names, dtype, lambda rows, data, numbers: follow(rows, code(), data), key)
    pointer = types.CPointer(types.float64 if dtype == "float64" else types.float32)

    @intrinsic
    def run(typing: Any, arrays: Any) -> Any:
        def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            data = _pointers(context, builder, names, signature.args[0], cgutils.unpack_tuple(builder, arguments[0]))
            kind = ir.FunctionType(ir.VoidType(), [data[name].type for name in names])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [data[name] for name in names])
            return context.get_dummy_value()

        return types.void(arrays), build

    def alone(a, b, c, d, e):
        body((a, b, c, d, e), (0,))

    provide(name, alone, types.void(*[pointer] * len(names)), cache_key)
    run.cache_key = cache_key
    return run


def _pointers(context: Any, builder: Any, names: Sequence[str], kinds: Sequence[Any], parts: Sequence[Any]) -> Data:
    """First numbers of arrays, or of what pointers point to."""
    return {
        name: part if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, part).data
        for name, kind, part in zip(names, kinds, parts, strict=True)
    }


def _key(names: Sequence[str], dtype: str, key: object) -> str:
    return sha256(
        repr((names, dtype, lanes_of(dtype), has_wide_vectors(), has_feature("avx"), key)).encode()
    ).hexdigest()


def follow(rows: RowEmitter, code: Sequence[Instruction], data: Data, base: dict[str, Any] | None = None) -> None:
    """Put the instructions of a tape.

    Args:
        base: IR rows that those of an array are counted from.
    """
    base, values = base or {}, {}
    slots = _slots(rows, code)
    for number, (kind, *operands) in enumerate(code):
        if kind in ("load", "store"):
            name, row = operands[:2]
            place = rows.builder.add(base[name], ir.Constant(INT, row)) if name in base else row
            if kind == "load":
                values[number] = rows.load(data[name], place)
            else:
                rows.store(data[name], place, values[operands[2]])
        elif kind == "scalar":
            values[number] = rows.scalar(data[operands[0]], operands[1])
        elif kind == "keep":
            rows.store(slots, operands[0], values[operands[1]])
        elif kind == "kept":
            values[number] = rows.load(slots, operands[0])
        elif kind == "part":
            nothing = ir.FunctionType(ir.VoidType(), [slots.type])  # no code, but all memory may have changed
            rows.builder.asm(nothing, "", "r,~{memory}", [slots], side_effect=True)
        elif kind == "constant":
            values[number] = rows.constant(operands[0])
        else:
            values[number] = getattr(rows, kind)(*(values[a] for a in operands))


def _slots(rows: RowEmitter, code: Sequence[Instruction]) -> Any:
    """Pointer to the rows that a program in parts keeps."""
    count = 1 + max((rest[0] for kind, *rest in code if kind == "keep"), default=0)
    return rows.builder.bitcast(cgutils.alloca_once(rows.builder, rows.vector, size=count), rows.number.as_pointer())


def straight_writer(code: Sequence[Instruction]) -> Callable[[RowEmitter, Data, list], None]:
    """What puts the instructions of a tape, once."""

    def write(rows: RowEmitter, data: Data, numbers: list) -> None:
        follow(rows, code, data)

    return write
