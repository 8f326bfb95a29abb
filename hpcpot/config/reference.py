"""Descriptions of the keys of a command: text for --help, Markdown for the documentation, JSON Schema for editors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpcpot.config.load import Override, plain, show
from hpcpot.config.schema import REQUIRED, STAGES, Key, Schema, keys_in

DRAFT = "https://json-schema.org/draft/2020-12/schema"
STAGED = "stages that run one after another, each with any KEY of {0}; {0} holds the values common to all"


@dataclass(frozen=True)
class Short:
    """An option that is short for --set of a key.

    Attributes:
        options: its names, "-o", "--output". help: its meaning; which key it is for is added.
    """

    options: tuple[str, ...]
    key: str
    metavar: str
    help: str


class _AddOverride(argparse.Action):
    """Adds the value of an option that is short for --set to the overrides."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        override = Override(f"{self.const}={values}")
        override.option = option_string
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), override])


def add_shorts(parser: argparse._ActionsContainer, shorts: Sequence[Short]) -> None:
    """Add options that are short for --set of a key; they are among `overrides`, in the order of the command line."""
    for short in shorts:
        parser.add_argument(
            *short.options,
            action=_AddOverride,
            dest="overrides",
            const=short.key,
            default=[],
            metavar=short.metavar,
            help=f"{short.help}; short for --set {short.key}={short.metavar}",
        )


def add_arguments(
    parser: argparse.ArgumentParser,
    schema: Schema,
    what: str,
    example: str,
    name: str = "config",
    metavar: str = "CONFIG",
    nargs: str | None = None,
) -> None:
    """Add the options of a command that reads a config, and the list of its keys.

    Args:
        what: description of the file. example: a KEY=VALUE. name, metavar, nargs: of the argument.
    """
    parser.epilog = f"keys of the config, with units in their names:\n{reference(schema)}"
    parser.add_argument(name, metavar=metavar, nargs=nargs, help=what)
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="overrides",
        help=f"override a key of the config, e.g. --set {example}; repeatable",
    )


def reference(schema: Schema, markdown: bool = False) -> str:
    """Describe all keys with kind, default and meaning, as lines for --help or as Markdown tables by section."""
    if markdown:
        return _markdown(schema)
    lines = [f"  {name} ({row.kind.words}; {_default(row)})\n      {row.help}" for name, row in schema.keys.items()]
    if schema.staged:
        lines.append(
            f"  {STAGES}.NAME.KEY (optional; default one stage, {schema.staged})\n      {STAGED.format(schema.staged)}"
        )
    return "\n".join(lines)


def _default(row: Key) -> str:
    return "required" if row.default is REQUIRED else f"default {show(row.default)}"


def _markdown(schema: Schema) -> str:
    top = {name: row for name, row in schema.keys.items() if "." not in name}
    parts = [table(top)] if top else []
    for name, section in schema.sections.items():
        parts.append(f"### `{name}`\n\n{section.__doc__}\n\n{table(keys_in(section))}")
    if schema.staged:
        parts.append(f"### `{STAGES}.NAME`\n\n{STAGED.format(f'`{schema.staged}`').capitalize()}.")
    return "\n\n".join(parts) + "\n"


def table(rows: dict[str, Key]) -> str:
    """Format keys as a Markdown table."""
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, row in rows.items():
        default = "required" if row.default is REQUIRED else f"`{show(row.default)}`"
        meaning = f"{row.help}; {row.hint}" if row.hint else row.help
        cells = (f"`{name}`", row.kind.words, default, meaning)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|').replace('<', '&lt;') for cell in cells)} |")
    return "\n".join(lines)


def json_schema(schema: Schema, title: str) -> dict[str, Any]:
    """Build the JSON Schema of a command's config.

    It covers each key by itself; only `load` knows the checks between keys and looks for files.
    """
    properties = {name: _value(row) for name, row in schema.keys.items() if "." not in name}
    required = [name for name, row in schema.keys.items() if "." not in name and row.default is REQUIRED]
    whole: dict[str, Any] = {"$schema": DRAFT, "title": title, "type": "object"}
    for name, section in schema.sections.items():
        properties[name] = section_json(section)
        needed = [last for last, row in keys_in(section).items() if row.default is REQUIRED]
        if name == schema.staged:
            whole |= {"$defs": {name: properties[name]}, **_of_a_stage_or_shared(name, needed)}
            properties[name] = {"$ref": f"#/$defs/{name}"}
        elif needed:
            properties[name] |= {"required": needed, "type": "object"}
            required.append(name)
    if schema.staged:
        properties[STAGES] = {
            "description": STAGED.format(schema.staged),
            "type": "object",
            "propertyNames": {"pattern": r"^[^.]+$"},
            "minProperties": 1,
            "additionalProperties": {"$ref": f"#/$defs/{schema.staged}"},
        }
    return whole | {"properties": properties, "required": required, "additionalProperties": False}


def section_json(section: type) -> dict[str, Any]:
    """Build the JSON Schema of a section, without its list of required keys."""
    return {
        "description": section.__doc__,
        "type": ["object", "null"],
        "properties": {name: _value(row) for name, row in keys_in(section).items()},
        "additionalProperties": False,
    }


def _value(row: Key) -> dict[str, Any]:
    json = dict(row.kind.json)
    if row.allows_null:
        if "enum" in json:
            json["enum"] = [*json["enum"], None]
        elif isinstance(json.get("type"), str):
            json["type"] = [json["type"], "null"]
        elif json:
            json = {"anyOf": [*json.get("anyOf", [json]), {"type": "null"}]}
    details = [*([] if "enum" in json else [row.kind.words]), *([row.hint] if row.hint else [])]
    json["description"] = f"{row.help} ({'; '.join(details)})" if details else row.help
    if row.default is not REQUIRED:
        json["default"] = plain(row.default)
    return json


def _of_a_stage_or_shared(section: str, needed: list[str]) -> dict[str, Any]:
    """Build the conditions on required keys: in the section; with stages, in the section or in every stage."""
    shared = {name: {"required": [section], "properties": {section: {"required": [name]}}} for name in needed}
    staged = {name: {"properties": {STAGES: {"additionalProperties": {"required": [name]}}}} for name in needed}
    return {
        "if": {"required": [STAGES]},
        "then": {"allOf": [{"anyOf": [shared[name], staged[name]]} for name in needed]},
        "else": {"required": [section], "properties": {section: {"type": "object", "required": needed}}},
    }
