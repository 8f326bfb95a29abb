"""Neighbour lists of the CUDA kernels, run on the CPU, against those of hpcpot.neighbors.pairs."""

from __future__ import annotations

import numpy as np
import pytest

from hpcpot.gpu.buffers import Buffers
from hpcpot.gpu.neighbors import ROOM_STEP, Search
from hpcpot.neighbors.pairs import build


def points(kind: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    if kind == "dense":
        return rng.random((300, 3)) * 9.0
    if kind == "sparse":
        return rng.random((200, 3)) * 90.0
    if kind == "flat":
        return rng.random((150, 3)) * [20.0, 20.0, 0.0]
    if kind == "line":
        return np.arange(50)[:, None] * [0.0, 0.0, 1.7]
    return np.array([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("kind", ["dense", "sparse", "flat", "line", "one atom"])
def test_the_same_neighbours_in_the_same_order(kind, device):
    positions = points(kind)
    n = max(1, len(positions) * 2 // 3)
    wanted = build(positions, n, 3.1)
    search = Search(device, Buffers(device.xp))
    found = search.build(device.xp.asarray(positions), n, 3.1)
    count, begin, neighbors = (device.to_host(values) for values in (found.count, found.begin, found.neighbors))
    np.testing.assert_array_equal(count, np.diff(wanted.first))
    for i in range(n):
        own = neighbors[begin[i] : begin[i] + count[i]]
        np.testing.assert_array_equal(own, wanted.neighbors[wanted.first[i] : wanted.first[i + 1]])
    assert found.room >= count.max() and found.room % ROOM_STEP == 0


def test_a_list_that_is_too_short_is_made_longer_and_stays_so(device):
    buffers = Buffers(device.xp)
    search = Search(device, buffers)
    positions = points("dense")
    assert len(build(positions, 300, 3.1).neighbors) > 300 * ROOM_STEP
    first = search.build(device.xp.asarray(positions), 300, 3.1)
    assert first.room > ROOM_STEP and int(first.count.max()) <= first.room
    grown = buffers.grown
    assert search.build(device.xp.asarray(positions[::-1].copy()), 300, 3.1).room == first.room
    assert buffers.grown == grown, "the second search allocated"


def test_no_centres(device):
    found = Search(device, Buffers(device.xp)).build(device.xp.zeros((4, 3)), 0, 3.0)
    assert len(found.count) == 0
