"""Pairs by binning against all distances."""

import numpy as np
import pytest

from hpcpot.neighbors.pairs import build


def brute(positions, n, reach):
    distance = np.linalg.norm(positions[:n, None] - positions[None], axis=2)
    distance[np.arange(n), np.arange(n)] = np.inf
    return [set(np.flatnonzero(row < reach)) for row in distance]


@pytest.mark.parametrize("shape", [(1, 1, 1), (30, 1, 1), (12, 9, 15), (0.1, 0.1, 80), (1e5, 1e5, 1e5)])
@pytest.mark.parametrize("n_centres", [0, 1, 150, 400])
def test_pairs_are_those_of_all_distances(shape, n_centres):
    positions = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 3)) * shape
    pairs = build(positions, n_centres, 3.0)
    assert len(pairs.first) == n_centres + 1 and pairs.first[-1] == len(pairs.neighbors)
    found = [pairs.neighbors[a:b] for a, b in zip(pairs.first[:-1], pairs.first[1:], strict=True)]
    assert all(len(set(row)) == len(row) for row in found)
    assert [set(row) for row in found] == brute(positions, n_centres, 3.0)


def test_vectors_point_from_centre_to_neighbour():
    positions = np.random.default_rng(1).uniform(0, 5, (20, 3))
    pairs = build(positions, 5, 2.5)
    centre = np.repeat(np.arange(5), np.diff(pairs.first))
    np.testing.assert_array_equal(pairs.vectors(positions), positions[pairs.neighbors] - positions[centre])
    assert len(pairs.vectors(positions)) > 0
