"""Kernels with zeta > 1: blocks of the matrix of all pairs of structures, computed by the farm and read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase import Atoms

from hpcpot.dataset.dataset import from_frames
from hpcpot.descriptors.similarity import similarity
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import DataError
from hpcpot.farm.campaign import each_once
from hpcpot.farm.item import Item
from hpcpot.farm.results import Column, Results
from hpcpot.selection.points import Kernel
from hpcpot.storage.content import content_key

SIZE = 32
"""Structures along a side of a block."""
COLUMNS = {"kernel": Column((SIZE, SIZE))}


def items_of(structures: Sequence[Item]) -> list[Item]:
    """An item for each two blocks of different structures; those that cannot be read stay as they are, and fail."""
    usable = sound(structures)
    parts = [usable[start : start + SIZE] for start in range(0, len(usable), SIZE)]
    failing = [item for item in structures if not isinstance(item.input, Atoms)]
    return failing + [_pair(parts[a], parts[b]) for a, b in _pairs(len(parts))]


def sound(structures: Sequence[Item]) -> list[Item]:
    """Different structures that could be read."""
    once = [structures[position] for position in each_once(structures).values()]
    return [item for item in once if isinstance(item.input, Atoms)]


def compute(pair: tuple[list[Atoms], list[Atoms]], *, descriptor: Soap, zeta: int) -> dict[str, Any]:
    """Average kernels, not normalised, of the structures of two blocks; 0 where a block is not full."""
    first, second = (from_frames(frames, descriptor.elements) for frames in pair)
    kernel = np.zeros((SIZE, SIZE))
    kernel[: len(first), : len(second)] = similarity(first, second, descriptor, zeta, normalize=False)
    return {"kernel": kernel}


def points(structures: Sequence[Item], results: Results, keys: Sequence[str]) -> tuple[list[str], Kernel]:
    """Keys of the structures, and their kernel.

    Args:
        keys: of the blocks, not needed here.
    Raises:
        DataError: no structures, or blocks that lack.
    """
    usable = sound(structures)
    if not usable:
        raise DataError(
            "structures = none that can be compared: at least one is required; `hpcpot results` says why they failed."
        )
    parts = [usable[start : start + SIZE] for start in range(0, len(usable), SIZE)]
    rows = {key: row for row, key in enumerate(results.keys())}
    places = np.full((len(parts), len(parts)), -1)
    for a, b in _pairs(len(parts)):
        places[a, b] = places[b, a] = rows.get(_pair(parts[a], parts[b]).key, -1)
    if (places < 0).any():
        raise DataError(
            f"blocks of the kernel = {np.count_nonzero(np.triu(places) < 0)} lack: all are required; `hpcpot results` says "
            "why they failed, and --retry-failed computes them."
        )
    own = np.concatenate([np.diagonal(results.read("kernel", places[a, a : a + 1])[0]) for a in range(len(parts))])
    own = own[: len(usable)]
    if not (own > 0.0).all():
        raise DataError(
            f"kernel of {usable[int(np.argmin(own > 0.0))].label} with itself = {own.min()}: must be above 0; its atoms have "
            "no neighbours: leave it out, or give descriptor.central_weight."
        )
    return [item.key for item in usable], Kernel(len(usable), partial(_rows, results, places, own))


def _rows(results: Results, places: np.ndarray, own: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Normalised kernel of some structures with all; only the blocks that they are in are read."""
    kernel = np.empty((len(rows), len(places) * SIZE))
    for a in np.unique(rows // SIZE):
        mine = np.flatnonzero(rows // SIZE == a)
        for b in range(len(places)):
            block = results.read("kernel", places[a, b : b + 1])[0]
            block = block if a <= b else block.T
            kernel[mine, b * SIZE : (b + 1) * SIZE] = block[rows[mine] % SIZE]
    return kernel[:, : len(own)] / np.sqrt(own[rows][:, None] * own)


def _pairs(parts: int) -> Iterator[tuple[int, int]]:
    return combinations_with_replacement(range(parts), 2)


def _pair(first: Sequence[Item], second: Sequence[Item]) -> Item:
    sides = ([item.input for item in first], [item.input for item in second])
    key = content_key("first", *(item.key for item in first), "second", *(item.key for item in second))
    return Item(key, sides, f"{first[0].label} to {first[-1].label} with {second[0].label} to {second[-1].label}")
