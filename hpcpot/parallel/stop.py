"""Signals that ask a process to stop: it finishes what it must, leaves its files whole and ends with `STOPPED`."""

from __future__ import annotations

import signal

STOPPED = 75
"""Exit code after a signal, with everything saved that the same command needs to go on (EX_TEMPFAIL)."""

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class Stopped(Exception):
    """A signal has asked to stop, and what is done so far is of no use without the rest."""


class StopRequest:
    """Tells whether a signal has asked this process to stop; the first signal of each kind is caught, from construction on."""

    def __init__(self) -> None:
        self._asked = False
        for name in SIGNALS:
            signal.signal(name, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    def __call__(self) -> bool:
        return self._asked
