"""Errors that hpcpot raises on purpose.

Every message reads `where = value found: what is required; what to do.` A message is written for the person who
started the run: the command line prints it without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

LONGEST = 600
"""Characters of a line of a message; of a longer one the middle is left out."""


class HpcpotError(Exception):
    """Base of all errors that a user can act on.

    A message may quote what a damaged file holds: then it is cut, and what a terminal cannot show is escaped.
    """

    exit_code = 1
    on_all_ranks = False
    """Whether every rank raised it, so that one of them speaks."""

    def __init__(self, message: str):
        super().__init__("\n".join(map(_readable, str(message).split("\n"))))


def _readable(line: str) -> str:
    if not line.isprintable():
        line = "".join(part if part.isprintable() else part.encode("unicode_escape").decode() for part in line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[-LONGEST // 2 :]}"


class ConfigError(HpcpotError):
    """A key of the config or an option of the command line is missing, unknown or out of range."""


class StructureError(HpcpotError):
    """Atoms or a cell that cannot be simulated: NaN positions, zero volume, overlaps, unknown species."""


class DataError(HpcpotError):
    """Labelled structures that are unreadable, unlabelled, inconsistent or too few for what was asked."""


class ModelError(HpcpotError):
    """A potential file that is truncated, foreign, compressed or does not fit the structure."""


class DomainError(HpcpotError):
    """A simulation cell that cannot be divided as asked."""


class OutputError(HpcpotError):
    """A file that exists, cannot be written or is not what it says."""


class DependencyError(HpcpotError):
    """A package or a program that is needed for what was asked is not installed."""


class SimulationError(HpcpotError):
    """Dynamics outside the range in which the potential or the integrator is valid."""


class TrainingError(HpcpotError):
    """A training that cannot go on: its loss exploded, or nothing is left to train on."""


class ExtensionError(HpcpotError):
    """A module of another package that cannot be imported, or adds a row that a table does not take."""


class FarmError(HpcpotError):
    """A farm that cannot go on: its workers do not start, cannot load the task, or its scheduler went away."""
