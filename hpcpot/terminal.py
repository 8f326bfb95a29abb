"""What a command prints, and where: --quiet, --log and --json, common to all commands."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TextIO

import hpcpot
from hpcpot import account, citations, provenance
from hpcpot.errors import OutputError
from hpcpot.outputs import advice, reason
from hpcpot.progress import LOG_SECONDS, RENEW


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command has."""
    group = parser.add_argument_group("what is printed, common to all commands")
    group.add_argument("--quiet", action="store_true", help="print errors and notes only")
    group.add_argument("--log", metavar="FILE", type=Path, help="add what is printed, also what --quiet hides, to FILE")
    group.add_argument(
        "--json",
        action="store_true",
        help="at the end print one JSON object to stdout: exit code, error, results, files written, what to cite; the rest "
        "goes to stderr",
    )


class Log:
    """A file that lines are added to."""

    def __init__(self, path: Path):
        """Open the file.

        Raises:
            OutputError: the system refuses.
        """
        try:
            # Ranks add to one file: a line is one write at its end.
            self.file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
        except OSError as error:
            remedy = advice(error, "give a path that you may write to")
            raise OutputError(f"--log = {path}: cannot be written ({reason(error)}): {remedy}.") from error


class PrintedStream(io.TextIOBase):
    """A stream that is shown, or not, and logged, or not.

    Of a line that renews itself on a terminal the log gets one a minute, and the last.
    """

    def __init__(self, shown: TextIO | None, log: Log | None):
        self._shown, self._log = shown, log
        self._line, self._logged = "", monotonic()

    def write(self, text: str) -> int:
        if self._shown is not None:
            self._shown.write(text)
        if self._log is not None:
            *lines, self._line = (self._line + text).split("\n")
            self._log.file.writelines(f"{line.split(RENEW)[-1]}\n" for line in lines)
            *renewed, self._line = self._line.split(RENEW)
            if renewed and renewed[-1] and monotonic() - self._logged > LOG_SECONDS:
                self._log.file.write(f"{renewed[-1]}\n")
                self._logged = monotonic()
        return len(text)

    def flush(self) -> None:
        if self._shown is not None:
            self._shown.flush()

    def isatty(self) -> bool:
        return self._shown is not None and self._shown.isatty()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._shown is None:
            raise io.UnsupportedOperation("nothing is shown")
        return self._shown.fileno()

    @property
    def encoding(self) -> str:
        return getattr(self._shown, "encoding", None) or "utf-8"


class Ending:
    """The end of a command: what to cite, and the object of --json, both once.

    Args:
        stdout: where the object goes; None where --json was not given.
        speaks: whether this process prints for all ranks.
    """

    def __init__(self, command: str, facts: account.Account, stdout: TextIO | None, speaks: bool):
        self._command, self._facts, self._stdout, self._speaks = command, facts, stdout, speaks
        self._began, self._is_over = monotonic(), False

    def done(self, exit_code: int) -> None:
        """End without an error."""
        if self._speaks and self._facts.cited and not self._is_over:
            print(citations.text(self._facts.cited, self._facts.models))
        self._print(exit_code, None, self._speaks)

    def failed(self, exit_code: int, error: BaseException, speaks: bool = False) -> None:
        """End with an error; `speaks`: of this rank alone, so that no other will print."""
        self._print(exit_code, {"kind": type(error).__name__, "message": str(error)}, self._speaks or speaks)

    def _print(self, exit_code: int, error: dict[str, str] | None, speaks: bool) -> None:
        if self._stdout is None or self._is_over or not speaks:
            return
        self._is_over = True
        facts = self._facts
        told = {
            "hpcpot": hpcpot.__version__,
            "command": self._command,
            "command_line": provenance.command_line(),
            "exit_code": exit_code,
            "error": error,
            "seconds": round(monotonic() - self._began, 3),
            "results": facts.results,
            "written": list(facts.written),
            "notes": facts.notes,
            "cite": citations.entries(facts.cited),
        }
        print(json.dumps(account.plain(told), ensure_ascii=False), file=self._stdout, flush=True)


@contextmanager
def opened(arguments: argparse.Namespace, speaks: bool) -> Iterator[Ending]:
    """Send what is printed meanwhile where the options say.

    Args:
        speaks: whether this process prints for all ranks.
    Raises:
        OutputError: the log cannot be written.
    """
    stdout, stderr = sys.stdout, sys.stderr
    log = None if arguments.log is None else Log(arguments.log)
    if log is not None and speaks:
        log.file.write(f"{datetime.now().isoformat(' ', 'seconds')} {provenance.command_line()}\n")
    try:
        if arguments.quiet or arguments.json or log is not None:
            shown = None if arguments.quiet else stderr if arguments.json else stdout
            sys.stdout, sys.stderr = PrintedStream(shown, log), PrintedStream(stderr, log)
        with account.collected() as facts:
            yield Ending(arguments.command, facts, stdout if arguments.json else None, speaks)
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        if log is not None:
            log.file.close()
