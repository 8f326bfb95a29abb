"""What a config may hold, declared as types.

The settings of a command are a frozen dataclass of sections, a section one of keys. They are plain dataclasses and not
models of a validation library: no dependency, nothing to import for --help, and editors and type checkers know them;
what such a library would add, messages that name key, file, unit and cure, all at once, is `load`.
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
"""Name of a key, and what its value would have to be; completes a line of a message."""


class Requirement(Protocol):
    """What a value must be: a Kind, or one that is built late."""

    @property
    def words(self) -> str: ...

    @property
    def json(self) -> dict[str, Any]: ...

    def parse(self, value: Any) -> Any: ...


@dataclass(frozen=True)
class Key:
    """What is known of one key of a config, besides its name.

    Attributes:
        kind: what a value must be.
        help: what it means, a line.
        default: value when absent; REQUIRED if there is none. A default of None allows null.
        hint: what to do about a wrong value, "typical 0.5 to 2".
        null: whether null is allowed although the default is not None.
        is_input: whether it names a file, or a list of files, that must exist.
    """

    kind: Requirement
    help: str
    default: Any = REQUIRED
    hint: str = ""
    null: bool = False
    is_input: bool = False

    @property
    def allows_null(self) -> bool:
        return self.null or self.default is None


def key(
    kind: Requirement, help: str, default: Any = REQUIRED, hint: str = "", null: bool = False, is_input: bool = False
) -> Any:
    """Declare a key of a section: `timestep_fs: float = key(number(above=0), "time step")`; see `Key`."""
    metadata = {"key": Key(kind, help, default, hint, null, is_input)}
    if default is REQUIRED:
        return field(metadata=metadata)
    return field(default_factory=lambda: deepcopy(default), metadata=metadata)


def stages_of(section: str) -> Any:
    """Declare that a config may give a section several times, one after another: `stages: {name: {...}}`.

    Each stage has the keys of the section, which itself then holds what the stages share, and is None once loaded.
    """
    return field(default_factory=dict, metadata={STAGES: section})


def config_name(name: str) -> str:
    """The name in the config of a field; one that Python reserves, such as class, ends in an underscore as a field."""
    return name.removesuffix("_")


def keys_in(section: type) -> dict[str, Key]:
    """The keys of a section by name."""
    return {config_name(entry.name): entry.metadata["key"] for entry in fields(section)}


@dataclass(frozen=True)
class Schema(Generic[S]):
    """The config of one command.

    Attributes:
        settings: dataclass of its sections and of its keys at the top level.
        check: yields what does not fit together in settings whose keys are each right.
        complete: the settings with the defaults that follow from other keys; called before `check`.
    """

    settings: type[S]
    check: Callable[[S], Iterable[Problem]] = lambda settings: ()
    complete: Callable[[S], S] = lambda settings: settings

    @cached_property
    def sections(self) -> dict[str, type]:
        """Sections by name, in the order in which they are shown."""
        hints = get_type_hints(self.settings)
        found = {}
        for entry in fields(self.settings):
            options = [option for option in get_args(hints[entry.name]) or [hints[entry.name]] if is_dataclass(option)]
            if options and STAGES not in entry.metadata:
                found[entry.name] = options[0]
        return found

    @cached_property
    def keys(self) -> dict[str, Key]:
        """Keys by name, "section.key" or "key"."""
        found = {}
        for entry in fields(self.settings):
            if entry.name in self.sections:
                found |= {f"{entry.name}.{last}": row for last, row in keys_in(self.sections[entry.name]).items()}
            elif "key" in entry.metadata:
                found[config_name(entry.name)] = entry.metadata["key"]
        return found

    @cached_property
    def staged(self) -> str | None:
        """The section that may be given in stages."""
        return next((entry.metadata[STAGES] for entry in fields(self.settings) if STAGES in entry.metadata), None)

    def stage_keys(self, stage: str) -> dict[str, Key]:
        """The keys of the staged section under their names in a stage."""
        return {f"{STAGES}.{stage}.{name}": row for name, row in keys_in(self.sections[self.staged]).items()}

    def build(self, values: dict[str, Any]) -> S:
        """Settings of values by the names of keys, "stages.name.key" of a stage."""
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
    """The settings as a tree by the names of the config, without a section that is None and without no stages."""
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
    """A copy with other values: `change(settings, output={"checkpoint": path}, device="cpu")`."""
    parts = {}
    for name, value in sections.items():
        section = getattr(settings, name)
        parts[name] = replace(section, **value) if is_dataclass(section) and isinstance(value, dict) else value
    return replace(settings, **parts)
