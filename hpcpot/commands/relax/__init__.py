"""`hpcpot relax`: structures to their nearest minima, many in one call of the potential."""

from __future__ import annotations

import argparse

from hpcpot import config
from hpcpot.commands.relax.settings import SCHEMA
from hpcpot.config import Short
from hpcpot.farm import settings as farm_settings
from hpcpot.potential import settings as potential_settings

__all__ = ["add_arguments", "run"]

SHORTS = (
    potential_settings.SHORT,
    Short(("--cell",), "relax.cell", "CELL", "full, fixed, hydrostatic or fixed_volume"),
    Short(("--force",), "relax.force_eV_per_A", "EV_PER_A", "largest force on an atom at convergence"),
    Short(("--pressure",), "relax.pressure_GPa", "GPA", "external pressure"),
    Short(("-o", "--output"), "output.structures", "PATH", "relaxed structures: .cif, .vasp, .extxyz, or a folder"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `hpcpot relax`."""
    parser.description = (
        "Relax structures, positions and optionally cells: those of a config, or those that are named, with a potential. "
        "The same command completes its results."
    )
    config.add_arguments(
        parser,
        SCHEMA,
        "YAML file, e.g. configs/relax.yaml; or structure files, or folders of them, without any YAML",
        "relax.cell=fixed",
        name="inputs",
        metavar="CONFIG|STRUCTURE",
        nargs="+",
    )
    config.add_shorts(parser, SHORTS)
    farm_settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from hpcpot.commands.relax.given import tree_of  # NumPy and Numba: not for --help
    from hpcpot.commands.relax.task import prepare
    from hpcpot.farm import given

    return given.run(arguments, SCHEMA, tree_of, prepare)
