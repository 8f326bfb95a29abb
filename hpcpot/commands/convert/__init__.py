"""`hpcpot convert`: models, labelled data and trajectories become files of hpcpot or of other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpcpot.commands.convert import options
from hpcpot.dataset.arguments import add_reading_arguments
from hpcpot.dataset.formats import FORMATS
from hpcpot.potential.chebyshev import ANGULAR_DOMAINS

__all__ = ["add_arguments", "run"]

EXAMPLES = """\
examples, models:
  hpcpot convert frozen_model.pb -o model.h5            DeePMD-kit: .dp, .yaml, or frozen and uncompressed .pb
  hpcpot convert lisi -o lisi.dp                        to DeePMD-kit: dp convert-backend lisi.dp lisi.pb
  hpcpot convert Li.nn Si.nn -o model.h5                aenet: one network per element, binary or .nn.ascii
  hpcpot convert p.mtp --elements Li,Si -o model.h5     MLIP-2, whose types have no names; -o model.mtp: back
  hpcpot convert model.pb -o model.h5 --training-data data.h5     with what it was trained on, so that runs tell leaving it
  hpcpot convert d.pb --elements Li,Si -o model.h5      also for a Deep Potential of types Type_0, Type_1

examples, labelled data (extxyz, xsf, cfg, OUTCAR, vasprun.xml, systems of DeePMD-kit, whole trees of them):
  hpcpot convert data/ -o data.h5                       all iter.*/02.fp/data.* below
  hpcpot convert data.h5 -o data.cfg                    by the suffix: .h5, .extxyz, .cfg; none: a folder for DeePMD-kit
  hpcpot convert data.h5 -o structures --format xsf     a folder of XSF for aenet
  hpcpot convert train.cfg -o train.h5 --elements Li,Si
  hpcpot convert lisi_training -o lisi.extxyz           data that ship with hpcpot

examples, trajectories of hpcpot:
  hpcpot convert run.h5md -o run.extxyz                 all frames, with velocities, forces, energies; also .lammpstrj, .nc
  hpcpot convert run.h5md -o run.extxyz --frames ::10   every tenth
  hpcpot convert run.h5md -o run.nc --unwrapped         positions without jumps across the boundaries, for VMD or OVITO
  hpcpot convert run.h5md -o run.lammpstrj --columns force,image
  hpcpot convert run.h5md -o POSCAR                     the last frame; --frames 5: another; also .cif
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot convert`."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        "input",
        nargs="+",
        help="model file; for aenet one network file per element; data: files, folders; or a trajectory",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="file or folder to write; its suffix says what"
    )
    parser.add_argument(
        "--format",
        choices=[row.name for row in FORMATS.values() if row.writes],
        help="of data, where the suffix does not say it",
    )
    parser.add_argument(
        "--shortest-distance-A",
        type=float,
        metavar="R",
        help="shortest distance of the training set, kept in a .dp for `dp compress` (default: as the model says, else 1)",
    )
    parser.add_argument(
        "--training-data",
        nargs="+",
        metavar="DATA",
        help="of a model: what it was trained on, whose distances, compositions, densities and energies an .h5 file keeps",
    )
    parser.add_argument(
        "--trained-temperatures",
        metavar="LOW,HIGH",
        help="with --training-data: temperatures in K of the dynamics that the data are from",
    )
    parser.add_argument(
        "--angular-domain",
        choices=ANGULAR_DOMAINS,
        help="of aenet networks: cos (aenet >= 2.0.4), legacy (older), or auto: by their statistics (default auto)",
    )
    parser.add_argument(
        "--frames",
        metavar="WHICH",
        help="of a trajectory: all, last, numbers such as 0,5,-1, or start:stop:step (default all, or the last for formats of "
        "one structure)",
    )
    parser.add_argument(
        "--columns",
        metavar="NAMES",
        help="of a trajectory, what to write of each atom besides its position: none, or names of velocity, force, "
        "potential_energy, virial, image, separated by commas (default: the first three, where they are stored)",
    )
    parser.add_argument(
        "--unwrapped",
        action="store_true",
        help="of a trajectory: positions without jumps across periodic boundaries; otherwise atoms are in the cell",
    )
    parser.add_argument("--note", default="", help="a text about the model or data that is kept in an .h5 file")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    add_reading_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Converts, prints what it is, returns 0.

    Raises:
        ModelError, DataError: the input. OutputError: the output.
    """
    from hpcpot.commands.convert import data, models, structures  # NumPy and h5py: not for --help

    kind = next((kind for kind in (structures, data) if kind.recognises(arguments.input)), models)
    if kind is not structures:
        for name in ("frames", "columns", "unwrapped"):
            if (value := getattr(arguments, name)) not in (None, False):
                options.refuse(name, value, "is for trajectories of hpcpot")
    return kind.convert(arguments)
