"""The results of a campaign: one HDF5 file with a row for each item, which one process at a time appends to.

    attributes                     format, version, hpcpot, kind ("relax"), columns (their names in order, as JSON)
    /identity/<name>               what all rows have in common, as text: fingerprint of the potential, settings
    /columns/<name>                values of each row
    /rows/key, label, error        content hash of the input; what a person calls it; of failed rows, why, as JSON
    /rows/state                    0 done, 1 failed; the mark by which a row counts, see `growing`
    /runs/text                     of each run: provenance and how much was missing at its start, as JSON

Of several rows with one key the last counts: a failed item that was tried again. A file appears with its first rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import hpcpot
from hpcpot.errors import OutputError
from hpcpot.farm.item import Failure, Outcome
from hpcpot.outputs import Replacement
from hpcpot.storage import extents, growing, layout, own
from hpcpot.storage.growing import TEXT, Column, GrowingTable
from hpcpot.storage.hdf5_errors import explained
from hpcpot.storage.lock import Lock
from hpcpot.storage.writing import WrittenFile

__all__ = ["DONE", "FAILED", "Column", "Results", "Store"]

FORMAT, VERSION = "hpcpot results", 1
DONE, FAILED = 0, 1
KEY, LABEL, ERROR, RUN = "rows/key", "rows/label", "rows/error", "runs/text"
OWN = {KEY: Column((), "S32"), LABEL: Column((), TEXT), ERROR: Column((), TEXT)}
RUNS = {RUN: Column((), TEXT)}
EXPECTED_RUNS = 64
COLUMNS = "columns/"


class Results:
    """The rows that count in a results file, which may be in use, as it was when it was opened.

    Attributes:
        kind: what made it, "relax". columns: by name.

    Raises:
        OutputError: no such file, or not a results file of hpcpot.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with explained(self.path, "read"), ExitStack() as stack:
            self._file = stack.enter_context(h5py.File(self.path, "r", locking=False))
            _require_results(self._file, self.path)
            extents.check(self._file)
            self.kind = str(self._file.attrs["kind"])
            self.columns = _columns(self._file)
            self._table = GrowingTable(self._file, self.path, "rows", _all_columns(self.columns))
            self._runs = GrowingTable(self._file, self.path, "runs", RUNS)
            self._keys = [key.decode() for key in self._table.read(KEY, np.arange(self._table.n_rows))]
            states = self._table.states()
            stack.pop_all()  # it stays open
        last = {key: row for row, key in enumerate(self._keys)}
        counted = np.array(sorted(last.values()), int)
        self._rows = {state: counted[states[counted] == state] for state in (DONE, FAILED)}

    def __enter__(self) -> Results:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def keys(self) -> list[str]:
        """Keys of the done rows in order of completion, which is the order of all other answers."""
        return [self._keys[row] for row in self._rows[DONE]]

    def labels(self) -> list[str]:
        return self._read(LABEL, self._rows[DONE])

    def read(self, name: str, numbers: np.ndarray | None = None) -> np.ndarray | list:
        """A column of the done rows: (rows, *shape), or a list of arrays or texts where it is ragged or text.

        Args:
            numbers: of the rows to read, ascending; None: all.
        """
        if name not in self.columns:
            raise OutputError(f"{self.path} = no column {name}: it has {', '.join(self.columns)}; take one of them.")
        return self._read(COLUMNS + name, self._rows[DONE] if numbers is None else self._rows[DONE][numbers])

    def row(self, key: str) -> dict[str, Any]:
        """The values of a done row by column.

        Raises:
            KeyError: no done row has this key.
        """
        rows = [row for row in self._rows[DONE] if self._keys[row] == key]
        if not rows:
            raise KeyError(key)
        return {name: self._read(COLUMNS + name, np.array(rows))[0] for name in self.columns}

    def failed(self) -> list[tuple[str, str, Failure]]:
        """(key, label, failure) of the rows that failed and were not done since."""
        rows = self._rows[FAILED]
        keys = [self._keys[row] for row in rows]
        with explained(self.path, "read the failures of"):
            failures = [Failure(**json.loads(text)) for text in self._table.read(ERROR, rows)]
        return list(zip(keys, self._read(LABEL, rows), failures, strict=True))

    def missing(self) -> int:
        """Items of the last run that have no row."""
        runs = self.provenance()
        with explained(self.path, "read the runs of"):
            last = runs[-1]
            first, missing = int(last["first_row"]), int(last["missing"])
            return missing - len(set(self._keys[first:]) - set(self._keys[:first]))

    def identity(self) -> dict[str, str]:
        with explained(self.path, "read the identity of"):
            return {name: item.asstr()[()] for name, item in self._file["identity"].items()}

    def provenance(self) -> list[dict[str, Any]]:
        """Facts of each run in order: provenance, its `items`, those `missing` at its start, its `first_row`."""
        with explained(self.path, "read the runs of"):
            return [dict(json.loads(text)) for text in self._runs.read(RUN, np.arange(self._runs.n_rows))]

    def _read(self, path: str, rows: np.ndarray) -> np.ndarray | list:
        with explained(self.path, f"read {path} of"):
            return self._table.read(path, rows)


