"""The settings of `hpcpot relax`, by a config or by structures that the command line names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpcpot import config, inputs
from hpcpot.commands.relax.settings import SCHEMA, RelaxSettings
from hpcpot.errors import ConfigError
from hpcpot.structure import files, formats


def load(names: Sequence[str], overrides: Sequence[str]) -> tuple[RelaxSettings, Path]:
    """Load a config, or make one for structures, and name the folder beside which structures are looked for.

    Raises:
        ConfigError: configs and structures, or several configs; or what is in them.
    """
    configs = [name for name in names if not formats.is_structure(name)]
    if not configs:
        return config.load_tree(tree_of(names), config.COMMAND_LINE, SCHEMA, overrides), Path()
    if len(names) > 1:
        others = ", ".join(name for name in names if name != configs[0])
        raise ConfigError(
            f"{configs[0]} = a config beside {others}: one config, or only structure files and folders, are required; leave "
            "out the others."
        )
    return config.load(configs[0], SCHEMA, overrides), Path(configs[0]).parent


def tree_of(names: Sequence[str]) -> dict:
    """The config of a relaxation of structures: the files, and where the relaxed ones go by default."""
    return {"structures": {"files": list(names)}, "output": {"structures": str(default_output(names))}}


def default_output(names: Sequence[str]) -> Path:
    """Si.cif goes to Si_relaxed.cif in the current folder, several files or a folder to an .extxyz."""
    first = inputs.unpacked(Path(names[0]))
    is_file = len(names) == 1 and not first.is_dir()
    suffix = first.suffix if is_file and first.suffix in files.WRITERS else ".extxyz"
    stem = first.stem if is_file else first.resolve().name
    return Path(f"{stem if len(names) == 1 else 'structures'}_relaxed{suffix}")
