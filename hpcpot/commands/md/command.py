"""`hpcpot md CONFIG`: loads the config, listens to signals, and runs."""

from __future__ import annotations

import argparse
import textwrap

from hpcpot import config
from hpcpot.commands.md import given
from hpcpot.commands.md.plan import plan
from hpcpot.dynamics.run import Run
from hpcpot.parallel.ranks import start
from hpcpot.parallel.stop import StopRequest


def run_command(arguments: argparse.Namespace) -> int:
    """Returns the exit code."""
    stop = StopRequest()
    ranks = start()
    settings, made = ranks.root_only(lambda: given.load(arguments))
    run = Run(settings, ranks, arguments.restart, stop)
    if made:
        run.say(f"config of this run:\n{textwrap.indent(made, '  ')}")
    if arguments.save_config is not None:
        ranks.root_only(lambda: given.save(made, arguments.save_config, arguments.overwrite or arguments.restart))
        run.say(f"written      {arguments.save_config}")
    if arguments.dry_run:
        run.say(config.dump(settings) + plan(run.state, run.engine))
        return 0
    return run.go(arguments.overwrite)
