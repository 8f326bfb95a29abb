"""Frames of a trajectory shared out over the ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from hpcpot.parallel.ranks import Ranks
from hpcpot.storage.blocks import gather

Arrays = dict[str, np.ndarray]


def over_frames(
    ranks: Ranks, frames: Sequence[int], compute: Callable[[int], Arrays], store: Callable[[int, Arrays], None]
) -> None:
    """compute(frame) for each frame, a frame a rank at a time; store(frame, arrays) on rank 0, in order.

    Args:
        compute: arrays of the same names, shapes and types for each frame.
    Raises (on all ranks together):
        What compute or store raises on any rank.
    """
    for first in range(0, len(frames), ranks.size):
        turn = frames[first : first + ranks.size]
        rows, error = None, None
        if ranks.rank < len(turn):
            try:
                rows = {name: np.asarray(values)[None] for name, values in compute(turn[ranks.rank]).items()}
            except Exception as exception:  # handed on to all ranks, raised below
                error = exception
        ranks.agree(error)
        kinds = ranks.broadcast(None if rows is None else {name: (row.shape, row.dtype) for name, row in rows.items()})
        if rows is None:
            rows = {name: np.zeros((0, *shape[1:]), kind) for name, (shape, kind) in kinds.items()}
        together = {name: gather(ranks, row) for name, row in rows.items()}
        ranks.root_only(partial(_store_all, turn, together, store), share=False)


def _store_all(turn: Sequence[int], together: Arrays, store: Callable[[int, Arrays], None]) -> None:
    for k, frame in enumerate(turn):
        store(frame, {name: rows[k] for name, rows in together.items()})
