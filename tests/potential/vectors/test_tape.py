"""Straight-line programs: products become part of sums, and parts of a program give the digits of the whole."""

from hpcpot.potential.vectors.tape import OPERANDS, Tape, for_stores, fused, parted

ARITHMETIC = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "fma": lambda a, b, c: a * b + c,
    "fnma": lambda a, b, c: c - a * b,
}


def run(code, arrays):
    """What compiled code does, one number a row."""
    values, slots, known_from = [], {}, 0
    for kind, *rest in code:
        assert kind == "part" or all(rest[k] >= known_from for k in OPERANDS.get(kind, ()))
        if kind == "part":
            known_from = len(values)
            values.append(None)
        elif kind == "keep":
            slots[rest[0]] = values[rest[1]]
            values.append(None)
        elif kind == "kept":
            values.append(slots[rest[0]])
        elif kind in ("load", "scalar"):
            values.append(arrays[rest[0]][rest[1]])
        elif kind == "constant":
            values.append(rest[0])
        elif kind == "store":
            arrays[rest[0]][rest[1]] = values[rest[2]]
            values.append(None)
        else:
            values.append(ARITHMETIC[kind](*(values[n] for n in rest)))
    return arrays


def example() -> Tape:
    """out[0] = a b + c; out[1] = a b - (c c + 2 b)."""
    tape = Tape()
    a, b, c = (tape.load("in", row) for row in range(3))
    product = a * b
    tape.store("out", 0, product + c)
    tape.store("out", 1, product - (c * c + 2.0 * b))
    return tape


def test_rows_are_loaded_once():
    tape = Tape()
    assert tape.load("in", 3) == tape.load("in", 3) and len(tape.code) == 1


def test_products_used_once_become_part_of_sums():
    code = fused(example().code)
    kinds = [kind for kind, *_ in code]
    assert kinds.count("mul") == 2  # a b, which two results need, and one of c c + 2 b
    assert kinds.count("fma") == 1 and kinds.count("add") == 1 and kinds.count("sub") == 1
    for program in (example().code, code):
        arrays = run(program, {"in": [3.0, 5.0, 7.0], "out": [0.0, 0.0]})
        assert arrays["out"] == [22.0, 15.0 - 59.0]


def test_a_difference_takes_its_subtrahend_only():
    tape = Tape()
    a, b, c = (tape.load("in", row) for row in range(3))
    tape.store("out", 0, c - a * b)
    tape.store("out", 1, a * c - b)
    code = fused(tape.code)
    assert [kind for kind, *_ in code if kind not in ("load", "store")] == ["fnma", "mul", "sub"]
    assert run(code, {"in": [3.0, 5.0, 7.0], "out": [0.0, 0.0]})["out"] == [-8.0, 16.0]


def test_the_part_for_some_stores_is_the_same_instructions():
    tape = example()
    tape.store("other", 0, tape.load("in", 4) * 2.0)
    part = for_stores(fused(tape.code), {"out"})
    assert {row for kind, *row in part if kind == "store" and row[0] == "other"} == set()
    assert len(part) == len(fused(example().code))
    assert run(part, {"in": [3.0, 5.0, 7.0], "out": [0.0, 0.0]})["out"] == [22.0, -44.0]


def test_parts_of_a_program_share_values_through_slots_only():
    """Each of many values is used a few instructions later and at the end; slots are used again."""
    tape, values = Tape(), []
    for k in range(40):
        row = tape.load("in", k % 3)
        values.append(row * values[k - 2] + row if k > 1 else row * 2.0)
    tape.store("out", 0, values[0] * values[39])
    code = fused(tape.code)
    whole = run(code, {"in": [0.5, 0.7, 1.1], "out": [0.0]})["out"]
    for length in (1, 4, 7, 1000):
        parts = parted(code, length)
        assert run(parts, {"in": [0.5, 0.7, 1.1], "out": [0.0]})["out"] == whole
        assert [kind for kind, *_ in parts].count("part") == (len(code) - 1) // length
        assert len({slot for kind, slot, *_ in (row for row in parts if row[0] == "keep")}) <= 5
