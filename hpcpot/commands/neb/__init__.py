"""`hpcpot neb`: the path of least energy between two structures, and its barrier."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.neb.settings import SCHEMA
from hpcpot.config import Short
from hpcpot.potential import settings as potential_settings

__all__ = ["add_arguments", "run"]

SHORTS = (
    potential_settings.SHORT,
    Short(("--images",), "neb.images", "N", "images between the ends"),
    Short(("--force",), "neb.force_eV_per_A", "EV_PER_A", "largest force on an atom of an image at convergence"),
    Short(("-o", "--output"), "output.path", "FILE", "images of the path, .extxyz; a table and a figure go beside it"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot neb`."""
    parser.description = (
        "The minimum-energy path between two structures by a nudged elastic band with a climbing image: of a config, or of "
        "two files, or one file with a path to go on from."
    )
    config.add_arguments(
        parser,
        SCHEMA,
        "YAML file, e.g. configs/neb.yaml; or the initial and the final structure; or a file with three images or more",
        "neb.spring_eV_per_A2=2",
        name="inputs",
        metavar="CONFIG|STRUCTURE",
        nargs="+",
    )
    config.add_shorts(parser, SHORTS)
    parser.add_argument("--dry-run", action="store_true", help="print the resolved config, and stop")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.neb.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
