"""Completion of command lines in a shell, by argcomplete: commands, options, keys of configs, names of what ships."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from hpcpot import data
from hpcpot.commands import COMMANDS, schema_of

ASKED = "_ARGCOMPLETE"
"""Variable of the environment by which a shell asks."""
MODELS = ("--potential", "models", "model")
"""Options and arguments that take the name of a model."""


def complete(parser_of: Callable[[list[str]], argparse.ArgumentParser]) -> None:
    """Answer the shell, which asked in the environment, and end this process.

    Args:
        parser_of: builds the parser for the arguments so far.
    """
    import argcomplete

    words = os.environ["COMP_LINE"][: int(os.environ.get("COMP_POINT", "1000000"))].split()[1:]
    command = words[0] if words and words[0] in COMMANDS else None
    parser = parser_of([command] if command else [])
    if command is not None:
        _teach(parser, command)
    argcomplete.autocomplete(parser)


def _teach(parser: argparse.ArgumentParser, command: str) -> None:
    """Give the options of a command what they complete, in place of names of files."""
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for action in subparsers.choices[command]._actions:
        if "--set" in action.option_strings:
            action.completer = settings_of(command)
        elif {action.dest, *action.option_strings} & {*MODELS}:
            action.completer = _and_files(data.models())
        elif command == "example" and action.dest == "name":
            action.completer = _and_files(data.examples(), files=False)


def settings_of(command: str) -> Callable[..., list[str]]:
    """A completer of KEY=VALUE: keys of the command's config, then the values of those that are words of a list."""

    def completer(prefix: str, **_: Any) -> list[str]:
        keys = schema_of(command).keys
        name, equals, _value = prefix.partition("=")
        if not equals:
            return [f"{key}=" for key in keys]
        words = keys[name].kind.json.get("enum", []) if name in keys else []
        return [f"{name}={word}" for word in words]

    return completer


def _and_files(names: Any, files: bool = True) -> Callable[..., list[str]]:
    """A completer of some names, and of files."""

    def completer(prefix: str, **options: Any) -> list[str]:
        from argcomplete.completers import FilesCompleter

        return [*names, *(FilesCompleter()(prefix, **options) if files else [])]

    return completer
