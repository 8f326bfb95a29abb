"""Diffusion and vibrations: mean square displacements and velocity autocorrelation of each element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers

from hpcpot.analysis.lags import LagSums
from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.analysis.reference import fractional, refuse_not_finite
from hpcpot.errors import ConfigError
from hpcpot.storage.tables import Columns
from hpcpot.units import FS_PER_PS, THZ_IN_PER_CM

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from hpcpot.analysis.blocks import Blocks

FITTED = (0.2, 0.8)
"""Of the longest lag: between these mean square displacements are fitted, unless the options say where."""


class Moving:
    """What the observables of this module share: elements, the drift that is taken off, sums by lag.

    Args:
        drift: "none", "all" or an element: the atoms whose mean motion, weighted by mass, is taken off.
        where: of the options, for messages.
    Raises:
        ConfigError: no atom of that element.
    """

    def __init__(self, first: Frame, lags: int, drift: str, where: str, is_difference: bool):
        self.elements, groups = first.species()
        self._count = np.bincount(groups)
        chosen = first.numbers == atomic_numbers.get(drift, 0) if drift not in ("none", "all") else drift == "all"
        self._weights = first.masses * chosen
        if drift != "none" and not self._weights.any():
            raise ConfigError(
                f"{where}.drift = {drift}: must be none, all, or an element of the atoms, {', '.join(self.elements)}; "
                "correct it."
            )
        self.sums = LagSums(first, groups, lags, is_difference)

    def without_drift(self, vectors: np.ndarray) -> np.ndarray:
        """Subtract the mean of the chosen atoms from vectors (n, 3)."""
        return vectors - np.average(vectors, axis=0, weights=self._weights) if self._weights.any() else vectors

    def mean(self, sums: Arrays) -> np.ndarray:
        """Mean over the atoms of an element and the pairs of frames: (lags, elements, 3), nan for lags without pairs."""
        with np.errstate(invalid="ignore"):
            return sums["sums"] / (sums["pairs"][:, None, None] * self._count[:, None])


class MeanSquareDisplacement:
    """Observable: msd of each element by lag, averaged over all origins, and diffusion coefficients.

    msd(lag) = <|r(t + lag) - r(t)|^2>, D = slope / 6, or slope / 2 along an axis (Einstein), by a straight line with an
    intercept through the lags of the fit. Positions go on through periodic boundaries, by images of the present cell. Errors
    are of blocks, see `Blocks.jackknife`.

    Args:
        first: the frame from which places are measured. lags: longest lag, in frames. drift: see `Moving`.
        fit_ps: [low, high], lags of the fit; None: FITTED of the longest.
    Raises:
        ConfigError: see `Moving`; a range of the fit that is none.
    """

    def __init__(self, first: Frame, lags: int, drift: str, fit_ps: list[float] | None):
        if fit_ps is not None and not fit_ps[0] < fit_ps[1]:
            raise ConfigError(f"msd.fit_ps = {fit_ps}: must be [low, high] with low < high; swap or widen them.")
        self._motion = Moving(first, lags, drift, "msd", is_difference=True)
        self._first, self._fit = _unwrapped(first), fit_ps

    def sample(self, frame: Frame) -> None:
        fractional(frame.positions, frame.cell)  # refuses what is not finite
        self._motion.sums.add(frame, self._motion.without_drift(_unwrapped(frame) - self._first))

    def merge(self, other: MeanSquareDisplacement) -> None:
        self._motion.sums.merge(other._motion.sums)

    def result(self) -> dict[str, Columns]:
        """msd: a row per lag; diffusion: D of each element, in Å²/ps = 1e-4 cm²/s, one row; nan with fewer than two lags."""
        lags, blocks = self._motion.sums.totals()
        if not len(lags):
            return {}
        times, elements = lags / FS_PER_PS, self._motion.elements
        msd, msd_error = blocks.jackknife(lambda sums: _with_total(self._motion.mean(sums)))
        table = {"lag_ps": times, "pairs": blocks.total()["pairs"]}
        for k, element in enumerate(elements):
            for c, axis in enumerate(("", "_x", "_y", "_z")):
                name = f"msd_{element}{axis}"
                table |= {f"{name}_A2": msd[:, k, c], f"{name}_error_A2": msd_error[:, k, c]}
        low, high = self._fit or [edge * times[-1] for edge in FITTED]
        chosen = (times >= low - 1e-9) & (times <= high + 1e-9)
        slopes, errors = blocks.jackknife(lambda sums: _slopes(times, _with_total(self._motion.mean(sums)), chosen))
        row = {"fit_from_ps": low, "fit_to_ps": high}
        for k, element in enumerate(elements):
            for c, (axis, dimensions) in enumerate((("", 3), ("_x", 1), ("_y", 1), ("_z", 1))):
                name, scale = f"D_{element}{axis}", 0.5 / dimensions
                row |= {f"{name}_A2_per_ps": scale * slopes[k, c], f"{name}_error_A2_per_ps": scale * errors[k, c]}
        return {"msd": table, "diffusion": {name: np.array([value]) for name, value in row.items()}}

    def draw(self, figure: Figure) -> None:
        """Draw the mean square displacement of each element with its error, and the lines that give D."""
        tables = self.result()
        axes, times = figure.subplots(), tables["msd"]["lag_ps"]
        row = {name: values[0] for name, values in tables["diffusion"].items()}
        span = np.array([row["fit_from_ps"], row["fit_to_ps"]])
        for element in self._motion.elements:
            msd, error = (tables["msd"][f"msd_{element}{part}_A2"] for part in ("", "_error"))
            d, d_error = (row[f"D_{element}{part}_A2_per_ps"] for part in ("", "_error"))
            (line,) = axes.plot(times, msd, lw=0.9, label=f"{element}: D = {d:.3g} ± {d_error:.1g} Å²/ps")
            axes.fill_between(times, msd - error, msd + error, color=line.get_color(), alpha=0.3, lw=0)
            inside = (times >= span[0]) & (times <= span[1])
            if inside.sum() > 1:
                middle = np.mean(msd[inside]) + 6.0 * d * (span - np.mean(times[inside]))
                axes.plot(span, middle, "--", color="0.3", lw=0.7)
        axes.set(xlabel="lag (ps)", ylabel="mean square displacement (Å²)", xlim=(0, None), ylim=(0, None))
        axes.legend()

    def state(self) -> Arrays:
        return self._motion.sums.state()

    def restore(self, arrays: Arrays) -> None:
        self._motion.sums.restore(arrays)


class VelocityAutocorrelation:
    """Observable: velocity autocorrelation of each element by lag, averaged over all origins, and its spectrum.

    c(lag) = <v(t + lag) v(t)>; spectrum(f) = 4 int_0^T c(t) / c(0) w(t) cos(2 pi f t) dt, whose integral over f is 1, by the
    trapezoidal rule with the window w(t) = cos^2(pi t / 2 T) up to the longest lag T; D = 1/3 int_0^T c dt (Green and Kubo).
    Errors are of blocks, see `Blocks.jackknife`. Frames must be evenly spaced for the spectrum: lags that are no multiple of
    the commonest one are left out of it. Frames of a minimiser, without velocities, are not sampled.

    Args:
        first: the frame that names the elements. lags: longest lag, in frames. drift: see `Moving`.
    """

    def __init__(self, first: Frame, lags: int, drift: str):
        self._motion = Moving(first, lags, drift, "vacf", is_difference=False)

    def sample(self, frame: Frame) -> None:
        refuse_not_finite(velocities=frame.velocities)
        fractional(frame.positions, frame.cell)  # refuses them alike
        if frame.velocities.any():  # else it is of a minimiser
            self._motion.sums.add(frame, self._motion.without_drift(frame.velocities))

    def merge(self, other: VelocityAutocorrelation) -> None:
        self._motion.sums.merge(other._motion.sums)

    def result(self) -> dict[str, Columns]:
        """vacf: a row per lag; spectrum: a row per frequency; diffusion: D of each element, Å²/ps = 1e-4 cm²/s."""
        lags, blocks = self._motion.sums.totals()
        if not len(lags):
            return {}
        times, grid = lags / FS_PER_PS, _even(lags, blocks)
        vacf, vacf_error = blocks.jackknife(self._correlation)
        table = {"lag_ps": times, "pairs": blocks.total()["pairs"]}
        longest, intervals = float(times[grid[-1]]), max(len(grid) - 1, 1)
        frequencies = np.arange(len(grid)) / (2.0 * longest) if longest else np.zeros(1)
        spectrum, spectrum_error = blocks.jackknife(
            lambda sums: _spectrum(self._correlation(sums)[grid], longest / intervals)
        )
        waves = {"frequency_THz": frequencies, "wavenumber_per_cm": frequencies * THZ_IN_PER_CM}
        d, d_error = blocks.jackknife(
            lambda sums: np.trapezoid(self._correlation(sums)[grid], times[grid], axis=0) / 3.0
        )
        row = {"longest_lag_ps": longest}
        for k, element in enumerate(self._motion.elements):
            table |= {f"vacf_{element}_A2_per_fs2": vacf[:, k], f"vacf_{element}_error_A2_per_fs2": vacf_error[:, k]}
            waves |= {f"spectrum_{element}_ps": spectrum[:, k], f"spectrum_{element}_error_ps": spectrum_error[:, k]}
            scale = FS_PER_PS**2  # Å²/fs² ps -> Å²/ps
            row |= {f"D_{element}_A2_per_ps": scale * d[k], f"D_{element}_error_A2_per_ps": scale * d_error[k]}
        return {"vacf": table, "spectrum": waves, "diffusion": {name: np.array([value]) for name, value in row.items()}}

    def draw(self, figure: Figure) -> None:
        """Draw the spectrum of each element with its error."""
        waves = self.result()["spectrum"]
        axes = figure.subplots()
        for element in self._motion.elements:
            values, error = (waves[f"spectrum_{element}{part}_ps"] for part in ("", "_error"))
            (line,) = axes.plot(waves["frequency_THz"], values, lw=0.9, label=element)
            axes.fill_between(
                waves["frequency_THz"], values - error, values + error, color=line.get_color(), alpha=0.3, lw=0
            )
        axes.set(xlabel="frequency (THz)", ylabel="spectrum of velocities (1/THz)", xlim=(0, None))
        axes.legend()

    def state(self) -> Arrays:
        return self._motion.sums.state()

    def restore(self, arrays: Arrays) -> None:
        self._motion.sums.restore(arrays)

    def _correlation(self, sums: Arrays) -> np.ndarray:
        """(lags, elements), Å²/fs²"""
        return self._motion.mean(sums).sum(axis=2)


def _unwrapped(frame: Frame) -> np.ndarray:
    return frame.positions + frame.images @ frame.cell


def _with_total(values: np.ndarray) -> np.ndarray:
    """Sum over the axes, and each of them: (lags, elements, 4)."""
    return np.concatenate([values.sum(axis=2, keepdims=True), values], axis=2)


def _slopes(times: np.ndarray, values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Slopes of straight lines through the chosen rows that hold pairs: (elements, 4); nan with fewer than two."""
    rows = chosen & np.isfinite(values).all(axis=(1, 2))
    if rows.sum() < 2:
        return np.full(values.shape[1:], np.nan)
    x = times[rows] - times[rows].mean()
    return np.einsum("t,tec->ec", x, values[rows]) / (x @ x)


