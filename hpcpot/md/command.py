"""`hpcpot md CONFIG`: loads the config, listens to signals, and runs."""

from __future__ import annotations

import argparse
import signal

from hpcpot import config
from hpcpot.md.plan import plan
from hpcpot.md.run import Run
from hpcpot.md.settings import SCHEMA
from hpcpot.parallel.ranks import start

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


def run_command(arguments: argparse.Namespace) -> int:
    """Returns the exit code."""
    stop = StopRequest()
    ranks = start()
    settings = ranks.root_only(lambda: config.load(arguments.config, SCHEMA, arguments.overrides))
    run = Run(settings, ranks, arguments.restart, stop)
    if arguments.dry_run:
        run.say(config.dump(settings) + plan(run.state, run.engine))
        return 0
    return run.go(arguments.overwrite)


class StopRequest:
    """Whether a signal has asked this process to stop; it listens from the start, and to one signal of each kind."""

    def __init__(self) -> None:
        self._asked = False
        for name in SIGNALS:
            signal.signal(name, self._ask)

    def _ask(self, number: int, frame: object) -> None:
        self._asked = True
        signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once

    def __call__(self) -> bool:
        return self._asked
