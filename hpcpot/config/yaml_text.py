"""YAML with the scalars of version 1.2, so that `No` is nobelium, 1e-3 a number and 1:30 text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml

MOST_VALUES = 100_000
"""Most values of a small file, with those that aliases repeat."""


DEEPEST = 100
"""Most brackets inside of brackets; PyYAML's time grows with their square, to seconds in a line of a thousand."""


class Loader(yaml.SafeLoader):
    """Loader whose `repeated` lists keys that appear twice in a mapping, with their lines."""

    yaml_implicit_resolvers: ClassVar[dict] = {}

    def __init__(self, stream: str):
        super().__init__(stream)
        self.repeated: list[tuple[str, int]] = []

    def fetch_flow_collection_start(self, token: type) -> None:
        if self.flow_level >= DEEPEST:
            raise RecursionError
        super().fetch_flow_collection_start(token)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                self.repeated.append((key.value, key.start_mark.line + 1))
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def integer(text: str) -> int | float:
    return int(text) if len(text) < 100 else float(text)  # Python refuses to convert thousands of digits


def add_scalar(tag: str, pattern: str, first: str, construct: Callable[[str], Any]) -> None:
    Loader.add_implicit_resolver(tag, re.compile(pattern), list(first))
    Loader.add_constructor(tag, lambda loader, node: construct(loader.construct_scalar(node)))


add_scalar(
    "tag:yaml.org,2002:bool", r"^(true|True|TRUE|false|False|FALSE)$", "tTfF", lambda text: text.lower() == "true"
)
add_scalar("tag:yaml.org,2002:int", r"^[-+]?[0-9][0-9_]*$", "-+0123456789", integer)
add_scalar(
    "tag:yaml.org,2002:float",
    r"^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$",
    "-+.0123456789",
    lambda text: float(re.sub(r"\.(?=[iInN])", "", text)),
)
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])


class Dumper(yaml.SafeDumper):
    """Dumper that quotes text which `Loader` would read as another type; mappings in blocks, lists on one line."""

    yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


Dumper.add_representer(
    list, lambda dumper, entries: dumper.represent_sequence("tag:yaml.org,2002:seq", entries, flow_style=True)
)


def parse(text: str) -> tuple[Any, list[tuple[str, int]]]:
    """Parse a YAML text into a tree and its repeated keys with their lines; ValueError says where it is not YAML."""
    try:
        loader = Loader(text)
        return construct(loader), loader.repeated
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"not YAML{line} ({error.problem})") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise ValueError("not YAML that can be read (nested too deeply)") from error


def construct(loader: Any) -> Any:
    """Build the tree of a loader's text, None of an empty one.

    Raises:
        ValueError: aliases stand for far more values than are written, or one is inside of what it names.
        yaml.YAMLError: not YAML.
    """
    node = loader.get_single_node()
    if node is None:
        return None
    sizes: dict[int, int] = {}
    if _size(node, sizes) > MOST_VALUES + 10 * len(sizes):
        raise ValueError("not YAML that can be used (aliases stand for far more values than are written)")
    return loader.construct_document(node)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Count the values that a node stands for; `known` gets those of all nodes within, by identity."""
    if id(node) not in known:
        known[id(node)] = 0  # until it is counted
        parts = [] if isinstance(node, yaml.ScalarNode) else node.value
        flat = (part for entry in parts for part in (entry if isinstance(entry, tuple) else (entry,)))
        known[id(node)] = 1 + sum(_size(part, known) for part in flat)
    if not known[id(node)]:
        raise ValueError(
            f"not YAML that can be used, line {node.start_mark.line + 1} (an alias inside of what it names)"
        )
    return known[id(node)]


def write(tree: Any) -> str:
    """Write YAML that `parse` reads back: mappings in blocks, lists on one line."""
    return yaml.dump(tree, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
