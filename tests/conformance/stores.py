"""Stores of rows as the checks see them: row k of each holds values that follow from k, so that any row can be verified."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from farm import campaign_rows
from storage import frames

from hpcpot.farm.results import Results
from hpcpot.storage import layout

PARTICLES = "particles/trajectory"


@dataclass(frozen=True)
class StoreKind:
    """One kind of file with rows.

    Attributes:
        open: a writer of rows, by path and `existing`, "continue" or "overwrite", of a file that may be absent.
        open_as_another: a writer of rows that do not belong into the file.
        append: add rows first to stop - 1 to a writer.
        verify: how many rows count; all of them are whole.
        unmark: take the mark off the last row, whose values are then garbage.
        writer: a program that appends rows for a long time, by path and the number of rows that are there, and prints
            how many are committed; it may have committed up to `at_once` more.
    """

    name: str
    open: Callable
    open_as_another: Callable
    append: Callable
    verify: Callable[[Path], int]
    unmark: Callable[[Path], None]
    writer: Callable[[Path, int], list[str]]
    at_once: int


def open_results(path: Path, existing: str = "continue", **options):
    store = campaign_rows.open_store(path, existing=existing, **options)
    store.begin(100, 100)
    return store


def verify_results(path: Path) -> int:
    with Results(path) as results:
        count = len(results.keys()) + len(results.failed())
        campaign_rows.verify(results, count)
    return count


def unmark_results(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["rows/state"][-1] = layout.UNMARKED
        file["columns/energy/values"][-1] = np.nan


def open_trajectory(path: Path, existing: str = "continue", **options):
    """Goes on after the last row of all, as a run does that ended in order."""
    if existing == "continue" and path.exists():
        options |= {"existing": existing, "continue_step": options.pop("after", None)}
        if options["continue_step"] is None:
            options["continue_step"] = frames.whole(path) - 1
    elif existing == "overwrite":
        options |= {"existing": existing}
    return frames.create(path, **options)


def append_frames(trajectory, first: int, stop: int) -> None:
    for step in range(first, stop):
        frames.append(trajectory, step)


def unmark_frame(path: Path) -> None:
    last = frames.verify(path)
    with h5py.File(path, "r+") as file:
        groups = [f"{PARTICLES}_{name}/{name}" for name in ("force", "potential_energy", "virial")]
        for name in (f"{PARTICLES}/position", *groups, "observables/temperature"):
            if file[f"{name}/step"][-1] == last:
                file[f"{name}/step"][-1] = layout.UNMARKED
                file[f"{name}/value"][-1] = np.nan


FRAMES_WRITER = """
from hpcpot.storage import layout
from storage import frames
layout.CHUNK_BYTES = (4096, 2**30)
frames.main()
"""
"""Small chunks: their beginning is where a kill could do most harm."""

STORES = (
    StoreKind(
        "results of a campaign",
        open_results,
        lambda path: open_results(path, identity={"potential": "other"}),
        lambda store, first, stop: store.append([campaign_rows.row(x) for x in range(first, stop)]),
        verify_results,
        unmark_results,
        lambda path, first: [sys.executable, "-u", "-m", "farm.campaign_rows", str(path), "100000"],
        campaign_rows.BLOCK,
    ),
    StoreKind(
        "trajectory",
        open_trajectory,
        lambda path: open_trajectory(path, n_atoms=6, after=0),
        append_frames,
        frames.whole,
        unmark_frame,
        lambda path, first: [sys.executable, "-u", "-c", FRAMES_WRITER, str(path), "rank0", "7", str(first), "100000"],
        1,
    ),
)
