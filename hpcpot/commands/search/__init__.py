"""`hpcpot search`: many cells relaxed, the different minima by energy above the hull, and the crystals among them."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.search.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot search`."""
    parser.description = (
        "Search for crystals: relax many cells, remove duplicates, rank by energy above the hull, compare with known "
        "crystals. The same command goes on."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/search_li15si4.yaml", "ranking.best=20")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from hpcpot.commands.search.command import run_command  # NumPy and ASE: not for --help

    return run_command(arguments)
