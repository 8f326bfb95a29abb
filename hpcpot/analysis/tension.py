"""Stress-strain curve of a tensile test: modulus, strength, strain at failure, toughness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hpcpot.analysis.line import fit_line
from hpcpot.errors import ConfigError
from hpcpot.units import EV_PER_A3_IN_GPA

SMOOTHING = 500.0
"""fs; a curve is averaged over this time before its peak is located."""
FAILED = 0.2
"""Fraction of the peak stress below which the material has failed."""
WINDOW_STEPS = (-0.01, 0.0, 0.01), (-0.02, -0.01, 0.0, 0.01, 0.02)
"""Shifts of the low and the high end of a fit window that show how the modulus depends on them."""


@dataclass(frozen=True)
class Curve:
    """Stress against engineering strain of the pulled axis.

    Attributes:
        times: (n,) float64, fs, ascending. strain: (n,) float64. stress: (n,) float64, GPa.
        compressive: the test compresses; the signs of strain and stress are then reversed, so that both grow.
    """

    times: np.ndarray
    strain: np.ndarray
    stress: np.ndarray
    compressive: bool


@dataclass(frozen=True)
class Modulus:
    """A least-squares line through the curve.

    Attributes:
        low, high: strain window. points: samples in it.
        slope, intercept: GPa. standard_error: GPa, of the slope, for independent samples.
        correlated_error: GPa, standard_error * sqrt((1 + r) / (1 - r)), r the correlation of successive residuals.
        r_squared: fraction of the variance that the line explains.
    """

    low: float
    high: float
    points: int
    slope: float
    intercept: float
    standard_error: float
    correlated_error: float
    r_squared: float


@dataclass(frozen=True)
class Strength:
    """Strength of the material.

    Attributes:
        ultimate: GPa, highest stress of the smoothed curve; strain: its position.
        failure_strain: strain at which the smoothed curve then first falls below FAILED of it; nan if it never does.
        toughness: GPa (10⁹ J/m³), integral of stress over strain up to failure, or to the end of the curve.
    """

    ultimate: float
    strain: float
    failure_strain: float
    toughness: float


def make_curve(times: np.ndarray, strain: np.ndarray, stress: np.ndarray) -> Curve:
    """Make the curve of a tensile test or, if the last strain is negative, of a compression.

    Args:
        times: (n,) fs. strain: (n,) engineering strain. stress: (n,) GPa, tension positive.
    """
    compressive = bool(strain[-1] < 0)
    sign = -1.0 if compressive else 1.0
    return Curve(np.asarray(times, float), sign * strain, sign * stress, compressive)


def stress_of_particle(stress: np.ndarray, volumes: np.ndarray, radius: float) -> np.ndarray:
    """Virial stress of a sphere in an otherwise empty cell, over its initial volume 4/3 pi radius³: (n,) float64, GPa.

    Args:
        stress: (n,) GPa, of the cell. volumes: (n,) Å³, of the cell. radius: Å.
    """
    return stress * volumes / (4.0 / 3.0 * np.pi * radius**3)


def stress_of_grip(force: np.ndarray, radius: float) -> np.ndarray:
    """Force of a grip over the cross-section of a sphere, (n,) float64, GPa.

    Args:
        force: (n,) eV/Å, of the grip, tension positive. radius: Å, of the particle.
    """
    return force / (np.pi * radius**2) * EV_PER_A3_IN_GPA


def modulus(curve: Curve, low: float, high: float) -> Modulus:
    """Fit Young's modulus: the slope of a line with intercept through the samples with low <= strain <= high.

    Raises:
        ConfigError: the window reaches beyond the curve, or holds too few samples.
    """
    first, last = float(curve.strain.min()), float(curve.strain.max())
    if not _reaches(curve, low, high):
        raise ConfigError(
            f"curve.fit_window = [{low:g}, {high:g}]: must be inside the curve, strain {first:.4g} to {last:.4g}; "
            "give a window in that range, or pull farther."
        )
    inside = (curve.strain >= low) & (curve.strain <= high)
    x, y, n = curve.strain[inside], curve.stress[inside], int(inside.sum())
    if n < 3 or np.ptp(x) == 0:
        raise ConfigError(
            f"curve.fit_window = [{low:g}, {high:g}]: must hold at least 3 samples of the curve, and holds {n}; "
            "widen it, or write observables more often."
        )
    fitted = fit_line(x, y)
    correlated = fitted.error * _inflation(fitted.residuals)
    return Modulus(low, high, n, fitted.slope, fitted.intercept, fitted.error, correlated, fitted.explained)


def sensitivity(curve: Curve, low: float, high: float) -> list[Modulus]:
    """Fit the modulus in windows around the chosen one that lie inside the curve (WINDOW_STEPS)."""
    fits = []
    for below in WINDOW_STEPS[0]:
        for above in WINDOW_STEPS[1]:
            window = round(low + below, 9), round(high + above, 9)
            inside = (curve.strain >= window[0]) & (curve.strain <= window[1])
            if _reaches(curve, *window) and inside.sum() >= 3:
                fits.append(modulus(curve, *window))
    return fits


def strength(curve: Curve) -> Strength:
    """Ultimate strength, strain at failure and toughness."""
    smooth = smoothed(curve)
    peak = int(np.argmax(smooth))
    ultimate = float(smooth[peak])
    failed = peak + np.flatnonzero(smooth[peak:] < FAILED * ultimate) if ultimate > 0 else np.zeros(0, int)
    end = int(failed[0]) if len(failed) else len(smooth) - 1
    means = 0.5 * (curve.stress[1 : end + 1] + curve.stress[:end])
    toughness = float(means @ np.diff(curve.strain[: end + 1]))
    failure = float(curve.strain[end]) if len(failed) else float("nan")
    return Strength(ultimate, float(curve.strain[peak]), failure, toughness)


def smoothed(curve: Curve) -> np.ndarray:
    """Stress averaged over the samples within SMOOTHING / 2 of each, (n,) float64, GPa."""
    low = np.searchsorted(curve.times, curve.times - SMOOTHING / 2, side="left")
    high = np.searchsorted(curve.times, curve.times + SMOOTHING / 2, side="right")
    below = np.concatenate([[0.0], np.cumsum(curve.stress)])
    return (below[high] - below[low]) / (high - low)


def _reaches(curve: Curve, low: float, high: float) -> bool:
    """Tell whether a window is inside the curve, to within round-off."""
    return curve.strain.min() - 1e-9 <= low and high <= curve.strain.max() + 1e-9


def _inflation(residual: np.ndarray) -> float:
    """Inflation of the error, sqrt((1 + r) / (1 - r)), by the correlation r >= 0 of successive residuals."""
    power = float(residual @ residual)
    r = float(residual[1:] @ residual[:-1]) / power if power else 0.0
    r = min(max(r, 0.0), 0.999)
    return float(np.sqrt((1.0 + r) / (1.0 - r)))
