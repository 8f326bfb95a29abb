"""The farm: one task, very many independent items, on as many workers as there are.

Items go out in chunks through a bounded window, so that the scheduler holds a few tasks however many items there are.
An exception fails its item. A chunk whose worker died goes to another one, and when that dies too, into processes of
its own (`guard`), where the item at fault is found. Every item gets one outcome.
"""

from __future__ import annotations

import pickle
import queue
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from math import ceil
from time import monotonic, perf_counter
from typing import Any

from hpcpot.config import Settings
from hpcpot.errors import ConfigError, FarmError
from hpcpot.farm import clusters, guard
from hpcpot.farm.chunk_size import CHUNK_MOST, CHUNK_SECONDS, ChunkSize, fair_share
from hpcpot.farm.chunks import BatchedTask, Failure, Item, Outcome, Task, halves, outcomes
from hpcpot.farm.jobs import Jobs
from hpcpot.farm.settings import JOB_QUEUES
from hpcpot.parallel.ranks import launched_size
from hpcpot.wording import plural

POLL_SECONDS = 0.2
LOOK_SECONDS = 5.0
"""Between two looks at which workers there are."""
GATHER_SECONDS = 60.0


@dataclass(frozen=True)
class Chunk:
    """Items that go to a worker together; `guarded` ones run in processes of their own there.

    unfit: hosts that could not start those processes.
    """

    task: Task | BatchedTask
    items: tuple[Item, ...]
    batched: bool
    guarded: bool = False
    unfit: tuple[str, ...] = ()


class UnfitWorker(Exception):
    """A worker could not start processes for guarded items; args: its address, and why."""


def compute(pickled: bytes) -> tuple[list[Outcome], float]:
    """On a worker: the outcome of each item of a chunk, in order, and the seconds that they took.

    The chunk comes pickled, so that the scheduler, which takes tasks apart, neither loads nor keeps what is in it.
    """
    began, chunk = perf_counter(), pickle.loads(pickled)
    inputs = [item.input for item in chunk.items]
    if chunk.guarded:
        from distributed import get_worker

        worker = get_worker()
        try:
            found = guard.run(chunk.task, inputs, chunk.batched, worker.memory_manager.memory_limit or 0)
        except OSError as error:
            raise UnfitWorker(worker.address, str(error)) from error
    else:
        by_position = dict(outcomes(chunk.task, inputs, chunk.batched))
        found = [by_position[position] for position in range(len(inputs))]
    return found, perf_counter() - began


