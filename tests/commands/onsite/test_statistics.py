"""Statistics of samples whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from hpcpot.commands.onsite import statistics


def test_interval_of_the_mean_covers_it() -> None:
    """About 95 % of the intervals of Gaussian samples hold the true mean."""
    rng, hits = np.random.default_rng(1), 0
    for seed in range(200):
        one = statistics.mean(rng.normal(-7.0, 0.5, 150), 300, seed)
        hits += one.low <= -7.0 <= one.high
    assert 0.90 <= hits / 200 <= 0.985


def test_mean_and_deviation() -> None:
    one = statistics.mean(np.array([-1.0, -2.0, -3.0]), 200, 1)
    assert (one.n, one.mean, one.deviation) == (3, -2.0, 1.0) and one.low < -2.0 < one.high
    assert statistics.mean(np.array([-1.0]), 10, 1).deviation == 0.0


def test_difference_of_interface_and_bulk() -> None:
    rng = np.random.default_rng(2)
    interface, bulk = rng.normal(-6.6, 0.6, 2000), rng.normal(-8.9, 0.1, 2000)
    values, mean = statistics.difference(interface, bulk, 500, 1)
    assert (
        values.mean() == pytest.approx(interface.mean() - bulk.mean(), abs=1e-12) == pytest.approx(mean.mean, abs=1e-12)
    )
    assert mean.low < mean.mean < mean.high and mean.high - mean.low == pytest.approx(
        2 * 1.96 * 0.6 / np.sqrt(2000), rel=0.2
    )


def test_subsamples_without_replacement() -> None:
    values = np.concatenate([np.full(1000, -7.05), np.full(1000, -6.05)])
    parts = statistics.subsamples(values, 0.5, 400, 3)
    assert parts.size == 1000 and parts.shares.shape == (400, len(statistics.edges(values)) - 1)
    np.testing.assert_allclose(parts.shares.sum(axis=1), 1.0)
    share = parts.shares[:, 0]
    np.testing.assert_allclose(parts.distances, np.abs(share - 0.5), atol=1e-12)
    assert share.std() == pytest.approx(0.5 / np.sqrt(1000) * np.sqrt(0.5), rel=0.15)  # hypergeometric
    again = statistics.subsamples(values, 0.5, 400, 3)
    np.testing.assert_array_equal(parts.means, again.means)


def test_all_of_a_sample_is_the_sample() -> None:
    values = np.random.default_rng(1).normal(size=50)
    assert statistics.subsamples(values, 0.999, 5, 1).distances.max() == pytest.approx(0.0, abs=1e-12)


def test_bins_are_multiples_of_a_tenth() -> None:
    at = statistics.edges(np.array([-6.63, -6.21]))
    np.testing.assert_allclose(at, [-6.7, -6.6, -6.5, -6.4, -6.3, -6.2], atol=1e-12)


def test_peaks() -> None:
    rng = np.random.default_rng(4)
    two = np.concatenate([rng.normal(-7.2, 0.15, 1000), rng.normal(-6.3, 0.15, 1000)])
    np.testing.assert_allclose(statistics.peaks(two)[2], [-7.2, -6.3], atol=0.05)
    assert len(statistics.peaks(rng.normal(-8.9, 0.1, 2000))[2]) == 1
    np.testing.assert_array_equal(statistics.peaks(np.full(5, -8.9))[2], [-8.9])
    at, density, _ = statistics.peaks(two)
    assert np.trapezoid(density, at) == pytest.approx(1.0, abs=0.01)
