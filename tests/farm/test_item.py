import socket

import pytest

from hpcpot.errors import StructureError
from hpcpot.farm.item import TAIL, Failure, halves, outcomes


def inverse(x):
    if x == 5:
        raise SystemExit("a task that leaves")
    return {"inverse": 1.0 / x}


def test_each_item_has_its_own_outcome():
    found = dict(outcomes(inverse, [1, 0, 5, 4], batched=False))
    assert found[0] == {"inverse": 1.0} and found[3] == {"inverse": 0.25}
    assert found[1].kind == "ZeroDivisionError" and found[1].message == "float division by zero"
    assert found[2].kind == "SystemExit"
    assert found[1].host == socket.gethostname() and "1.0 / x" in found[1].traceback


def test_failure_keeps_the_end_of_the_traceback():
    def deep(n):
        if n == 0:
            raise StructureError("cell = volume 0: must be > 0; give another.")
        deep(n - 1)

    try:
        deep(200)
    except StructureError as error:
        failure = Failure.of(error)
    assert len(failure.traceback) <= TAIL and failure.traceback.rstrip().endswith("give another.")


def batch(inputs):
    """Backwards; refuses batches with an 8, gives a 3 an exception, forgets a 6."""
    batches.append(list(inputs))
    for k in reversed(range(len(inputs))):
        if inputs[k] == 8:
            raise FloatingPointError("overflow")
        if inputs[k] != 6:
            yield k, ValueError("three") if inputs[k] == 3 else {"value": inputs[k]}


batches = []


def test_batch_is_halved_until_the_item_at_fault_is_alone():
    batches.clear()
    found = list(outcomes(batch, range(10), batched=True))
    by_position = dict(found)
    assert len(found) == 10 and sorted(by_position) == list(range(10))
    failed = {k: outcome.kind for k, outcome in by_position.items() if isinstance(outcome, Failure)}
    assert failed == {3: "ValueError", 6: "RuntimeError", 8: "FloatingPointError"}
    assert all(by_position[k] == {"value": k} for k in (0, 1, 2, 4, 5, 7, 9))
    assert [8] in batches and [6] in batches and [9] not in batches, "what was done is not done again"


def test_batch_that_answers_twice_fails_rather_than_counts_twice():
    found = list(outcomes(lambda inputs: iter([(0, {"a": 1}), (0, {"a": 2})]), ["x"], batched=True))
    assert found == [(0, {"a": 1})]


@pytest.mark.parametrize(("n", "parts"), [(0, []), (1, [[0]]), (2, [[0], [1]]), (5, [[0, 1, 2], [3, 4]])])
def test_halves(n, parts):
    assert halves(list(range(n))) == parts
