"""`hpcpot relax`: many structures to their nearest minima, many in one call of the potential."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.relax.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot relax`."""
    parser.description = (
        "Relax many structures, positions and optionally cells. The same command completes its results."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/relax.yaml", "relax.cell=fixed")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.relax.task import prepare  # NumPy and Numba: not for --help
    from hpcpot.farm.campaign import run_command

    return run_command(arguments, SCHEMA, prepare)
