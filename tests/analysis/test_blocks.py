"""Errors of means by blocks."""

from __future__ import annotations

import numpy as np
import pytest

from hpcpot.analysis.blocks import MOST, Blocks


def filled(values: np.ndarray, steps: range) -> Blocks:
    blocks = Blocks(100)
    for step in steps:
        blocks.add(100 + step, n=1, x=values[step])
    return blocks


def mean(sums: dict) -> float:
    return sums["x"] / sums["n"]


def test_the_error_of_independent_values_is_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(5.0, 2.0, (2048, 3))
    value, error = filled(values, range(2048)).jackknife(mean)
    np.testing.assert_allclose(value, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(error, values.reshape(16, 128, 3).mean(axis=1).std(axis=0, ddof=1) / 4.0, rtol=1e-9)


def test_the_error_of_correlated_values_covers_their_mean() -> None:
    """An autoregressive process of 20 frames' memory: 95 % of the means lie within 2.13 errors (Student, 15 degrees)."""
    rng, inside = np.random.default_rng(2), 0
    for _ in range(200):
        noise, values, x = rng.normal(size=2048), np.empty(2048), 0.0
        for k in range(2048):
            x = 0.95 * x + noise[k]
            values[k] = x
        value, error = filled(values, range(2048)).jackknife(mean)
        inside += abs(value) < 2.13 * error
    assert 0.85 < inside / 200 < 0.99


def test_blocks_do_not_depend_on_how_frames_are_shared_out() -> None:
    values = np.random.default_rng(3).normal(size=1000)
    whole = filled(values, range(1000))
    assert MOST / 2 < len(whole) <= MOST and whole.sums["n"].sum() == 1000
    for cuts in ((0, 3, 1000), (0, 0, 40, 999, 1000), (0, 500, 501, 1000)):
        first, *others = [filled(values, range(a, b)) for a, b in zip(cuts, cuts[1:], strict=False)]
        for other in others:
            first.merge(other)
        np.testing.assert_array_equal(first.sums["n"], whole.sums["n"])
        np.testing.assert_allclose(first.sums["x"], whole.sums["x"], rtol=0, atol=1e-12)


def test_one_block_has_no_error() -> None:
    value, error = filled(np.ones(1), range(1)).jackknife(mean)
    assert value == 1.0 and np.isnan(error)
    assert len(Blocks(0)) == 0 and filled(np.ones(2), range(2)).jackknife(mean)[1] == pytest.approx(0.0)
