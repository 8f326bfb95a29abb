"""What MkDocs calls while it builds the site: fills in the parts of a page that come from the code.

A page asks for them by comments, each on a line of its own:

    <!-- commands -->                  every command with its line
    <!-- options: md -->               options of a command
    <!-- keys: md -->                  keys of its config
    <!-- observables -->               every observable with its options
    <!-- state -->                     the arrays and numbers of a State
    <!-- docstring: hpcpot.units -->   docstring of a module, as it stands
    <!-- include: benchmarks/x.md -->  another file of the repository
    <!-- code: configs/relax.yaml -->  the same, as a block of code
"""

from __future__ import annotations

import argparse
import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hpcpot.analysis.registry import FIELDS, OBSERVABLES
from hpcpot.commands import COMMANDS, schema_of
from hpcpot.config import keys_in, reference
from hpcpot.config.reference import table
from hpcpot.structure.state import describe

ROOT = Path(__file__).resolve().parents[1]
MARK = re.compile(
    r"^<!-- (commands|options|keys|observables|state|docstring|include|code)(?:: ([\w./]+))? -->$", re.MULTILINE
)
OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:configs|jobs|benchmarks|hpcpot|tests)/[^)]+\)")
"""A link to a file of the repository that is not a page: it works where the sources are read, and is text on the site."""


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    fill = {
        name: globals()[name]
        for name in ("commands", "options", "keys", "observables", "state", "docstring", "include", "code")
    }
    filled = MARK.sub(lambda mark: fill[mark[1]](*([mark[2]] if mark[2] else [])), markdown)
    return OUTSIDE.sub(lambda link: link[1] if link[1].startswith("`") else f"`{link[1]}`", filled)


def commands() -> str:
    """A table of all commands."""
    rows = [f"| [`{name}`]({name}.md) | {row.line} |" for name, row in COMMANDS.items()]
    return "\n".join(["| command | |", "|---|---|", *rows])


def options(command: str) -> str:
    """The usage and a table of the options of a command."""
    parser = argparse.ArgumentParser(prog=f"hpcpot {command}", allow_abbrev=False)
    import_module(COMMANDS[command].package).add_arguments(parser)
    usage = parser.format_usage().removeprefix("usage: ").rstrip()
    rows = [
        f"| {names(action)} | {cell(action.help or '')} |" for action in parser._actions if action.dest not in ("help",)
    ]
    table = ["| | |", "|---|---|", *rows] if rows else []
    return "\n".join(["```text", usage, "```", "", *table])


def names(action: argparse.Action) -> str:
    """How an option is written, with its value."""
    value = action.metavar or (action.dest if not action.option_strings else action.dest.upper())
    if action.choices:
        value = ", ".join(map(str, action.choices))
    if not action.option_strings:
        return f"`{value}`"
    spelt = ", ".join(f"`{option}`" for option in action.option_strings)
    return spelt if action.nargs == 0 else f"{spelt} {cell(str(value))}"


def keys(command: str) -> str:
    """A table for each section of a command's config."""
    return reference(schema_of(command), markdown=True)


def state() -> str:
    """A table of what a State holds."""
    return describe()


def observables() -> str:
    """A section for each observable."""
    lines = []
    for row in OBSERVABLES.values():
        needs = ", ".join(FIELDS[name] for name in row.needs)
        lines += [f"## `{row.name}`", "", f"{row.help[0].upper()}{row.help[1:]}. Needs: {needs}.", ""]
        lines += [table(keys_in(row.options)), ""] if keys_in(row.options) else []
    return "\n".join(lines)


def docstring(module: str) -> str:
    """The docstring of a module, which is not imported for it."""
    source = Path(find_spec(module).origin).read_text(encoding="utf-8")
    return f"```text\n{ast.get_docstring(ast.parse(source))}\n```"


def include(path: str) -> str:
    """Another page of the repository without its title, its links to pages of the site made those of the site."""
    text = (ROOT / path).read_text(encoding="utf-8").split("\n", 1)[1]
    return text.replace("](../docs/", "](")


def code(path: str) -> str:
    """A file of the repository as a block of code."""
    language = {".py": "python", ".yaml": "yaml"}.get(Path(path).suffix, "text")
    return f'```{language} title="{path}"\n{(ROOT / path).read_text(encoding="utf-8").rstrip()}\n```'


def cell(text: str) -> str:
    """Text that may stand in a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
