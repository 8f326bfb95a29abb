"""`hpcpot verify`: checks of a model: derivatives, invariances, smoothness, energy drift, crystals."""

from __future__ import annotations

import argparse

from hpcpot.potential.registry import KERNEL_SETS

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  hpcpot verify lisi                                  all crystals by name that the model has the elements of
  hpcpot verify model.h5 --crystals Si,Li,LiSi -o check
  hpcpot verify argon.h5 --structure fcc.extxyz       a model of other elements

It prints a table of results, limits and verdicts, and writes BASE.csv, BASE_crystals.csv,
BASE_eos.csv and BASE.png. The exit code is 1 if anything failed. References of crystals are values of PBE.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot verify`."""
    parser.description = "Checks that a model is sound, and computes the properties of known crystals with it."
    parser.epilog = EXAMPLES
    parser.add_argument("model", help="model file or shipped name; Li.nn,Si.nn for aenet")
    parser.add_argument(
        "--crystals",
        metavar="NAMES",
        help="names of crystals, separated by commas (default: all that consist of the model's elements), or none",
    )
    parser.add_argument(
        "--structure",
        action="append",
        default=[],
        metavar="FILE",
        help="another periodic structure to check the model with; repeatable",
    )
    parser.add_argument(
        "--temperature-K", type=float, default=300.0, metavar="T", help="temperature of the NVE run (default 300)"
    )
    parser.add_argument(
        "--timestep-fs", type=float, default=1.0, metavar="DT", help="time step of the NVE run (default 1)"
    )
    parser.add_argument("--nve-steps", type=int, default=2000, metavar="N", help="steps of the NVE run (default 2000)")
    parser.add_argument("--kernels", choices=tuple(KERNEL_SETS), default="cpu", help="reference: readable NumPy, slow")
    parser.add_argument(
        "-o", "--output", metavar="BASE", help="beginning of the names of the output files (default verify_MODEL)"
    )
    parser.add_argument("--no-figure", action="store_true", help="tables only, without matplotlib")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.verify.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
