"""Options of `hpcpot convert` that would have no effect on what is converted."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hpcpot.errors import ConfigError

ONLY_DATA = ("format", "group", "energy_key", "forces_key", "virial_key")
ONLY_MODELS = ("angular_domain", "shortest_distance_A", "training_data", "trained_temperatures")


def refuse_others(arguments: argparse.Namespace, names: Sequence[str], kind: str) -> None:
    """Refuse those of these options that are given, since the input is of that kind.

    Raises:
        ConfigError: as said.
    """
    for name in names:
        if (value := getattr(arguments, name)) is not None:
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
    raise ConfigError(f"--{name.replace('_', '-')} = {value}: {reason}; leave it out.")
