"""Reading of configs, one YAML file per run: every key is known, typed and in range before anything starts.

`load` checks a file against the `Schema` of a command and reports all problems at once, one per line. Input files are
searched beside the config, in the current folder, and among the files shipped with hpcpot; output files are relative to
the current folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpcpot import data, inputs
from hpcpot.config import yaml_text
from hpcpot.config.schema import REQUIRED, STAGES, Key, S, Schema, keys_in, tree_of
from hpcpot.errors import LONGEST, ConfigError
from hpcpot.notices import notice
from hpcpot.wording import ended, meant, plural

SHOWN = 60
"""Maximum number of characters of a value in a message."""

MOST_PROBLEMS, MOST_TEXT = 15, 1500
"""Problems that are told at once, and their characters."""

COMMAND_LINE = Path("command line")
"""Stands for the file of a config that is made of options."""

EXAMPLES = "give the path of a YAML file; `hpcpot example` lists some"


class Override(str):
    """KEY=VALUE by an option that is short for --set; `option` names it in messages."""

    option = "--set"


def load(path: Path | str | None, schema: Schema[S], overrides: Sequence[str] = ()) -> S:
    """Read a config file.

    Args:
        path: YAML file; None for defaults and overrides only.
        overrides: "section.key=value", the value in YAML; they take precedence over the file.
    Raises:
        ConfigError: all problems, one per line.
    """
    tree, problems = ({}, []) if path is None else _read(Path(path))
    return load_tree(tree, Path("defaults" if path is None else path), schema, overrides, problems)


def stored(text: str, path: Path, schema: Schema[S]) -> S:
    """Read the settings that an output keeps of its run; the files that they name may be elsewhere by now.

    Args:
        text: by `dump`. path: the output, named in messages.
    Raises:
        ConfigError: it is of another version, whose keys were others, or no config.
    """
    try:
        tree, _ = yaml_text.parse(text)
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise ConfigError(f"{path} = holds no config of its run: must be as hpcpot wrote it; make it anew.")
    return load_tree(tree, path, schema, finds_inputs=False)


def load_tree(
    tree: dict,
    path: Path,
    schema: Schema[S],
    overrides: Sequence[str] = (),
    problems: Sequence[str] = (),
    finds_inputs: bool = True,
) -> S:
    """Check a tree as `load` does, e.g. one from Python or from another program's input.

    Args:
        path: file of the tree, named in messages; inputs are searched beside it.
        problems: lines about problems found earlier.
        finds_inputs: False takes the names of input files as they are.
    """
    problems = list(problems)
    given = _flatten(tree, schema, path.name, problems)
    stages = _stage_names(tree, schema)
    for override in overrides:
        given.update(_parse_override(override, schema, stages, problems))
    _note_replaced(given, schema, stages)
    values = {}
    for name, key in _rows(schema, stages).items():
        shared = f"{schema.staged}.{name.split('.')[-1]}" if name.startswith(f"{STAGES}.") else name
        source = name if name in given or shared not in given else shared
        value, origin = given.get(source, (key.default, path.name))
        try:
            values[name] = _convert(key, value, path.parent if finds_inputs else None)
        except ValueError as error:
            shown = "missing" if value is REQUIRED else show(value)
            hint = f"; {key.hint}" if key.hint else ""
            problems.append(ended(f"{source} = {shown} ({origin}): {error}{hint}"))
    if not problems:
        settings = schema.complete(schema.build(values))
        for name, requirement in schema.check(settings):
            value, origin = given.get(name, (values[name], path.name))
            problems.append(f"{name} = {show(value)} ({origin}): {requirement}.")
    if problems:
        raise ConfigError("\n".join(first_of(list(dict.fromkeys(problems)))))
    return settings


def first_of(problems: list[str]) -> list[str]:
    """As many problems as somebody reads: a slip in one key can make as many as a config has stages and keys."""
    told, length = [], 0
    for problem in problems:
        length += min(len(problem), LONGEST)
        if told and (len(told) == MOST_PROBLEMS or length > MOST_TEXT):
            left = plural(len(problems) - len(told), "more problem")
            return [*told, f"config = {left}: see those above; correct them first."]
        told.append(problem)
    return told


def dump(settings: Any, without: Collection[str] = ()) -> str:
    """Write settings as YAML that `load` reads back, without some sections."""
    return yaml_text.write({name: value for name, value in plain(tree_of(settings)).items() if name not in without})


def dump_given(tree: dict[str, Any], schema: Schema[Any], overrides: Sequence[str] = ()) -> str:
    """Write a tree and overrides, which `load_tree` took, as a config that `load` reads to the same settings."""
    whole = {name: dict(value) if isinstance(value, dict) else value for name, value in tree.items()}
    for override in overrides:
        for name, (value, _) in _parse_override(override, schema, _stage_names(tree, schema), []).items():
            *sections, last = name.split(".")
            place = whole
            for section in sections:
                place = place.setdefault(section, {})
            place[last] = value
    ordered = {name: whole[name] for name in [*schema.sections, STAGES, *schema.keys] if name in whole}
    return yaml_text.write(plain(ordered))


def dump_like(settings: Any, schema: Schema, then: str, without: Collection[str] = ()) -> str:
    """Write settings as a text of an older version has them: keys that it lacks are left out at their defaults.

    Args:
        without: sections that do not matter: they are as in the text, or not there.
    """
    tree, _ = yaml_text.parse(then)
    kept: dict[str, Any] = {}
    for section, value in plain(tree_of(settings)).items():
        if section in without:
            if section in tree:
                kept[section] = tree[section]
            continue
        if section in schema.keys:
            if section in tree or value != plain(schema.keys[section].default):
                kept[section] = value
            continue
        had = tree.get(section, {})
        keys = {
            name: entry
            for name, entry in value.items()
            if name in had or entry != plain(schema.keys[f"{section}.{name}"].default)
        }
        if keys or section in tree:
            kept[section] = keys
    return yaml_text.write(kept)


def show(value: Any) -> str:
    """Format a value for a message: text as it is, null and booleans as in YAML, never long."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value) or '""'
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def find_input(name: str, folder: Path) -> Path:
    """Find the file that a config in `folder` calls `name`.

    Raises:
        ValueError: there is none; lists the files shipped with hpcpot.
    """
    try:
        path = inputs.find(name, folder)
        is_folder = path is None and inputs.find(name, folder, or_folder=True) is not None
    except OSError as error:
        raise ValueError(f"must be a file that can be read ({error.strerror})") from error
    if is_folder:
        raise ValueError("must be a file, and is a folder; name a file that is in it")
    if path is None:
        raise ValueError(
            f"must be a file: none beside the config ({folder.resolve()}), none in the current folder, and not one of "
            f"the shipped {', '.join(data.names()) or 'files (none)'}; {meant(Path(name).stem, data.names())}".rstrip(
                "; "
            )
        )
    return path if path.parent == data.FOLDER else path.resolve()


