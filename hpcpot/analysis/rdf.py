"""Radial distribution functions of all pairs of elements, with their first peaks and coordination numbers."""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.blocks import Blocks
from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.errors import ConfigError
from hpcpot.neighbors.distances import histogram
from hpcpot.storage.tables import Columns

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BINS = 100_000
SMOOTHING = 0.06
"""Å, standard deviation of the Gaussian that peaks are looked for behind; the fit is of g itself."""
PROMINENCE = 0.1
"""Of the largest g: how far a peak stands out, at least."""
FITTED = 0.75
"""Of a peak's height: g above it is fitted."""
FLAT = 0.002
"""Of a peak's height: bins that are no higher than this above the lowest make the minimum."""


class RadialDistribution:
    """Observable: g(r) of each pair of elements, coordination numbers n(r), first peaks and minima.

    g_ab(r) = <N_ab(r) V> / (N_a N_b 4/3 pi (r_+^3 - r_-^3)), N_ab ordered pairs in the bin (r_-, r_+); n_ab(r): atoms b
    around an atom a, nearer than the end of the bin. Errors are of blocks, see `Blocks.jackknife`.

    Args:
        first: the frame that names the elements. r_max_A, bin_A: longest distance, a whole number of bins, and their width.
        volume_A3: V; None: of the cell.
    Raises:
        ConfigError: fewer than one bin or more than MOST_BINS, or a part of one; no volume where the cell is not periodic
            along all axes.
    """

    def __init__(self, first: Frame, r_max_A: float, bin_A: float, volume_A3: float | None):
        bins = r_max_A / bin_A
        if not 1.0 <= bins + 1e-9 < MOST_BINS:
            raise ConfigError(
                f"rdf.bin_A = {bin_A:g}: must make 1 to {MOST_BINS} bins up to r_max_A = {r_max_A:g}; typical 0.01 to 0.1."
            )
        if abs(bins - np.rint(bins)) > 1e-6:
            raise ConfigError(
                f"rdf.r_max_A = {r_max_A:g}: must be a whole number of bins of {bin_A:g} Å; give e.g. "
                f"{np.rint(bins) * bin_A:.10g}."
            )
        if volume_A3 is None and not np.all(first.periodic):
            raise ConfigError(
                "rdf.volume_A3 = null: must be given where the cell is not periodic along all axes, as g(r) refers to the "
                "mean density; give the volume of the atoms."
            )
        self._elements, self._species = first.species()
        self._pairs = list(combinations_with_replacement(range(len(self._elements)), 2))
        self._count = np.bincount(self._species)
        self._edges = np.arange(round(bins) + 1) * bin_A
        self._volume, self._blocks = volume_A3, Blocks(first.step)

    def sample(self, frame: Frame) -> None:
        counts = histogram(
            frame.positions,
            frame.cell,
            frame.periodic,
            self._species,
            len(self._elements),
            float(self._edges[-1]),
            len(self._edges) - 1,
        )
        counts = np.array([counts[a, b] * (2 if a == b else 1) for a, b in self._pairs])
        volume = abs(float(np.linalg.det(frame.cell))) if self._volume is None else self._volume
        self._blocks.add(frame.step, frames=1, counts=counts, volumes=counts * volume)

    def merge(self, other: RadialDistribution) -> None:
        self._blocks.merge(other._blocks)

    def result(self) -> dict[str, Columns]:
        """rdf: a row per bin; peaks: of each pair the first maximum of g and the minimum behind it, one row; nan if none."""
        if not len(self._blocks):
            return {}
        g, g_error = self._blocks.jackknife(self._g)
        table = {"r_A": 0.5 * (self._edges[1:] + self._edges[:-1])}
        for k, (a, b) in enumerate(self._pairs):
            table |= {f"g_{self._name(a, b)}": g[k], f"g_{self._name(a, b)}_error": g_error[k]}
        sums = self._blocks.total()
        around = self._around(sums)
        table |= {f"coordination_{self._name(a, b)}": around[a, b][1:] for a, b in np.ndindex(*around.shape[:2])}
        values, errors = self._blocks.jackknife(self._peaks)
        row = {"frames": float(sums["frames"])}
        for k, (a, b) in enumerate(self._pairs):
            for n, (name, unit) in enumerate(
                (("first_peak", "_A"), ("first_peak_height", ""), ("first_minimum", "_A"))
            ):
                row |= {f"{name}_{self._name(a, b)}{unit}": values[k, n]}
                row |= {f"{name}_{self._name(a, b)}_error{unit}": errors[k, n]}
            for n, name in enumerate(dict.fromkeys((self._name(a, b), self._name(b, a))), 3):
                row |= {f"coordination_{name}": values[k, n], f"coordination_{name}_error": errors[k, n]}
        return {"rdf": table, "peaks": {name: np.array([value]) for name, value in row.items()}}

    def draw(self, figure: Figure) -> None:
        """Draw g of each pair with its error, and where the first peaks are."""
        tables = self.result()
        axes = figure.subplots()
        for a, b in self._pairs:
            name = self._name(a, b)
            g, error = tables["rdf"][f"g_{name}"], tables["rdf"][f"g_{name}_error"]
            position = tables["peaks"][f"first_peak_{name}_A"][0]
            label = name.replace("_", "-") + (f"  {position:.2f} Å" if np.isfinite(position) else "")
            (line,) = axes.plot(tables["rdf"]["r_A"], g, lw=0.9, label=label)
            axes.fill_between(tables["rdf"]["r_A"], g - error, g + error, color=line.get_color(), alpha=0.3, lw=0)
        axes.axhline(1.0, color="0.6", lw=0.5)
        axes.set(xlabel="r (Å)", ylabel="g(r)", xlim=(0, self._edges[-1]), ylim=(0, None))
        axes.legend(title="pair, first peak")

    def state(self) -> Arrays:
        return self._blocks.state()

    def restore(self, arrays: Arrays) -> None:
        self._blocks.restore(arrays)

    def _name(self, a: int, b: int) -> str:
        return f"{self._elements[a]}_{self._elements[b]}"

    def _g(self, sums: Arrays) -> np.ndarray:
        """(pairs, bins)"""
        shells = 4.0 / 3.0 * np.pi * np.diff(self._edges**3)
        atoms = np.array([self._count[a] * self._count[b] for a, b in self._pairs], float)
        return sums["volumes"] / (sums["frames"] * atoms[:, None] * shells)

    def _around(self, sums: Arrays) -> np.ndarray:
        """Atoms of an element around one of another up to each edge of the bins: (elements, elements, bins + 1)."""
        numbers = np.zeros((len(self._elements), len(self._elements), len(self._edges)))
        for k, (a, b) in enumerate(self._pairs):
            numbers[a, b, 1:] = numbers[b, a, 1:] = np.cumsum(sums["counts"][k]) / sums["frames"]
        return numbers / self._count[:, None, None]

    def _peaks(self, sums: Arrays) -> np.ndarray:
        """Peak (Å), its height, minimum (Å), and there the atoms b around a and a around b, of each pair: (pairs, 5)."""
        g, around = self._g(sums), self._around(sums)
        middles, rows = 0.5 * (self._edges[1:] + self._edges[:-1]), []
        for k, (a, b) in enumerate(self._pairs):
            position, height, minimum = first_peak(middles, g[k])
            near = [np.interp(minimum, self._edges, around[pair]) for pair in ((a, b), (b, a))]
            rows.append([position, height, minimum, *near])
        return np.array(rows)


