"""Where a loop keeps what it found: names of its files, and the folders of its iterations."""

from __future__ import annotations

import re
from pathlib import Path

LEDGER, LABELS = "learn.h5", "labels.h5"
START, START_HELD_OUT = "start.h5", "start_held_out.h5"
"""Files in the folder of the loop."""

MODEL, EXPLORED, CHOSEN, NEW, HELD_OUT = "model.h5", "explored.h5", "chosen.csv", "new.h5", "held_out.h5"
"""Files in the folder of an iteration."""


def folder_of(folder: Path, iteration: int) -> Path:
    """The folder of an iteration."""
    return folder / f"iteration_{iteration:03d}"


def folders(folder: Path) -> dict[int, Path]:
    """The folders of iterations that are there, by number."""
    paths = {path: re.fullmatch(r"iteration_(\d{3,})", path.name) for path in sorted(folder.glob("iteration_*"))}
    return {int(match[1]): path for path, match in paths.items() if match}
