"""`hpcpot example`: the commented configs that ship with hpcpot, listed, or written to the current folder."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from hpcpot import account, data
from hpcpot.errors import ConfigError
from hpcpot.outputs import Replacement, check_output
from hpcpot.wording import meant

__all__ = ["add_arguments", "run"]

SCHEMA = "$schema=schemas/"
NAMED = re.compile(r"\bconfigs/(\w+)\.yaml")
"""A config that another one's comments run, as they name it in a checkout."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `hpcpot example`."""
    parser.description = (
        "Without a name: list the example configs, each with its first line. With one: write it to the current folder, with "
        "its comments, and beside it the configs that its comments run. The list of keys is that of --help of the command."
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one of the list, with or without .yaml")
    parser.add_argument("--overwrite", action="store_true", help="replace files of these names in the current folder")


def run(arguments: argparse.Namespace) -> int:
    """Run the command and return its exit code.

    Raises:
        ConfigError: no example of this name. OutputError: a file is in the way, or cannot be written.
    """
    examples = data.examples()
    if arguments.name is None:
        account.tell(examples={name: _purpose(path) for name, path in examples.items()})
        width = max(map(len, examples))
        for name, path in examples.items():
            print(f"{name:{width}}  {_purpose(path)}")
        return 0
    name = arguments.name.removesuffix(".yaml")
    if name not in examples:
        hint = " ".join(filter(None, (meant(name, examples), "`hpcpot example` lists them.")))
        raise ConfigError(f"example = {arguments.name}: no such example; {hint}")
    _write([name, *_needed(name, examples)], examples, arguments.overwrite)
    return 0


def _purpose(path: Path) -> str:
    """The first sentence of a config, which begins under the line of its schema."""
    line = path.read_text(encoding="utf-8").splitlines()[1].removeprefix("# ")
    return NAMED.sub(r"\1", re.split(r"\.(?= [A-Z]|$)", line)[0])


def _needed(name: str, examples: dict[str, Path]) -> list[str]:
    """The configs that one's comments run, to make its structure or to analyse its run."""
    named = dict.fromkeys(NAMED.findall(examples[name].read_text(encoding="utf-8")))
    return [other for other in named if other != name and other in examples]


def _write(names: list[str], examples: dict[str, Path], overwrite: bool) -> None:
    """Write configs to the current folder, all or, where something is in the way, none."""
    for name in names:
        check_output(Path(f"{name}.yaml"), overwrite)
    for name in names:
        text = examples[name].read_text(encoding="utf-8")
        text = text.replace(SCHEMA, f"$schema={examples[name].parent}/schemas/", 1)
        with Replacement(Path(f"{name}.yaml")) as part:
            part.write_text(NAMED.sub(r"\1.yaml", text), encoding="utf-8")
        print(f"written: {name}.yaml")
