"""Pairs by binning against all distances."""

import os
import subprocess
import sys

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


LIST = """
import os
import subprocess
import sys

import numpy as np
from hpcpot.neighbors.pairs import build
pairs = build(np.random.default_rng(2).uniform(0.0, 12.0, (700, 3)), 500, 3.0)
print(pairs.first.sum(), pairs.neighbors.astype(np.int64) @ np.arange(len(pairs.neighbors)))
"""


def test_lists_are_the_same_whatever_vector_unit_the_processor_has():
    """Numba compiles for the processor that it is told of; the widest vectors are of the tests' own."""
    machines = ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "+sse2"})
    printed = {
        subprocess.run(
            [sys.executable, "-c", LIST], env=os.environ | machine, capture_output=True, text=True, check=True
        ).stdout
        for machine in machines
    }
    assert len(printed) == 1 and printed.pop().split()[0] != "0"
