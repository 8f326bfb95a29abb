"""Many ranks in one process, a thread each, that do only what ranks say to each other: to count it without running them.

The engine's own code divides space and finds ghosts; messages go through queues, and are counted as they would be sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np

from hpcpot.parallel.ranks import Message, Ranks

STACK = 1 << 20


class CountingRanks(Ranks):
    """Ranks that count their messages.

    Attributes:
        counted: messages and bytes sent by `shift` to others; collective calls by name, and rows of `exchange` to others.
    """

    def __init__(self, comm: Any = None):
        super().__init__(comm)
        self.counted: Counter[str] = Counter()

    def _reduce(self, values: np.ndarray, operation: str) -> np.ndarray:
        self.counted["reductions"] += 1
        return super()._reduce(values, operation)

    def exchange(self, blocks: list[np.ndarray]) -> list[np.ndarray]:
        self.counted["exchanges"] += 1
        self.counted["exchanged_bytes"] += sum(b.nbytes for r, b in enumerate(blocks) if r != self.rank)
        return super().exchange(blocks)

    def shift_all(self, messages: Sequence[Message]) -> None:
        for send, to, _, _ in messages:
            if to >= 0 and to != self.rank:
                self.counted["messages"] += 1
                self.counted["bytes"] += send.nbytes
        super().shift_all(messages)


class Meeting:
    """Where the threads of some virtual ranks leave what they say."""

    def __init__(self, size: int):
        self.size, self.slots = size, [None] * size
        self.barrier = threading.Barrier(size)
        self.queues: dict[tuple[int, int], SimpleQueue] = {}
        self._lock = threading.Lock()

    def queue(self, source: int, to: int) -> SimpleQueue:
        with self._lock:
            return self.queues.setdefault((source, to), SimpleQueue())

    def share(self, rank: int, value: Any) -> list:
        """What all left, in order of rank."""
        self.slots[rank] = value
        self.barrier.wait()
        all_values = list(self.slots)
        self.barrier.wait()
        return all_values


class VirtualRanks(CountingRanks):
    """One of the ranks of a meeting."""

    def __init__(self, meeting: Meeting, rank: int):
        super().__init__()
        self.meeting, self.rank, self.size = meeting, rank, meeting.size

    def _reduce(self, values: np.ndarray, operation: str) -> np.ndarray:
        self.counted["reductions"] += 1
        parts = self.meeting.share(self.rank, np.asarray(values))
        total = {"SUM": np.sum, "MAX": np.max}[operation](parts, axis=0) if self.is_root else None
        return self.meeting.share(self.rank, total)[0].copy()

    def broadcast(self, value: Any, root: int = 0) -> Any:
        return self.meeting.share(self.rank, value)[root]

    def root_only(self, function: Callable[[], Any], share: bool = True) -> Any:
        return self.broadcast(function() if self.is_root else None)

    def exchange(self, blocks: list[np.ndarray]) -> list[np.ndarray]:
        self.counted["exchanges"] += 1
        return [parts[self.rank] for parts in self.meeting.share(self.rank, blocks)]

    def shift_all(self, messages: Sequence[Message]) -> None:
        for send, to, source, receive in messages:
            if to == self.rank and source == self.rank:
                receive[...] = send
                continue
            if to >= 0:
                self.counted["messages"] += 1
                self.counted["bytes"] += send.nbytes
                self.meeting.queue(self.rank, to).put(np.array(send))
            if source >= 0:
                receive[...] = self.meeting.queue(source, self.rank).get()


def run(size: int, work: Callable[[VirtualRanks], Any]) -> list:
    """What `work` returns on each of `size` virtual ranks, in order; it raises what the lowest rank that fails raised."""
    meeting, results, errors = Meeting(size), [None] * size, {}

    def one(rank: int) -> None:
        try:
            results[rank] = work(VirtualRanks(meeting, rank))
        except BaseException as error:
            errors[rank] = error
            meeting.barrier.abort()

    before = threading.stack_size(STACK)
    threads: Sequence[threading.Thread] = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    threading.stack_size(before)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[min(errors, key=lambda rank: (isinstance(errors[rank], threading.BrokenBarrierError), rank))]
    return results
