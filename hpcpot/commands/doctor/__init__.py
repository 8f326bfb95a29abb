"""`hpcpot doctor`: what this machine has of what hpcpot can use, and the command that gets what it lacks."""

from __future__ import annotations

import argparse
import textwrap
from dataclasses import asdict

from hpcpot import account
from hpcpot.commands.doctor import checks
from hpcpot.commands.doctor.checks import Diagnosis

WIDTH = 118


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Looks at this machine: Python, cores, MPI, parallel HDF5, GPU, schedulers. Changes nothing."


def run(arguments: argparse.Namespace) -> int:
    """Print one row a diagnosis as soon as it is known; always 0, since lacking something is no error."""
    rows: list[Diagnosis] = []
    for check in checks.ALL:
        for diagnosis in check():
            print(format_row(diagnosis), flush=True)
            rows.append(diagnosis)
    missing = sum(diagnosis.state in ("missing", "failed") for diagnosis in rows)
    account.tell(checks=[asdict(diagnosis) for diagnosis in rows], missing=missing)
    print(f"\n{missing} of these are missing; each names the command that gets it." if missing else "\nAll is there.")
    return 0


def format_row(diagnosis: Diagnosis) -> str:
    """name, state, what was found; under it, behind an arrow, what to do."""
    head = f"{diagnosis.name:<16} {diagnosis.state:<8} "
    indent = " " * len(head)
    lines = textwrap.wrap(diagnosis.details, WIDTH, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]
    for number, remedy in enumerate(diagnosis.remedy.splitlines()):
        lines.append(f"{indent}{'-> ' if number == 0 else '   '}{remedy}")
    return "\n".join(lines)
