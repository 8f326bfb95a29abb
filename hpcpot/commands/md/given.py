"""The config of a run that the command line describes: a structure, a potential, a temperature and a time."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hpcpot import config, data, inputs
from hpcpot.dynamics.settings import SCHEMA, MDSettings
from hpcpot.errors import ConfigError
from hpcpot.outputs import Replacement, check_output
from hpcpot.structure import files, formats
from hpcpot.units import FS_PER_PS

ONLY_STRUCTURES = ("temperature", "ps", "pressure", "save_config")
"""Options that make a config."""
TIMESTEP_FS, TIMESTEP_OF_HYDROGEN_FS = 1.0, 0.5
THERMOSTAT_TIME_FS = 100.0
FRAME_FS, FRAMES = 100.0, 10
"""Time between frames of positions, less in runs that would have fewer frames.

A row of temperature, energies and pressure is written ten times as often."""
LINES = 20
"""Printed lines of a run."""


def load(arguments: argparse.Namespace) -> tuple[MDSettings, str]:
    """Load a config, or make one; returns it, and the text of one that was made, "" otherwise.

    Raises:
        ConfigError: what is in it, or an option that goes with structures only.
    """
    if formats.is_structure(arguments.input):
        return make(arguments)
    for name in ONLY_STRUCTURES:
        if (value := getattr(arguments, name)) is not None:
            raise ConfigError(
                f"--{name.replace('_', '-')} = {value}: is for a structure file, and {arguments.input} is a config; change "
                "its keys, or use --set."
            )
    return config.load(arguments.input, SCHEMA, arguments.overrides), ""


def make(arguments: argparse.Namespace) -> tuple[MDSettings, str]:
    """Make the settings of a structure, and their text as a config.

    Raises:
        ConfigError: an option that is required lacks, or has a value that cannot be.
    """
    for option, what in (("ps", "10, its length in ps"), ("temperature", "300, in K")):
        if getattr(arguments, option) is None:
            example = (
                f"; `hpcpot example {arguments.input}` writes a config" if arguments.input in data.examples() else ""
            )
            raise ConfigError(
                f"--{option} = missing: is required to run a structure without a config, e.g. --{option} {what}{example}."
            )
    tree = tree_of(arguments, timestep(arguments))
    settings = config.load_tree(tree, config.COMMAND_LINE, SCHEMA, arguments.overrides)
    return settings, config.dump_given(tree, SCHEMA, arguments.overrides)


def timestep(arguments: argparse.Namespace) -> float:
    """The time step of --timestep or --set, else that which suits the structure; fs.

    Raises:
        ConfigError: not a number above 0.
    """
    given = [text.partition("=")[2] for text in arguments.overrides if text.startswith("md.timestep_fs=")]
    if not given:
        symbols = {*files.read(arguments.input).symbols}
        return TIMESTEP_OF_HYDROGEN_FS if "H" in symbols else TIMESTEP_FS
    try:
        value = float(given[-1])
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise ConfigError(f"md.timestep_fs = {given[-1]}: must be a number > 0; typical 0.5 to 2.")
    return value


def tree_of(arguments: argparse.Namespace, timestep_fs: float) -> dict[str, Any]:
    """The config of a run at constant temperature, and pressure where one is given.

    Raises:
        ConfigError: a time that is not above 0.
    """
    if not 0.0 < arguments.ps < float("inf"):
        raise ConfigError(f"--ps = {arguments.ps:g}: must be a time > 0 in picoseconds; typical 10 to 1000.")
    steps = max(1, round(arguments.ps * FS_PER_PS / timestep_fs))
    md = {
        "integrator": "nvt_nose_hoover",
        "timestep_fs": timestep_fs,
        "steps": steps,
        "temperature_K": arguments.temperature,
        "initial_temperature_K": arguments.temperature,
        "thermostat_time_fs": THERMOSTAT_TIME_FS,
    }
    if arguments.pressure is not None:
        md |= {"integrator": "npt_nose_hoover", "barostat_axes": ["x", "y", "z"], "pressure_GPa": arguments.pressure}
    frame = max(1, min(round(FRAME_FS / timestep_fs), steps // FRAMES))
    return {
        "structure": {"file": arguments.input},
        "md": md,
        "output": {
            "trajectory": f"{inputs.unpacked(Path(arguments.input)).stem}_md.h5md",
            "position_every": frame,
            "observables_every": max(1, frame // 10),
            "thermo_every": max(1, steps // LINES),
        },
    }


def save(text: str, path: Path, overwrite: bool) -> None:
    """Write the config that was made.

    Raises:
        OutputError: the file exists, or cannot be written.
    """
    check_output(path, overwrite)
    with Replacement(path) as part:
        part.write_text(
            f"# Made by `hpcpot md`; `hpcpot md {path}` runs it, `hpcpot md --help` lists all keys.\n{text}"
        )
