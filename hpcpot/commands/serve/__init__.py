"""`hpcpot serve`: energies, forces and virials for another program, over a socket of i-PI's protocol."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  hpcpot serve si.cif --potential lisi_mtp --socket localhost:31415     <port>31415</port> of i-PI
  hpcpot serve si.cif --potential lisi_mtp --socket silicon             <address>silicon</address> in mode unix

Several of these may serve one i-PI, as one for each bead of a path integral.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot serve`."""
    parser.description = (
        "Connect to a program that moves atoms and asks for energies, forces and virials by i-PI's protocol: i-PI, or ASE's "
        "SocketIOCalculator. Serves until that program ends, on one core."
    )
    parser.epilog = EXAMPLES
    parser.add_argument(
        "structure",
        metavar="STRUCTURE",
        help="structure file with the atoms in the order of the other program, which tells no elements; or a shipped name",
    )
    parser.add_argument("--potential", metavar="FILE", required=True, help="model, e.g. lisi_mtp")
    parser.add_argument(
        "--socket",
        metavar="ADDRESS",
        required=True,
        help="HOST:PORT, or the name of a Unix socket, which is /tmp/ipi_NAME",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.serve.command import run_command  # NumPy and Numba: not for --help

    return run_command(arguments)
