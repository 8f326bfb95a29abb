"""Tasks for tests of the farm; workers import them by this module's name."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import time

import numpy as np

from hpcpot.errors import FarmError, StructureError
from hpcpot.farm import isolation
from hpcpot.farm.item import outcomes
from hpcpot.notices import notice


def square(x: float) -> dict:
    return {"value": float(x) ** 2, "ragged": np.arange(int(x) % 5, dtype=float), "pid": os.getpid()}


def square_unless_bad(x: float) -> dict:
    """Raises for 13, 23, ...; kills its process for 7 and 31, gently and hard."""
    if x % 10 == 3 and x > 10:
        raise StructureError(f"x = {x}: must not end in 3; take another.")
    if x == 7:
        os._exit(3)
    if x == 31:
        os.kill(os.getpid(), signal.SIGSEGV)
    return square(x)


def square_with_note(x: float) -> dict:
    """Gives a note."""
    notice(f"item {x}", "squared, though cubes are meant")
    return square(x)


def square_with_note_unless_seven(x: float) -> dict:
    """Kills its process for 7."""
    return square_with_note(x) if x != 7 else os._exit(3)


def slow_square(x: float) -> dict:
    time.sleep(0.02)
    return square(x)


def slower_square(x: float) -> dict:
    time.sleep(1.0)
    return square(x)


def squares_of_many(inputs: list):
    """Backwards; 5 is given an exception, 9 kills the process, 20 and 21 break the batch."""
    for position in reversed(range(len(inputs))):
        x = inputs[position]
        if x == 9:
            os._exit(1)
        if x in (20, 21):
            raise FloatingPointError(f"{x} overflows")
        yield position, ValueError("five") if x == 5 else square(x)


def square_slowly_at_first(x: float) -> dict:
    time.sleep(0.1 if x < 2 else 0.0)
    return square(x)


def surroundings(x: float) -> dict:
    from distributed import get_worker

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    time.sleep(0.2)  # so that each worker has one
    return {
        "threads": " ".join(os.environ.get(name, "?") for name in names),
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "profiled": int("profile" in get_worker().periodic_callbacks),
        "ignores_sigint": int(signal.getsignal(signal.SIGINT) == signal.SIG_IGN),
    }


class Unloadable:
    """A task whose module workers do not have."""

    def __reduce__(self):
        return fail_to_load, ()

    def __call__(self, x: float) -> dict:
        return square(x)


def fail_to_load():
    raise ModuleNotFoundError("no such module")


def square_unless_odd_ten(x: float) -> dict:
    if x == 11:
        raise ValueError("11 is odd")
    return square(x)


def square_without_model(x: float) -> dict:
    """What `PotentialRef.load` raises on a node that does not see the file; 4 kills its process first."""
    if x == 4:
        os._exit(1)
    if x == 7:
        raise FarmError("potential = lisi.h5: cannot be loaded on node3; give a path that they share.")
    return square(x)


def squares_without_model(inputs: list):
    for position, x in enumerate(inputs):
        yield position, square_without_model(x)


def replace_isolation(log: str, most: int) -> None:
    """On a worker: its isolation refuses `most` times, then computes where it is."""

    def run(compute, inputs, batched, memory=0):
        with open(log, "ab") as file:
            if file.tell() < most:
                file.write(b"x")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return [outcome for _, outcome in sorted(outcomes(compute, inputs, batched))]

    isolation.run = run


def restore_isolation() -> None:
    importlib.reload(isolation)
