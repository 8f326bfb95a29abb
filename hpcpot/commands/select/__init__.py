"""`hpcpot select`: the structures that differ most from one another, by farthest point sampling."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.select.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot select`."""
    parser.description = "Select structures by farthest point sampling. The same command completes its vectors."
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/select.yaml", "selection.count=200")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from hpcpot.commands.select.task import prepare  # NumPy and ASE: not for --help
    from hpcpot.farm.campaign import run_command

    return run_command(arguments, SCHEMA, prepare)
