"""`hpcpot label`: energies, forces and virials of many structures by any calculator of ASE, as a data set."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.label.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot label`."""
    parser.description = "Label structures with a calculator of ASE. The same command completes its results."
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/label.yaml", "structures.every=10")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.label.task import prepare  # NumPy and ASE: not for --help
    from hpcpot.farm.campaign import run_command

    return run_command(arguments, SCHEMA, prepare)
