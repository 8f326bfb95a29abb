"""The workers of the farm: they compute very many independent items, as many at a time as there are workers.

Items go out in chunks through a bounded window, so that the scheduler holds a few tasks however many items there are.
An exception fails its item. A chunk whose worker died goes to another one, and when that dies too, into processes of
its own (`isolation`), where the item at fault is found. Every item gets one outcome.
"""

from __future__ import annotations

import queue
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain, count, islice
from math import ceil
from time import monotonic
from typing import Any

from hpcpot.config import show
from hpcpot.errors import ConfigError, FarmError
from hpcpot.farm import clusters, forked, jobqueue
from hpcpot.farm.chunks import CHUNK_MOST, ChunkSize, ItemChunk, UnfitWorker, compute, fair_share, seconds_of_chunk
from hpcpot.farm.item import BatchedCompute, Compute, Failure, Item, Outcome, halves
from hpcpot.farm.jobs import Jobs
from hpcpot.farm.settings import JOB_QUEUES, FarmSection, check
from hpcpot.notices import notice
from hpcpot.parallel.ranks import launched_size
from hpcpot.wording import plural

POLL_SECONDS = 0.2
LOOK_SECONDS = 5.0
"""Time between two counts of the workers."""
GATHER_SECONDS = 60.0


class WorkerPool:
    """Workers that compute items; they start with the first item and end with the `with` block.

    Args:
        settings: the farm section of a config, see `farm.settings`.

    Attributes:
        n_workers: processes running now.
    """

    def __init__(self, settings: FarmSection):
        if launched_size() > 1:
            raise ConfigError(
                f"farm = started on {launched_size()} ranks by mpirun: a farm starts its own workers; leave mpirun out."
            )
        for name, requirement in check(settings):
            value = show(getattr(settings, name.removeprefix("farm.")))
            raise ConfigError(f"{name} = {value}: {requirement}.")
        self.settings = settings
        self.n_workers = 0
        self._n_expected = 0
        self._stack = ExitStack()
        self._client = self._cluster = None
        self._jobs: Jobs | None = None
        self._numbers = count()
        self._looked = 0.0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._client = self._cluster = self._jobs = None

    def run(
        self,
        function: Compute | BatchedCompute,
        items: Iterable[Item],
        *,
        batched: bool = False,
        total: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[str, Outcome]]:
        """Compute items: (key, outcome) of each once, as they complete.

        Args:
            function: importable on the workers; called with one input, or if `batched` with a list of inputs, see
                `item.outcomes`.
            items: drawn as they are needed.
            total: their number, if known.
            stop: asked several times a second; once it says yes, unfinished items are given up and the iterator ends.
        Raises:
            FarmError: workers cannot load the function or what it needs, or the scheduler went away.
        """
        if self._is_small(total):
            yield from self._run_forked(function, list(items), batched, stop)
            return
        source = iter(items)
        first = list(islice(source, 1))
        if not first:
            return
        self._start(total)
        source, left = chain(first, source), total
        size, running, ready = ChunkSize(self.settings.chunk, total, self._n_expected), {}, queue.SimpleQueue()
        try:
            while True:
                while len(running) < self.settings.window * max(self._n_expected, 1) and not stop():
                    n = size.next(left, self._n_expected)
                    chunk = ItemChunk(function, tuple(islice(source, n)), batched)
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

    def _is_small(self, total: int | None) -> bool:
        """Whether a local campaign has so few items that Dask, which takes seconds to start, would be most of the wait."""
        return (
            self._client is None
            and self.settings.cluster == "local"
            and self.settings.device == "cpu"
            and total is not None
            and total <= forked.ITEMS_EACH * clusters.workers(self.settings)
            and forked.can_fork()
        )

    def _run_forked(
        self, function: Compute | BatchedCompute, items: list[Item], batched: bool, stop: Callable[[], bool]
    ) -> Iterator[tuple[str, Outcome]]:
        """Compute few items in processes forked from this one, see `forked`."""
        self.n_workers = min(clusters.workers(self.settings), len(items))
        workers = forked.ForkedWorkers(
            function, items, batched, self.n_workers, self.settings.chunk, self.settings.retries
        )
        yield from workers.run(stop)

    def _start(self, total: int | None = None) -> None:
        """Start the workers; of a local farm no more than there are items, and others when more items come."""
        most = clusters.workers(self.settings)
        is_local = self.settings.cluster == "local"
        needed = min(most, total) if is_local and total else most
        if self._client is None:
            self._n_expected = needed
            settings = replace(self.settings, workers=needed) if is_local else self.settings
            self._cluster, self._client = clusters.start(settings, self._stack)
            if self.settings.cluster in JOB_QUEUES:
                self._jobs = Jobs(self.settings, self._cluster, self._n_expected)
            self._look_after()
        elif is_local and needed > self._n_expected:
            self._n_expected = needed
            self._cluster.scale(needed)

    def _submit(self, chunk: ItemChunk, running: dict[Any, ItemChunk], ready: queue.SimpleQueue) -> None:
        import cloudpickle  # comes with Dask; it also takes functions of a script

        key = (f"hpcpot-chunk-{self._client.id}", next(self._numbers))  # a tuple: all keys are of one group
        where = self._elsewhere(chunk.unfit) if chunk.unfit else {}
        future = self._client.submit(compute, cloudpickle.dumps(chunk), key=key, pure=False, **where)
        running[future] = chunk
        future.add_done_callback(ready.put)

    def _collect(
        self, future: Any, running: dict[Any, ItemChunk], ready: queue.SimpleQueue, size: ChunkSize
    ) -> Iterator[tuple[str, Outcome]]:
        """Return the outcomes of a chunk that is done, or send it elsewhere if its worker ended."""
        import distributed

        chunk = running[future]
        try:
            results, seconds, notes = future.result(timeout=GATHER_SECONDS)
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
        for where, what in notes:
            notice(where, what)
        if not chunk.isolated:
            size.learn(len(results), seconds)
        for item, outcome in zip(chunk.items, results, strict=True):
            yield item.key, outcome

    def _isolate(
        self, chunk: ItemChunk, error: Exception, running: dict[Any, ItemChunk], ready: queue.SimpleQueue
    ) -> Iterator[tuple[str, Outcome]]:
        """Send a chunk whose workers died into processes of its own, then in halves; then its one item has failed."""
        if not chunk.isolated:
            self._submit(replace(chunk, isolated=True), running, ready)
        elif len(chunk.items) > 1:
            for part in halves(list(chunk.items)):
                self._submit(replace(chunk, items=tuple(part)), running, ready)
        else:
            worker = getattr(error, "last_worker", None)
            host = getattr(worker, "host", None) or socket.gethostname()
            yield chunk.items[0].key, Failure("WorkerDied", f"every worker that computed this item died: {error}", host)

    def _send_elsewhere(
        self, chunk: ItemChunk, error: UnfitWorker, running: dict[Any, ItemChunk], ready: queue.SimpleQueue
    ) -> Iterator[tuple[str, Outcome]]:
        """Send a chunk that a worker could not isolate to another host, as often as a chunk whose worker died."""
        address, words = error.args
        host = host_of(address)
        if len(chunk.unfit) < self.settings.retries:
            self._submit(replace(chunk, unfit=(*chunk.unfit, host)), running, ready)
            return
        for item in chunk.items:
            message = f"a worker died of this item or its neighbours, and {host} starts no process for it: {words}"
            yield item.key, Failure("WorkerDied", message, host)

    def _elsewhere(self, unfit: tuple[str, ...]) -> dict[str, Any]:
        """Options of Dask to prefer workers of other hosts."""
        others = [address for address in self._addresses() if host_of(address) not in unfit]
        return {"workers": others, "allow_other_workers": True} if others else {}

    def _look_after(self) -> None:
        """Count the workers, and replace jobs that ended."""
        if monotonic() - self._looked < LOOK_SECONDS and self.n_workers:
            return
        self._looked = monotonic()
        self.n_workers = len(self._addresses())
        if self._cluster is None:
            self._n_expected = self.n_workers
        elif self._jobs is not None:
            self._jobs.look_after()

    def _addresses(self) -> list[str]:
        """Addresses of the workers running now."""
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
    """The host of an address: 10.0.0.7 of tls://10.0.0.7:4321."""
    from distributed.comm import get_address_host

    return get_address_host(address)


def plan(settings: FarmSection, n_items: int) -> str:
    """Describe what a run would start, for --dry-run: workers, tasks, and the job script of a batch system."""
    n = clusters.workers(settings)
    workers = plural(n, f"{settings.device.upper()} worker") if n else "the workers that it has"
    lines = [f"farm: {settings.cluster}, {workers}"]
    if settings.chunk == "auto":
        least, work = ceil(n_items / CHUNK_MOST), seconds_of_chunk(n or 1)
        lines.append(f"{n_items} items in {least} to {n_items} tasks: chunks of about {work:g} s, at most {CHUNK_MOST}")
    else:
        chunk = fair_share(settings.chunk, n_items, n)
        lines.append(f"{n_items} items in {plural(ceil(n_items / chunk), 'task')} of {chunk}")
    if settings.cluster in JOB_QUEUES:
        jobs = ceil(n / jobqueue.job_options(settings)["processes"])
        lines += [f"jobs: {jobs}, each by this script (the scheduler's address is known when it starts):", ""]
        lines.append(jobqueue.job_script(settings).rstrip())
    return "\n".join(lines)
