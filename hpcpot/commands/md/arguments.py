"""Options of `hpcpot md`."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.dynamics.settings import SCHEMA


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "One molecular dynamics run, on any number of ranks: `mpirun -n 4 hpcpot md CONFIG`, or --ranks 4."
    )
    config.add_arguments(parser, SCHEMA, "YAML file, e.g. configs/interface_si100.yaml", "md.timestep_fs=0.5")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the resolved config, domain grid, atoms per rank and memory, and stop",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--restart", action="store_true", help="go on from the checkpoint of this config")
    existing.add_argument("--overwrite", action="store_true", help="replace the output files of an earlier run")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")
