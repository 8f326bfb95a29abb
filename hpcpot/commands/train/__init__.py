"""`hpcpot train`: fit a potential, or a committee of them, to labelled structures."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.farm import settings as farm_settings
from hpcpot.training.settings import SCHEMA

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot train`."""
    parser.description = (
        "Fit a potential to labelled structures: `hpcpot train CONFIG`, on several GPUs or nodes `torchrun "
        "--nproc-per-node N -m hpcpot train CONFIG`. With committee.members > 1 the farm trains as many, seed by seed."
    )
    what = "YAML file, e.g. configs/train_dp.yaml; or input.json of DeePMD-kit, train.in of aenet-PyTorch"
    config.add_arguments(parser, SCHEMA, what, "training.steps=1000")
    parser.add_argument("--restart", action="store_true", help="go on from the checkpoint of this config")
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.train.command import run_command  # NumPy and torch: not for --help

    return run_command(arguments)
