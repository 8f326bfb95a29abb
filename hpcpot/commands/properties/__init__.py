"""`hpcpot properties`: what a potential says of crystals, as numbers, tables and a figure."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.properties.settings import SCHEMA
from hpcpot.config import Short
from hpcpot.farm import settings as farm_settings
from hpcpot.potential import settings as potential_settings

__all__ = ["add_arguments", "run"]

SHORTS = (
    potential_settings.SHORT,
    Short(("--compute",), "properties.compute", "LIST", "e.g. [eos, elastic]; all by default"),
    Short(
        ("-o", "--output"), "output.results", "FILE", "HDF5 file of results, beside which the tables and the figure go"
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot properties`."""
    parser.description = (
        "Relax crystals, and compute their equation of state, elastic constants, phonons, vacancies and surface energies: "
        "of a config, or of structures that are named, with a potential. The same command completes its results."
    )
    config.add_arguments(
        parser,
        SCHEMA,
        "YAML file, e.g. configs/properties.yaml; or structure files, or folders of them, without any YAML",
        "properties.strain=0.01",
        name="inputs",
        metavar="CONFIG|STRUCTURE",
        nargs="+",
    )
    config.add_shorts(parser, SHORTS)
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.properties.task import prepare, tree_of  # NumPy and Numba: not for --help
    from hpcpot.farm import given

    return given.run(arguments, SCHEMA, tree_of, prepare)
