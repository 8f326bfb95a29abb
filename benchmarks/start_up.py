"""How long a run takes to its first step, the first time and later: seconds of `hpcpot md`, nothing compiled and all.

    python benchmarks/start_up.py [--ranks 2]

Runs the interface of configs/interface_si100.yaml for one step, with an empty folder for compiled code and with a full one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import timing

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "interface_si100.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="of the later runs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cold = first_step(folder, given.ranks)
        warm = [first_step(folder, given.ranks) for _ in range(given.repeats)]
    print(timing.line("start_up, nothing compiled", "s", [cold], ranks=given.ranks))
    print(timing.line("start_up, all compiled", "s", warm, ranks=given.ranks))


def first_step(folder: str, ranks: int) -> float:
    """Seconds of the command for one step, compiled code being kept in a folder."""
    command = [sys.executable, "-m", "hpcpot", "md", CONFIG, "--overwrite", "--set", "md.steps=1"]
    began = perf_counter()
    subprocess.run(
        [*command, *(["--ranks", str(ranks)] if ranks > 1 else [])],
        cwd=folder,
        check=True,
        env=os.environ | {"NUMBA_CACHE_DIR": f"{folder}/compiled"},
        stdout=subprocess.DEVNULL,
    )
    return perf_counter() - began


if __name__ == "__main__":
    main()