def _even(lags: np.ndarray, blocks: Blocks) -> np.ndarray:
    """Rows of the lags 0, 1, 2, ... times the commonest one, as far as all are there."""
    if len(lags) < 2:
        return np.zeros(1, int)
    unit = lags[1 + np.argmax(blocks.total()["pairs"][1:])]
    rows = np.searchsorted(lags, np.arange(len(lags)) * unit - 0.5 * unit * 1e-6)
    multiples = np.arange(len(lags)) * unit
    held = (rows < len(lags)) & (np.abs(lags[np.minimum(rows, len(lags) - 1)] - multiples) < 1e-6 * unit)
    return rows[: np.argmin(held)] if not held.all() else rows


def _spectrum(correlation: np.ndarray, interval: float) -> np.ndarray:
    """Spectrum at k / (2 T), k = 0 .. last. Args: correlation: (lags, elements) at even lags. interval: ps."""
    last = len(correlation) - 1
    if last < 1:
        return np.full_like(correlation, np.nan)
    k = np.arange(last + 1)
    weights = np.cos(0.5 * np.pi * k / last) ** 2
    weights[[0, -1]] *= 0.5
    with np.errstate(invalid="ignore", divide="ignore"):
        normal = correlation / correlation[0]
    return 4.0 * interval * np.cos(np.pi * np.outer(k, k) / last) @ (weights[:, None] * normal)
