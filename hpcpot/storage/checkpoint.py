"""Checkpoints: everything of a run that must come back bit by bit, in one HDF5 file.

attributes format, version, hpcpot, hash of all that follows
/counts      (ranks,) how many rows each rank had
/arrays/*    rows of all ranks, in rank order
/common/*    values that were equal on all ranks
"""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path

import h5py
import numpy as np

import hpcpot
from hpcpot.errors import OutputError
from hpcpot.outputs import Replacement
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage import extents, own
from hpcpot.storage.blocks import block, gather
from hpcpot.storage.content import content_key
from hpcpot.storage.hdf5_errors import explained
from hpcpot.storage.writing import WrittenFile

FORMAT = "hpcpot checkpoint"
VERSION, READ = 3, (2, 3)
"""Written, and read: version 2 of a run has no forces, and its next step begins by evaluating them."""
HASHED = 3
"""First version whose files all have a hash."""


def write(path: Path, ranks: Ranks, arrays: dict[str, np.ndarray], common: dict[str, np.ndarray | float | str]) -> None:
    """Replace the checkpoint at `path`: at any moment, also of a kill, the old or the new one is there, and whole.

    It is written by rank 0, one array at a time, beside the old one as `path`.part, and renamed when it is on the disk.

    Args:
        arrays: (n_local, ...) each, the same names, types and n_local on a rank.
        common: arrays, numbers and strings, equal on all ranks.

    Raises (on all ranks together):
        OutputError: the folder or the disk refuses. The old checkpoint is untouched.
    """
    path = Path(path).absolute()
    counts = ranks.all_gather(len(next(iter(arrays.values()))))
    file, new = ranks.root_only(partial(_begin, path, counts, common), share=False) or (None, None)
    try:
        for name, rows in arrays.items():
            whole = gather(ranks, rows)
            ranks.root_only(partial(_add, file, path, name, whole))
        ranks.root_only(partial(_publish, file, new, path))
    except OutputError:
        if file is not None:
            _discard(file, new)
        raise


def read(path: Path, ranks: Ranks) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray | np.generic | str], bool]:
    """Read the arrays and the common values of a checkpoint, and whether as many ranks wrote it.

    If so, each rank gets its own rows in its own order; otherwise an even split of all rows. Every rank reads its part.

    Raises (on all ranks together):
        OutputError: not a checkpoint, truncated, or of another version.
    """
    content, error = None, None
    try:
        content = _read(Path(path), ranks)
    except OutputError as exception:
        error = exception
    ranks.agree(error)
    return content


def _begin(path: Path, counts: list[int], common: dict) -> tuple[WrittenFile, Replacement]:
    new = Replacement(path, path.with_name(f"{path.name}.part"))
    with contextlib.ExitStack() as undo, explained(new.part, "create"):
        undo.callback(new.discard)
        file = WrittenFile(new.part, "w")
        undo.callback(file.abandon)
        file.attrs.update({"format": FORMAT, "version": VERSION, "hpcpot": hpcpot.__version__})
        file["counts"] = np.array(counts, np.int64)
        for name, value in common.items():
            file[f"common/{name}"] = value
        undo.pop_all()
    return file, new


def _add(file: WrittenFile, path: Path, name: str, rows: np.ndarray) -> None:
    with explained(path, f"write {name} to"):
        file[f"arrays/{name}"] = rows
        file.flush()


def _publish(file: WrittenFile, new: Replacement, path: Path) -> None:
    with explained(path, "write"):
        file.attrs["hash"] = _hash(file)
        file.close()
        new.commit()


def _discard(file: WrittenFile, new: Replacement) -> None:
    file.abandon()
    new.discard()


def _read(path: Path, ranks: Ranks) -> tuple[dict, dict, bool]:
    with explained(path, "read"), h5py.File(path, "r", locking=False) as file:
        _check(file, path)
        extents.check(file)
        counts = file["counts"][:]
        if counts.ndim != 1 or counts.dtype.kind != "i" or not len(counts) or (counts < 0).any():
            raise ValueError("counts must be the number of atoms of each rank")
        if any(len(item) != counts.sum() for item in file["arrays"].values()):
            raise ValueError(f"arrays must have {counts.sum()} rows")
        if ranks.is_root:
            _require_hash(file)
        same_layout = len(counts) == ranks.size
        start, stop = block(ranks, int(counts.sum()))
        if same_layout:
            stop = int(counts[: ranks.rank + 1].sum())
            start = stop - int(counts[ranks.rank])
        arrays = {name: item[start:stop] for name, item in file["arrays"].items()}
        common = {name: _value(item) for name, item in file.get("common", {}).items()}
    return arrays, common, same_layout


def _check(file: h5py.File, path: Path) -> None:
    if file.attrs.get("format") != FORMAT:
        raise OutputError(
            f"{path} = {own.kind_of(file) or 'no checkpoint'}: a file that hpcpot wrote as output.checkpoint is needed; "
            "give its path."
        )
    version = int(file.attrs["version"])
    if version not in READ:
        raise OutputError(
            f"{path} = checkpoint of version {version}, by hpcpot {file.attrs['hpcpot']}: hpcpot {hpcpot.__version__} "
            f"reads versions {READ[0]} to {READ[-1]}; go on with the hpcpot that wrote it, or start anew with --overwrite."
        )


def _hash(file: h5py.File) -> str:
    """Hash of everything in a checkpoint, by name, type and shape; one array is in memory at a time."""
    items = {"counts": file["counts"]}
    for group in ("arrays", "common"):
        items |= {f"{group}/{name}": item for name, item in file.get(group, {}).items()}
    return content_key({name: content_key(_value(item)) for name, item in items.items()})


def _require_hash(file: h5py.File) -> None:
    """Refuse a checkpoint of which a value is not the one that was written: a run would go on from it in silence."""
    stored = file.attrs.get("hash")
    if stored is None and int(file.attrs["version"]) < HASHED:
        return
    if stored != _hash(file):
        raise ValueError("its values do not have the hash that it names")


def _value(item: h5py.Dataset) -> np.ndarray | np.generic | str:
    return item.asstr()[()] if h5py.check_string_dtype(item.dtype) else item[()]