class Farm:
    """Workers that compute items; they start with the first item and end with the `with` block.

    Args:
        settings: the farm section of a config, see `farm_settings`.

    Attributes:
        n_workers: processes that are there now.
    """

    def __init__(self, settings: Settings):
        if launched_size() > 1:
            raise ConfigError(
                f"farm = started on {launched_size()} ranks by mpirun: a farm starts its own workers; leave mpirun out."
            )
        self.settings = settings
        self.n_workers = 0
        self._wanted = 0
        self._stack = ExitStack()
        self._client = self._cluster = None
        self._jobs: Jobs | None = None
        self._numbers = count()
        self._looked = 0.0

    def __enter__(self) -> Farm:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._client = self._cluster = self._jobs = None

    def run(
        self,
        task: Task | BatchedTask,
        items: Iterable[Item],
        *,
        batched: bool = False,
        total: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[str, Outcome]]:
        """(key, outcome) of each item once, as they complete.

        Args:
            task: importable on the workers; called with one input, or if `batched` with a list of inputs (`chunks`).
            items: drawn as they are needed.
            total: their number, if known.
            stop: asked several times a second; once it says yes, what is not done is given up and the iterator ends.
        Raises:
            FarmError: workers cannot load the task or what it needs, or the scheduler went away.
        """
        source = iter(items)
        first = list(islice(source, 1))
        if not first:
            return
        self._start()
        source, left = chain(first, source), total
        size, running, ready = ChunkSize(self.settings.chunk, total, self._wanted), {}, queue.SimpleQueue()
        try:
            while True:
                while len(running) < self.settings.window * max(self._wanted, 1) and not stop():
                    n = size.next(left, self._wanted)
                    chunk = Chunk(task, tuple(islice(source, n)), batched)
                    if not chunk.items:
                        break
                    left = None if left is None else left - len(chunk.items)
                    self._submit(chunk, running, ready)
                if not running or stop():
                    return
                self._look_after()
                try:
                    future = ready.get(timeout=POLL_SECONDS)
                except queue.Empty:
                    continue
                yield from self._collect(future, running, ready, size)
        finally:
            if self._client.status == "running":
                self._client.cancel(list(running))

    def _start(self) -> None:
        if self._client is None:
            self._wanted = clusters.workers(self.settings)
            self._cluster, self._client = clusters.start(self.settings, self._stack)
            if self.settings.cluster in JOB_QUEUES:
                self._jobs = Jobs(self.settings, self._cluster, self._wanted)
            self._look_after()

    def _submit(self, chunk: Chunk, running: dict[Any, Chunk], ready: queue.SimpleQueue) -> None:
        import cloudpickle  # comes with Dask; it also takes functions of a script

        key = (f"hpcpot-chunk-{self._client.id}", next(self._numbers))  # a tuple: all keys are of one group
        where = self._elsewhere(chunk.unfit) if chunk.unfit else {}
        future = self._client.submit(compute, cloudpickle.dumps(chunk), key=key, pure=False, **where)
        running[future] = chunk
        future.add_done_callback(ready.put)

    def _collect(
        self, future: Any, running: dict[Any, Chunk], ready: queue.SimpleQueue, size: ChunkSize
    ) -> Iterator[tuple[str, Outcome]]:
        """The outcomes of a chunk that is done, or what follows from its end."""
        import distributed

        chunk = running[future]
        try:
            found, seconds = future.result(timeout=GATHER_SECONDS)
        except distributed.TimeoutError:
            ready.put(future)  # its worker died with the result, which is computed again
            return
        except distributed.KilledWorker as error:
            del running[future]
            yield from self._isolate(chunk, error, running, ready)
            return
        except UnfitWorker as error:
            del running[future]
            yield from self._send_elsewhere(chunk, error, running, ready)
            return
        except FarmError:
            raise
        except Exception as error:
            if future.cancelled():
                raise self._lost() from error
            raise FarmError(
                f"farm.cluster = {self.settings.cluster}: a worker could not take a chunk of {len(chunk.items)} items "
                f"({type(error).__name__}: {error}); workers need the same hpcpot and Python as this command."
            ) from error
        del running[future]
        if not chunk.guarded:
            size.learn(len(found), seconds)
        for item, outcome in zip(chunk.items, found, strict=True):
            yield item.key, outcome

    def _isolate(
        self, chunk: Chunk, error: Exception, running: dict[Any, Chunk], ready: queue.SimpleQueue
    ) -> Iterator[tuple[str, Outcome]]:
        """A chunk whose workers died: into processes of its own, then in halves, then its one item has failed."""
        if not chunk.guarded:
            self._submit(replace(chunk, guarded=True), running, ready)
        elif len(chunk.items) > 1:
            for part in halves(list(chunk.items)):
                self._submit(replace(chunk, items=tuple(part)), running, ready)
        else:
            worker = getattr(error, "last_worker", None)
            host = getattr(worker, "host", None) or socket.gethostname()
            yield chunk.items[0].key, Failure("WorkerDied", f"every worker that computed this item died: {error}", host)

    def _send_elsewhere(
        self, chunk: Chunk, error: UnfitWorker, running: dict[Any, Chunk], ready: queue.SimpleQueue
    ) -> Iterator[tuple[str, Outcome]]:
        """A chunk that a worker could not guard: to another host, as often as a chunk whose worker died."""
        address, words = error.args
        host = host_of(address)
        if len(chunk.unfit) < self.settings.retries:
            self._submit(replace(chunk, unfit=(*chunk.unfit, host)), running, ready)
            return
        for item in chunk.items:
            message = f"a worker died of this item or its neighbours, and {host} starts no process for it: {words}"
            yield item.key, Failure("WorkerDied", message, host)

    def _elsewhere(self, unfit: tuple[str, ...]) -> dict[str, Any]:
        """How Dask is told to prefer workers of other hosts."""
        others = [address for address in self._addresses() if host_of(address) not in unfit]
        return {"workers": others, "allow_other_workers": True} if others else {}

    def _look_after(self) -> None:
        """Count the workers, and replace jobs that ended."""
        if monotonic() - self._looked < LOOK_SECONDS and self.n_workers:
            return
        self._looked = monotonic()
        self.n_workers = len(self._addresses())
        if self._cluster is None:
            self._wanted = self.n_workers
        elif self._jobs is not None:
            self._jobs.look_after()

    def _addresses(self) -> list[str]:
        """Those of the workers that are there now."""
        try:
            return list(self._client.nthreads())
        except (OSError, TimeoutError) as error:
            raise self._lost() from error

    def _lost(self) -> FarmError:
        return FarmError(
            f"farm.cluster = {self.settings.cluster}: the scheduler went away; what was done is stored, and the same "
            "command goes on."
        )


def host_of(address: str) -> str:
    """10.0.0.7 of tcp://10.0.0.7:4321."""
    from distributed.comm import get_address_host

    return get_address_host(address)


def plan(settings: Settings, n_items: int) -> str:
    """What a run would start, for --dry-run: workers, number of tasks, and the job script of a batch system."""
    n = clusters.workers(settings)
    workers = plural(n, f"{settings.device.upper()} worker") if n else "the workers that it has"
    lines = [f"farm: {settings.cluster}, {workers}"]
    if settings.chunk == "auto":
        least = ceil(n_items / CHUNK_MOST)
        lines.append(
            f"{n_items} items in {least} to {n_items} tasks: chunks of about {CHUNK_SECONDS:g} s, at most {CHUNK_MOST}"
        )
    else:
        chunk = fair_share(settings.chunk, n_items, n)
        lines.append(f"{n_items} items in {plural(ceil(n_items / chunk), 'task')} of {chunk}")
    if settings.cluster in JOB_QUEUES:
        jobs = ceil(n / clusters.job_options(settings)["processes"])
        lines += [f"jobs: {jobs}, each by this script (the scheduler's address is known when it starts):", ""]
        lines.append(clusters.job_script(settings).rstrip())
    return "\n".join(lines)
