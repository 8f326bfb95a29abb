"""Labelled structures, what potentials are trained on and tested against; `hpcpot dataset` says what they hold."""

from __future__ import annotations

import argparse

from hpcpot.dataset.arguments import add_reading_arguments

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  hpcpot dataset data.h5 --figure data.png                     what it holds, and which frames to doubt
  hpcpot dataset runs/ --source lisi                           labels against the potential that made them
  hpcpot dataset data.h5 --drop "large forces,duplicates" --split 0.9,0.1 -o clean.h5
                                                               clean_train.h5 and clean_test.h5
  hpcpot dataset dft.extxyz --minus teacher.h5 --constants bulk -o difference.h5
                                                               what corrects the teacher's labels, to train on

checks: labels that are missing, duplicates, rare elements, other units and references of energies, constants
between groups of one composition, energy outliers, large, zero and unbalanced forces, skew and large virials, short
distances, fractional positions, and signs and units by the work that forces and virials do from one frame to the next.
The exit code is 1 if frames are left that must not be trained on.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot dataset`."""
    parser.description = "Checks and statistics of labelled structures; splits them."
    parser.epilog = EXAMPLES
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DATA",
        help="data set (.h5), extxyz, xsf, cfg, OUTCAR, vasprun.xml, system of DeePMD-kit, or a folder of them",
    )
    parser.add_argument(
        "--figure", metavar="FILE", help="draw composition, sizes, energies, forces, pressures, distances"
    )
    parser.add_argument("--csv", metavar="FILE", help="write the statistics as CSV")
    parser.add_argument(
        "--source",
        metavar="MODEL",
        help="the potential that made the labels: compare them with it, virials with its energies under finite strains",
    )
    parser.add_argument(
        "--drop", metavar="CHECKS", help="leave out frames that these checks name, commas between; or all"
    )
    parser.add_argument(
        "--split", metavar="0.9,0.1", help="fractions of training and test, or training, validation and test"
    )
    parser.add_argument(
        "--whole-paths",
        action="store_true",
        help="with --split: frames of one path or trajectory, whose sources differ in the last number only, stay together",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the split (default 1)")
    others = parser.add_mutually_exclusive_group()
    others.add_argument(
        "--minus",
        metavar="LABELS",
        help="take the labels of the same structures in another data set off, to train a correction of these on what is left",
    )
    others.add_argument(
        "--align",
        metavar="LABELS",
        help="take only the constants off, by which the energies of the same structures in another data set differ",
    )
    others.add_argument(
        "--correct",
        metavar="MODEL",
        help="add a potential that corrects the labels to them, as calculator.correction of hpcpot label does",
    )
    parser.add_argument(
        "--constants",
        metavar="GROUPS",
        help="with --minus or --align: take one constant to each element off the energies, fitted to their differences in "
        "these groups, commas between, such as bulk crystals; patterns with * are allowed",
    )
    parser.add_argument(
        "-o",
        "--output",
        help="data set to write with --minus, --align, --correct, --drop or --split; parts get _train, _test",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    parser.add_argument("--force-bound-eV-A", type=float, default=50.0, metavar="F", help="largest force (default 50)")
    parser.add_argument(
        "--stress-bound-GPa", type=float, default=100.0, metavar="P", help="largest stress (default 100)"
    )
    parser.add_argument(
        "--distance-bound-A", type=float, default=1.0, metavar="R", help="shortest distance (default 1)"
    )
    add_reading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.dataset.command import run_command  # NumPy, Numba and h5py: not for --help

    return run_command(arguments)
