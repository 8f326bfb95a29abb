"""Mean similarities, similar pairs and duplicates against the matrix of all pairs."""

from __future__ import annotations

import numpy as np

from hpcpot.selection import points as module
from hpcpot.selection.points import Vectors
from hpcpot.selection.similar import EDGES, duplicates, mean_similarities, pair_counts


def unit(n: int, d: int = 6, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)) + 1.0
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


VECTORS = np.concatenate([unit(50), unit(50)[[7, 7, 31]]])
KERNEL = VECTORS @ VECTORS.T


def test_by_blocks_as_by_the_matrix(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 8)
    points, labels = Vectors(VECTORS), np.arange(len(VECTORS)) % 3
    for kind, counts in enumerate(pair_counts(points, labels, 4)):
        members = np.flatnonzero(labels == kind)
        np.testing.assert_allclose(
            mean_similarities(points, members), KERNEL[:, members].mean(axis=1)
        ) if kind < 3 else 0
        pairs = KERNEL[np.ix_(members, members)][np.triu_indices(len(members), 1)]
        assert counts.tolist() == np.histogram(np.clip(pairs, -1, 1), EDGES)[0].tolist()
        assert counts.sum() == len(members) * (len(members) - 1) // 2


def test_duplicates_name_the_nearest_earlier_one(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 8)
    found = duplicates(Vectors(VECTORS), 1e-3)
    assert found.rows.tolist() == [50, 51, 52] and found.of.tolist() == [7, 7, 31]
    assert (found.distances < 1e-7).all()
    far = duplicates(Vectors(VECTORS), 0.5)
    distances = np.linalg.norm(VECTORS[:, None] - VECTORS, axis=2)
    expected = [k for k in range(1, 53) if distances[k, :k].min() < 0.5]
    assert far.rows.tolist() == expected
    np.testing.assert_allclose(far.distances, [distances[k, :k].min() for k in expected], atol=1e-7)
    assert len(duplicates(Vectors(VECTORS[:1]), 0.1).rows) == 0
