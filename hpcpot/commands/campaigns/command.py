"""Prints the state of a results file, and exports it."""

from __future__ import annotations

import argparse
from collections import Counter

from hpcpot import account
from hpcpot.commands.campaigns import export
from hpcpot.commands.campaigns.identity import in_words
from hpcpot.errors import ConfigError
from hpcpot.farm import row_structures
from hpcpot.farm.item import Failure
from hpcpot.farm.results import Results
from hpcpot.outputs import check_output
from hpcpot.relaxation import paths
from hpcpot.wording import plural

FACTS = ("date", "host", "hpcpot", "commit", "command")
"""Facts of the last run that are printed."""


def run_command(arguments: argparse.Namespace) -> int:
    """`hpcpot results FILE`; returns 0."""
    _check(arguments)
    with Results(arguments.file) as results:
        if arguments.export == "dataset":
            output = arguments.output or arguments.file.with_name(f"{arguments.file.stem}_paths.h5")
            every = paths.EVERY if arguments.every is None else arguments.every
            tolerance = paths.SITE_TOLERANCE if arguments.site_tolerance is None else arguments.site_tolerance
            print(export.write_dataset(results, output, every, tolerance, arguments.overwrite))
        elif arguments.export in export.SUFFIXES:
            suffix, count = export.SUFFIXES[arguments.export], len(results.keys())
            beside = f"{arguments.file.stem}_{arguments.export}" if count > 1 else f"{arguments.file.stem}{suffix}"
            output = arguments.output or arguments.file.with_name(beside)
            row_structures.check_target(output, count, arguments.overwrite, "--output")
            print(export.write_structures(results, output, suffix))
        elif arguments.export:
            output = arguments.output or arguments.file.with_suffix(f".{arguments.export}")
            check_output(output, arguments.overwrite)
            print(export.FORMATS[arguments.export](results, output))
        else:
            account.tell(done=len(results.keys()), failed=len(results.failed()), missing=results.missing())
            print(describe(results, arguments.failed))
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """Refuse options without effect, or out of range.

    Raises:
        ConfigError: see above.
    """
    for option, value, least in (("--every", arguments.every, 1), ("--site-tolerance", arguments.site_tolerance, 0)):
        if value is not None and arguments.export != "dataset":
            raise ConfigError(f"{option} = {value:g}: is for --export dataset; add that, or leave it out.")
        if value is not None and not value >= least:
            raise ConfigError(f"{option} = {value:g}: must be at least {least}; give another number.")


def describe(results: Results, all_failures: bool) -> str:
    """State, columns, the last run, and why rows failed: one example of each kind, or all."""
    failed, runs = results.failed(), results.provenance()
    lines = [
        f"{results.path}: hpcpot {results.kind}, {plural(len(runs), 'run')}",
        f"done {len(results.keys())}, failed {len(failed)}, missing {results.missing()}",
        "columns: " + ", ".join(f"{name} {_shape(column)}" for name, column in results.columns.items()),
        *(f"{name}: {line}" for name, text in results.identity().items() for line in in_words(text)),
        *(f"last {name}: {runs[-1][name]}" for name in FACTS if name in runs[-1]),
    ]
    kinds = Counter(failure.kind for _, _, failure in failed)
    for kind, n in kinds.most_common():
        lines.append(f"\n{n} x {kind}")
        of_kind = [row for row in failed if row[2].kind == kind]
        lines += [_tell(*row) for row in (of_kind if all_failures else of_kind[:1])]
        if all_failures or n == 1:
            continue
        lines.append(f"  ... and {n - 1} more; --failed lists them")
    if failed:
        lines.append("\nThe same command with --retry-failed tries them again.")
    return "\n".join(lines)


def _shape(column) -> str:
    """float64 (*, 3) eV."""
    lengths = ", ".join("*" if length is None else str(length) for length in column.shape)
    return " ".join(filter(None, (column.dtype, f"({lengths})" if column.shape else "", column.unit)))


def _tell(key: str, label: str, failure: Failure) -> str:
    return f"  {label or key}: {failure.message} (on {failure.host})"
