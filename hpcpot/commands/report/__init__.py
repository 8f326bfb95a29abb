"""`hpcpot report`: one figure of a trajectory, to see at a glance what a run did."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Draws first and last frame from the side, density profiles along the longest edge of the cell, temperature "
        "and energies against time."
    )
    parser.add_argument("trajectory", metavar="TRAJECTORY", type=Path, help="H5MD file written by hpcpot md")
    parser.add_argument(
        "-o",
        "--output",
        metavar="PNG",
        type=Path,
        help="figure to write, replaced if it exists; default: beside the trajectory, named after it",
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw the figure and print its path; returns 0."""
    from hpcpot.commands.report import figure  # matplotlib: not for --help

    output = arguments.output or arguments.trajectory.with_suffix(".png")
    figure.write(arguments.trajectory, output)
    print(f"figure: {output}")
    return 0
