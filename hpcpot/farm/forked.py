"""Workers of a small local campaign: processes forked from the command, which have loaded what it has.

Dask takes seconds to start. The items run as there: in chunks, each a row or a failure. What a process that dies leaves
unfinished goes, in smaller parts, to processes of their own, until the item that kills its process is alone in one.
"""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from time import perf_counter

import numpy as np

from hpcpot.errors import FarmError
from hpcpot.farm.chunks import ChunkSize
from hpcpot.farm.isolation import describe
from hpcpot.farm.item import TAIL, BatchedCompute, Compute, Failure, Item, Outcome, halves, outcomes

ITEMS_EACH = 16
"""Items per worker up to which a campaign is small."""
POLL_SECONDS = 0.2
PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that a process gets when its parent ends."""


def can_fork() -> bool:
    """Whether this process is a single thread: a fork of others may hang, and CUDA does not survive one."""
    threads = Path("/proc/self/task")
    return threads.exists() and len(list(threads.iterdir())) == 1


@dataclass(frozen=True)
class WorkShare:
    """Positions of items that go to a worker together; deaths: how many workers they may have killed."""

    positions: list[int]
    deaths: int = 0


class ForkedWorkers:
    """Processes that compute some items.

    Args:
        function, items, batched: as in `pool.WorkerPool.run`.
        n: number of processes. chunk, retries: as in the farm section.
    """

    def __init__(
        self,
        function: Compute | BatchedCompute,
        items: Sequence[Item],
        batched: bool,
        n: int,
        chunk: str | int,
        retries: int,
    ):
        self._job = (function, [item.input for item in items], batched)
        self._items, self._batched, self._n, self._retries = items, batched, n, retries
        self._size = ChunkSize(chunk, len(items), n)
        self._again: deque[WorkShare] = deque()
        self._drawn = 0
        self._workers: list[Worker] = []

    def run(self, stop: Callable[[], bool]) -> Iterator[tuple[str, Outcome]]:
        """Compute the items: (key, outcome) of each once, as they complete; once `stop` says yes, it ends.

        Raises:
            FarmError: from the function, or this machine starts no process.
        """
        try:
            while not stop():
                self._give_work()
                busy = {worker.connection: worker for worker in self._workers if worker.part}
                if not busy:
                    return
                ready = wait(list(busy), POLL_SECONDS) or [end for end, worker in busy.items() if worker.has_ended()]
                for connection in ready:
                    yield from self._hear(busy[connection], stop)
        finally:
            for worker in self._workers:
                worker.kill()
            self._workers = []

    def _give_work(self) -> None:
        """Give each worker without any its next part; parts that may kill it go to new processes."""
        while part := self._next_part():
            worker = next((worker for worker in self._workers if not worker.part), None)
            if worker is not None and part.deaths:
                self._end(worker)
                worker = None
            if worker is None:
                worker = self._fork(isolated=bool(part.deaths))
            worker.give(part)

    def _next_part(self) -> WorkShare | None:
        """The next part if there is a worker for it; those of dead workers come first."""
        if sum(worker.part is not None for worker in self._workers) >= self._n:
            return None
        if self._again:
            return self._again.popleft()
        left = len(self._items) - self._drawn
        first, self._drawn = self._drawn, self._drawn + min(left, self._size.next(left, self._n))
        return WorkShare(list(range(first, self._drawn))) if left else None

    def _hear(self, worker: Worker, stop: Callable[[], bool]) -> Iterator[tuple[str, Outcome]]:
        """Take one message of a worker: an outcome, the end of its part, an error of the run, or its death."""
        try:
            message = worker.connection.recv() if worker.connection.poll() else None
        except (EOFError, OSError):
            message = None
        if message is None:
            yield from self._bury(worker, stop)
        elif isinstance(message, FarmError):
            raise message
        elif isinstance(message, float):
            if worker.isolated:
                self._end(worker)
            else:
                self._size.learn(len(worker.part.positions), message)
            worker.part = None
        else:
            position, outcome = message
            worker.left.remove(position)
            yield self._items[position].key, outcome

    def _bury(self, worker: Worker, stop: Callable[[], bool]) -> Iterator[tuple[str, Outcome]]:
        """Divide what a dead worker has left; an item that was alone with it, often enough, has failed."""
        part, left, ending = worker.part, worker.left, worker.ending()
        tail = worker.last_words()
        self._end(worker)
        if stop():  # the signal that stops the command may have gone to its workers too
            return
        deaths = part.deaths + 1
        if worker.isolated and len(part.positions) == 1 and left and deaths > self._retries:
            message = f"the process that computed this item {ending}"
            yield self._items[left[0]].key, Failure("WorkerDied", message, socket.gethostname(), tail)
        elif self._batched:
            self._again += [WorkShare(positions, deaths) for positions in halves(left)]
        elif left:  # items go one by one, so the first without an outcome is at fault
            self._again += [
                WorkShare(positions, n) for positions, n in ((left[:1], deaths), (left[1:], 0)) if positions
            ]

    def _fork(self, isolated: bool) -> Worker:
        try:
            worker = Worker(self._job, memory() // self._n, isolated)
        except OSError as error:
            raise FarmError(
                f"farm.cluster = local: this machine starts no process for a worker ({error}); what was done is stored, "
                "and the same command goes on."
            ) from error
        self._workers.append(worker)
        return worker

    def _end(self, worker: Worker) -> None:
        worker.kill()
        self._workers.remove(worker)


class Worker:
    """A forked process.

    Args:
        job: (function, inputs, batched). memory: bytes that it may use.
        isolated: whether to keep what it prints for its `last_words`.

    Attributes:
        part: what it computes now. left: positions of it without an outcome.
    """

    def __init__(self, job: tuple, memory: int, isolated: bool):
        self.isolated, self.part, self.left = isolated, None, []
        self._printed = tempfile.TemporaryFile() if isolated else None  # noqa: SIM115  (lives as long as the worker)
        self.connection, theirs = Pipe()
        self._code: int | None = None
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            self.connection.close()
            _serve(theirs, parent, job, memory, self._printed)
        theirs.close()

    def give(self, part: WorkShare) -> None:
        self.part, self.left = part, list(part.positions)
        with suppress(OSError):  # it has died; `has_ended` says so
            self.connection.send(part.positions)

    def has_ended(self) -> bool:
        if self._code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code is not None

    def ending(self) -> str:
        """Wait for its end; says how that came."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return describe(self._code)

    def last_words(self) -> str:
        """The end of what it has printed, if isolated."""
        if self._printed is None:
            return ""
        self._printed.seek(max(0, self._printed.seek(0, os.SEEK_END) - TAIL))
        return self._printed.read().decode(errors="replace")

    def kill(self) -> None:
        """End it, unless it has ended."""
        if not self.has_ended():
            os.kill(self._pid, signal.SIGKILL)
            self.ending()
        self.connection.close()
        if self._printed is not None:
            self._printed.close()


def memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _serve(connection: Connection, parent: int, job: tuple, most: int, printed: object) -> None:
    """The forked process: positions come in, outcomes and then the seconds of the part go out. It does not return."""
    try:
        _become_worker(parent, most, printed)
        function, inputs, batched = job
        while True:
            positions, began = connection.recv(), perf_counter()
            for k, outcome in outcomes(function, [inputs[position] for position in positions], batched):
                _send(connection, positions[k], outcome)
            connection.send(perf_counter() - began)
    except FarmError as error:
        connection.send(error)
    except BaseException:
        traceback.print_exc()
    finally:  # nothing of the command may run here: neither its `finally` nor what it has registered for its end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)


def _send(connection: Connection, position: int, outcome: Outcome) -> None:
    try:
        connection.send((position, outcome))
    except OSError:
        raise
    except Exception as error:  # what pickle raises for a value that cannot be sent
        connection.send((position, Failure.of(error)))


def _become_worker(parent: int, most: int, printed: object) -> None:
    """Leave signals to the command, end with it, and keep what it has open as it is."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(name, signal.SIG_DFL)
    gc.freeze()  # else an object of the command, as an open file, could be closed from here
    np.random.seed()  # noqa: NPY002  (the one that calculators share; each worker has its own numbers)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    if printed is not None:
        for stream in (1, 2):
            os.dup2(printed.fileno(), stream)
