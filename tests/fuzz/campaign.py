"""Cases of many targets: how they went, counted, with a line for each fault that repeats it.

A case that takes too long is read again, alone, before it counts as a hang.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
HEADING = f"{'target':<36}{'cases':>8}" + "".join(f"{name:>10}" for name in COLUMNS) + f"{'slowest':>10}  its case"
FAULTS_FOLLOW = "faults:"
"""The line after which the rows with faults are printed again, at the end of all."""


@dataclass
class Tally:
    """How the cases of a target went.

    Attributes:
        faults: (kind, place) -> first case, what was said, how many. late: cases that took too long beside others and
            not alone. slowest: seconds of a core of a case, without those for compiled loops, and the case.
    """

    name: str
    counts: Counter = field(default_factory=Counter)
    faults: dict[tuple[str, str], tuple[int, str, int]] = field(default_factory=dict)
    late: list[int] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)

    def add(self, case: int, outcome: Outcome) -> None:
        """Count a case."""
        self.counts[outcome.kind] += 1
        if outcome.kind in FAULTS:
            first, text, count = self.faults.get((outcome.kind, outcome.place), (case, outcome.text, 0))
            self.faults[outcome.kind, outcome.place] = min(first, case), text, count + 1

    def lines(self, seed: str) -> list[str]:
        """The row of the table, and what is to be told of single cases."""
        made = [f"{_row(self.name, self.counts, self.slowest[0])}{self.slowest[1]:>10}"]
        for (kind, where), (case, text, count) in sorted(self.faults.items()):
            made.append(f"  {kind} x{count}: {where}: {shortened(text)!r}")
            made.append(f"  replay: make fuzz SEED={seed} TARGET={self.name} CASE={case}")
        made += [f"  case {case} took too long beside others, not alone: no fault" for case in self.late]
        return made


def run(chosen: Sequence[Target], seed: str, work: Path, cases: int | None, seconds: float | None, jobs: int) -> int:
    """Share cases or seconds among targets and print how they went, faults at the end once more; returns 1 with faults.

    Args:
        seconds: for all cases; what it takes to prepare their targets comes on top.
    """
    print(f"seed {seed}\n{HEADING}", flush=True)
    tallies, left = [], seconds
    for number, target in enumerate(chosen):
        names = prepare(target, work / "whole")
        begun = time.monotonic()
        if left is None:
            limits = cases * (number + 1) // len(chosen) - cases * number // len(chosen), None
        else:
            limits = None, max(0.0, left) / (len(chosen) - number)
        tallies.append(fuzz(target, names, seed, work, *limits, jobs))
        left = None if left is None else left - (time.monotonic() - begun)
        print("\n".join(tallies[-1].lines(seed)), flush=True)
    total = sum((tally.counts for tally in tallies), Counter())
    print(_row("all", total, max(tally.slowest[0] for tally in tallies)))
    faulty = [tally for tally in tallies if tally.faults]
    if faulty:
        print(
            "\n".join([f"\nseed {seed}, {FAULTS_FOLLOW}", HEADING, *(x for tally in faulty for x in tally.lines(seed))])
        )
    return 1 if faulty else 0


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
    target: Target, names: list[str], seed: str, work: Path, cases: int | None, seconds: float | None, jobs: int
) -> Tally:
    """Read damaged copies of prepared files.

    Args:
        names: of the files to damage. cases: how many; None for as many as `seconds` allow, but LEAST at any rate.
    """
    end = time.monotonic() + (seconds or 0)

    def damaged(case: int, folder: Path) -> None:
        damaged_copy(work / "whole", folder, names, f"{seed}/{target.name}/{case}")

    def begin(batch: list[int]) -> Child:
        return Child(target, batch, damaged, work)

    tally, late = Tally(target.name), []
    queue: list[list[int]] = []
    children: list[Child] = []
    begun = 0

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
            children.append(begin(batch))
        if not children:
            break
        for child in list(children):
            outcomes, has_ended = child.poll()
            for case, outcome in outcomes.items():
                if outcome.kind == "hang":
                    late.append(case)
                else:
                    tally.add(case, outcome)
            if has_ended:
                children.remove(child)
                queue += [child.left] if child.left else []
                tally.slowest = max(tally.slowest, child.slowest)
    for case in late:
        outcome = _alone(begin, case)
        tally.add(case, outcome)
        tally.late += [case] if outcome.kind != "hang" else []
    return tally


def _alone(begin: Callable[[list[int]], Child], case: int) -> Outcome:
    """Read one case with no other beside it."""
    child, outcomes, has_ended = begin([case]), {}, False
    while not has_ended:
        fresh, has_ended = child.poll()
        outcomes |= fresh
    return outcomes[case]


def _row(name: str, counts: Counter, slowest: float) -> str:
    return f"{name:<36}{counts.total():>8}" + "".join(f"{counts[name]:>10}" for name in COLUMNS) + f"{slowest:>8.2f} s"
