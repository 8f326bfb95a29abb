"""What benchmarks share: one core per process, repeats, and one JSON line of result."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Callable
from time import perf_counter

from hpcpot.parallel.launch import ENVIRONMENT

for name, threads in ENVIRONMENT.items():
    os.environ.setdefault(name, threads)


def repeat(
    function: Callable[[], object], repeats: int, warm_up: int = 1, clock: Callable[[], float] = perf_counter
) -> list[float]:
    """Seconds of each of `repeats` calls, after `warm_up` calls that do not count."""
    for _ in range(warm_up):
        function()
    seconds = []
    for _ in range(repeats):
        began = clock()
        function()
        seconds.append(clock() - began)
    return seconds


def line(benchmark: str, unit: str, values: list[float], **facts: object) -> str:
    """One JSON line: the median of the values, their range, and what they were measured on."""
    from hpcpot.provenance import cpu_model, git_commit

    return json.dumps(
        {
            "benchmark": benchmark,
            "value": round(statistics.median(values), 4),
            "unit": unit,
            "least": round(min(values), 4),
            "most": round(max(values), 4),
            "repeats": len(values),
            **facts,
            "commit": git_commit(),
            "cpu": cpu_model(),
        }
    )
