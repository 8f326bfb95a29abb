"""What the iterations came to: a line and a row of a table for each, and a figure of all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpcpot.storage.tables import write_rows
from hpcpot.wording import duration

TABLE, FIGURE = "iterations.csv", "learn.png"
FILES = (TABLE, FIGURE)
TIMES = ("seconds_training", "seconds_exploration", "seconds_labels")
HEADER = (
    "iteration",
    "stage",
    "system",
    "accurate",
    "candidate",
    "failed",
    "accurate_percent",
    "undefined",
    "runs_ended_early",
    "asked",
    "chosen",
    "labelled",
    "dropped",
    "training_frames",
    "held_out_frames",
    "rmse_energy_eV_per_atom",
    "rmse_force_eV_per_A",
    *TIMES,
    "ended",
)


def seconds(row: Mapping[str, Any]) -> float:
    """Time of an iteration."""
    return sum(row[name] for name in TIMES)


def line(row: Mapping[str, Any]) -> str:
    """An iteration in a line, and why its stage ended in another."""
    total = max(row["accurate"] + row["candidate"] + row["failed"], 1)
    shares = ", ".join(f"{100.0 * row[name] / total:.1f} % {name}" for name in ("accurate", "candidate", "failed"))
    early = f"; {row['runs_ended']} of {row['runs']} runs ended early" if row["runs_ended"] else ""
    text = (
        f"iteration {row['iteration']} ({row['stage']}): {row['training_frames']} frames; {errors(row)}; {shares}{early}; "
        f"{row['labelled']} labelled; {duration(seconds(row))}"
    )
    return f"{text}\nstage {row['stage']} ends: {row['ended']}" if row["ended"] else text


def errors(row: Mapping[str, Any]) -> str:
    """The errors on the held-out frames, those that were measured."""
    if not row["held_out_frames"]:
        return "none held out"
    texts = {"rmse_energy": "{:.2f} meV/atom", "rmse_force": "{:.0f} meV/Å"}
    known = [text.format(1e3 * row[name]) for name, text in texts.items() if math.isfinite(row[name])]
    return f"held out {', '.join(known) or 'without errors'}"


def write_table(folder: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a row for each iteration and system as CSV."""
    path = folder / TABLE
    write_rows(path, HEADER, (cells for row in rows for cells in cells_of(row)))
    return path


def cells_of(row: Mapping[str, Any]) -> list[tuple]:
    """The rows of an iteration; what all systems share is repeated."""
    shared = ("training_frames", "held_out_frames", "rmse_energy", "rmse_force")
    lines = []
    for system, of in row["systems"].items():
        total = of["accurate"] + of["candidate"] + of["failed"]
        dropped = "; ".join(f"{count} {reason}" for reason, count in of["dropped"].items())
        lines.append(
            (
                row["iteration"],
                row["stage"],
                system,
                of["accurate"],
                of["candidate"],
                of["failed"],
                100.0 * of["accurate"] / total if total else float("nan"),
                of["undefined"],
                of["ended"],
                of["asked"],
                of["chosen"],
                of["labelled"],
                dropped,
                *(row[name] for name in shared),
                *(row[name] for name in TIMES),
                row["ended"],
            )
        )
    return lines
