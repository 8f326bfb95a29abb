"""A growing table in an HDF5 file: rows of columns of any shape, which count once they are marked.

    /<table>/state                 (rows,) int8: UNMARKED, or what the writer marked the row as; set last of all
    /<column>/values               (rows, *shape) of a column of one shape; of a ragged one those of all rows in turn
    /<column>/end                  (rows,) int64: where in `values` the row's part ends, for ragged columns
    /<column>/lengths              (rows, k) int64: its k ragged lengths, for k > 1

The rule is that of trajectories (`layout`): grow and write, flush to the disk, mark, flush. Lengths of datasets and,
where a chunk begins, its index are all that changes in the file besides values, so a killed file opens.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hpcpot.storage import layout
from hpcpot.storage.layout import UNMARKED, Array
from hpcpot.storage.writing import WrittenFile

CHUNKS = 16
"""Chunks of a dataset that gets as many rows as expected; HDF5's index of them stays one page, see `layout`."""
CHUNK_ROWS = 1024
CHUNK_BYTES = (2**16, 2**30)
MARK_ROWS = 2**14
READ_BYTES = 2**24
"""Ragged rows are read about so much at a time, with what lies between those that are wanted."""
USUAL_LENGTH = 64
"""Elements of a ragged row before any was seen."""
TEXT = "str"
STORED = "biufcS"
"""Kinds of NumPy's types that a column may have."""


@dataclass(frozen=True)
class Column:
    """One value of a row.

    Attributes:
        shape: None for an axis whose length differs from row to row; such axes come first.
        dtype: of NumPy, or "str" for text (then of shape ()).
        unit: as an H5MD unit, "eV Angstrom-1".
    """

    shape: tuple[int | None, ...] = ()
    dtype: str = "float64"
    unit: str = ""

    @property
    def ragged(self) -> int:
        """Number of axes without a fixed length."""
        return 1 if self.dtype == TEXT else sum(length is None for length in self.shape)

    @property
    def tail(self) -> tuple[int, ...]:
        """Lengths of the fixed axes."""
        return tuple(length for length in self.shape if length is not None)

    @property
    def stored(self) -> np.dtype:
        return np.dtype("uint8" if self.dtype == TEXT else self.dtype)

    def row(self, value: Any, name: str) -> np.ndarray:
        """A value as an array of the column's type and shape.

        Raises:
            ValueError: it does not fit.
        """
        if self.dtype == TEXT:
            if not isinstance(value, str):
                raise ValueError(f"{name} = {value!r}: must be text.")
            return np.frombuffer(value.encode(), np.uint8)
        array = np.asarray(value)
        if not np.can_cast(array.dtype, self.stored, "same_kind"):
            raise ValueError(f"{name} = array of {array.dtype}: must be {self.dtype}.")
        lengths = zip(self.shape, array.shape, strict=True)
        if array.ndim != len(self.shape) or any(n not in (None, m) for n, m in lengths):
            raise ValueError(f"{name} = array of shape {array.shape}: must be {self.shape}.")
        return array.astype(self.stored, copy=False)

    @property
    def nothing(self) -> np.ndarray:
        """Value of a row that has none: NaN, zeros, or no elements."""
        fill = np.nan if self.stored.kind in "fc" else 0
        return np.full((0,) * self.ragged + self.tail, fill, self.stored)

    def text(self) -> str:
        return json.dumps({"shape": self.shape, "dtype": self.dtype, "unit": self.unit})

    @classmethod
    def parse(cls, text: str) -> Column:
        """Build the column that `text` wrote.

        Raises:
            ValueError, TypeError, KeyError: it is of no column.
        """
        fields = json.loads(text)
        column = cls(tuple(fields["shape"]), str(fields["dtype"]), str(fields["unit"]))
        if any(length is not None and (type(length) is not int or length < 0) for length in column.shape):
            raise ValueError(f"a column has no shape {column.shape}")
        if column.stored.kind not in STORED:
            raise ValueError(f"a column has no type {column.dtype}")
        return column


