"""The command line: runs a command, and turns its errors into one line and an exit code."""

from __future__ import annotations

import argparse
import difflib
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import hpcpot
from hpcpot import notices, plugins
from hpcpot.commands import COMMANDS
from hpcpot.errors import HpcpotError
from hpcpot.parallel import launch

EXIT_CODES = """\
exit codes:
  0   done
  1   an error, described in the last line
  2   wrong usage of the command line
  75  stopped by a signal with everything saved: the same command continues (md, train: with --restart)
"""

OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""New objects that make Python look for cycles among them. Its 700 take a tenth of a second of imports, which make none."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    A process uses one core unless OMP_NUM_THREADS and similar variables say otherwise; NumPy reads them on import.

    Args:
        argv: arguments after the program's name; those of this process if None.
    Returns:
        The exit code.
    """
    for name, threads in launch.ENVIRONMENT.items():
        os.environ.setdefault(name, threads)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log or mpirun's pipe gets each line when it is printed
    try:
        plugins.load()
        arguments = _parser(argv).parse_args(argv)
        if getattr(arguments, "ranks", None) not in (None, 1):
            return launch.run(arguments.ranks, launch.without_ranks(argv))
        with notices.printed(launch.is_first()):
            return _package(arguments.command).run(arguments)
    except HpcpotError as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # as of `hpcpot schema md | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _parser(argv: list[str]) -> argparse.ArgumentParser:
    """Build the parser; only the command named in argv is imported."""
    parser = argparse.ArgumentParser(
        prog="hpcpot",
        description="Silicon anodes of lithium batteries, atom by atom, with machine-learned potentials.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"hpcpot {hpcpot.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    named = next((argument for argument in argv if not argument.startswith("-")), None)
    for name, row in COMMANDS.items():
        command = commands.add_parser(
            name, help=row.line, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
        )
        if name == named:
            _package(name).add_arguments(command)
    if named is not None and named not in COMMANDS:
        near = difflib.get_close_matches(named, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else "hpcpot --help lists them."
        parser.error(f"{named} = unknown command: must be one of {', '.join(COMMANDS)}; {hint}")
    return parser


def _package(command: str) -> ModuleType:
    return import_module(COMMANDS[command].package)


def _fail(error: HpcpotError) -> int:
    """Print an error and return its exit code; under mpirun, abort all ranks."""
    from hpcpot.parallel.ranks import start

    try:
        ranks = start()
    except HpcpotError as cause:  # the launcher itself has failed: every process reports for itself
        error = cause
    else:
        if ranks.size > 1:
            ranks.fail(error)
            return error.exit_code
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return error.exit_code
