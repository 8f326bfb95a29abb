"""`hpcpot test`: errors of a model, or of a committee of models, on labelled structures."""

from __future__ import annotations

import argparse

from hpcpot.dataset.arguments import add_reading_arguments
from hpcpot.potential.registry import KERNEL_SETS

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples:
  hpcpot test lisi data_test.h5              lisi_data_test.h5, _errors.csv, _elements.csv, _frames.csv and .png
  hpcpot test a.h5 b.h5 c.h5 new.extxyz      a committee: and _models.csv and _model_devi.out

Errors are those of energies per atom, of force components and of virial components per atom. Of a committee they are
those of its mean; a table has those of each model.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot test`."""
    parser.description = "Errors of a model on labelled structures; several models are a committee."
    parser.epilog = EXAMPLES
    parser.add_argument("models", nargs="+", metavar="MODEL", help="model file or shipped name; Li.nn,Si.nn for aenet")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="data set (.h5), extxyz, xsf, cfg, OUTCAR, vasprun.xml, system of DeePMD-kit, or a folder of them",
    )
    parser.add_argument("-o", "--output", metavar="BASE", help="beginning of the names of what is written (MODEL_DATA)")
    parser.add_argument(
        "--relative",
        type=float,
        metavar="LEVEL",
        help="eV/Å; force deviations relative to the mean force plus this, as dp model-devi --relative",
    )
    parser.add_argument("--relative-virial", type=float, metavar="LEVEL", help="eV; the same for virials")
    parser.add_argument("--kernels", choices=tuple(KERNEL_SETS), default="cpu", help="reference: readable NumPy, slow")
    parser.add_argument("--no-figure", action="store_true", help="tables only, without matplotlib")
    parser.add_argument("--overwrite", action="store_true", help="replace existing outputs")
    add_reading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.accuracy.command import run_command  # NumPy, Numba and h5py: not for --help

    return run_command(arguments)
