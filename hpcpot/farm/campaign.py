"""A campaign: the items of a command that its results file lacks, computed by the farm and stored as they complete."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic

from hpcpot.farm.chunks import BatchedTask, Failure, Item, Outcome, Task
from hpcpot.farm.farm import Farm
from hpcpot.farm.results import DONE, FAILED, Store
from hpcpot.parallel.stop import STOPPED
from hpcpot.progress import Progress
from hpcpot.wording import duration, plural

STORE_SECONDS = 1.0
"""Rows wait about so long to be stored together: each time costs two flushes."""
STORE_ROWS = 1000


def run_missing(
    farm: Farm,
    store: Store,
    task: Task | BatchedTask,
    items: Sequence[Item],
    stop: Callable[[], bool],
    *,
    batched: bool = False,
    retry_failed: bool = False,
) -> int:
    """Compute what the store has no row of; print how far it is, and what came of it.

    Args:
        items: looked at one by one, so that a lazy sequence need not hold all inputs. Equal keys are computed once.
        stop: whether a signal asked to stop, see `stop.StopRequest`.
        retry_failed: also compute again what failed.
    Returns:
        The exit code: 0 all done, 1 some failed, STOPPED if not all were tried.
    """
    states, first = store.keys(), {}
    for position, item in enumerate(items):
        first.setdefault(item.key, position)
    todo = [at for key, at in first.items() if key not in states or (retry_failed and states[key] == FAILED)]
    store.begin(len(first), sum(key not in states for key in first))
    print(f"{plural(len(first), 'different item')}, {len(first) - len(todo)} of them stored already")
    collector = Collector(store, farm, len(todo), stop)
    try:
        drawn = collector.draw(items, todo)
        for key, outcome in farm.run(task, drawn, batched=batched, total=len(todo), stop=collector.watch):
            collector.add(key, outcome)
    finally:
        collector.store_now()
        collector.progress.end(farm.n_workers)
    return _conclude(store, first, collector)


class Collector:
    """Outcomes on their way from the farm to the store.

    Attributes:
        kinds: how often each kind of failure came.
    """

    def __init__(self, store: Store, farm: Farm, total: int, stop: Callable[[], bool]):
        self.progress, self.kinds = Progress(total), Counter()
        self._store, self._farm, self._stop = store, farm, stop
        self._labels: dict[str, str] = {}
        self._rows: list[tuple[str, str, Outcome]] = []
        self._stored = monotonic()

    def draw(self, items: Sequence[Item], positions: Iterable[int]) -> Iterator[Item]:
        """Some of the items; what they are called is kept until their outcomes come."""
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
        """Store and print what is due; whether to stop."""
        if monotonic() - self._stored > STORE_SECONDS:
            self.store_now()
        self.progress.show(self._farm.n_workers)
        return self._stop()

    def store_now(self) -> None:
        """What came stays here until it is stored: after an error the end of the run tries once more."""
        try:
            self._store.append(self._rows)
        except ValueError:
            self._rows = [(key, label, self._fitting(outcome)) for key, label, outcome in self._rows]
            self._store.append(self._rows)
        self._rows = []
        self._stored = monotonic()

    def _fitting(self, outcome: Outcome) -> Outcome:
        """The outcome; a failure for values that do not fit the columns, so that they fail alone."""
        found = self._store.fitting(outcome)
        if found is not outcome:
            self.progress.failed += 1
            self.kinds[found.kind] += 1
        return found


def _conclude(store: Store, keys: Iterable[str], collector: Collector) -> int:
    """Say what came of all items; the exit code."""
    states = store.keys()
    found = Counter(states.get(key) for key in keys)
    kinds = ", ".join(f"{n} {kind}" for kind, n in collector.kinds.most_common())
    print(
        f"{found[DONE]} of {sum(found.values())} done, {found[FAILED]} failed{f' ({kinds} now)' if kinds else ''}, "
        f"{found[None]} missing, after {duration(monotonic() - collector.progress.began)}: {store.path}"
    )
    if found[None]:
        print("stopped by a signal; the same command does what is missing")
        return STOPPED
    if found[FAILED]:
        print(
            f"{plural(found[FAILED], 'item')} failed: `hpcpot results {store.path.name}` says why; the same command "
            "with --retry-failed tries them again",
            file=sys.stderr,
        )
        return 1
    return 0
