"""The command line: runs a command, and turns its errors into one line and an exit code."""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

import hpcpot
from hpcpot import completion, notices, plugins, terminal
from hpcpot.commands import COMMANDS
from hpcpot.errors import HpcpotError
from hpcpot.parallel import launch
from hpcpot.wording import meant

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
    os.environ["MPLBACKEND"] = "agg"  # a notebook that runs this has one of its own, which may not be installed here
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    argv = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # a log or mpirun's pipe gets each line when it is printed
    try:
        plugins.load()
        if completion.ASKED in os.environ:
            completion.complete(_parser)
        arguments = _parser(argv).parse_args(argv)
        if getattr(arguments, "ranks", None) not in (None, 1):
            return launch.run(arguments.ranks, launch.without_ranks(argv))
        with terminal.opened(arguments, launch.is_first()) as ending:
            return _run(arguments, ending)
    except HpcpotError as error:
        print(_line(error), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # as of `hpcpot schema md | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _run(arguments: argparse.Namespace, ending: terminal.Ending) -> int:
    """Run the command and print its end; returns the exit code."""
    try:
        with notices.printed(launch.is_first()):
            code = _package(arguments.command).run(arguments)
        ending.done(code)
        return code
    except HpcpotError as error:
        return _fail(error, ending)
    except KeyboardInterrupt as error:
        print("interrupted", file=sys.stderr)
        ending.failed(130, error)
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:  # a bug, whose traceback Python prints
        ending.failed(1, error)
        raise


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
            terminal.add_arguments(command)
    if named is not None and named not in COMMANDS:
        hint = meant(named, COMMANDS) or "hpcpot --help lists them."
        parser.error(f"{named} = unknown command: must be one of {', '.join(COMMANDS)}; {hint}")
    return parser


def _package(command: str) -> ModuleType:
    return import_module(COMMANDS[command].package)


def _fail(error: HpcpotError, ending: terminal.Ending) -> int:
    """Print an error and return its exit code; under mpirun, abort all ranks."""
    from hpcpot.parallel.ranks import start

    try:
        ranks = start()
    except HpcpotError as cause:  # the launcher itself has failed: every process reports for itself
        error = cause
    else:
        if ranks.size > 1:
            ending.failed(error.exit_code, error, speaks=not error.on_all_ranks)  # before this rank ends all
            ranks.fail(error)
            return error.exit_code
    print(_line(error), file=sys.stderr)
    ending.failed(error.exit_code, error)
    return error.exit_code


def _line(error: HpcpotError) -> str:
    return f"{type(error).__name__}: {error}"
