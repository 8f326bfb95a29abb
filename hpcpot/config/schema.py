"""Config: one YAML file a run; every key is known, typed and in range before anything starts.

A command describes its keys in a `Schema`; `load` reads a file against it and answers everything that is wrong
at once, one line a problem. Files that a config names are looked for beside the config, then in the current
folder, then among the files that hpcpot ships; files that a run writes are relative to the current folder.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hpcpot import data, inputs
from hpcpot.config import yaml_text
from hpcpot.config.kinds import Kind
from hpcpot.errors import ConfigError

REQUIRED = object()
STAGES = "stages"
SHOWN = 60
"""Characters of a wrong value that a message shows."""


class Settings(SimpleNamespace):
    """Checked values by name, sections nested: settings.md.timestep_fs."""


@dataclass(frozen=True)
class Key:
    """One row of a schema.

    Attributes:
        name: "section.key", or "key" at the top level.
        kind: what a value must be.
        help: what it means, a line.
        default: value when absent; REQUIRED if there is none. A default of None allows null.
        hint: what to do about a wrong value, "typical 0.5 to 2".
        null: whether null is allowed although the default is not None.
        is_input: whether it names a file, or a list of files, that must exist.
    """

    name: str
    kind: Kind
    help: str
    default: Any = REQUIRED
    hint: str = ""
    null: bool = False
    is_input: bool = False


@dataclass(frozen=True)
class Schema:
    """The keys of one command.

    Attributes:
        keys: rows, in the order in which they are shown.
        staged: section that a config may give several times, one after another, as `stages: {name: {...}}`: each
            stage has the keys of the section, which itself then holds what the stages share.
        check: called with settings whose keys are each right; yields (key name, requirement) where they do not fit
            together, and fills in the defaults that follow from other keys.
    """

    keys: tuple[Key, ...]
    check: Callable[[Settings], Iterable[tuple[str, str]]]
    staged: str | None = None

    @property
    def sections(self) -> list[str]:
        return list(dict.fromkeys(key.name.split(".")[0] for key in self.keys if "." in key.name))

    def stage_keys(self, stage: str) -> dict[str, Key]:
        """The keys of the staged section under their names in a stage."""
        staged = (key for key in self.keys if key.name.split(".")[0] == self.staged)
        return {f"{STAGES}.{stage}.{key.name.split('.')[1]}": key for key in staged}


def add_arguments(
    parser: argparse.ArgumentParser,
    schema: Schema,
    what: str,
    example: str,
    name: str = "config",
    metavar: str = "CONFIG",
) -> None:
    """The options of every command that reads a config, and its keys below them.

    Args:
        what: file it is, for --help. example: a KEY=VALUE. name, metavar: of the argument.
    """
    parser.epilog = f"keys of the config, units in their names:\n{reference(schema)}"
    parser.add_argument(name, metavar=metavar, help=what)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help=f"use VALUE for a key of the config, e.g. --set {example}; repeatable",
    )


def load(path: Path | str | None, schema: Schema, overrides: Sequence[str] = ()) -> Settings:
    """Read a config file.

    Args:
        path: YAML file; None for the defaults alone, with the overrides.
        overrides: "section.key=value", the value in YAML; they win over the file.
    Raises:
        ConfigError: everything that is wrong, one line a problem.
    """
    tree, problems = ({}, []) if path is None else _read(Path(path))
    return load_tree(tree, Path("defaults" if path is None else path), schema, overrides, problems)


def load_tree(
    tree: dict, path: Path, schema: Schema, overrides: Sequence[str] = (), problems: Sequence[str] = ()
) -> Settings:
    """As `load`, of a tree that was read already, such as from another program's input.

    Args:
        path: where it is from. problems: that were found while reading.
    """
    problems = list(problems)
    found = _flatten(tree, schema, path.name, problems)
    stages = _stage_names(tree, schema)
    for override in overrides:
        found.update(_parse_override(override, schema, stages, problems))
    values = {}
    for name, key in _rows(schema, stages):
        given = name if name in found or key.name not in found else key.name  # a stage's own, or shared by all
        value, origin = found.get(given, (key.default, path.name))
        try:
            values[name] = _convert(key, value, path.parent)
        except ValueError as error:
            shown = "missing" if value is REQUIRED else show(value)
            hint = f"; {key.hint}" if key.hint else ""
            problems.append(f"{given} = {shown} ({origin}): {error}{hint}.")
    if not problems:
        settings = _nest(values)
        for name, requirement in schema.check(settings):
            value, origin = found.get(name, (values[name], path.name))
            problems.append(f"{name} = {show(value)} ({origin}): {requirement}.")
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return settings


def dump(settings: Settings) -> str:
    """The settings as YAML that `load` reads back."""
    return yaml_text.write(_plain(settings))


def reference(schema: Schema) -> str:
    """All keys with kind, default and meaning, for `--help`."""
    lines = []
    for key in schema.keys:
        default = "required" if key.default is REQUIRED else f"default {show(key.default)}"
        lines.append(f"  {key.name} ({key.kind.words}; {default})\n      {key.help}")
    if schema.staged:
        lines.append(
            f"  {STAGES}.NAME.KEY (optional; default one stage, {schema.staged})\n"
            f"      stages one after another, each with any KEY of {schema.staged}; the rest as in {schema.staged}"
        )
    return "\n".join(lines)


def show(value: Any) -> str:
    """A value as a message shows it: text as it is, null and booleans as in YAML, never long."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value) or '""'
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def find_input(name: str, folder: Path) -> Path:
    """The file that a config in `folder` means by `name`.

    Raises:
        ValueError: there is none; names the files that hpcpot ships.
    """
    try:
        found = inputs.find(name, folder)
    except OSError as error:
        raise ValueError(f"must be a file that can be read ({error.strerror})") from error
    if found is None:
        raise ValueError(
            f"must be a file: none beside the config ({folder.resolve()}), none in the current folder, and not one of "
            f"the shipped {', '.join(data.names()) or 'files (none)'}"
        )
    return found.resolve()


