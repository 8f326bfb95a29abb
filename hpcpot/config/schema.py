"""Declaration of configs as types.

The settings of a command are a frozen dataclass of sections; a section is a frozen dataclass of keys. Plain dataclasses
instead of a validation library need no dependency and start fast, and editors and type checkers understand them; what
users see of validation, messages that name key, file, unit and remedy, all at once, is our own in either case (`load`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, get_args, get_type_hints

REQUIRED = object()
STAGES = "stages"

S = TypeVar("S")
Problem = tuple[str, str]
"""Name of a key, and the requirement that its value fails; completes a line of a message."""


class Requirement(Protocol):
    """A requirement on a value: a `kinds.Kind`, or one that is built late."""

    @property
    def words(self) -> str: ...

    @property
    def json(self) -> dict[str, Any]: ...

    def parse(self, value: Any) -> Any: ...


@dataclass(frozen=True)
class Key:
    """The declaration of a key, except for its name.

    Attributes:
        kind: requirement on its value.
        help: its meaning, a line.
        default: value if absent; REQUIRED if there is none. A default of None allows null.
        hint: advice for a wrong value, e.g. "typical 0.5 to 2".
        null: whether null is allowed although the default is not None.
        is_input: whether it names a file, or a list of files, that must exist.
        also: what other programs call it, in small letters; somebody who writes that is told its name here.
    """

    kind: Requirement
    help: str
    default: Any = REQUIRED
    hint: str = ""
    null: bool = False
    is_input: bool = False
    also: tuple[str, ...] = ()

    @property
    def allows_null(self) -> bool:
        return self.null or self.default is None


def key(
    kind: Requirement,
    help: str,
    default: Any = REQUIRED,
    hint: str = "",
    null: bool = False,
    is_input: bool = False,
    also: tuple[str, ...] = (),
) -> Any:
    """Declare a key of a section: `timestep_fs: float = key(number(above=0), "time step")`; see `Key`."""
    metadata = {"key": Key(kind, help, default, hint, null, is_input, also)}
    if default is REQUIRED:
        return field(metadata=metadata)
    return field(default_factory=lambda: deepcopy(default), metadata=metadata)


def stages_of(section: str) -> Any:
    """Declare that a config may repeat a section in stages: `stages: {name: {...}}`.

    Each stage has the keys of the section, which itself then holds the values common to all stages and is None once loaded.
    """
    return field(default_factory=dict, metadata={STAGES: section})


def config_name(name: str) -> str:
    """Return the name of a field in the config; fields named after Python keywords end in an underscore, as class_."""
    return name.removesuffix("_")


def keys_in(section: type) -> dict[str, Key]:
    """Return the keys of a section by name."""
    return {config_name(entry.name): entry.metadata["key"] for entry in fields(section)}


def changed_keys(section: Any) -> list[str]:
    """Names of the keys of a section whose values are not their defaults."""
    return [entry.name for entry in fields(section) if getattr(section, entry.name) != entry.metadata["key"].default]


@dataclass(frozen=True)
class Schema(Generic[S]):
    """The config of one command.

    Attributes:
        settings: dataclass of its sections and top-level keys.
        check: yields inconsistencies between keys that are valid by themselves.
        complete: fills in defaults that depend on other keys; called before `check`.
    """

    settings: type[S]
    check: Callable[[S], Iterable[Problem]] = lambda settings: ()
    complete: Callable[[S], S] = lambda settings: settings

    @cached_property
    def sections(self) -> dict[str, type]:
        """Sections by name, in the order of --help."""
        hints = get_type_hints(self.settings)
        sections = {}
        for entry in fields(self.settings):
            types = [hint for hint in get_args(hints[entry.name]) or [hints[entry.name]] if is_dataclass(hint)]
            if types and STAGES not in entry.metadata:
                sections[entry.name] = types[0]
        return sections

    @cached_property
    def keys(self) -> dict[str, Key]:
        """Keys by name, "section.key" or "key"."""
        keys = {}
        for entry in fields(self.settings):
            if entry.name in self.sections:
                keys |= {f"{entry.name}.{last}": row for last, row in keys_in(self.sections[entry.name]).items()}
            elif "key" in entry.metadata:
                keys[config_name(entry.name)] = entry.metadata["key"]
        return keys

    @cached_property
    def staged(self) -> str | None:
        """Name of the section that may be repeated in stages, or None."""
        return next((entry.metadata[STAGES] for entry in fields(self.settings) if STAGES in entry.metadata), None)

    def stage_keys(self, stage: str) -> dict[str, Key]:
        """Return the keys of the staged section by their names in a stage."""
        return {f"{STAGES}.{stage}.{name}": row for name, row in keys_in(self.sections[self.staged]).items()}

    def build(self, values: dict[str, Any]) -> S:
        """Build the settings from values by the names of keys, "stages.name.key" for a stage."""
        given: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            owner, _, last = name.rpartition(".")
            given.setdefault(owner, {})[last] = value
        start = f"{STAGES}."
        stages = {owner.removeprefix(start): keys for owner, keys in given.items() if owner.startswith(start)}
        parts: dict[str, Any] = dict(given.get("", {}))
        for name, section in self.sections.items():
            parts[name] = None if stages and name == self.staged else _instance(section, given.get(name, {}))
        if stages:
            section = self.sections[self.staged]
            parts[STAGES] = {name: _instance(section, keys) for name, keys in stages.items()}
        return self.settings(**parts)


def _instance(section: type, values: dict[str, Any]) -> Any:
    return section(**{entry.name: values[config_name(entry.name)] for entry in fields(section)})


def tree_of(settings: Any) -> dict[str, Any]:
    """Convert settings to a tree with the names of the config, without absent sections and stages."""
    tree = {}
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if "key" in entry.metadata:
            tree[config_name(entry.name)] = value
        elif STAGES in entry.metadata and value:
            tree[STAGES] = {name: tree_of(stage) for name, stage in value.items()}
        elif is_dataclass(value):
            tree[entry.name] = tree_of(value)
    return tree


def change(settings: S, **sections: dict[str, Any]) -> S:
    """Copy settings with other values: `change(settings, output={"checkpoint": path}, device="cpu")`."""
    parts = {}
    for name, value in sections.items():
        section = getattr(settings, name)
        parts[name] = replace(section, **value) if is_dataclass(section) and isinstance(value, dict) else value
    return replace(settings, **parts)
