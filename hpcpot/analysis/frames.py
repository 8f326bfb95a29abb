"""Observables sampled over the frames of a trajectory, which the ranks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from hpcpot.analysis.observable import Arrays, Frame, Observable
from hpcpot.analysis.registry import FIELDS
from hpcpot.parallel.ranks import Ranks
from hpcpot.storage.blocks import gather, starts
from hpcpot.storage.reader import TrajectoryReader

Observables = dict[str, Observable]
"""Observables by label."""


def read(reader: TrajectoryReader, k: int, needs: Iterable[str]) -> Frame:
    """Read frame k of a trajectory with its positions and `needs`; arrays not written at its step are None."""
    step, arrays = int(reader.steps()[k]), {}
    for name in dict.fromkeys(["positions", *needs]):
        rows = np.flatnonzero(_steps(reader, name) == step)
        if len(rows):
            values = reader.values(FIELDS[name], int(rows[0]))
            arrays[name] = values if name == "images" else values.astype(float)
    time, cell = float(reader.times()[k]), reader.cells()[k]
    return Frame(step, time, cell, reader.periodic, reader.numbers, reader.masses, **arrays)


def steps_with(reader: TrajectoryReader, needs: Iterable[str]) -> np.ndarray:
    """Steps at which all the arrays in `needs` were written, ascending."""
    return reduce(np.intersect1d, [_steps(reader, name) for name in needs])


def sample_frames(
    ranks: Ranks,
    frames: Sequence[int],
    read: Callable[[int], Frame],
    make: Callable[[], Observables],
    is_due: Callable[[str, int, Frame], bool] = lambda name, row, frame: True,
    store: Callable[[int, Arrays], None] = lambda row, arrays: None,
) -> Observables:
    """Sample all frames, each rank a run of consecutive ones, and merge the parts; the result is on rank 0, {} elsewhere.

    Args:
        make: builds the observables, the same on all ranks.
        is_due: (label of an observable, row in `frames`, frame) -> whether it samples the frame.
        store: called on rank 0 with the row of each frame and the arrays that sampling returned, by
            "<observable>/<array>"; the rows arrive out of order with several ranks.
    Raises (on all ranks together):
        Exception: the first error of any rank.
    """
    observables = _together(ranks, make)
    bounds = starts(ranks, len(frames))
    for turn in range(int(np.diff(bounds).max())):
        rows = bounds[:-1] + turn
        rows = [int(row) if row < stop else None for row, stop in zip(rows, bounds[1:], strict=True)]
        mine = rows[ranks.rank]
        arrays = _together(ranks, partial(_sample, mine, frames, read, observables, is_due))
        _store(ranks, rows, arrays, store)
    return _united(ranks, observables, make)


def _steps(reader: TrajectoryReader, name: str) -> np.ndarray:
    return reader.steps(FIELDS[name]) if FIELDS[name] in reader.elements else np.zeros(0, np.int64)


def _together(ranks: Ranks, function: Callable[[], Any]) -> Any:
    """Call a function on each rank and return its result; an error on any rank is raised on all."""
    result, error = None, None
    try:
        result = function()
    except Exception as exception:  # handed on to all ranks, raised below
        error = exception
    ranks.agree(error)
    return result


def _sample(
    row: int | None, frames: Sequence[int], read: Callable[[int], Frame], observables: Observables, is_due: Callable
) -> Arrays:
    if row is None:
        return {}
    frame, arrays = read(frames[row]), {}
    for name, observable in observables.items():
        if is_due(name, row, frame):
            arrays |= {f"{name}/{key}": np.asarray(values) for key, values in (observable.sample(frame) or {}).items()}
    return arrays


def _store(ranks: Ranks, rows: list[int | None], arrays: Arrays, store: Callable[[int, Arrays], None]) -> None:
    """Gather the arrays of each rank's frame on rank 0 and store them."""
    described = ranks.all_gather({name: (values.shape, values.dtype) for name, values in arrays.items()})
    kinds = {name: kind for names in described for name, kind in names.items()}
    together = {}
    for name, (shape, dtype) in kinds.items():
        values = arrays[name][None] if name in arrays else np.zeros((0, *shape), dtype)
        owners = [rank for rank, names in enumerate(described) if name in names]
        gathered = gather(ranks, values)
        together[name] = {} if gathered is None else dict(zip(owners, gathered, strict=True))

    def store_all() -> None:
        for rank, row in enumerate(rows):
            if row is not None:
                store(row, {name: values[rank] for name, values in together.items() if rank in values})

    ranks.root_only(store_all, share=False)


def _united(ranks: Ranks, observables: Observables, make: Callable[[], Observables]) -> Observables:
    """Merge the parts of all ranks on rank 0, in rank order."""
    for rank in range(1, ranks.size):
        states = ranks.broadcast({name: part.state() for name, part in observables.items()}, root=rank)
        ranks.root_only(partial(_merge, observables, states, make), share=False)
    return observables if ranks.is_root else {}


def _merge(observables: Observables, states: dict[str, Arrays], make: Callable[[], Observables]) -> None:
    for (name, observable), other in zip(observables.items(), make().values(), strict=True):
        other.restore(states[name])
        observable.merge(other)
