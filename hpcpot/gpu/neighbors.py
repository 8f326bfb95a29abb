"""Neighbour lists on the device. A list that is too short is made longer and filled again, never cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.device import Device
from hpcpot.gpu.places import BinNumber, Status
from hpcpot.gpu.sources import Source

SEARCH = Source("gpu/neighbors.cu", enums=(BinNumber,))

ROOM_STEP = 16
"""Rooms of the lists are multiples of this."""

SPARE = 1.1
"""Room of the lists relative to the longest one found, so that they rarely have to grow."""


@dataclass
class Candidates:
    """Neighbour lists on the device, skin and all.

    Attributes:
        begin: (n,) int64, count: (n,) int32: those of centre i are neighbors[begin[i]:begin[i] + count[i]].
        neighbors: (...,) int32. room: no centre has more.
    """

    begin: Any
    count: Any
    neighbors: Any
    room: int


@dataclass(frozen=True, eq=False)
class DevicePairs:
    """Pairs as neighbors.pairs.Pairs, with the lists on the device; `first` and `neighbors` are copied to the host on access.

    Attributes:
        n_centres: n.
    """

    n_centres: int
    candidates: Candidates
    device: Device

    @property
    def first(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(self.device.to_host(self.candidates.count), dtype=np.int64)])

    @property
    def neighbors(self) -> np.ndarray:
        counts, room = self.device.to_host(self.candidates.count), self.candidates.room
        lists = self.device.to_host(self.candidates.neighbors)[: self.n_centres * room].reshape(self.n_centres, room)
        return lists[np.arange(room) < counts[:, None]]


class Search:
    """Finds neighbours by binning, as neighbors.pairs.build does.

    Attributes:
        room: of a centre's list, as of the last search.
    """

    def __init__(self, device: Device, buffers: Buffers):
        self._device, self._buffers, self.room = device, buffers, ROOM_STEP
        self._kernels = device.build(SEARCH)

    def build(self, positions: Any, n_centres: int, reach: float) -> Candidates:
        """All pairs closer than `reach` between the first n_centres atoms and all atoms.

        Args:
            positions: (m, 3) float64, Å, finite, on the device. reach: Å, cutoff + skin.
        """
        xp, m = self._device.xp, len(positions)
        if n_centres == 0:
            return self._candidates(0)
        to_host = self._device.to_host
        low, high = to_host(positions.min(axis=0)), to_host(positions.max(axis=0))
        extent = high - low
        size = max(0.5 * reach, (np.prod(np.maximum(extent, reach)) / (4.0 * m)) ** (1.0 / 3.0))
        counts = np.maximum(1, np.ceil(extent / size)).astype(np.int64)
        n_bins, span = int(np.prod(counts)), int(np.ceil(reach / size))
        numbers = xp.asarray(np.array([*low, size, *counts], float))
        keys = self._buffers("bin of atom", (m,), np.int32)
        self._kernels.elements("find_bins", m, positions, numbers, keys)
        order = xp.argsort(keys, kind="stable").astype(np.int32)
        starts = self._buffers("bin starts", (n_bins + 1,), np.int32)
        self._kernels.elements("find_starts", m, keys[order], np.int32(n_bins), starts)
        sorted_positions = positions[order]
        status = self._buffers("search status", (Status.STATUS_SIZE,), np.int32)
        while True:
            candidates = self._candidates(n_centres)
            status.fill(0)
            self._kernels.rows(
                "search",
                n_centres,
                positions,
                order,
                sorted_positions,
                starts,
                numbers,
                np.int32(span),
                np.float64(reach * reach),
                np.int32(self.room),
                candidates.count,
                candidates.neighbors,
                status,
            )
            longest = int(to_host(status)[Status.LONGEST])
            if longest <= self.room:
                return candidates
            self.room = -(-int(longest * SPARE) // ROOM_STEP) * ROOM_STEP

    def _candidates(self, n: int) -> Candidates:
        begin = self._buffers("neighbours begin", (n,), np.int64)
        begin[...] = self._device.xp.arange(n, dtype=np.int64) * self.room
        return Candidates(
            begin,
            self._buffers("neighbour counts", (n,), np.int32),
            self._buffers("neighbours", (n * self.room,), np.int32),
            self.room,
        )
