"""Straight-line arithmetic on rows of arrays, written down once and compiled to vector instructions (`emit`).

A `Tape` records what is computed with its values; so the contraction lists of a model become code without a branch or an
index, in which a compiler keeps what is needed soon in registers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import count

Instruction = tuple
"""(kind, operands...): load array row, scalar array index, constant number, add a b, sub a b, mul a b, fma a b c (a b + c),
fnma a b c (c - a b), store array row a; a, b and c are numbers of earlier instructions. Of `parted` programs also: keep slot a
and kept slot, a value's way from one part to others, and part."""

OPERANDS = {
    "store": (2,),
    "keep": (1,),
    "add": (0, 1),
    "sub": (0, 1),
    "mul": (0, 1),
    "fma": (0, 1, 2),
    "fnma": (0, 1, 2),
}
"""Which operands of an instruction are numbers of instructions."""


@dataclass
class Tape:
    """Instructions in order.

    Attributes:
        code: they. A row read twice is loaded once.
    """

    code: list[Instruction] = field(default_factory=list)
    _known: dict[Instruction, Value] = field(default_factory=dict)

    def put(self, *instruction: object) -> Value:
        """Append an instruction."""
        self.code.append(instruction)
        return Value(self, len(self.code) - 1)

    def load(self, array: str, row: int) -> Value:
        """A row of an array (rows, lanes)."""
        return self._once("load", array, row)

    def scalar(self, array: str, index: int) -> Value:
        """One number of a flat array, in every lane."""
        return self._once("scalar", array, index)

    def constant(self, number: float) -> Value:
        """The same number in every lane."""
        return self._once("constant", float(number))

    def store(self, array: str, row: int, value: Value) -> None:
        """Write a row, which is not loaded afterwards."""
        self.put("store", array, row, value.number)

    def _once(self, *instruction: object) -> Value:
        if instruction not in self._known:
            self._known[instruction] = self.put(*instruction)
        return self._known[instruction]


@dataclass(frozen=True)
class Value:
    """Result of an instruction."""

    tape: Tape
    number: int

    def __add__(self, other: Value) -> Value:
        return self.tape.put("add", self.number, other.number)

    def __sub__(self, other: Value) -> Value:
        return self.tape.put("sub", self.number, other.number)

    def __mul__(self, other: Value | float) -> Value:
        return self.tape.put("mul", self.number, self._value(other).number)

    def __rmul__(self, other: float) -> Value:
        return self * other

    def _value(self, other: Value | float) -> Value:
        return other if isinstance(other, Value) else self.tape.constant(other)


def fused(code: Sequence[Instruction]) -> list[Instruction]:
    """The same with products that are used once, in a sum, made part of it.

    A compiler would do so too, but not alike in programs that share steps: their results would differ in the last digit.
    """
    uses = Counter(rest[k] for kind, *rest in code for k in OPERANDS.get(kind, ()))
    result: list[Instruction] = []
    for kind, *rest in code:
        if kind in ("add", "sub"):
            a, b = rest
            single = [n for n in (b, a) if code[n][0] == "mul" and uses[n] == 1]
            if single and (kind == "add" or single[0] == b):
                other = a if single[0] == b else b
                result.append(("fma" if kind == "add" else "fnma", *code[single[0]][1:], other))
                continue
        result.append((kind, *rest))
    return _without(result, {n for n, (kind, *_) in enumerate(code) if kind == "mul"} - _used(result))


def parted(code: Sequence[Instruction], length: int) -> list[Instruction]:
    """The same in parts of some instructions, between which values are kept in slots or read again.

    A compiler that saw thousands of instructions at once would have most values in memory all the same, at places and times
    of its choice: it also stores what it could read again. The program must not write rows that it reads: a part may read
    them later.
    """
    last = {rest[k]: number // length for number, (kind, *rest) in enumerate(code) for k in OPERANDS.get(kind, ())}
    result: list[Instruction] = []
    slots: dict[int, int] = {}
    new = count()
    unused: list[int] = []
    ending: dict[int, list[int]] = {}
    known: dict[int, int] = {}

    def put(number: int, instruction: Instruction) -> None:
        known[number] = len(result)
        result.append(instruction)

    for number, (kind, *rest) in enumerate(code):
        part = number // length
        if number % length == 0 and number:
            result.append(("part",))
            unused += ending.pop(part - 1, ())
            known.clear()
        if kind in ("load", "scalar", "constant"):
            continue  # put where it is needed
        for k in OPERANDS[kind]:
            if rest[k] not in known:
                put(rest[k], ("kept", slots[rest[k]]) if rest[k] in slots else code[rest[k]])
            rest[k] = known[rest[k]]
        put(number, (kind, *rest))
        if last.get(number, part) > part:
            slots[number] = unused.pop() if unused else next(new)
            ending.setdefault(last[number], []).append(slots[number])
            result.append(("keep", slots[number], known[number]))
    return result


def for_stores(code: Sequence[Instruction], arrays: Set[str]) -> list[Instruction]:
    """The instructions that stores to some arrays need, in order."""
    needed = set()
    for number in range(len(code) - 1, -1, -1):
        kind, *rest = code[number]
        if number in needed or (kind == "store" and rest[0] in arrays):
            needed |= {number, *(rest[k] for k in OPERANDS.get(kind, ()))}
    return _without(code, set(range(len(code))) - needed)


def _used(code: Sequence[Instruction]) -> set[int]:
    return {rest[k] for kind, *rest in code for k in OPERANDS.get(kind, ())}


def _without(code: Sequence[Instruction], dropped: Set[int]) -> list[Instruction]:
    """The others, numbered anew."""
    place = {number: k for k, number in enumerate(n for n in range(len(code)) if n not in dropped)}
    result = []
    for number in place:
        kind, *rest = code[number]
        for k in OPERANDS.get(kind, ()):
            rest[k] = place[rest[k]]
        result.append((kind, *rest))
    return result
