"""Start of each worker process of the farm: Dask imports this module there and calls `dask_setup`."""

from __future__ import annotations

import os
import signal
from typing import Any

from hpcpot import plugins

GPUS = "HPCPOT_FARM_GPUS"
"""Environment variable of a GPU worker: how many GPU workers share its machine."""


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the client, which ends the workers; give a GPU worker its one GPU."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plugins.load()
    if GPUS in os.environ:
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(int(os.environ[GPUS]))))
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu_of(worker.name, visible)


def gpu_of(name: str | int, visible: str) -> str:
    """The GPU of a worker, by the number at the end of its name: 3, "SLURMCluster-0-3".

    Args:
        visible: GPUs of its job as CUDA_VISIBLE_DEVICES names them.
    """
    devices = visible.split(",")
    return devices[int(str(name).rpartition("-")[2]) % len(devices)]
