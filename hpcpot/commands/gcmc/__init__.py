"""`hpcpot gcmc`: Monte Carlo insertion, deletion and exchange of atoms, with blocks of dynamics between."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.gcmc.settings import SCHEMA

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot gcmc`."""
    parser.description = (
        "Monte Carlo of one structure: insertions, deletions, moves, changes of element, swaps; and dynamics between."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/gcmc_lisi.yaml", "gcmc.temperature_K=1000")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the resolved config and what would be done, and stop"
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--restart", action="store_true", help="go on from the checkpoint of this config")
    existing.add_argument("--overwrite", action="store_true", help="replace the output files of an earlier run")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.gcmc.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
