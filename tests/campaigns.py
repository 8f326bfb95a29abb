"""Campaigns of the farm as a user starts them, and a pool without workers that is told to stop on the way."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import runs

from hpcpot import config
from hpcpot.commands.relax import settings as relax_settings
from hpcpot.farm.item import outcomes
from hpcpot.farm.potential_ref import PotentialRef
from hpcpot.farm.settings import FarmSection
from hpcpot.parallel.stop import SIGNALS
from hpcpot.relaxation import task as relax_task


def run(name: str, folder: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
    """`hpcpot NAME NAME.yaml ARGUMENTS` in a folder; it must end with this exit code."""
    done = subprocess.run(
        [*runs.HPCPOT, name, f"{name}.yaml", *arguments],
        cwd=folder,
        env=runs.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


class LocalPool:
    """Stands in for WorkerPool: computes where it stands, and after so many outcomes in all asks its process to stop.

    Attributes:
        computed: labels of what it has done.
    """

    n_workers = 1

    def __init__(self, stop_after: int):
        self.stop_after, self.computed = stop_after, []

    def __call__(self, wanted: FarmSection) -> LocalPool:
        return self

    def __enter__(self) -> LocalPool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, compute, items, *, batched, total, stop):
        for item in items:
            if stop():
                return
            self.computed.append(item.label)
            yield item.key, dict(outcomes(compute, [item.input], batched))[0]
            if len(self.computed) == self.stop_after:
                os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """What handles signals now handles them afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def task_of_relax(path: Path, *overrides: str) -> str:
    """What all rows of a file by a config of `hpcpot relax` share, besides the potential."""
    settings = config.load(path, relax_settings.SCHEMA, list(overrides))
    options = relax_task.engine_options(settings.relax, settings.output.keep_path)
    return relax_task.identity(PotentialRef.of(settings.potential), options, settings.potential.outside)
