"""Options of `hpcpot md`."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot import config
from hpcpot.config import Short
from hpcpot.dynamics.settings import SCHEMA
from hpcpot.potential import settings as potential_settings

SHORTS = (
    potential_settings.SHORT,
    Short(("--timestep",), "md.timestep_fs", "FS", "time step; of a structure 1 by default, 0.5 with hydrogen"),
    Short(("-o", "--output"), "output.trajectory", "FILE", "trajectory, .h5md"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "One molecular dynamics run, on any number of ranks: `mpirun -n 4 hpcpot md CONFIG`, or --ranks 4; of a config, or "
        "of a structure, a temperature and a time."
    )
    what = "YAML file, e.g. configs/interface_si100.yaml; or a structure file, with --potential, --temperature and --ps"
    config.add_arguments(parser, SCHEMA, what, "md.timestep_fs=0.5", name="input", metavar="CONFIG|STRUCTURE")
    config.add_shorts(parser, SHORTS)
    of_structure = parser.add_argument_group("of a structure file, for which they make a config")
    of_structure.add_argument(
        "--temperature",
        metavar="K",
        type=float,
        help="constant temperature (nvt_nose_hoover), also of the first velocities",
    )
    of_structure.add_argument("--ps", metavar="PS", type=float, help="length of the run in picoseconds")
    of_structure.add_argument(
        "--pressure", metavar="GPA", type=float, help="constant pressure along all axes, too (npt_nose_hoover)"
    )
    of_structure.add_argument(
        "--save-config", metavar="FILE", type=Path, help="write the config that was made, to change it and run it again"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the resolved config, domain grid, atoms per rank and memory, and stop",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--restart", action="store_true", help="go on from the checkpoint of this config")
    existing.add_argument("--overwrite", action="store_true", help="replace the output files of an earlier run")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")
