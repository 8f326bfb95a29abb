"""The settings of a farm command, by a config or by structures that the command line names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hpcpot import config
from hpcpot.config import Schema
from hpcpot.errors import ConfigError
from hpcpot.farm.campaign import Prepare, run_settings
from hpcpot.inputs import unpacked
from hpcpot.parallel.stop import StopRequest
from hpcpot.structure import formats


def run(
    arguments: argparse.Namespace, schema: Schema[Any], tree_of: Callable[[Sequence[str]], dict], prepare: Prepare
) -> int:
    """Run a farm command on a config or on structures; returns its exit code.

    Args:
        tree_of: see `load`. prepare: takes the folder of the config, too, as `folder`.
    """
    stop = StopRequest()
    settings, folder = load(arguments.inputs, arguments.overrides, schema, tree_of)
    return run_settings(settings, arguments, partial(prepare, folder=folder), stop)


def load(
    names: Sequence[str], overrides: Sequence[str], schema: Schema[Any], tree_of: Callable[[Sequence[str]], dict]
) -> tuple[Any, Path]:
    """Load a config, or make one for structures, and name the folder beside which structures are looked for.

    Args:
        tree_of: makes the config of structures.
    Raises:
        ConfigError: configs and structures, or several configs; or what is in them.
    """
    configs = [name for name in names if not formats.is_structure(name)]
    if not configs:
        return config.load_tree(tree_of(names), config.COMMAND_LINE, schema, overrides), Path()
    if len(names) > 1:
        others = ", ".join(name for name in names if name != configs[0])
        raise ConfigError(
            f"{configs[0]} = a config beside {others}: one config, or only structure files and folders, are required; leave "
            "out the others."
        )
    return config.load(configs[0], schema, overrides), Path(configs[0]).parent


def stem_of(names: Sequence[str]) -> str:
    """Beginning of the names of outputs: Si of a/Si.cif, cells of a folder, structures of several."""
    first = Path(names[0])
    return "structures" if len(names) > 1 else first.resolve().name if first.is_dir() else unpacked(first).stem