class GrowingTable:
    """Table of a file that is open for writing, or for reading only.

    Args:
        root: group of the mark. columns: by path in the file.

    Attributes:
        n_rows: how many count.

    Raises:
        ValueError: the datasets of the file are not those of such a table.
        TypeError, LookupError, AttributeError, OSError, RuntimeError: the same, found out by h5py.
    """

    def __init__(self, file: h5py.File | WrittenFile, path: Path, root: str, columns: dict[str, Column]):
        self._file, self._path, self._columns = file, path, columns
        self._mark = f"{root}/state"
        mark = file[self._mark]
        _require(mark.ndim == 1 and mark.dtype.kind == "i" and mark.chunks is not None, self._mark)
        self.n_rows = layout.committed(mark)
        for path in columns:
            self._check(path)

    def _check(self, path: str) -> None:
        """Check that a column has all marked rows, of its type and shape."""
        column, group, n = self._columns[path], self._file[path], self.n_rows
        values = group["values"]
        _require(values.dtype == column.stored and values.shape[1:] == column.tail and values.chunks is not None, path)
        if not column.ragged:
            _require(len(values) >= n, path)
            return
        end = group["end"]
        _require(end.ndim == 1 and end.dtype.kind == "i" and end.chunks is not None and len(end) >= n, path)
        lengths = np.diff(end[:n], prepend=0)
        _require(bool((lengths >= 0).all()) and lengths.sum() <= len(values), path)
        if column.ragged > 1:
            axes = group["lengths"]
            _require(axes.shape[1:] == (column.ragged,) and axes.dtype.kind == "i" and len(axes) >= n, path)
            _require(bool((axes[:n] >= 0).all()) and bool((axes[:n].prod(axis=1) == lengths).all()), path)

    def states(self) -> np.ndarray:
        """(n_rows,) int8."""
        return self._file[self._mark][: self.n_rows]

    def read(self, path: str, rows: np.ndarray) -> np.ndarray | list:
        """Some rows of a column, ascending: one array, or a list where they are ragged or text."""
        column, group = self._columns[path], self._file[path]
        values = group["values"]
        if not column.ragged:
            return values[: self.n_rows][rows]
        end = group["end"][: self.n_rows]
        begin = np.concatenate([[0], end])[:-1] if len(end) else end
        lengths = group["lengths"][: self.n_rows] if column.ragged > 1 else (end - begin)[:, None]
        parts, start = [], 0
        per_read = max(1, READ_BYTES // (values.dtype.itemsize * math.prod(column.tail)))
        while start < len(rows):
            stop = max(start + 1, int(np.searchsorted(end[rows], begin[rows[start]] + per_read, "right")))
            some, first = rows[start:stop], begin[rows[start]]
            block, start = values[first : end[some[-1]]], stop
            cuts = zip(begin[some] - first, end[some] - first, lengths[some].tolist(), strict=True)
            parts += [block[low:high].reshape(*shape, *column.tail) for low, high, shape in cuts]
        return [part.tobytes().decode() for part in parts] if column.dtype == TEXT else parts

    def append(self, state: np.ndarray, values: dict[str, list[np.ndarray]]) -> None:
        """Write rows and commit them.

        Args:
            state: (rows,) int8, >= 0.
            values: of each column by path, a `Column.row` for each row.
        """
        blocks = {name: block for path, rows in values.items() for name, block in self._blocks(path, rows).items()}
        self._make_room({name: (start, len(block)) for name, (start, block) in blocks.items()}, len(state))
        for name, (start, block) in blocks.items():
            dataset = self._file[name]
            if len(dataset) < start + len(block):
                dataset.resize(start + len(block), axis=0)
            if len(block):
                dataset[start : start + len(block)] = block
        mark, stop = self._file[self._mark], self.n_rows + len(state)
        if len(mark) < stop:
            mark.resize(stop, axis=0)
        mark[self.n_rows :] = UNMARKED
        self._file.sync()
        mark[self.n_rows : stop] = state
        self._file.flush()
        self.n_rows = stop

    def _blocks(self, path: str, rows: Sequence[np.ndarray]) -> dict[str, tuple[int, np.ndarray]]:
        """Split rows of a column by dataset: {dataset: (first row, values)}."""
        column, start = self._columns[path], self.n_rows
        if not column.ragged:
            return {f"{path}/values": (start, np.stack(rows))}
        begin = int(self._file[f"{path}/end"][start - 1]) if start else 0
        flat = [row.reshape(-1, *column.tail) for row in rows]
        blocks = {
            f"{path}/values": (begin, np.concatenate(flat)),
            f"{path}/end": (start, begin + np.cumsum([len(row) for row in flat])),
        }
        if column.ragged > 1:
            blocks[f"{path}/lengths"] = (start, np.array([row.shape[: column.ragged] for row in rows]))
        return blocks

    def _make_room(self, blocks: dict[str, tuple[int, int]], n_new: int) -> None:
        """Lengthen the file before HDF5 adds chunks to it; see Trajectory, a kill must not leave it too short."""
        room = 0
        for name, (start, length) in {**blocks, self._mark: (self.n_rows, n_new)}.items():
            dataset = self._file[name]
            chunk = dataset.chunks[0]
            added = -(-(start + length) // chunk) - -(-len(dataset) // chunk)
            room += max(added, 0) * int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
        if room:
            os.truncate(self._path, self._path.stat().st_size + room + layout.INDEX_BYTES)


def _require(holds: bool, path: str) -> None:
    if not holds:
        raise ValueError(f"{path} has other types, shapes or numbers of rows than a table")


def create(file: h5py.File, root: str, columns: dict[str, Column], expected: int, lengths: dict[str, float]) -> None:
    """Create the datasets of a table, without rows.

    Args:
        expected: rows that it is to get; it can get more.
        lengths: mean number of elements of a row, of ragged columns that are known.
    """
    rows = max(-(-expected // CHUNKS), CHUNK_ROWS)
    layout.grow_from_nothing(file, f"{root}/state", Array((), "int8", "", False), max(rows, MARK_ROWS), fill=UNMARKED)
    for path, column in columns.items():
        per_row = lengths.get(path, USUAL_LENGTH) if column.ragged else 1
        if column.ragged:
            layout.grow_from_nothing(file, f"{path}/end", Array((), "int64", "", False), rows)
        if column.ragged > 1:
            layout.grow_from_nothing(file, f"{path}/lengths", Array((column.ragged,), "int64", "", False), rows)
        size = int(np.prod(column.tail, dtype=np.int64)) * column.stored.itemsize
        smallest, largest = CHUNK_BYTES
        ideal = min(max(int(per_row * expected / CHUNKS), 1), largest // size)
        chunk = (
            max(ideal, -(-smallest // size)) if column.ragged else min(max(ideal, CHUNK_ROWS), max(largest // size, 1))
        )
        array = Array(column.tail, column.stored.str, column.unit, False)
        layout.grow_from_nothing(file, f"{path}/values", array, chunk)
        file[path].attrs["column"] = column.text()