def _read(path: Path) -> tuple[dict, list[str]]:
    try:
        text = inputs.read_text(path)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        is_shipped = isinstance(error, FileNotFoundError) and path.stem in data.examples()
        remedy = f"`hpcpot example {path.stem}` writes it here" if is_shipped else EXAMPLES
        raise ConfigError(f"config = {path}: {reason}; {remedy}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"config = {path}: is not text but a binary file; give the path of a YAML file.") from error
    try:
        tree, repeated = yaml_text.parse(text)
    except ValueError as error:
        raise ConfigError(f"config = {path}: {error}; check indentation, colons and brackets.") from error
    if not isinstance(tree, dict):
        what = "is empty" if tree is None else f"holds {show(tree)}"
        raise ConfigError(
            f"config = {path}: {what}; must hold keys and values, as those do that `hpcpot example` writes."
        )
    return tree, [f"{name} (line {line} of {path.name}): appears twice; keep one." for name, line in repeated]


def _flatten(tree: dict, schema: Schema, origin: str, problems: list[str]) -> dict[str, tuple[Any, str]]:
    """Return {"section.key": (value, origin)} of the known keys; unknown ones become problems."""
    known = schema.keys.keys() | _rows(schema, _stage_names(tree, schema)).keys()
    given = {}
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
                keys = _names_in(name, schema)
                problems.append(f"{name} = {show(value)} ({origin}): is a section; give its keys, {keys}.")
        for key, entry in entries.items():
            if key in known:
                given[key] = (entry, origin)
            else:
                problems.append(f"{key} = {show(entry)} ({origin}): unknown key; {_nearest(key, schema)}")
    return given


def _stage_names(tree: dict, schema: Schema) -> list[str]:
    stages = tree.get(STAGES) if schema.staged else None
    return [str(name) for name in stages] if isinstance(stages, dict) else []


def _stage_entries(stages: Any, schema: Schema, origin: str, problems: list[str]) -> dict[str, Any]:
    """Return {"stages.name.key": value} of all stages."""
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


def _rows(schema: Schema, stages: Sequence[str]) -> dict[str, Key]:
    """Return all keys of a config by name; with stages, those of the staged section once per stage."""
    if not stages:
        return schema.keys
    rows = {name: key for name, key in schema.keys.items() if name.split(".")[0] != schema.staged}
    for stage in stages:
        rows |= schema.stage_keys(stage)
    return rows


def _note_replaced(given: Mapping[str, tuple[Any, str]], schema: Schema, stages: Sequence[str]) -> None:
    """Say which values common to all stages are used by none, as each stage has its own."""
    for name, (value, origin) in given.items():
        section, _, last = name.partition(".")
        if stages and section == schema.staged and all(f"{STAGES}.{stage}.{last}" in given for stage in stages):
            notice(
                f"{name} = {show(value)} ({origin})", f"not used: every stage sets its own; set {STAGES}.NAME.{last}"
            )


def _parse_override(
    override: str, schema: Schema, stages: Sequence[str], problems: list[str]
) -> dict[str, tuple[Any, str]]:
    name, equals, text = override.partition("=")
    name, option = name.strip(), getattr(override, "option", "--set")
    if not equals or not name:
        problems.append(f"--set = {show(override)}: must be KEY=VALUE, e.g. --set md.timestep_fs=0.5.")
        return {}
    if name in schema.sections:
        problems.append(
            f"{name} = {show(text)} ({option}): is a section; set one of its keys, {_names_in(name, schema)}."
        )
        return {}
    if name not in schema.keys and name not in _rows(schema, stages):
        problems.append(f"{name} = {show(text)} ({option}): unknown key; {_nearest(name, schema)}")
        return {}
    try:
        value, _ = yaml_text.parse(text)
    except ValueError as error:
        problems.append(f"{name} = {show(text)} ({option}): {error}; quote the value.")
        return {}
    return {name: (value, option)}


def _names_in(section: str, schema: Schema) -> str:
    return ", ".join(f"{section}.{name}" for name in keys_in(schema.sections[section]))


def _nearest(name: str, schema: Schema) -> str:
    """Suggest the known key nearest to an unknown one, in any section."""
    section, *rest = name.split(".")
    in_stage = section == STAGES and schema.staged is not None
    known = schema.stage_keys(rest[0]) if in_stage and len(rest) > 1 else schema.keys
    names = list(known)
    sections = [
        *schema.sections,
        *([STAGES] if schema.staged else []),
        *(name for name in schema.keys if "." not in name),
    ]
    by_last = {known.split(".")[-1]: known for known in names}
    last = name.split(".")[-1]
    if last in by_last:
        return f"did you mean {by_last[last]}?"
    elsewhere = {other.lower(): key for key, row in known.items() for other in row.also}
    if last.lower() in elsewhere:
        return f"did you mean {elsewhere[last.lower()]}?"
    near = difflib.get_close_matches(name, names + sections, 1) or difflib.get_close_matches(last, by_last, 1)
    if near:
        return f"did you mean {by_last.get(near[0], near[0])}?"
    section = schema.staged if in_stage else section
    return f"known are {_names_in(section, schema) if section in schema.sections else ', '.join(sections)}."


def _convert(key: Key, value: Any, folder: Path | None) -> Any:
    """Convert the value of a key to its type, with a folder to find inputs; ValueError says what is required."""
    if value is REQUIRED:
        raise ValueError(f"is required, {key.kind.words}")
    if value is None:
        if key.allows_null:
            return None
        raise ValueError(f"must be {key.kind.words}")
    converted = key.kind.parse(value)
    if not key.is_input or folder is None:
        return converted
    if isinstance(converted, list):
        return [find_input(name, folder) for name in converted]
    return find_input(converted, folder)


def plain(value: Any) -> Any:
    """Convert a value to the types of YAML: paths become text."""
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, Path) else value