def _read(path: Path) -> tuple[dict, list[str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise ConfigError(f"config = {path}: {reason}; give the path of a YAML file.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"config = {path}: is not text but a binary file; give the path of a YAML file.") from error
    try:
        tree, repeated = yaml_text.parse(text)
    except ValueError as error:
        raise ConfigError(f"config = {path}: {error}; check indentation, colons and brackets.") from error
    if not isinstance(tree, dict):
        what = "is empty" if tree is None else f"holds {show(tree)}"
        raise ConfigError(f"config = {path}: {what}; must hold keys and values, as configs/interface_si100.yaml does.")
    return tree, [f"{name} (line {line} of {path.name}): appears twice; keep one." for name, line in repeated]


def _flatten(tree: dict, schema: Schema, origin: str, problems: list[str]) -> dict[str, tuple[Any, str]]:
    """{"section.key": (value, origin)} of the known keys; unknown ones become problems."""
    stages = _stage_names(tree, schema)
    known = {name for name, _ in _rows(schema, stages)} | {key.name for key in schema.keys}
    found = {}
    for name, value in tree.items():
        if name == STAGES and schema.staged:
            entries = _stage_entries(value, schema, origin, problems)
        elif name not in schema.sections:
            entries = {str(name): value}
        elif isinstance(value, dict):
            entries = {f"{name}.{key}": entry for key, entry in value.items()}
        else:
            entries = {}
            if value is not None:
                keys = _keys_of(name, schema)
                problems.append(f"{name} = {show(value)} ({origin}): is a section; give its keys, {keys}.")
        for key, entry in entries.items():
            if key in known:
                found[key] = (entry, origin)
            else:
                problems.append(f"{key} = {show(entry)} ({origin}): unknown key; {_nearest(key, schema)}")
    return found


def _stage_names(tree: dict, schema: Schema) -> list[str]:
    stages = tree.get(STAGES) if schema.staged else None
    return [str(name) for name in stages] if isinstance(stages, dict) else []


def _stage_entries(stages: Any, schema: Schema, origin: str, problems: list[str]) -> dict[str, Any]:
    """{"stages.name.key": value} of what the stages say."""
    if not isinstance(stages, dict) or not stages or any("." in str(name) for name in stages):
        problems.append(
            f"{STAGES} = {show(stages)} ({origin}): must be names without dots, each with keys of {schema.staged}, "
            "e.g. pull: {steps: 1000}."
        )
        return {}
    entries = {}
    for name, block in stages.items():
        if isinstance(block, dict):
            entries |= {f"{STAGES}.{name}.{key}": value for key, value in block.items()}
        elif block is not None:
            problems.append(f"{STAGES}.{name} = {show(block)} ({origin}): is a section; give keys of {schema.staged}.")
    return entries


def _rows(schema: Schema, stages: Sequence[str]) -> list[tuple[str, Key]]:
    """Every value that a config has, by name: with stages the staged section has one for each stage."""
    shared = [key for key in schema.keys if not stages or key.name.split(".")[0] != schema.staged]
    return [(key.name, key) for key in shared] + [row for stage in stages for row in schema.stage_keys(stage).items()]


def _parse_override(
    override: str, schema: Schema, stages: Sequence[str], problems: list[str]
) -> dict[str, tuple[Any, str]]:
    name, equals, text = override.partition("=")
    name = name.strip()
    if not equals or not name:
        problems.append(f"--set = {show(override)}: must be KEY=VALUE, e.g. --set md.timestep_fs=0.5.")
        return {}
    if name in schema.sections:
        problems.append(f"{name} = {show(text)} (--set): is a section; set one of its keys, {_keys_of(name, schema)}.")
        return {}
    if name not in {key.name for key in schema.keys} | {row for row, _ in _rows(schema, stages)}:
        problems.append(f"{name} = {show(text)} (--set): unknown key; {_nearest(name, schema)}")
        return {}
    try:
        value, _ = yaml_text.parse(text)
    except ValueError as error:
        problems.append(f"{name} = {show(text)} (--set): {error}; quote the value.")
        return {}
    return {name: (value, "--set")}


def _keys_of(section: str, schema: Schema) -> str:
    return ", ".join(key.name for key in schema.keys if key.name.startswith(f"{section}."))


def _nearest(name: str, schema: Schema) -> str:
    """What to do about an unknown key: the nearest known one, whichever section it is in."""
    stage = name.split(".")[1] if name.startswith(f"{STAGES}.") and name.count(".") > 1 else None
    names = list(schema.stage_keys(stage)) if stage and schema.staged else [key.name for key in schema.keys]
    by_last = {known.split(".")[-1]: known for known in names}
    last = name.split(".")[-1]
    if last in by_last:
        return f"did you mean {by_last[last]}?"
    near = difflib.get_close_matches(name, names + _sections(schema), 1) or difflib.get_close_matches(last, by_last, 1)
    if near:
        return f"did you mean {by_last.get(near[0], near[0])}?"
    section = name.split(".")[0]
    if section == STAGES and schema.staged:
        section = schema.staged
    return f"known are {_keys_of(section, schema) if section in schema.sections else ', '.join(_sections(schema))}."


def _sections(schema: Schema) -> list[str]:
    return schema.sections + ([STAGES] if schema.staged else [])


def _convert(key: Key, value: Any, folder: Path) -> Any:
    """The value of a key in its own type; ValueError says what is required."""
    if value is REQUIRED:
        raise ValueError(f"is required, {key.kind.words}")
    if value is None:
        if key.null or key.default is None:
            return None
        raise ValueError(f"must be {key.kind.words}")
    converted = key.kind.parse(value)
    if not key.is_input:
        return converted
    if isinstance(converted, list):
        return [find_input(name, folder) for name in converted]
    return find_input(converted, folder)


def _nest(values: dict[str, Any]) -> Settings:
    settings = Settings()
    for name, value in values.items():
        *section, last = name.split(".")
        owner = settings
        for part in section:
            if not hasattr(owner, part):
                setattr(owner, part, Settings())
            owner = getattr(owner, part)
        setattr(owner, last, value)
    return settings


def _plain(value: Any) -> Any:
    if isinstance(value, Settings):
        return {name: _plain(entry) for name, entry in vars(value).items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value
