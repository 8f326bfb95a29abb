"""Options of `hpcpot analyze`."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.analyze.settings import SCHEMA


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What a tensile test says: stress-strain curve, strain and broken bonds of atoms, voids, stress of regions. "
        "Frames are shared out over ranks: `mpirun -n 4 hpcpot analyze CONFIG`, or --ranks 4."
    )
    parser.epilog = f"keys of the config, units in their names:\n{config.reference(SCHEMA)}"
    parser.add_argument(
        "source",
        metavar="CONFIG|TRAJECTORY",
        help="YAML file, e.g. configs/analyze_fracture.yaml, or an H5MD file written by hpcpot md: then all is default",
    )
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help="use VALUE for a key of the config, e.g. --set strain.cutoff_A=4; repeatable",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the outputs of an earlier analysis")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")