class Store:
    """The results file of a campaign that this process appends to.

    Args:
        kind: the command, "relax".
        columns: values of a row by name.
        identity: what must be equal for rows to share a file: fingerprint of the potential, settings of the task.
        provenance: what makes this run's rows, see `hpcpot.provenance`, with the config.
        expected_rows: about how many there will be.
        existing: "continue" a file that is there, or "overwrite" it, once there are new rows.

    Raises:
        OutputError: the file is another campaign's, cannot be written, or another process writes it.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        kind: str,
        columns: dict[str, Column],
        identity: dict[str, str],
        provenance: dict[str, Any],
        expected_rows: int,
        existing: str = "continue",
    ):
        self.path = Path(path).absolute()
        self._kind, self._columns, self._identity = kind, columns, identity
        self._provenance, self._expected = provenance, expected_rows
        self._run: dict[str, Any] | None = {**provenance, "items": 0, "missing": 0}
        self._file: WrittenFile | None = None
        self._states: dict[str, int] = {}
        self._lock: Lock | None = Lock(self.path)
        self._continues = existing == "continue" and self.path.exists()
        self._resume()

    def _resume(self) -> None:
        """Open the file if it is this campaign's; one that is to be overwritten stays as it is until there are rows."""
        try:
            if self._continues:
                self._check()
                self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others write it. Everything appended is in it already."""
        file, self._file = self._file, None
        lock, self._lock = self._lock, None
        try:
            if file is not None:
                with explained(self.path, "close"):
                    file.close()
        finally:
            if lock is not None:
                lock.release()

    def keys(self) -> dict[str, int]:
        """DONE or FAILED of each key that has a row."""
        return dict(self._states)

    def begin(self, items: int, missing: int) -> None:
        """Set the facts of this run; they are stored with its first rows.

        Args:
            items: all items of the campaign. missing: those that have no row.
        """
        self._run = {**self._provenance, "items": items, "missing": missing}

    def fitting(self, outcome: Outcome) -> Outcome:
        """Return the outcome, or a failure if its values do not fit the columns."""
        try:
            for name in self._columns:
                self._values(name, [("values", "", outcome)])
        except ValueError as error:
            return Failure.of(error)
        return outcome

    def append(self, rows: Sequence[tuple[str, str, Outcome]]) -> None:
        """Write (key, label, values or failure) rows and commit them.

        Raises:
            ValueError: values do not fit the columns.
            OutputError: the disk is full or broken. The rows before stay, and the file is closed; to append again
                opens it again.
        """
        if not rows:
            return
        if self._lock is None:
            self._lock = Lock(self.path)
            self._resume()
        state = np.array([FAILED if isinstance(outcome, Failure) else DONE for _, _, outcome in rows], np.int8)
        values = {
            KEY: [OWN[KEY].row(key.encode(), KEY) for key, _, _ in rows],
            LABEL: [OWN[LABEL].row(label, LABEL) for _, label, _ in rows],
            ERROR: [OWN[ERROR].row(_error(outcome), ERROR) for _, _, outcome in rows],
        }
        values |= {COLUMNS + name: self._values(name, rows) for name in self._columns}
        try:
            with explained(self.path, "write to"):
                if self._file is None:
                    self._create(values, state)
                    self._open()
                else:
                    self._begin_run(self._runs, self._table.n_rows)
                    self._table.append(state, values)
            self._run = None
        except OutputError:
            self._abandon()
            raise
        self._states.update({key: int(mark) for (key, _, _), mark in zip(rows, state, strict=True)})

    def _values(self, name: str, rows: Sequence[tuple[str, str, Outcome]]) -> list[np.ndarray]:
        column, values = self._columns[name], []
        for key, label, outcome in rows:
            if isinstance(outcome, Failure):
                values.append(column.nothing)
            elif not isinstance(outcome, dict) or outcome.keys() != self._columns.keys():
                raise ValueError(f"{label or key} = {outcome!r}: must have the columns {', '.join(self._columns)}.")
            else:
                values.append(column.row(outcome[name], f"{label or key}, {name}"))
        return values

    def _create(self, values: dict[str, list[np.ndarray]], state: np.ndarray) -> None:
        """Create the file with its first rows, which tell how long ragged rows are; it is written aside."""
        columns = _all_columns(self._columns)
        known = {path: rows for path, rows in values.items() if columns[path].ragged and not path.startswith(COLUMNS)}
        known |= {
            path: [row for row, mark in zip(rows, state, strict=True) if mark == DONE]
            for path, rows in values.items()
            if columns[path].ragged and path.startswith(COLUMNS)
        }
        lengths = {
            path: np.mean([row[..., 0].size if columns[path].tail else row.size for row in rows])
            for path, rows in known.items()
            if rows
        }
        with (
            Replacement(self.path, self.path.with_name(f"{self.path.name}.part")) as part,
            WrittenFile(part, "w", libver=layout.LIBVER, **layout.ALIGNED) as file,
        ):
            file.attrs.update({"format": FORMAT, "version": VERSION, "hpcpot": hpcpot.__version__, "kind": self._kind})
            file.attrs["columns"] = json.dumps(list(self._columns))
            file.create_group("identity")
            for name, text in self._identity.items():
                file[f"identity/{name}"] = text
            growing.create(file, "rows", columns, self._expected, lengths)
            growing.create(file, "runs", RUNS, EXPECTED_RUNS, {RUN: len(json.dumps(self._run))})
            self._begin_run(GrowingTable(file, part, "runs", RUNS), 0)
            GrowingTable(file, part, "rows", columns).append(state, values)
        self._run, self._continues = None, True

    def _open(self) -> None:
        with explained(self.path, "open"):
            self._file = WrittenFile(self.path, "r+", libver=layout.LIBVER, rdcc_nbytes=0, **layout.ALIGNED)
            self._table = GrowingTable(self._file, self.path, "rows", _all_columns(self._columns))
            self._runs = GrowingTable(self._file, self.path, "runs", RUNS)
            keys = self._table.read(KEY, np.arange(self._table.n_rows))
            self._states = {key.decode(): int(mark) for key, mark in zip(keys, self._table.states(), strict=True)}

    def _begin_run(self, runs: GrowingTable, first_row: int) -> None:
        """Store the facts of this run before its first rows."""
        if self._run is not None:
            text = json.dumps({**self._run, "first_row": first_row})
            runs.append(np.zeros(1, np.int8), {RUN: [RUNS[RUN].row(text, RUN)]})

    def _check(self) -> None:
        """Refuse the file of another campaign."""
        with Results(self.path) as results:
            stored = {"kind": results.kind, "columns": list(results.columns.items()), **results.identity()}
        expected = {"kind": self._kind, **self._identity, "columns": list(self._columns.items())}
        for name in dict.fromkeys([*expected, *stored]):
            if stored.get(name) != expected.get(name):
                raise OutputError(
                    f"{self.path} = results with another {name}: one file holds what one potential and one setting of "
                    f"`hpcpot {self._kind}` made; write to another path, or begin anew with --overwrite."
                )

    def _abandon(self) -> None:
        if self._file is not None:
            self._file.abandon()
        self._file = None
        self.close()


def _all_columns(columns: dict[str, Column]) -> dict[str, Column]:
    return {**OWN, **{COLUMNS + name: column for name, column in columns.items()}}


def _columns(file: h5py.File) -> dict[str, Column]:
    """The columns of a file, in the order in which they were made."""
    group = file.get("columns", {})
    columns = {name: Column.parse(item.attrs["column"]) for name, item in group.items()}
    return {name: columns[name] for name in json.loads(file.attrs["columns"])}


def _error(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome)) if isinstance(outcome, Failure) else ""


def _require_results(file: h5py.File, path: Path) -> None:
    if file.attrs.get("format") != FORMAT:
        raise OutputError(
            f"{path} = {own.kind_of(file) or 'no results file'}: results that a command of hpcpot with a farm wrote are "
            "needed; give another path."
        )
    version = int(file.attrs["version"])
    if version > VERSION:
        raise OutputError(
            f"{path} = results of version {version}, by hpcpot {file.attrs['hpcpot']}: hpcpot {hpcpot.__version__} "
            f"reads up to version {VERSION}; take a newer hpcpot."
        )
