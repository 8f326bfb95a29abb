"""`hpcpot onsite`: what it costs to remove atoms, many sites in many frames."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.onsite.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot onsite`."""
    parser.description = (
        "Energies of removing one atom, dE = E_before - E_after, for many sites of many frames by region of an "
        "interface. The same command completes its results."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/onsite_interface_si100.yaml", "sites.per_region=10")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.onsite.task import prepare  # NumPy and Numba: not for --help
    from hpcpot.farm.campaign import run_command

    return run_command(arguments, SCHEMA, prepare)
