"""Configs: YAML files whose every key is known, typed and in range before anything starts."""

from hpcpot.config.load import dump, dump_like, find_input, load, load_tree, show, stored
from hpcpot.config.reference import add_arguments, json_schema, reference, section_json
from hpcpot.config.schema import (
    REQUIRED,
    STAGES,
    Key,
    Problem,
    Schema,
    change,
    changed_keys,
    key,
    keys_in,
    stages_of,
    tree_of,
)

__all__ = [
    "REQUIRED",
    "STAGES",
    "Key",
    "Problem",
    "Schema",
    "add_arguments",
    "change",
    "changed_keys",
    "dump",
    "dump_like",
    "find_input",
    "json_schema",
    "key",
    "keys_in",
    "load",
    "load_tree",
    "reference",
    "section_json",
    "show",
    "stages_of",
    "stored",
    "tree_of",
]
