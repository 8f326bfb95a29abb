"""Farthest point sampling against all distances at once."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from hpcpot.errors import DataError
from hpcpot.selection import points as module
from hpcpot.selection.farthest import at_random, central, farthest, measured
from hpcpot.selection.points import TOGETHER, Kernel
from hpcpot.selection.quotas import Quotas


def on_sphere(n: int = 300, d: int = 40, inner: int = 3, seed: int = 0) -> np.ndarray:
    """Vectors of length 1 in clusters, as those of similar frames."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(12, inner))[rng.integers(0, 12, n)]
    vectors = (middles + 0.2 * rng.normal(size=(n, inner))) @ rng.normal(size=(inner, d)) + 2.0
    return vectors / np.linalg.norm(vectors, axis=1)[:, None]


def distances(vectors: np.ndarray) -> np.ndarray:
    return np.linalg.norm(vectors[:, None] - vectors, axis=2)


def by_matrix(vectors: np.ndarray, start: int, count: int) -> tuple[list[int], list[float]]:
    """Order and largest distances, from the matrix of all distances."""
    every = distances(vectors)
    order, largest = [start], []
    while True:
        nearest = every[:, order].min(axis=1)
        nearest[order] = 0.0
        largest.append(float(nearest.max()))
        if len(order) == count:
            return order, largest
        nearest[order] = -1.0
        order.append(int(np.argmax(nearest)))


PLANE = np.random.default_rng(5).uniform(-3, 3, (200, 2))


@pytest.mark.parametrize("vectors", [PLANE, on_sphere(), on_sphere(inner=30), 1e6 + on_sphere(60)])
def test_the_order_is_that_of_all_distances(vectors):
    count = min(150, len(vectors))
    found, (order, largest) = farthest(vectors, 7, count), by_matrix(vectors, 7, count)
    assert found.order.tolist() == order
    np.testing.assert_allclose(found.distances, largest, rtol=1e-12, atol=0)
    assert (np.diff(found.distances) <= 0.0).all() and (np.diff(found.covered) >= 0.0).all()


def test_subsets_are_nested():
    vectors = on_sphere()
    whole = farthest(vectors, 0)
    assert sorted(whole.order.tolist()) == list(range(len(vectors)))
    assert whole.distances[-1] == 0.0 and whole.covered[-1] == 1.0
    for count in (1, 25, 100):
        part = farthest(vectors, 0, count)
        assert part.order.tolist() == whole.order[:count].tolist()
        np.testing.assert_array_equal(part.covered, whole.covered[:count])


def test_covered_is_the_share_nearer_than_within():
    vectors, within = on_sphere(), 0.25
    found = farthest(vectors, 3, 20, within=within)
    every = distances(vectors)
    expected = [np.mean(every[:, found.order[: k + 1]].min(axis=1) < within) for k in range(20)]
    np.testing.assert_allclose(found.covered, expected, atol=1e-15)


def test_it_ends_by_distance_and_by_coverage():
    vectors = on_sphere()
    whole = farthest(vectors, 0, within=0.2)
    near = farthest(vectors, 0, distance=0.3)
    assert near.distances[-1] < 0.3 <= near.distances[-2]
    most = farthest(vectors, 0, covered=0.9, within=0.2)
    assert most.covered[-1] >= 0.9 > most.covered[-2]
    assert most.order.tolist() == whole.order[: len(most.order)].tolist()
    assert len(farthest(vectors, 0, 5, distance=0.01, covered=1.0).order) == 5


def test_of_equal_ones_the_lowest():
    twice = np.repeat(on_sphere(20, 37), 2, axis=0)
    found = farthest(twice, 1)
    assert (found.order[1:20] % 2 == 0).all() and found.order[0] == 1
    assert sorted(found.order.tolist()) == list(range(40))
    assert found.order[20:].tolist() == sorted(found.order[20:].tolist()), "all are at the distance 0"


def test_the_start_is_nearest_to_all(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 7)
    for vectors in (PLANE, on_sphere(), on_sphere(inner=30), 1e4 + PLANE):
        assert central(vectors) == np.argmin(distances(vectors).sum(axis=1))
    assert central(np.array([[0.0], [1.0], [1.0], [2.0]])) == 1
    assert central(np.ones((100, 3))) == 0
    several = on_sphere(40)[np.random.default_rng(2).integers(0, 40, 300)]
    first = np.flatnonzero((several == several[np.argmin(distances(several).sum(axis=1))]).all(axis=1))[0]
    assert central(several) == first
    assert central(np.array([[3.0, 4.0]])) == 0


