"""Writes files of one kind until the disk is full, and says what it was told: python -m storage.full_disk KIND PATH.

Without a small disk an exceeded file size stands in: python -m storage.full_disk KIND PATH BYTES. The exit code is 1 after
an OutputError, as of a command; 0 if all fits.
"""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import labelled
import numpy as np
import systems
from farm import campaign_rows
from storage import frames

from hpcpot.dataset import hdf5
from hpcpot.errors import OutputError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.potential import files
from hpcpot.storage import checkpoint
from hpcpot.storage.tables import Tables


def trajectory(path: Path) -> None:
    with frames.create(path, n_atoms=300) as file:
        for step in range(60):
            frames.append(file, step, n_atoms=300)
            print("stored", step + 1, flush=True)


def results(path: Path) -> None:
    with campaign_rows.open_store(path) as store:
        for x in range(60):
            store.append([campaign_rows.row(x)])
            print("stored", x + 1, flush=True)


def saved_checkpoint(path: Path) -> None:
    for size in (10, 40_000):
        checkpoint.write(path, SERIAL, {"x": np.ones((size, 3)), "ids": np.arange(size)}, {"step": size})
        print("stored", size, flush=True)


def tables(path: Path) -> None:
    with Tables(path, {"date": "today"}) as file:
        for k in range(20):
            file.add(f"t{k}", {"x": np.arange(5_000.0)})
        file.commit()
    print("stored", 1, flush=True)


def data(path: Path) -> None:
    hdf5.write(labelled.structures(60), path, {})


def model(path: Path) -> None:
    files.save(systems.deep_potential(), path, {})


KINDS: dict[str, Callable[[Path], None]] = {
    "trajectory": trajectory,
    "results": results,
    "checkpoint": saved_checkpoint,
    "tables": tables,
    "data": data,
    "model": model,
}


@contextmanager
def limited(size: int | None) -> Iterator[None]:
    """Files of at most so many bytes; beyond, a write is refused."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if size is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def main() -> int:
    kind, path, *size = sys.argv[1:]
    try:
        with limited(int(size[0]) if size else None):
            KINDS[kind](Path(path))
    except OutputError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
