"""Statistics of removal energies: means, histograms, differences, and how far sub-samples can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BIN = 0.1
"""Width of the bins of histograms, eV."""
KDE_POINTS = 512
PEAK = 0.05
"""Smallest height of a peak that counts, as a part of the highest."""


@dataclass(frozen=True)
class Mean:
    """Mean of a region's values with its 95 % interval by bootstrap, and their standard deviation; eV."""

    n: int
    mean: float
    low: float
    high: float
    deviation: float


@dataclass(frozen=True)
class Subsamples:
    """Differences of sub-samples from all values.

    Attributes:
        size, replicas: values in each, how many.
        means: (replicas,) float64, eV.
        distances: (replicas,) float64, total variation distance of the histograms, 0 equal to 1 disjoint.
        shares: (replicas, bins) float64, histograms.
    """

    size: int
    replicas: int
    means: np.ndarray
    distances: np.ndarray
    shares: np.ndarray


def mean(values: np.ndarray, replicas: int, seed: int) -> Mean:
    """Mean by the classical bootstrap: as many values with replacement, percentiles 2.5 and 97.5 of their means."""
    low, high = np.percentile(resampled_means(values, replicas, seed), [2.5, 97.5])
    return Mean(
        len(values),
        float(values.mean()),
        float(low),
        float(high),
        float(values.std(ddof=1)) if len(values) > 1 else 0.0,
    )


def resampled_means(values: np.ndarray, replicas: int, seed: int) -> np.ndarray:
    """(replicas,) float64, means of as many values drawn with replacement."""
    random = np.random.default_rng([seed, 1])
    return np.array([values[random.integers(0, len(values), len(values))].mean() for _ in range(replicas)])


def edges(values: np.ndarray) -> np.ndarray:
    """Edges of bins of BIN that hold all values; they are multiples of BIN."""
    first, last = np.floor(values.min() / BIN), np.floor(values.max() / BIN) + 1
    return np.arange(first, last + 1) * BIN


def shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Histogram in shares of the values, by the edges of its bins."""
    return np.histogram(values, bins)[0] / len(values)


def subsamples(values: np.ndarray, fraction: float, replicas: int, seed: int) -> Subsamples:
    """Draw a fraction of the values, without replacement, again and again."""
    random, size, bins = np.random.default_rng([seed, 2]), max(1, round(fraction * len(values))), edges(values)
    drawn = [random.choice(values, size, replace=False) for _ in range(replicas)]
    whole, parts = shares(values, bins), np.array([shares(sample, bins) for sample in drawn])
    return Subsamples(
        size, replicas, np.array([sample.mean() for sample in drawn]), 0.5 * np.abs(parts - whole).sum(axis=1), parts
    )


def peaks(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Density of the values by Gaussian kernels of Silverman's width, and its peaks.

    Returns:
        energies (KDE_POINTS,) eV, density there 1/eV, energies of the peaks higher than PEAK times the highest.
    """
    from scipy.stats import gaussian_kde

    if np.ptp(values) == 0.0:
        return values[:1], np.full(1, np.inf), values[:1]
    kernel = gaussian_kde(values, bw_method="silverman")
    margin = 3.0 * np.sqrt(kernel.covariance[0, 0])
    energies = np.linspace(values.min() - margin, values.max() + margin, KDE_POINTS)
    density = kernel(energies)
    tops = np.flatnonzero((density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])) + 1
    return energies, density, energies[tops[density[tops] > PEAK * density.max()]]


def difference(interface: np.ndarray, bulk: np.ndarray, replicas: int, seed: int) -> tuple[np.ndarray, Mean]:
    """ddE of each interface site, dE_k - mean dE of the bulk, and its mean with the 95 % interval of both samples."""
    values = interface - bulk.mean()
    together = resampled_means(interface, replicas, seed) - resampled_means(bulk, replicas, seed + 1)
    low, high = np.percentile(together, [2.5, 97.5])
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    return values, Mean(len(values), float(values.mean()), float(low), float(high), deviation)
