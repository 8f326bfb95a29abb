"""`hpcpot volumes`: energies of structures at several volumes, a farm command of another package."""

from hpcpot import config
from hpcpot.commands import Command, register
from hpcpot.farm import settings as farm_settings
from volumes.settings import SCHEMA


def add_arguments(parser):
    parser.description = "Energies of structures at several volumes. The same command completes its results."
    config.add_arguments(parser, SCHEMA, "YAML file", "volumes.steps=5")
    farm_settings.add_arguments(parser)


def run(arguments):
    from hpcpot.farm.campaign import run_command
    from volumes.task import prepare  # NumPy and Numba: not for --help

    return run_command(arguments, SCHEMA, prepare)


register(Command("volumes", __name__, "energies of structures at several volumes"))
