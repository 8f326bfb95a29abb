"""A campaign: the items of a task that its results file lacks, computed by the farm and stored as they complete."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Any

from hpcpot import account, config, provenance
from hpcpot.config import Schema
from hpcpot.farm.item import Failure, Item, Outcome
from hpcpot.farm.pool import WorkerPool, plan
from hpcpot.farm.results import DONE, FAILED, Results, Store
from hpcpot.farm.task import Task
from hpcpot.parallel.stop import STOPPED, Stopped, StopRequest
from hpcpot.progress import Progress
from hpcpot.wording import duration, plural

STORE_SECONDS = 1.0
"""Rows wait about so long to be stored together: each time costs two flushes."""
STORE_ROWS = 1000

Stop = Callable[[], bool]
Prepare = Callable[[Any, argparse.Namespace, Stop], Task]
"""Function (settings, options of the command line, whether a signal asked to stop) -> task."""


def run_command(arguments: argparse.Namespace, schema: Schema, prepare: Prepare) -> int:
    """Run a farm command; returns its exit code.

    Raises:
        HpcpotError: the config is wrong, or an error of `prepare` or `complete`.
    """
    stop = StopRequest()
    settings = config.load(arguments.config, schema, arguments.overrides)
    return run_settings(settings, arguments, prepare, stop)


def run_settings(settings: Any, arguments: argparse.Namespace, prepare: Prepare, stop: Stop) -> int:
    """Run a farm command with settings that were loaded already; see `run_command`."""
    try:
        task = prepare(settings, arguments, stop)
    except Stopped:
        print("stopped by a signal before the farm began; the same command begins again")
        return STOPPED
    if arguments.dry_run:
        print(config.dump(settings) + plan(settings.farm, len(task.items)))
        return 0
    with WorkerPool(settings.farm) as pool:
        code, keys = complete(
            task, pool, stop, config.dump(settings), overwrite=arguments.overwrite, retry_failed=arguments.retry_failed
        )
    if code != STOPPED and task.results.exists():
        with Results(task.results) as results:
            task.report(results, keys)
    return code


def complete(
    task: Task,
    pool: WorkerPool,
    stop: Stop = lambda: False,
    config_text: str = "",
    *,
    overwrite: bool = False,
    retry_failed: bool = False,
) -> tuple[int, list[str]]:
    """Compute the items that lack a row, on workers that stay; prints progress and what came of it.

    Args:
        stop: whether a signal asked to stop, see `stop.StopRequest`.
        config_text: stored with the rows.
        overwrite: begin the results anew. retry_failed: also compute failed items again.
    Returns:
        The exit code: 0 all done, 1 some failed, STOPPED if not all were tried. And the keys of the items, in order.
    Raises:
        ConfigError, DependencyError, FarmError: no workers, or they lack what the task needs.
        OutputError: the results file is another campaign's, or cannot be written.
    """
    task.begin()
    account.cite(*task.cites)
    account.wrote(task.results)
    positions = each_once(task.items)
    with Store(
        task.results,
        kind=task.kind,
        columns=dict(task.columns),
        identity=dict(task.identity),
        provenance={**provenance.collect(cites=task.cites), "config": config_text, **task.provenance},
        expected_rows=len(positions),
        existing="overwrite" if overwrite else "continue",
    ) as store:
        return _compute_missing(pool, store, task, positions, stop, retry_failed), list(positions)


def each_once(items: Sequence[Item]) -> dict[str, int]:
    """The position of the first item of each key."""
    positions: dict[str, int] = {}
    for position, item in enumerate(items):
        positions.setdefault(item.key, position)
    return positions


def _compute_missing(
    pool: WorkerPool, store: Store, task: Task, positions: dict[str, int], stop: Stop, retry_failed: bool
) -> int:
    """Compute items that the store has no row of; print progress and what came of it. Returns the exit code."""
    states = store.keys()
    todo = [
        position for key, position in positions.items() if key not in states or (retry_failed and states[key] == FAILED)
    ]
    store.begin(len(positions), sum(key not in states for key in positions))
    print(f"{plural(len(positions), 'different item')}, {len(positions) - len(todo)} of them stored already")
    collector = Collector(store, pool, len(todo), stop)
    try:
        drawn = collector.draw(task.items, todo)
        for key, outcome in pool.run(task.compute, drawn, batched=task.batched, total=len(todo), stop=collector.watch):
            collector.add(key, outcome)
    finally:
        collector.store_now()
        collector.progress.end(pool.n_workers)
    return _conclude(store, positions, collector)


class Collector:
    """Outcomes on their way from the workers to the store.

    Attributes:
        kinds: how often each kind of failure came.
    """

    def __init__(self, store: Store, pool: WorkerPool, total: int, stop: Stop):
        self.progress, self.kinds = Progress(total), Counter()
        self._store, self._pool, self._stop = store, pool, stop
        self._labels: dict[str, str] = {}
        self._rows: list[tuple[str, str, Outcome]] = []
        self._stored = monotonic()

    def draw(self, items: Sequence[Item], positions: Iterable[int]) -> Iterator[Item]:
        """Yield some of the items, and keep their labels until their outcomes come."""
        for position in positions:
            item = items[position]
            self._labels[item.key] = item.label
            yield item

    def add(self, key: str, outcome: Outcome) -> None:
        self._rows.append((key, self._labels.pop(key), outcome))
        self.progress.count(isinstance(outcome, Failure))
        if isinstance(outcome, Failure):
            self.kinds[outcome.kind] += 1
        if len(self._rows) >= STORE_ROWS:
            self.store_now()

    def watch(self) -> bool:
        """Store rows and print progress when it is time; returns whether to stop."""
        if monotonic() - self._stored > STORE_SECONDS:
            self.store_now()
        self.progress.show(self._pool.n_workers)
        return self._stop()

    def store_now(self) -> None:
        """Store the rows that wait. They stay here until they are stored: after an error the end of the run retries."""
        try:
            self._store.append(self._rows)
        except ValueError:
            self._rows = [(key, label, self._fitting(outcome)) for key, label, outcome in self._rows]
            self._store.append(self._rows)
        self._rows = []
        self._stored = monotonic()

    def _fitting(self, outcome: Outcome) -> Outcome:
        """Turn an outcome that does not fit the columns into a failure, so that it fails alone."""
        fitting = self._store.fitting(outcome)
        if fitting is not outcome:
            self.progress.failed += 1
            self.kinds[fitting.kind] += 1
        return fitting


def _conclude(store: Store, keys: Iterable[str], collector: Collector) -> int:
    """Print what came of all items; returns the exit code."""
    states = store.keys()
    counts = Counter(states.get(key) for key in keys)
    kinds = ", ".join(f"{n} {kind}" for kind, n in collector.kinds.most_common())
    account.tell(done=counts[DONE], failed=counts[FAILED], missing=counts[None])
    print(
        f"{counts[DONE]} of {sum(counts.values())} done, {counts[FAILED]} failed{f' ({kinds} now)' if kinds else ''}, "
        f"{counts[None]} missing, after {duration(monotonic() - collector.progress.began)}: {store.path}"
    )
    if counts[None]:
        print("stopped by a signal; the same command does what is missing")
        return STOPPED
    if counts[FAILED]:
        print(
            f"{plural(counts[FAILED], 'item')} failed: `hpcpot results {store.path.name}` says why; the same command "
            "with --retry-failed tries them again",
            file=sys.stderr,
        )
        return 1
    return 0
