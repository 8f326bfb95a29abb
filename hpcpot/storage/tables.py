"""Tables of an analysis: one HDF5 file of them, written aside and renamed when it is whole, and each as CSV."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np

from hpcpot import inputs
from hpcpot.errors import OutputError
from hpcpot.outputs import Replacement
from hpcpot.storage import extents, own
from hpcpot.storage.hdf5_errors import explained
from hpcpot.storage.writing import WrittenFile

Columns = dict[str, np.ndarray]
"""Columns of one length by name, the unit at the end of the name: stress_GPa."""


class Tables:
    """An HDF5 file that is being written, by one rank. It takes its place at `commit`; without one nothing is left.

        /provenance                what made it, a scalar dataset each
        /<table>/<column>          (rows,) each; the table's attribute `columns`: their names in order, as JSON
        /<array>                   (rows, ...), filled row by row

    Raises:
        OutputError: the folder cannot be written to, or the disk is full.
    """

    def __init__(self, path: Path, provenance: dict[str, str | int | float]):
        self.path, self._replacement = path, Replacement(path)
        with contextlib.ExitStack() as undo, explained(path, "create"):
            undo.callback(self._replacement.discard)
            self._file = WrittenFile(self._replacement.part, "w")
            undo.callback(self._file.abandon)
            for name, value in provenance.items():
                self._file[f"provenance/{name}"] = value
            undo.pop_all()

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.abandon()
        self._replacement.discard()

    def add(self, name: str, columns: Columns) -> None:
        """Write a table."""
        with explained(self.path, f"write {name} to"):
            self._file.require_group(name).attrs["columns"] = json.dumps(list(columns))
            for column, values in columns.items():
                is_text = np.asarray(values).dtype.kind == "U"
                kind = h5py.string_dtype() if is_text else None  # named, as values that are none tell none
                self._file.create_dataset(
                    f"{name}/{column}", data=np.asarray(values, object if is_text else None), dtype=kind
                )

    def reserve(self, name: str, shape: tuple[int, ...], kind: str, unit: str = "", fill: float | None = None) -> None:
        """Room for an array that is filled row by row, `fill` where it is not; compressed where that is much."""
        with explained(self.path, f"write {name} to"):
            dataset = self._file.create_dataset(
                name, shape, kind, chunks=(1, *shape[1:]), compression=1, shuffle=True, fillvalue=fill
            )
            dataset.attrs["unit"] = unit

    def set(self, name: str, row: int, values: np.ndarray) -> None:
        """Fill a row of an array."""
        with explained(self.path, f"write {name} to"):
            self._file[name][row] = values

    def all(self, name: str) -> np.ndarray:
        """An array as it has been filled."""
        return self._file[name][:]

    def commit(self) -> None:
        """Put the file in its place, whole and on the disk."""
        with explained(self.path, "write"):
            self._file.close()
            self._replacement.commit()


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[TextIO]:
    """A text file that takes its place when it is whole; after an error an old one is as it was.

    Raises:
        OutputError: the file cannot be written.
    """
    with Replacement(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        yield file


def write_rows(path: Path, header: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Write CSV, a header line first, numbers so that they read back exactly.

    Raises:
        OutputError: the file cannot be written.
    """
    with written_aside(path) as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def write_csv(path: Path, columns: Columns) -> None:
    """Write a table as CSV, see `write_rows`."""
    write_rows(path, columns, zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True))


def read_tables(path: Path) -> tuple[dict[str, Any], dict[str, Columns], list[str]]:
    """Read a file of tables: its provenance, its tables by name, and the names of its arrays, which stay in the file.

    Raises:
        OutputError: no such file, or no tables of hpcpot.
    """
    with explained(path, "read"), h5py.File(path, "r", locking=False) as file:
        extents.check(file)
        if not own.is_tables(file):
            raise OutputError(
                f"{path} = {own.kind_of(file) or 'no tables of hpcpot'}: a file of tables is needed, as hpcpot analyze and "
                "hpcpot test write; give another path."
            )
        facts = {name: item[()] for name, item in file["provenance"].items()}
        facts = {name: value.decode() if isinstance(value, bytes) else value for name, value in facts.items()}
        tables, arrays = {}, []
        for name, group in file.items():
            members = group.items() if isinstance(group, h5py.Group) and name != "provenance" else ()
            columns = {column: item for column, item in members if item.ndim == 1}
            if len({len(item) for item in columns.values()}) > 1:  # arrays side by side, and no table
                columns = {}
            arrays += [f"{name}/{column}" for column in dict(members) if column not in columns]
            if columns:  # those of 0.1.0 come in the order of the alphabet
                order = json.loads(group.attrs.get("columns", "[]"))
                names = dict.fromkeys([*(column for column in order if column in columns), *columns])
                tables[name] = {column: _values(columns[column]) for column in names}
    return facts, tables, arrays


def _values(column: h5py.Dataset) -> np.ndarray:
    return np.array(column.asstr()[:], "U") if h5py.check_string_dtype(column.dtype) else column[:]


def read_table(path: Path) -> Columns:
    """Read a CSV file with a header, as `write_csv` writes it: columns of numbers where all are, else of texts.

    Raises:
        OutputError: no such file, or lines of another length than the header.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise OutputError(f"{path} = cannot be read ({why}): must be a CSV file; give another path.") from error
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise OutputError(
                f"{path} = {len(row)} values in row {number}: must be {len(header)}, as in its header; make it anew."
            )
    return {name: _column([row[k] for row in rows]) for k, name in enumerate(header)}


def _column(texts: list[str]) -> np.ndarray:
    try:
        return np.array([float(text) for text in texts])
    except ValueError:
        return np.array(texts, "U")


def read_csv(path: Path, n_columns: int) -> np.ndarray:
    """Read the numbers of a CSV file, (rows, n_columns) float64; lines that begin with no number are headers or comments.

    Raises:
        OutputError: a line with too few numbers, or none at all.
    """
    rows = []
    for number, line in enumerate(inputs.read_text(path).splitlines(), 1):
        cells = [cell.strip() for cell in line.split(",")]
        if not cells[0] or not cells[0].lstrip("+-.")[:1].isdigit():
            continue
        try:
            rows.append([float(cell) for cell in cells[:n_columns]])
        except ValueError:
            rows.append([])
        if len(rows[-1]) < n_columns:
            raise OutputError(
                f"{path} = line {number}, {line!r}: must have {n_columns} numbers, comma between; correct it."
            )
    if not rows:
        raise OutputError(
            f"{path} = no line of numbers: must have {n_columns} a line, comma between; give another file."
        )
    return np.array(rows)
