"""`hpcpot md`: molecular dynamics of one structure on any number of ranks."""

from __future__ import annotations

import argparse

from hpcpot.commands.md.arguments import add_arguments

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.md.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
