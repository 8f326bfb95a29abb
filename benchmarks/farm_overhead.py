"""Overhead of the farm: what one trivial item costs on local workers, stored, and what the scheduler's memory does.

    python benchmarks/farm_overhead.py [--items 100000] [--workers 2] [--chunk 10] [--folder .]

Prints one JSON line: milliseconds for each item, from the start of the first to the last row on the disk;
`client_ms_per_item` is the processor time of client and scheduler, one process, which also stores the results: the
part that more workers do not share. `memory_MiB` is that process after each tenth of the items, of a run whose results
nobody keeps.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from time import perf_counter, process_time

import timing

from hpcpot.farm import settings as farm_settings
from hpcpot.farm.campaign import complete
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool
from hpcpot.farm.results import Column, Results
from hpcpot.farm.settings import FarmSection
from hpcpot.farm.task import Task
from hpcpot.storage.content import content_key

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


def square(x: int) -> dict[str, float]:
    """The trivial task."""
    return {"square": float(x * x)}


def memory() -> float:
    """MiB of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_MIB


def store_all(n: int, settings: FarmSection, path: Path) -> tuple[float, float]:
    """Seconds of a campaign, and processor seconds of this process in them; its results are checked."""
    items = [Item(content_key(x), x) for x in range(n)]
    task = Task(kind="square", results=path, items=items, columns={"square": Column()}, compute=square, identity={})
    with WorkerPool(settings) as pool:
        list(pool.run(square, items[: settings.workers]))  # starts the workers
        began, worked = perf_counter(), process_time()
        code, _ = complete(task, pool)
        seconds, worked = perf_counter() - began, process_time() - worked
    with Results(path) as results:
        found = dict(zip(results.keys(), results.read("square"), strict=True))
    assert code == 0 and found == {item.key: float(item.input) ** 2 for item in items}
    return seconds, worked


def memory_over_items(n: int, settings: FarmSection) -> list[float]:
    """MiB of client and scheduler after each tenth of the items, when nobody keeps the results."""
    samples = []
    with WorkerPool(settings) as pool:
        for done, _ in enumerate(pool.run(square, (Item(str(x), x) for x in range(n)), total=n), start=1):
            if done % (n // 10) == 0:
                samples.append(round(memory(), 1))
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--chunk", type=int, help="items a worker gets at a time; default: as the farm does by itself")
    parser.add_argument("--folder", type=Path, help="where the results file is written; default: a temporary one")
    arguments = parser.parse_args()
    settings = farm_settings.defaults(workers=arguments.workers, chunk=arguments.chunk or "auto")
    samples = memory_over_items(arguments.items, settings)  # first: memory that was freed would hide what grows
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "overhead.h5"
        seconds, worked = store_all(arguments.items, settings, path)
        size = path.stat().st_size / 2**20
    print(
        timing.line(
            "farm_overhead",
            "ms/item",
            [1e3 * seconds / arguments.items],
            items=arguments.items,
            workers=arguments.workers,
            chunk=settings.chunk,
            client_ms_per_item=round(1e3 * worked / arguments.items, 4),
            memory_MiB=samples,
            file_MiB=round(size, 1),
        )
    )


if __name__ == "__main__":
    main()
