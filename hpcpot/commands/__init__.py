"""The table of commands; a command is imported when it is run, or asked for its options. `register` adds one from outside."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from hpcpot.config import Schema


class Command(NamedTuple):
    """A row of COMMANDS.

    Attributes:
        package: where its add_arguments(parser) and run(arguments) -> exit code are, by the name to import.
        line: what it does, for --help.
        settings: module with the SCHEMA of its config; empty for a command without one.
    """

    package: str
    line: str
    settings: str = ""


COMMANDS: dict[str, Command] = {}
"""By the name that the command line takes."""


def register(name: str, package: str, line: str, settings: str = "") -> None:
    """Add a command.

    Raises:
        ValueError: there is one of this name.
    """
    if name in COMMANDS:
        raise ValueError(f"command = {name}: is in the table already; choose another name.")
    COMMANDS[name] = Command(package, line, settings)


def schema_of(command: str) -> Schema[Any]:
    """The schema of a command's config."""
    return import_module(COMMANDS[command].settings).SCHEMA


# Some packages are not called as their command: tools take build/ and test/ for something else.
for _name, _package, _line, *_settings in (
    ("md", "md", "one molecular dynamics run, on any number of ranks", "hpcpot.dynamics.settings"),
    ("build", "recipes", "make a structure by its recipe", f"{__name__}.recipes.settings"),
    ("convert", "convert", "turn another program's model or labelled data into hpcpot's, or back"),
    ("dataset", "dataset", "what labelled structures hold and which to doubt; split them"),
    ("test", "accuracy", "errors of a model, or of a committee, on labelled structures"),
    ("verify", "verify", "is a model sound: derivatives, invariances, energy drift, crystals"),
    ("analyze", "analyze", "what a tensile test says, in numbers, tables and figures", f"{__name__}.analyze.settings"),
    ("onsite", "onsite", "removal energies of many atoms in many frames", f"{__name__}.onsite.settings"),
    ("relax", "relax", "many structures to their nearest minima", f"{__name__}.relax.settings"),
    (
        "label",
        "label",
        "energies, forces and virials of many structures by any calculator of ASE",
        f"{__name__}.label.settings",
    ),
    ("train", "train", "fit a potential to labelled structures", "hpcpot.training.settings"),
    ("results", "campaigns", "what a campaign of the farm has done, and its rows for other programs"),
    ("report", "report", "draw one figure of a trajectory"),
    ("schema", "schema", "JSON Schema of a command's config, for editors"),
    ("doctor", "doctor", "what this machine offers, and how to get what it lacks"),
):
    register(_name, f"{__name__}.{_package}", _line, *_settings)
