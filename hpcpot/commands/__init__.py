"""The table of commands; a command is imported when it runs or shows its options. `register` adds one from outside."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpcpot.registry import Registry

if TYPE_CHECKING:
    from hpcpot.config import Schema


@dataclass(frozen=True)
class Command:
    """A row of COMMANDS.

    Attributes:
        name: on the command line.
        package: import path of add_arguments(parser) and run(arguments) -> exit code.
        line: its purpose, for --help.
        settings: module with the SCHEMA of its config; empty for a command without one.
    """

    name: str
    package: str
    line: str
    settings: str = ""


COMMANDS: Registry[Command] = Registry("command")
register = COMMANDS.register


def schema_of(command: str) -> Schema[Any]:
    """Import the schema of a command's config."""
    return import_module(COMMANDS[command].settings).SCHEMA


# Some packages have another name than their command, as tools take build/ and test/ for something else.
for _name, _package, _line, *_settings in (
    ("md", "md", "one molecular dynamics run, on any number of ranks", "hpcpot.dynamics.settings"),
    ("build", "recipes", "build a structure by a recipe", f"{__name__}.recipes.settings"),
    ("convert", "convert", "convert models, labelled data and trajectories from and to other programs"),
    ("dataset", "dataset", "summarise, check and split labelled structures"),
    ("test", "accuracy", "errors of a model or committee on labelled structures"),
    ("verify", "verify", "check a model: derivatives, invariances, energy drift, crystals"),
    (
        "analyze",
        "analyze",
        "analyse a tensile test or any trajectory: numbers, tables, figures",
        f"{__name__}.analyze.settings",
    ),
    ("gcmc", "gcmc", "insert, delete and exchange atoms of one structure by Monte Carlo", f"{__name__}.gcmc.settings"),
    ("onsite", "onsite", "removal energies of many atoms in many frames", f"{__name__}.onsite.settings"),
    ("relax", "relax", "relax structures to their nearest minima", f"{__name__}.relax.settings"),
    (
        "properties",
        "properties",
        "equation of state, elastic constants, phonons, vacancies and surfaces of crystals",
        f"{__name__}.properties.settings",
    ),
    ("neb", "neb", "path of least energy between two structures, and its barrier", f"{__name__}.neb.settings"),
    ("search", "search", "search for crystals among many relaxed cells", f"{__name__}.search.settings"),
    (
        "label",
        "label",
        "energies, forces and virials of many structures by an ASE calculator",
        f"{__name__}.label.settings",
    ),
    ("select", "select", "the structures that differ most, by farthest point sampling", f"{__name__}.select.settings"),
    ("train", "train", "fit a potential or a committee to labelled structures", "hpcpot.training.settings"),
    ("learn", "learn", "train, explore, select, label, repeat: concurrent learning", f"{__name__}.learn.settings"),
    ("serve", "serve", "energies, forces and virials for another program, by i-PI's protocol"),
    ("results", "campaigns", "progress and failures of a farm campaign; export its results"),
    ("report", "report", "a page about runs of any kind, also while they go on; or a figure of a trajectory"),
    ("example", "example", "list the example configs, or write one to the current folder"),
    ("schema", "schema", "print the JSON Schema of a command's config, for editors"),
    ("doctor", "doctor", "show what this machine offers, and how to install what it lacks"),
):
    register(Command(_name, f"{__name__}.{_package}", _line, *_settings))
