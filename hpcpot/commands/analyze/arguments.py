"""Options of `hpcpot analyze`."""

from __future__ import annotations

import argparse
from typing import Any

from hpcpot import config
from hpcpot.commands.analyze.settings import SCHEMA
from hpcpot.config import Override, Short

SHORTS = (Short(("--frame-fs",), "frames.interval_fs", "FS", "time between frames that a file does not say"),)


class _Observe(argparse.Action):
    """Turns names of observables to overrides of the config."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        names = ", ".join(f"{{name: {name}}}" for name in values.split(","))
        overrides = [Override("parts=null"), Override(f"observe=[{names}]")]
        for override in overrides:
            override.option = option_string
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), *overrides])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Evaluates a tensile test (stress-strain curve, strain and broken bonds of atoms, voids, stress of regions), and "
        "measures the observables listed under `observe` in any trajectory. Ranks share the frames: "
        "`mpirun -n 4 hpcpot analyze CONFIG`, or --ranks 4."
    )
    what = (
        "YAML file, e.g. configs/analyze_fracture.yaml; or a trajectory, of hpcpot md for the defaults, or with --observe any "
        "that ase.io reads"
    )
    config.add_arguments(parser, SCHEMA, what, "strain.cutoff_A=4", "source", "CONFIG|TRAJECTORY")
    parser.add_argument(
        "--observe",
        metavar="NAMES",
        action=_Observe,
        dest="overrides",
        help="observables with default options instead of a tensile test, e.g. rdf,msd; short for --set parts=null "
        "--set 'observe=[{name: rdf}, {name: msd}]'",
    )
    config.add_shorts(parser, SHORTS)
    parser.add_argument("--overwrite", action="store_true", help="replace the outputs of an earlier analysis")
    parser.add_argument("--ranks", metavar="N", type=int, help="start mpirun with N ranks, one core each")
