"""CUR and D-optimal choices against singular vectors and determinants taken anew for each choice."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hpcpot.errors import DataError
from hpcpot.selection.quotas import Quotas
from hpcpot.selection.spanning import REGULAR, cur, d_optimal

VECTORS = np.random.default_rng(1).normal(size=(60, 12)) * np.linspace(1.0, 3.0, 12)


def test_cur_is_that_of_singular_vectors():
    left, order = VECTORS.copy(), []
    while len(order) < 10:
        row = int(np.argmax(np.linalg.svd(left)[0][:, 0] ** 2))
        order.append(row)
        direction = left[row] / np.linalg.norm(left[row])
        left = left - np.outer(left @ direction, direction)
    assert cur(VECTORS, 10).tolist() == order


def test_d_optimal_enlarges_the_determinant_most():
    scale = REGULAR * np.mean(np.sum(VECTORS**2, axis=1))
    order: list[int] = []
    while len(order) < 20:  # more than the dimensions
        sizes = [
            np.linalg.slogdet(VECTORS[[*order, k]].T @ VECTORS[[*order, k]] + scale * np.eye(12))[1]
            if k not in order
            else -np.inf
            for k in range(60)
        ]
        order.append(int(np.argmax(sizes)))
    assert d_optimal(VECTORS, 20).tolist() == order


@pytest.mark.parametrize("choose", [cur, d_optimal])
def test_nested_within_quotas_and_the_same_when_turned(choose: Callable):
    found = choose(VECTORS, 11)
    assert len(set(found.tolist())) == 11 and choose(VECTORS, 4).tolist() == found[:4].tolist()
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 12)))
    assert choose(VECTORS @ turn, 11).tolist() == found.tolist()
    kinds = np.arange(60) % 2
    bounded = choose(VECTORS, 11, Quotas(kinds, np.array([2, 20])))
    assert np.bincount(kinds[bounded]).tolist() == [2, 9]


def test_bad_input():
    for choose, name in ((cur, "CUR"), (d_optimal, "D-optimal choice")):
        with pytest.raises(DataError, match=f"count of {name} = 61: must be 1 to 60"):
            choose(VECTORS, 61)
        with pytest.raises(DataError, match="vector 0 = not finite"):
            choose(np.full((3, 2), np.nan), 1)
    with pytest.raises(DataError, match="count of CUR = 13: must be at most 12, which span all vectors but rounding"):
        cur(VECTORS, 13)
    with pytest.raises(DataError, match="vectors = all 0: must span a volume"):
        d_optimal(np.zeros((4, 2)), 2)
    with pytest.raises(DataError, match="count of CUR = 1: must be at most 0"):
        cur(np.zeros((4, 2)), 1)
