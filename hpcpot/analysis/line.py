"""Straight lines through points."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Line(NamedTuple):
    """y = slope x + intercept, by least squares.

    Attributes:
        slope, intercept: units of y / x, and of y.
        error: standard error of the slope, for independent points.
        residuals: (n,) float64, of y.
        explained: share of the variance of y, 1 where it has none.
    """

    slope: float
    intercept: float
    error: float
    residuals: np.ndarray
    explained: float


def fit_line(x: np.ndarray, y: np.ndarray) -> Line:
    """Fit a straight line. Args: x, y: (n,) float64, three points or more, not all at one x."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = float(dx @ dy / (dx @ dx))
    residuals = dy - slope * dx
    power, total = float(residuals @ residuals), float(dy @ dy)
    error = float(np.sqrt(power / (len(x) - 2) / (dx @ dx)))
    return Line(slope, float(y.mean() - slope * x.mean()), error, residuals, 1.0 - power / total if total else 1.0)
