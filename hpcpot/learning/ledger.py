"""What the iterations of a learning loop came to: a row of a results file for each, by which the same command goes on.

A row is written when an iteration is complete, by the rule of all results: data, flush, mark. Rows that are withdrawn are
marked as failed, so that the iterations are done anew and the file still tells of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpcpot.dataset import hdf5
from hpcpot.errors import OutputError
from hpcpot.farm.item import Failure
from hpcpot.farm.results import Column, Results, Store
from hpcpot.storage.content import content_key
from hpcpot.storage.growing import TEXT

COLUMNS = {
    "iteration": Column((), "i8"),
    "stage": Column((), TEXT),
    "rung": Column((), "i8"),
    "training_frames": Column((), "i8"),
    "held_out_frames": Column((), "i8"),
    "rmse_energy": Column((), "f8", "eV"),
    "rmse_force": Column((), "f8", "eV Angstrom-1"),
    "runs": Column((), "i8"),
    "runs_ended": Column((), "i8"),
    "accurate": Column((), "i8"),
    "candidate": Column((), "i8"),
    "failed": Column((), "i8"),
    "labelled": Column((), "i8"),
    "label_failures": Column((), "i8"),
    "seconds_training": Column((), "f8", "s"),
    "seconds_exploration": Column((), "f8", "s"),
    "seconds_labels": Column((), "f8", "s"),
    "ended": Column((), TEXT),
    "systems": Column((), TEXT),
    "models": Column((), TEXT),
    "data": Column((), TEXT),
}
"""Row of an iteration: errors per atom and component, means over the models, on the held-out frames; `runs`, and those of
them that ended early or failed; frames by class in all systems; `label_failures`: frames that were chosen and have no label
that was taken; times of the command that ended each part; why the stage `ended` here, or nothing. As JSON: `systems`, counts of
each; `models`, files and fingerprints; `data`, files of labelled frames that it added, and fingerprints."""

TEXTS = ("systems", "models", "data")


def key_of(iteration: int) -> str:
    """Key of the row of an iteration."""
    return content_key("iteration", iteration)


def history(path: Path) -> list[dict[str, Any]]:
    """The rows of the iterations that are complete, from 0 to the first that is not."""
    if not path.exists():
        return []
    rows = []
    with Results(path) as results:
        done = set(results.keys())
        while (key := key_of(len(rows))) in done:
            row = results.row(key)
            rows.append({name: _value(name, value) for name, value in row.items()})
    return rows


def _value(name: str, value: Any) -> Any:
    if name in TEXTS:
        return json.loads(value)
    return value.item() if hasattr(value, "item") else value


def append(store: Store, row: Mapping[str, Any]) -> None:
    """Add the row of an iteration, which is then complete."""
    texts = {name: json.dumps(row[name]) for name in TEXTS}
    number = row["iteration"]
    store.append([(key_of(number), f"iteration {number}", {**row, **texts})])


def withdraw(store: Store, rows: list[dict[str, Any]], first: int) -> None:
    """Take back the rows of an iteration and of all after it."""
    failure = Failure("Withdrawn", f"done anew from iteration {first} on")
    store.append([(key_of(k), f"iteration {k}", failure) for k in range(first, len(rows))])


def check_data(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Refuse data sets that are not what an iteration wrote.

    Raises:
        OutputError: one was changed or is gone. DataError: one is damaged.
    """
    for row in rows:
        for name, fingerprint in row["data"].items():
            path = folder / name
            if not path.exists() or hdf5.fingerprint(hdf5.read(path)) != fingerprint:
                what = "other frames than" if path.exists() else "missing, as"
                number = row["iteration"]
                raise OutputError(
                    f"{path} = {what} iteration {number} wrote: must be as it was; put it back, or do the iteration anew by "
                    f"--from {number} train: labels are kept."
                )
