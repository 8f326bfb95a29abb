"""`hpcpot analyze`: tensile tests and other observables of a trajectory, as numbers, tables and figures."""

from __future__ import annotations

import argparse

from hpcpot.commands.analyze.arguments import add_arguments

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.analyze.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
