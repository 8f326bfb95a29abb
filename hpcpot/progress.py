"""Progress of a campaign: a line that renews itself on a terminal, a line a minute in a log."""

from __future__ import annotations

import shutil
import sys
from time import monotonic

from hpcpot.wording import duration, plural

TERMINAL_SECONDS, LOG_SECONDS = 0.5, 60.0
RENEW = "\r\033[K"
"""Takes a line of a terminal off, for the next to take its place."""
BAR = 20
"""Cells of a bar."""
RECENT_SECONDS = 120.0
"""Throughput and ETA are those of about the last two minutes, so that the loading of the first ones is forgotten."""

NOBODY = "no workers yet (jobs wait, or ended at once: see the queue and their logs)"


class Progress:
    """Count what is done, and print it.

    Args:
        total: items to be done.
        noun: what an item is.
        done: items that an earlier run has done.
    """

    def __init__(self, total: int, noun: str = "items", done: int = 0):
        self.total, self.done, self.failed, self.noun = total, done, 0, noun
        self.began = monotonic()
        self._on_terminal = sys.stdout.isatty()
        self._shown = self.began if not self._on_terminal else 0.0
        self._marks = [(self.began, done)]

    def count(self, failed: bool = False, items: int = 1) -> None:
        self.done += items
        self.failed += failed

    def show(self, n_workers: int | None = None, now: bool = False) -> None:
        """Print a line if it is time, or `now`; None: this process does the work itself."""
        time = monotonic()
        if not now and time - self._shown < (TERMINAL_SECONDS if self._on_terminal else LOG_SECONDS):
            return
        self._shown = time
        self._marks = [mark for mark in self._marks if time - mark[0] < RECENT_SECONDS] or self._marks[-1:]
        line = self.line(n_workers, time)
        self._marks.append((time, self.done))
        if self._on_terminal:
            line = f"{self._bar()} {line}"[: shutil.get_terminal_size().columns - 1]  # one that wraps is not taken off
            print(f"{RENEW}{line}", end="", flush=True)
        else:
            print(line, flush=True)

    def _bar(self) -> str:
        filled = round(BAR * min(self.done / max(self.total, 1), 1.0))
        return f"[{'#' * filled}{'.' * (BAR - filled)}]"

    def line(self, n_workers: int | None, time: float) -> str:
        """120/1000 items (12.0 %), 3 failed, 41.2 items/s, 2 workers, ETA 00:21."""
        since, before = self._marks[0]
        rate = (self.done - before) / max(time - since, 1e-9)
        eta = duration((self.total - self.done) / rate) if rate else "-"
        share = f"{self.done}/{self.total} {self.noun} ({100.0 * self.done / max(self.total, 1):.1f} %)"
        speed = f"{rate:.4g} {self.noun}/s"
        if n_workers is None:
            return f"{share}, {speed}, ETA {eta}"
        return (
            f"{share}, {self.failed} failed, {speed}, {plural(n_workers, 'worker') if n_workers else NOBODY}, ETA {eta}"
        )

    def end(self, n_workers: int | None = None) -> None:
        """Leave the last line standing; nothing where there was nothing to do."""
        if self.total:
            self.show(n_workers, now=True)
        if self.total and self._on_terminal:
            print()
