"""`hpcpot learn`: train, explore, select, label, add to the data, and again."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot import config
from hpcpot.commands.learn.settings import SCHEMA
from hpcpot.farm import settings as farm_settings

__all__ = ["PARTS", "add_arguments", "run"]

PARTS = ("train", "explore", "select")
"""Parts of an iteration from which it can be done anew."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot learn`."""
    parser.description = (
        "Concurrent learning: train, explore, label what the models do not know, repeat. The same command goes on."
    )
    config.add_arguments(
        parser, SCHEMA, "YAML file, e.g. configs/learn_lisi_small.yaml, or param.json of dpgen", "training.members=3"
    )
    parser.add_argument(
        "machine", nargs="?", metavar="MACHINE", help="machine.json of dpgen: not used, see farm.cluster"
    )
    farm_settings.add_arguments(parser)
    parser.add_argument(
        "--from",
        nargs=2,
        dest="begin",
        metavar=("ITERATION", "PART"),
        help=f"do an iteration anew from one of its parts on, {', '.join(PARTS)}, and all after it; labels are kept",
    )
    parser.add_argument(
        "--export-tree",
        type=Path,
        metavar="FOLDER",
        help="write the complete iterations as a tree of DP-GEN, and do nothing else",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from hpcpot.commands.learn.command import run_command  # NumPy and ASE: not for --help

    return run_command(arguments)
