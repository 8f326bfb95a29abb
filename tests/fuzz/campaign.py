"""Cases of many targets: how they went, counted, with a line for each fault that repeats it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzz.children import Child, attempt
from fuzz.damage import damaged_copy
from fuzz.judge import FAULTS, Outcome
from fuzz.targets import Target

BATCH, LEAST = 100, 10
"""Cases of one process; and where time is the limit, which is looked at between processes."""
SHOWN = 240
"""Characters of what was said in a fault."""
COLUMNS = ("right", "refused", *FAULTS)
Faults = dict[tuple[str, str], tuple[int, str, int]]
"""(kind, place) -> first case, what was said, how many."""


def run(chosen: Sequence[Target], seed: str, work: Path, cases: int, seconds: float | None, jobs: int) -> int:
    """Share cases or seconds among targets and print how they went; returns 1 if there are faults."""
    print(f"seed {seed}\n{'target':<36}{'cases':>8}" + "".join(f"{name:>10}" for name in COLUMNS), flush=True)
    total, n_faults, end = Counter(), 0, time.monotonic() + (seconds or 0)
    for number, target in enumerate(chosen):
        if seconds:
            limits = None, max(0.0, end - time.monotonic()) / (len(chosen) - number)
        else:
            limits = cases * (number + 1) // len(chosen) - cases * number // len(chosen), None
        counts, faults = fuzz(target, seed, work, *limits, jobs)
        print(_row(target.name, counts), flush=True)
        for (kind, where), (case, text, count) in sorted(faults.items()):
            print(f"  {kind} x{count}: {where}: {shortened(text)!r}")
            print(f"  replay: make fuzz SEED={seed} TARGET={target.name} CASE={case}", flush=True)
        total, n_faults = total + counts, n_faults + len(faults)
    print(_row("all", total))
    return 1 if n_faults else 0


def shortened(text: str) -> str:
    """The beginning and the end of a long text; of a traceback the end says what it is."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 4]} ... {text[-SHOWN * 3 // 4 :]}"


def replay(target: Target, seed: str, case: int, work: Path) -> int:
    """Do one case in this process, show all that it says and where its files are; returns 1 if it is a fault."""
    names = prepare(target, work / "whole")
    folder = work / "damaged"
    damaged_copy(work / "whole", folder, names, f"{seed}/{target.name}/{case}")
    print(f"files: {folder}", flush=True)
    outcome = attempt(target, folder)
    print(f"{outcome.kind}: {outcome.place}\n{outcome.text}")
    return 1 if outcome.kind in FAULTS else 0


def prepare(target: Target, folder: Path) -> list[str]:
    """Write the whole files of a target and read them; returns the names of those to damage."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        names = target.write()
        copy = Path(shutil.copytree(folder, folder.with_name("first")))
        outcome = attempt(target, copy)  # also compiles and imports what the cases need
    shutil.rmtree(copy)
    if outcome.kind != "right":
        raise SystemExit(f"{target.name}: the whole files are not read: {outcome}")
    return names


def fuzz(
    target: Target, seed: str, work: Path, cases: int | None, seconds: float | None, jobs: int
) -> tuple[Counter, Faults]:
    """Counts of outcomes, and the faults of a target.

    Args:
        cases: how many; None for as many as `seconds` allow, with what it takes to prepare, but LEAST at any rate.
    """
    end = time.monotonic() + (seconds or 0)
    whole = work / "whole"
    names = prepare(target, whole)

    def damaged(case: int, folder: Path) -> None:
        damaged_copy(whole, folder, names, f"{seed}/{target.name}/{case}")

    counts: Counter = Counter()
    faults: Faults = {}
    queue, begun, children = [], 0, []

    def more() -> list[int]:
        """The next cases, none at the end."""
        if queue:
            return queue.pop()
        if cases is not None:
            return list(range(begun, min(begun + BATCH, cases)))
        return [] if begun and time.monotonic() > end else list(range(begun, begun + LEAST))

    while True:
        while len(children) < jobs and (batch := more()):
            begun = max(begun, batch[-1] + 1)
            children.append(Child(target, batch, damaged, work))
        if not children:
            return counts, faults
        for child in list(children):
            outcomes, has_ended = child.poll()
            for case, outcome in outcomes.items():
                _count(case, outcome, counts, faults)
            if has_ended:
                children.remove(child)
                queue += [child.left] if child.left else []


def _count(case: int, outcome: Outcome, counts: Counter, faults: Faults) -> None:
    counts[outcome.kind] += 1
    if outcome.kind in FAULTS:
        first, text, count = faults.get((outcome.kind, outcome.place), (case, outcome.text, 0))
        faults[outcome.kind, outcome.place] = first, text, count + 1


def _row(name: str, counts: Counter) -> str:
    return f"{name:<36}{counts.total():>8}" + "".join(f"{counts[column]:>10}" for column in COLUMNS)
