"""How many items go to a worker at a time."""

from __future__ import annotations

from math import ceil

CHUNK_SECONDS = 2.0
"""Work of an automatic chunk: long against the scheduler's milliseconds, short against what a kill may lose."""
CHUNK_MOST = 1000
CHUNK_GROWTH = 4


class ChunkSize:
    """How many items the next chunk has.

    Args:
        wanted: at most this number, or "auto": CHUNK_SECONDS of work by the time that items took lately.
        total: number of items, if known. n_workers: who share them.
    """

    def __init__(self, wanted: str | int, total: int | None, n_workers: int):
        self._next = 1 if wanted == "auto" else fair_share(wanted, total, n_workers)
        self._auto = wanted == "auto"
        self._seconds: float | None = None

    def learn(self, items: int, seconds: float) -> None:
        """A chunk is done."""
        if self._auto and items:
            each = seconds / items
            # Half of the old value: the first items also load what later ones find loaded.
            self._seconds = each if self._seconds is None else 0.5 * (self._seconds + each)
            fits = int(CHUNK_SECONDS / max(self._seconds, 1e-9))
            self._next = max(1, min(fits, CHUNK_GROWTH * items, CHUNK_MOST))

    def next(self, left: int | None, n_workers: int) -> int:
        """Items of the next chunk; the last ones are shared out evenly where their number is known."""
        if not self._auto or left is None:
            return self._next
        return max(1, min(self._next, ceil(left / (2 * max(n_workers, 1)))))


def fair_share(most: int, total: int | None, n_workers: int) -> int:
    """Items of a chunk such that no worker is left without one."""
    return most if not total else min(most, ceil(total / max(n_workers, 1)))
