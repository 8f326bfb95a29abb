"""`hpcpot learn CONFIG`: reads and checks what it begins with, goes on where it ended, and says what came of it."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path

from hpcpot import account, config, provenance
from hpcpot.commands.learn import PARTS, dpgen_input, export, figure, inputs, plan, summary
from hpcpot.commands.learn.files import EXPLORED, LABELS, LEDGER, START, START_HELD_OUT, folder_of, folders
from hpcpot.commands.learn.loop import Loop
from hpcpot.errors import ConfigError, OutputError
from hpcpot.farm.pool import WorkerPool
from hpcpot.farm.results import Results, Store
from hpcpot.labelling import calculators
from hpcpot.labelling.correction import Correction
from hpcpot.labelling.task import check_calculator, made_by
from hpcpot.learning import ledger
from hpcpot.notices import notice
from hpcpot.outputs import make_folder, remove
from hpcpot.parallel.stop import STOPPED, Stopped, StopRequest


def run_command(arguments: argparse.Namespace) -> int:
    """Return the exit code.

    Raises:
        HpcpotError: the config is wrong, or a part of an iteration failed as a whole.
    """
    stop = StopRequest()
    settings = dpgen_input.load(Path(arguments.config), arguments.overrides)
    if arguments.machine is not None:
        notice(arguments.machine, "not used: where the work is done is said by farm.cluster and jobs/jobqueue.yaml")
    if arguments.export_tree is not None:
        check_export(arguments)
        print(export.write(settings, arguments.export_tree))
        return 0
    begin = parse_begin(arguments.begin, arguments.overwrite)
    here, folder = Path(arguments.config).parent, settings.output.folder
    correction = Correction.read(settings.calculator.correction)
    if arguments.dry_run:
        begun_with = inputs.read(settings, here, arguments.overwrite)
        refuse_unknown(correction, begun_with)
        calculators.check_name(settings.calculator.class_)
        rows = [] if arguments.overwrite else staying(ledger.history(folder / LEDGER), begin)
        print(config.dump(settings) + plan.text(settings, begun_with, rows))
        return 0
    check_calculator(settings.calculator)
    make_folder(folder, "output.folder")
    with (
        Store(
            folder / LEDGER,
            kind="learn",
            columns=ledger.COLUMNS,
            identity={},
            provenance={**provenance.collect(), "config": config.dump(settings)},
            expected_rows=64,
            existing="overwrite" if arguments.overwrite else "continue",
        ) as store,
        WorkerPool(settings.farm) as pool,
    ):
        begun_with = inputs.read(settings, here, arguments.overwrite)
        refuse_unknown(correction, begun_with)
        if arguments.overwrite:
            clear(folder)
        check_labels(folder / LABELS, made_by(settings.calculator, correction))
        rows = ledger.history(folder / LEDGER)
        kept = staying(rows, begin)
        ledger.check_data(folder, kept)
        inputs.write_start(settings, begun_with)
        if begin is not None:
            go_back(folder, store, rows, *begin)
        account.cite("zhang2019")
        loop = Loop(settings, begun_with, kept, store, pool, stop, arguments.retry_failed, correction)
        try:
            loop.go()
        except Stopped:
            print("stopped by a signal; the same command goes on")
            return STOPPED
    account.tell(models=loop.models, iterations=loop.rows)
    print(f"models: {', '.join(loop.models)}")
    print(f"table: {summary.write_table(folder, loop.rows)}")
    print(f"figure: {figure.write(settings, loop.rows, folder / summary.FIGURE)}")
    return 0


def parse_begin(given: list[str] | None, overwrite: bool) -> tuple[int, str] | None:
    """The option --from.

    Raises:
        ConfigError: not a number and a part, or beside --overwrite.
    """
    if given is None:
        return None
    number, part = given
    if not number.isdigit() or part not in PARTS:
        raise ConfigError(
            f"--from = {number} {part}: must be an iteration's number and one of {', '.join(PARTS)}; e.g. --from 2 explore."
        )
    if overwrite:
        raise ConfigError("--from, --overwrite = both: one does a part anew, the other everything; give one.")
    return int(number), part


def check_export(arguments: argparse.Namespace) -> None:
    """Refuse options that --export-tree would pass over.

    Raises:
        ConfigError: one of them is given.
    """
    for option, is_given in (
        ("--from", arguments.begin is not None),
        ("--overwrite", arguments.overwrite),
        ("--retry-failed", arguments.retry_failed),
        ("--dry-run", arguments.dry_run),
    ):
        if is_given:
            raise ConfigError(
                f"--export-tree, {option} = both: a tree is written of the iterations that are there, and nothing else is "
                "done; give one."
            )


def refuse_unknown(correction: Correction | None, begun_with: inputs.Inputs) -> None:
    """Refuse a correction that lacks an element of the loop.

    Raises:
        ConfigError: names it.
    """
    if correction is not None:
        correction.refuse_unknown(set(begun_with.elements), "the loop")


def check_labels(path: Path, facts: Mapping[str, str]) -> None:
    """Refuse another calculator or correction than that of the labels that are there, before anything is taken back.

    Args: facts: as `labelling.task.made_by` says.

    Raises:
        OutputError: it is another, or with other arguments, of another version, or given files that were changed.
    """
    if not path.exists():
        return
    with Results(path) as results:
        identity = results.identity()
    stored, given = (
        "\n".join(source[name] for name in ("calculator", "correction") if name in source)
        for source in (identity, facts)
    )
    if stored != given:
        raise OutputError(
            f"{path} = labels by {'; '.join(stored.splitlines())}: must be by the calculator of the config, "
            f"{'; '.join(given.splitlines())}; set calculator as it was, give another output.folder, or begin anew with "
            "--overwrite."
        )


def clear(folder: Path) -> None:
    """Take away all that a loop wrote into its folder."""
    for path in folders(folder).values():
        shutil.rmtree(path)
    names = (LEDGER, LABELS, START, START_HELD_OUT, *summary.FILES)
    remove([folder / name for name in names if (folder / name).exists()])


def staying(rows: list[dict], begin: tuple[int, str] | None) -> list[dict]:
    """The rows of the iterations that are not done anew. Args: begin: the option --from.

    Raises:
        ConfigError: there is no such iteration yet.
    """
    if begin is None:
        return rows
    first, part = begin
    if first > len(rows):
        raise ConfigError(
            f"--from = {first} {part}: must be an iteration that was begun, 0 to {len(rows)}; lower it, or leave it out."
        )
    return rows[:first]


def go_back(folder: Path, store: Store, rows: list[dict], first: int, part: str) -> None:
    """Take back an iteration from a part on, and all after it."""
    ledger.withdraw(store, rows, first)
    for number, path in folders(folder).items():
        if number > first or (number == first and part == "train"):
            shutil.rmtree(path)
    here = folder_of(folder, first)
    if part == "explore":
        remove([here / EXPLORED])
