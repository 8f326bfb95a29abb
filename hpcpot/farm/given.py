"""The settings of a farm command, by a config or by structures that the command line names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hpcpot import config
from hpcpot.config import Schema
from hpcpot.errors import ConfigError
from hpcpot.inputs import unpacked
from hpcpot.structure import formats


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
