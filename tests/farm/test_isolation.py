import os
import signal
import sys

import numpy as np
import pytest

from hpcpot.farm import isolation
from hpcpot.farm.item import Failure

pytest.importorskip("cloudpickle", reason="comes with Dask: pip install 'hpcpot[farm]'")


def dangerous(x):
    """Prints on both streams, and ends its process in three ways."""
    print(f"working on {x}")
    print(f"still on {x}", file=sys.stderr)
    if x == 2:
        os._exit(9)
    if x == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 6:
        raise ValueError("six")
    return {"x": np.full(2, x)}


def test_items_that_kill_their_process_fail_alone():
    found = isolation.run(dangerous, list(range(8)), batched=False)
    kinds = {x: outcome.kind for x, outcome in enumerate(found) if isinstance(outcome, Failure)}
    assert kinds == {2: "WorkerDied", 5: "WorkerDied", 6: "ValueError"}
    assert found[2].message == "the process that computed this item ended with exit code 9"
    assert found[5].message == "the process that computed this item was killed by SIGKILL"
    assert "still on 5" in found[5].traceback and "still on 4" not in found[5].traceback
    assert all((found[x]["x"] == x).all() for x in (0, 1, 3, 4, 7))


def greedy(x):
    return {"sum": float(np.ones(x).sum())}


def test_memory_limit_fails_the_item_that_wants_more():
    found = isolation.run(greedy, [10, 10**9], batched=False, memory=2 * 2**30)
    assert found[0] == {"sum": 10.0}
    assert found[1].kind in ("MemoryError", "_ArrayMemoryError")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-11, "was killed by SIGSEGV"),
        (-250, "was killed by signal 250"),
    ],
)
def test_describe(code, words):
    assert isolation.describe(code) == words