def test_subsets_by_chance():
    order = at_random(50, 20, seed=4)
    assert len(set(order.tolist())) == 20 and order.max() < 50
    assert order[:5].tolist() == at_random(50, 5, seed=4).tolist() != at_random(50, 5, seed=5).tolist()
    vectors = on_sphere(50)
    found = measured(vectors, order, within=0.2)
    assert found.order.tolist() == order.tolist()
    nearest = distances(vectors)[:, order].min(axis=1)
    assert found.distances[-1] == pytest.approx(nearest.max(), abs=1e-7)
    assert found.covered[-1] == np.mean(nearest < 0.2)
    same = farthest(vectors, 0, 20)
    np.testing.assert_array_equal(measured(vectors, same.order).distances, same.distances)


NAN = np.ones((5, 3))
NAN[3, 1] = np.nan


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: farthest(PLANE, 200), "start of farthest point sampling = 200: must be a row, 0 to 199"),
        (
            lambda: farthest(PLANE, 0, 201),
            "count of farthest point sampling = 201: must be 1 to 200, the number of vectors",
        ),
        (lambda: farthest(PLANE, 0, distance=0.0), "distance of farthest point sampling = 0.0: must be above 0"),
        (
            lambda: farthest(PLANE, 0, covered=1.5),
            "covered of farthest point sampling = 1.5: must be above 0 and at most 1",
        ),
        (lambda: farthest(PLANE, 0, within=0.0), "within = 0.0: must be above 0"),
        (lambda: farthest(NAN, 0), r"vector 3 = not finite, or beyond 1e\+100: must be numbers"),
        (lambda: central(NAN), r"vector 3 = not finite, or beyond 1e\+100: must be numbers"),
        (lambda: central(np.zeros((0, 3))), r"vectors = shape \(0, 3\): must be \(vectors, numbers\), one or more"),
        (lambda: measured(PLANE, np.array([1, 1])), "order of a subset = 2 rows: must be of 0 to 199, each once"),
        (lambda: at_random(5, 6, 1), "count of a random subset = 6: must be 1 to 5, the number of vectors"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(DataError, match=message):
        call()


KINDS = np.random.default_rng(8).integers(0, 3, len(PLANE))


def test_quotas_bound_each_kind():
    most = np.array([4, 50, 7])
    found = farthest(PLANE, 7, 40, quotas=Quotas(KINDS, most)).order
    order = [7]
    every = distances(PLANE)
    while len(order) < 40:
        counts = np.bincount(KINDS[order], minlength=3)
        nearest = every[:, order].min(axis=1)
        nearest[order] = -1.0
        nearest[(counts >= most)[KINDS]] = -1.0
        order.append(int(np.argmax(nearest)))
    assert found.tolist() == order
    all_of_them = farthest(PLANE, 7, quotas=Quotas(KINDS, most))
    counts = np.bincount(KINDS[all_of_them.order], minlength=3)
    assert counts.tolist() == np.minimum(most, np.bincount(KINDS)).tolist()
    by_chance = at_random(len(PLANE), 30, 1, Quotas(KINDS, most))
    assert (np.bincount(KINDS[by_chance], minlength=3) <= most).all() and len(set(by_chance.tolist())) == 30


def test_a_kernel_in_place_of_vectors():
    vectors = on_sphere()
    asked = []

    def similarities(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return vectors[rows] @ vectors.T

    kernel = Kernel(len(vectors), similarities)
    assert central(kernel) == central(vectors)
    assert max(asked) <= TOGETHER
    by_vectors, by_kernel = farthest(vectors, 3, 60, within=0.3), farthest(kernel, 3, 60, within=0.3)
    assert by_kernel.order.tolist() == by_vectors.order.tolist()
    np.testing.assert_allclose(by_kernel.distances, by_vectors.distances, atol=1e-7)
    np.testing.assert_array_equal(by_kernel.covered, by_vectors.covered)


def test_quotas_refuse():
    quotas = partial(Quotas, KINDS, np.array([1, 2, 3]))
    for call in (lambda: farthest(PLANE, 7, 7, quotas=quotas()), lambda: at_random(len(PLANE), 7, 1, quotas())):
        with pytest.raises(
            DataError, match=r"count of .* = 7: must be 1 to 6, the number of vectors, or of those within"
        ):
            call()
    none_of_it = Quotas(KINDS, np.where(np.arange(3) == KINDS[7], 0, 5))
    with pytest.raises(DataError, match="start of farthest point sampling = 7: must be within the quotas"):
        farthest(PLANE, 7, quotas=none_of_it)
