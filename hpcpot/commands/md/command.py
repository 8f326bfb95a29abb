"""`hpcpot md CONFIG`: loads the config, listens to signals, and runs."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.md.plan import plan
from hpcpot.dynamics.run import Run
from hpcpot.dynamics.settings import SCHEMA
from hpcpot.parallel.ranks import start
from hpcpot.parallel.stop import StopRequest


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
