"""Configs: YAML files whose every key is known, typed and in range before anything starts."""

from hpcpot.config.schema import (
    REQUIRED,
    STAGES,
    Key,
    Schema,
    Settings,
    add_arguments,
    dump,
    find_input,
    load,
    load_tree,
    reference,
    show,
)

__all__ = [
    "REQUIRED",
    "STAGES",
    "Key",
    "Schema",
    "Settings",
    "add_arguments",
    "dump",
    "find_input",
    "load",
    "load_tree",
    "reference",
    "show",
]
