"""Dask as the farm needs it: imported when a farm starts, and with settings of its own."""

from __future__ import annotations

import signal
from importlib import import_module
from types import ModuleType

from hpcpot.errors import DependencyError

DASK_SETTINGS = {
    # The log of messages holds them whole: by default the inputs of the last 1000 chunks.
    "distributed.admin.low-level-log-length": 10,
    # Items hold no data for Dask to spill, and a worker that pauses would wait for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # The profiler holds frames of the thread that computes in another one, where objects of h5py may then be freed beside a
    # read of the first. A farm hung once with a message of h5py's lock, and this is the only way in which two threads meet
    # there; that it was the cause is not proved (h5py issue 2920 is of that kind).
    "distributed.worker.profile.enabled": False,
    # Workers serve HTTP in any case, which knows no certificates: then nothing but an error 404.
    "distributed.worker.http.routes": [],
}
"""Settings of the command and of all workers."""


def load(name: str) -> ModuleType:
    """Import a module of Dask.

    Importing dask_jobqueue sets a handler of SIGINT that ends the process without a word; the one before is put back.

    Raises:
        DependencyError: Dask is not installed.
    """
    handler = signal.getsignal(signal.SIGINT)
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise DependencyError(
            f"farm = {package} cannot be imported ({error}): the farm runs on Dask; pip install 'hpcpot[farm]'."
        ) from error
    finally:
        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


def variable(name: str) -> str:
    """A key of Dask's config as an environment variable."""
    return "DASK_" + name.upper().replace(".", "__").replace("-", "_")
