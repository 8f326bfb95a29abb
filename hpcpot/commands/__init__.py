"""The table of commands; a command is imported when it is run, or asked for its options. `register` adds one from outside."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A row of COMMANDS.

    Attributes:
        package: where its add_arguments(parser) and run(arguments) -> exit code are, by the name to import.
        line: what it does, for --help.
    """

    package: str
    line: str


COMMANDS: dict[str, Command] = {}
"""By the name that the command line takes."""


def register(name: str, package: str, line: str) -> None:
    """Add a command.

    Raises:
        ValueError: there is one of this name.
    """
    if name in COMMANDS:
        raise ValueError(f"command = {name}: is in the table already; choose another name.")
    COMMANDS[name] = Command(package, line)


# Some packages are not called as their command: tools take build/ and test/ for something else.
for _name, _package, _line in (
    ("md", "md", "one molecular dynamics run, on any number of ranks"),
    ("build", "recipes", "make a structure by its recipe"),
    ("convert", "convert", "turn another program's model or labelled data into hpcpot's, or back"),
    ("dataset", "dataset", "what labelled structures hold and which to doubt; split them"),
    ("test", "accuracy", "errors of a model, or of a committee, on labelled structures"),
    ("verify", "verify", "is a model sound: derivatives, invariances, energy drift, crystals"),
    ("analyze", "analyze", "what a tensile test says, in numbers, tables and figures"),
    ("onsite", "onsite", "removal energies of many atoms in many frames"),
    ("relax", "relax", "many structures to their nearest minima"),
    ("label", "label", "energies, forces and virials of many structures by any calculator of ASE"),
    ("train", "train", "fit a potential to labelled structures"),
    ("results", "campaigns", "what a campaign of the farm has done, and its rows for other programs"),
    ("report", "report", "draw one figure of a trajectory"),
    ("doctor", "doctor", "what this machine offers, and how to get what it lacks"),
):
    register(_name, f"{__name__}.{_package}", _line)
