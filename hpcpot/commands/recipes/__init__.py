"""`hpcpot build`: a structure by the recipe of a config."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot import config
from hpcpot.commands.recipes.settings import SCHEMA

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot build`."""
    parser.description = (
        "Build a structure: a crystal, a sphere cut from it, a stack of spheres, or an interface; "
        "or many, near a given one or random cells."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/build_interface_si100.yaml", "seed=2")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="structure file to write (.extxyz, .data, .vasp, .cif; several structures: .extxyz)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.recipes.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
