"""Functions of the kernels as polynomials, no longer than their precision needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hpcpot.potential.vectors.emit import RowEmitter

ERRORS = {8: 2e-17, 4: 5e-9}
"""Of polynomials in place of functions of about 1, in float64 and float32, by bytes."""


def economized(series: Sequence[float], half: float, error: float) -> np.ndarray:
    """The shortest polynomial that is within an error of a Taylor series for |t| <= half.

    The last power is replaced by lower ones again and again, with the least error there is: that of a Chebyshev polynomial.
    """
    series = np.array(series, float)
    while True:
        n = len(series) - 1
        terms = np.polynomial.chebyshev.cheb2poly([0.0] * n + [1.0])
        factor = series[n] * half**n / terms[n]
        error -= abs(factor)
        if error < 0.0:
            return series
        series = (series - factor * terms / half ** np.arange(n + 1.0))[:n]


def polynomial(rows: RowEmitter, coefficients: dict[int, np.ndarray], t: Any) -> Any:
    """Polynomial of t by Horner's scheme; coefficients by bytes of a number."""
    *lower, last = coefficients[rows.bytes]
    value = rows.constant(last)
    for coefficient in lower[::-1]:
        value = rows.fma(value, t, rows.constant(coefficient))
    return value
