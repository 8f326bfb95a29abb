"""`hpcpot report`: a page about runs of any kind, or one figure of a trajectory."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Writes one HTML page about runs, which needs no network: numbers, figures to look around in, atoms, tables, "
        "warnings, and what made them. With -o NAME.png (.pdf, .svg) it draws one figure of one trajectory instead: first "
        "and last frame from the side, density profiles, temperature and energies."
    )
    parser.add_argument(
        "runs",
        metavar="RUN",
        type=Path,
        nargs="+",
        help="output of a command: a trajectory (.h5md), tables of hpcpot analyze or test (.h5) or their folder, results of "
        "gcmc, onsite, relax, label, select, a learning loop's folder, a trained model or its learning curve (.csv), the "
        "checks of hpcpot verify (.csv); several stand side by side",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=Path,
        help="page (.html) or figure to write, replaced if it exists; default: a page beside the first run, named after it",
    )
    parser.add_argument(
        "--published",
        metavar="STUDY/SYSTEM",
        nargs="+",
        default=[],
        help="published numbers to set beside those of the runs, e.g. fu2024/si100: one for all runs, or one for each",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="write nothing, and serve the page to browsers of this machine while the runs go on, until Ctrl-C",
    )
    parser.add_argument(
        "--every", metavar="SECONDS", type=float, help="interval at which a live page looks for new rows; default: 5"
    )
    parser.add_argument("--port", metavar="N", type=int, help="port of a live page; default: a free one")


def run(arguments: argparse.Namespace) -> int:
    """Write a page or a figure and print its path, or serve a page; returns 0."""
    from hpcpot.commands.report import command  # matplotlib: not for --help

    return command.run_command(arguments)
