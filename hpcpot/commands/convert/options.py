"""Options of `hpcpot convert` that would have no effect on what is converted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hpcpot.errors import ConfigError

ONLY_DATA = (
    *("format", "group", "energy_key", "forces_key", "virial_key", "energy_unit", "force_unit"),
    *("unconverged", "unlabelled", "skip_bad"),
)
DEFAULTS = {"unconverged": "drop"}
"""Of options whose default is another value than none."""
ONLY_MODELS = ("angular_domain", "shortest_distance_A", "training_data", "trained_temperatures")


def refuse_others(arguments: argparse.Namespace, names: Sequence[str], kind: str) -> None:
    """Refuse those of these options that are given, since the input is of that kind.

    Raises:
        ConfigError: as said.
    """
    for name in names:
        value = getattr(arguments, name)
        if value not in (None, False, DEFAULTS.get(name)):
            refuse(name, value, f"has no effect on {kind}")


def refuse_note(arguments: argparse.Namespace, is_own: bool) -> None:
    """Refuse a note that the output does not keep.

    Raises:
        ConfigError: as said.
    """
    if arguments.note and not is_own:
        refuse("note", arguments.note, f"is kept in .h5 files only, not in {arguments.output}")


def refuse(name: str, value: object, reason: str) -> None:
    """Raise for an option without effect.

    Raises:
        ConfigError: always.
    """
    shown = "" if value is True else f" = {value}"
    raise ConfigError(f"--{name.replace('_', '-')}{shown}: {reason}; leave it out.")
