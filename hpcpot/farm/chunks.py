"""Chunks of items: how many items a worker gets at a time, and how it computes them."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from math import ceil
from time import perf_counter

from hpcpot import notices
from hpcpot.farm import isolation
from hpcpot.farm.item import BatchedCompute, Compute, Item, Outcome, outcomes

CHUNK_SECONDS = 2.0
"""Work of an automatic chunk: long against the scheduler's milliseconds, short against what a kill may lose."""
SECONDS_PER_WORKER = 0.02
"""Work of an automatic chunk for each worker, if that is more: client and scheduler, one process, take 5 to 15 ms for a
chunk (benchmarks/farm_overhead.py), and many workers must not wait for them."""
CHUNK_MOST = 1000
CHUNK_GROWTH = 4


@dataclass(frozen=True)
class ItemChunk:
    """Items that go to a worker together.

    Attributes:
        compute, batched: as in `Task`.
        isolated: whether the items run in processes of their own on the worker.
        unfit: hosts that could not start those processes.
    """

    compute: Compute | BatchedCompute
    items: tuple[Item, ...]
    batched: bool
    isolated: bool = False
    unfit: tuple[str, ...] = ()


class UnfitWorker(Exception):
    """A worker could not start processes for isolated items; args: its address, and why."""


def compute(pickled: bytes) -> tuple[list[Outcome], float, list[tuple[str, str]]]:
    """Compute a chunk on a worker: outcomes of the items, in order, the seconds that they took, notes on them.

    The chunk comes pickled, so that the scheduler, which takes tasks apart, neither loads nor keeps its content.

    Raises:
        UnfitWorker: a chunk of isolated items, and this machine starts no processes.
    """
    began, chunk = perf_counter(), pickle.loads(pickled)
    with notices.collected() as notes:
        results = _outcomes(chunk)
    return results, perf_counter() - began, notes


def _outcomes(chunk: ItemChunk) -> list[Outcome]:
    inputs = [item.input for item in chunk.items]
    if chunk.isolated:
        from distributed import get_worker

        worker = get_worker()
        try:
            return isolation.run(chunk.compute, inputs, chunk.batched, worker.memory_manager.memory_limit or 0)
        except OSError as error:
            raise UnfitWorker(worker.address, str(error)) from error
    by_position = dict(outcomes(chunk.compute, inputs, chunk.batched))
    return [by_position[position] for position in range(len(inputs))]


def seconds_of_chunk(n_workers: int) -> float:
    """Work of an automatic chunk."""
    return max(CHUNK_SECONDS, SECONDS_PER_WORKER * n_workers)


class ChunkSize:
    """Number of items in the next chunk.

    Args:
        requested: at most this number, or "auto": `seconds_of_chunk` by the time that items took lately.
        total: number of items, if known. n_workers: who share them.
    """

    def __init__(self, requested: str | int, total: int | None, n_workers: int):
        self._auto, self._n_workers = requested == "auto", n_workers
        self._next = 1 if self._auto else fair_share(requested, total, n_workers)
        self._seconds: float | None = None

    def learn(self, items: int, seconds: float) -> None:
        """Account for a chunk that is done."""
        if self._auto and items:
            each = seconds / items
            # Half of the old value: the first items also load what later ones find loaded.
            self._seconds = each if self._seconds is None else 0.5 * (self._seconds + each)
            fits = int(seconds_of_chunk(self._n_workers) / max(self._seconds, 1e-9))
            self._next = max(1, min(fits, CHUNK_GROWTH * items, CHUNK_MOST))

    def next(self, left: int | None, n_workers: int) -> int:
        """Items of the next chunk; the last ones are shared out evenly where their number is known."""
        self._n_workers = n_workers
        if not self._auto or left is None:
            return self._next
        return max(1, min(self._next, ceil(left / (2 * max(n_workers, 1)))))


def fair_share(most: int, total: int | None, n_workers: int) -> int:
    """Items of a chunk such that no worker is left without one."""
    return most if not total else min(most, ceil(total / max(n_workers, 1)))
