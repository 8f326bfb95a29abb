"""`hpcpot build`: a structure by the recipe of a config."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot import config
from hpcpot.build.settings import SCHEMA

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot build`."""
    parser.description = "Build a structure: a crystal, a sphere cut from it, a stack of spheres, or an interface."
    parser.epilog = f"keys of the config, units in their names:\n{config.reference(SCHEMA)}"
    parser.add_argument("config", metavar="CONFIG", help="YAML file, e.g. configs/build_interface_si100.yaml")
    parser.add_argument("-o", "--output", type=Path, required=True,
                        help="structure file to write (.extxyz, .data, .vasp, .cif)")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides",
                        help="use VALUE for a key of the config, e.g. --set seed=2; repeatable")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.build.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
