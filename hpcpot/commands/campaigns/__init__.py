"""`hpcpot results`: what a results file holds, and its rows for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "What a campaign has done: rows done, failed and missing, why rows failed, and who ran it."
    parser.add_argument("file", metavar="FILE", type=Path, help="HDF5 file that a command with a farm wrote")
    parser.add_argument(
        "--failed", action="store_true", help="list every failed row with its error, not one of each kind"
    )
    parser.add_argument(
        "--export",
        choices=("csv", "extxyz", "cif", "poscar", "dataset"),
        help="write the done rows: csv has columns of one shape; extxyz needs positions, cell, species, and has energies, "
        "forces and stress with them; cif, poscar: atoms and cells, a file for each row; dataset: labelled frames of "
        "relaxation paths (relax with output.keep_path: true) of those that converged",
    )
    parser.add_argument(
        "--every", metavar="N", type=int, help="for dataset: one of N steps of a path is looked at (default 5)"
    )
    parser.add_argument(
        "--site-tolerance",
        metavar="S",
        type=float,
        help="for dataset: a frame is taken if pymatgen's StructureMatcher of this stol tells it from the one taken before "
        "(default 0.05); 0: all are",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        type=Path,
        help="file to export to; default: beside FILE, with the ending of its format; a folder _cif or _poscar of several "
        "structures; or _paths.h5",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing export")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.campaigns.command import run_command  # NumPy and h5py: not for --help

    return run_command(arguments)
