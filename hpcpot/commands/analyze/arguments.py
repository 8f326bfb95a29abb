"""Options of `hpcpot analyze`."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.analyze.settings import SCHEMA


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Evaluates a tensile test (stress-strain curve, strain and broken bonds of atoms, voids, stress of regions), and "
        "measures the observables listed under `observe` in any trajectory. Ranks share the frames: "
        "`mpirun -n 4 hpcpot analyze CONFIG`, or --ranks 4."
    )
    what = "YAML file, e.g. configs/analyze_fracture.yaml, or an H5MD file written by hpcpot md, for the defaults"
    config.add_arguments(parser, SCHEMA, what, "strain.cutoff_A=4", "source", "CONFIG|TRAJECTORY")
    parser.add_argument("--overwrite", action="store_true", help="replace the outputs of an earlier analysis")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")
