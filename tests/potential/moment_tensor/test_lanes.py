"""Rows of arrays as values in compiled loops."""

import numpy as np

from hpcpot.compiled import njit
from hpcpot.potential.moment_tensor.lanes import LANES, load, splat, store


@njit()
def combine(a, b, n):
    """Row 0 of a: sum of products; row 1: 2 row 1 - row 1 * row 1; row 2: 3 - row 2."""
    total = splat(0.0)
    for row in range(n):
        total = total + load(a, row) * load(b, row)
    store(a, 1, 2.0 * load(a, 1) - load(a, 1) * load(a, 1))
    store(a, 2, 3.0 - load(a, 2))
    store(a, 0, total)


@njit()
def twice(a, b):
    """Two values at once, from a function that is not written into its caller."""
    return load(a, 0) + 1.0, load(b, 1) - 1.0


@njit()
def swap(a, b):
    x, y = twice(a, b)
    store(a, 0, y)
    store(b, 1, x)


def test_arithmetic_of_rows():
    a, b = np.random.default_rng(1).normal(size=(2, 5, LANES))
    expected = a.copy()
    expected[0] = (a * b).sum(axis=0)
    expected[1] = 2 * a[1] - a[1] ** 2
    expected[2] = 3 - a[2]
    combine(a, b, 5)
    np.testing.assert_allclose(a, expected, rtol=1e-13, atol=1e-13)


def test_rows_from_functions_and_the_same_array_twice():
    a = np.arange(2.0 * LANES).reshape(2, LANES)
    swap(a, a)
    np.testing.assert_array_equal(a[0], np.arange(LANES) + LANES - 1.0)
    np.testing.assert_array_equal(a[1], np.arange(LANES) + 1.0)
    large = np.zeros((3, LANES))[:2]  # rows that do not begin where a vector register would like them to
    shifted = np.zeros(2 * LANES + 1)[1:].reshape(2, LANES)
    swap(large, shifted)
    assert (large[0] == -1.0).all() and (shifted[1] == 1.0).all()