def first_peak(r: np.ndarray, g: np.ndarray) -> tuple[float, float, float]:
    """First maximum of g by a fit, its height, and the minimum between it and the next; nan where there is none.

    The fit is of a Gaussian, ln g = c0 + c1 r + c2 r^2 weighted with g, to the bins around the maximum where g is above
    FITTED of its height. The minimum is the middle of the lowest bins of the smoothed g.

    Args:
        r, g: (bins,) float64, Å and 1; r at even distances.
    Source: Guo, IEEE Signal Process. Mag. 28, 134 (2011), weights of the fit.
    """
    from scipy.ndimage import gaussian_filter1d
    from scipy.signal import find_peaks

    lost = (np.nan, np.nan, np.nan)
    if len(r) < 5:
        return lost
    smooth = gaussian_filter1d(g, SMOOTHING / (r[1] - r[0]), mode="nearest")
    tops = find_peaks(smooth, prominence=PROMINENCE * smooth.max())[0] if smooth.max() > 0.0 else ()
    if not len(tops):
        return lost
    top = tops[0]
    low, high = top, top
    while low > 0 and smooth[low - 1] >= FITTED * smooth[top]:
        low -= 1
    while high < len(r) - 1 and smooth[high + 1] >= FITTED * smooth[top]:
        high += 1
    x, y = r[low : high + 1] - r[top], g[low : high + 1]
    position, height = np.nan, np.nan
    if (y > 0.0).sum() >= 3:
        c2, c1, c0 = np.polyfit(x[y > 0.0], np.log(y[y > 0.0]), 2, w=y[y > 0.0])
        if c2 < 0.0 and x[0] <= -0.5 * c1 / c2 <= x[-1]:
            position, height = r[top] - 0.5 * c1 / c2, np.exp(c0 - 0.25 * c1**2 / c2)
    behind = slice(top, tops[1] + 1 if len(tops) > 1 else len(r))
    lowest = smooth[behind] <= smooth[behind].min() + FLAT * smooth[top]
    is_passed = len(tops) > 1 or not lowest[-1]  # else g may fall on beyond the last bin
    minimum = float(r[behind][lowest].mean()) if is_passed else np.nan
    return float(position), float(height), minimum
