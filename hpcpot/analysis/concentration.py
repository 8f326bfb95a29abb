"""Observable of an interface: concentration, densities, its edges and their widths, and how they move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hpcpot.analysis.blocks import Blocks
from hpcpot.analysis.bonds import coordination
from hpcpot.analysis.lags import SAME
from hpcpot.analysis.line import fit_line
from hpcpot.analysis.observable import Arrays, Frame
from hpcpot.analysis.profile import Profile, Ruler, Slab, count, interfaces, ratio
from hpcpot.errors import ConfigError, StructureError
from hpcpot.storage.tables import Columns
from hpcpot.units import A_PER_NS_IN_CM_PER_S, FS_PER_NS, FS_PER_PS, LENGTHS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTHING, MARGIN = 2.7, 8.0
"""Å; densities are smoothed so much, and their plateaus begin and end so far from edges, for 10-90 % widths."""
WIDTH_LEVELS = (0.9, 0.1)
COMMITTED = 1.5
"""Å; an atom has crossed z_L when it is so far beyond it."""


class Concentration:
    """Observable: concentration and densities along the normal, the interface and how it moves, the flux of the host.

    `sample` returns places (n,) float64, Å, of `Ruler`. Errors are of blocks, see `Blocks.jackknife`; those of the fluxes are
    of the straight line, and of the mean over the spans between blocks.

    Args:
        first: the frame that sets the origin. axis: "a", "b" or "c"; with host, inserted, block_A see `Slab`.
        bin_A: see `count`. thresholds: see `interfaces`. bond_A: host atoms nearer than this to an inserted one are counted.
    Raises:
        ConfigError: thresholds that are none; no atom of the inserted element, or it is the host.
        StructureError: see `Ruler`.
    """

    def __init__(
        self,
        first: Frame,
        axis: str,
        host: str,
        inserted: str,
        bin_A: float,
        thresholds: list[float],
        block_A: list[float],
        bond_A: float | None,
    ):
        atoms, self._axis = first.atoms, "abc".index(axis)
        if not 0.0 < thresholds[0] < thresholds[1] < 1.0:
            raise ConfigError(
                f"profile.thresholds = {thresholds}: must be [low, high] with 0 < low < high < 1; correct them."
            )
        if inserted == host or inserted not in atoms.symbols:
            others = ", ".join(sorted({*atoms.symbols} - {host})) or "none of which is here"
            raise ConfigError(
                f"profile.inserted = {inserted}: must be an element of the atoms besides {host}, {others}; correct it."
            )
        self._ruler = Ruler(Slab(self._axis, host, inserted, tuple(block_A)), atoms)
        self._is_host, self._is_inserted = atoms.symbols == host, atoms.symbols == inserted
        self._thresholds = tuple(thresholds)
        self._width, self._length, self._bond = bin_A, float(atoms.cell.lengths()[self._axis]), bond_A
        self._edges = count([], self._is_host, self._is_inserted, self._width, self._length).edges
        self._blocks = Blocks(first.step)

    def sample(self, frame: Frame) -> Arrays:
        places = self._ruler.places(frame.atoms)
        profile = count([places], self._is_host, self._is_inserted, self._width, self._length)
        sums = {"host": profile.host, "inserted": profile.inserted, "frames": 1, "times": frame.time}
        sums["areas"] = float(np.linalg.norm(np.cross(*np.delete(frame.cell, self._axis, axis=0))))
        if self._bond is not None:
            cutoffs = np.zeros((3, 3))
            cutoffs[0, 1] = cutoffs[1, 0] = self._bond
            species = np.select([self._is_host, self._is_inserted], [0, 1], 2)
            near = coordination(frame.positions, frame.cell, frame.periodic, species, cutoffs)[:, 0]
            counted = self._is_inserted & np.isfinite(places)
            sums["near"] = np.histogram(places[counted], self._edges, weights=near[counted])[0]
        host = places[self._is_host]
        sums |= {"places": np.nan_to_num(host), "seen": np.isfinite(host).astype(int)}
        self._blocks.add(frame.step, **sums)
        return {"places": places}

    def merge(self, other: Concentration) -> None:
        self._blocks.merge(other._blocks)

    def result(self) -> dict[str, Columns]:
        """profile: a row per bin; interface: one row; fronts: a row per block; nan where there is no such number."""
        if not len(self._blocks):
            return {}
        sums = self._blocks.total()
        profile, fronts = self._profile(sums), self._fronts()
        bins = {"z_A": profile.middles, "host": profile.host, "inserted": profile.inserted}
        bins["concentration"], bins["concentration_error"] = self._blocks.jackknife(
            lambda sums: self._profile(sums).concentration
        )
        (host, inserted), errors = self._blocks.jackknife(self._densities)
        bins |= {"host_density_per_A3": host, "host_density_error_per_A3": errors[0]}
        bins |= {"inserted_density_per_A3": inserted, "inserted_density_error_per_A3": errors[1]}
        if self._bond is not None:
            bins["host_around_inserted"], bins["host_around_inserted_error"] = self._blocks.jackknife(
                lambda sums: ratio(sums["near"], sums["inserted"])
            )
        values, errors = self._blocks.jackknife(self._interface)
        row = {"frames": sums["frames"]}
        for name, value, error in zip(
            ("z_L", "z_R", "length", "host_width", "inserted_width"), values, errors, strict=True
        ):
            row |= {f"{name}_A": value, f"{name}_error_A": error}
        area = sums["areas"] / sums["frames"] / LENGTHS["nm"] ** 2
        # Of blocks at one time, as those of a minimiser, the last one counts for fluxes.
        used = np.isfinite(fronts["z_L_A"]) & (np.diff(fronts["time_ps"], append=np.inf) > SAME / FS_PER_PS)
        times = fronts["time_ps"][used] * (FS_PER_PS / FS_PER_NS)
        lost, lost_error = _slope(times, fronts["host_left"][used])
        row |= {"host_flux_per_nm2_ns": -lost / area, "host_flux_error_per_nm2_ns": lost_error / area}
        crossed, crossed_error = self._crossings(
            np.flatnonzero(self._blocks.sums["frames"])[used], times, fronts["z_L_A"][used]
        )
        row |= {"host_crossings_per_nm2_ns": crossed / area, "host_crossings_error_per_nm2_ns": crossed_error / area}
        return {
            "profile": bins,
            "interface": {name: np.array([value]) for name, value in row.items()},
            "fronts": fronts,
        }

    def draw(self, figure: Figure) -> None:
        """Draw the concentration along the normal with its error, and the edges of the interface."""
        tables = self.result()
        profile, axes = tables["profile"], figure.subplots()
        z, n, error = profile["z_A"], profile["concentration"], np.nan_to_num(profile["concentration_error"])
        (line,) = axes.step(z, n, where="mid")
        axes.fill_between(z, n - error, n + error, step="mid", color=line.get_color(), alpha=0.3, lw=0)
        for edge in ("z_L_A", "z_R_A"):
            axes.axvline(tables["interface"][edge][0], lw=0.6)
        axes.set(xlabel="distance from the lowest host atom (Å)", ylabel="concentration")

    def state(self) -> Arrays:
        return self._blocks.state()

    def restore(self, arrays: Arrays) -> None:
        self._blocks.restore(arrays)

    def _profile(self, sums: Arrays) -> Profile:
        return Profile(self._edges, sums["host"], sums["inserted"], int(sums["frames"]))

    def _densities(self, sums: Arrays) -> np.ndarray:
        """Atoms of the host and of the inserted element per Å³: (2, bins)."""
        return np.array([sums["host"], sums["inserted"]]) / (sums["areas"] * self._width)

    def _interface(self, sums: Arrays) -> np.ndarray:
        """z_L, z_R, their distance, and the widths of the host's and the inserted element's edge, Å."""
        profile, (host, inserted) = self._profile(sums), self._densities(sums)
        try:
            edges = interfaces(profile, self._thresholds)
        except StructureError:
            return np.full(5, np.nan)
        # From the right the inserted element looks as the host does from the left.
        rising = edge_width(-profile.middles[::-1], inserted[::-1], -edges.right)
        falling = edge_width(profile.middles, host, edges.left)
        return np.array([edges.left, edges.right, edges.right - edges.left, falling, rising])

    def _crossings(self, blocks: np.ndarray, times: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
        """Host atoms that go from left to right of z_L less those that come back, per ns, and the error of the mean.

        The place of an atom is its mean in a block; within COMMITTED of z_L it stays on the side where it was,
        at first on the left.

        Args:
            blocks: (k,) int. times: (k,) float64, ns, ascending. edges: (k,) float64, Å, z_L.
        """
        if len(blocks) < 3:
            return np.nan, np.nan
        places = ratio(self._blocks.sums["places"][blocks], self._blocks.sums["seen"][blocks]) - edges[:, None]
        side, counts = np.where(places[0] > COMMITTED, 1.0, -1.0), []
        for row in places[1:]:
            after = np.where(np.abs(row) > COMMITTED, np.sign(row), side)  # an atom not seen stays where it was
            counts.append(((side < 0) & (after > 0)).sum() - ((side > 0) & (after < 0)).sum())
            side = after
        spans = np.diff(times)
        rates = np.array(counts) / spans
        return float(np.sum(counts) / spans.sum()), float(rates.std(ddof=1) / np.sqrt(len(rates)))

    def _fronts(self) -> Columns:
        """Mean time, edges of the interface, and host atoms left of z_L, of each block with frames."""
        rows = []
        for block in range(len(self._blocks)):
            sums = {name: values[block] for name, values in self._blocks.sums.items()}
            if sums["frames"]:
                left, right, length, *_ = self._interface(sums)
                host = np.concatenate([[0], np.cumsum(sums["host"])]) / sums["frames"]
                rows.append(
                    [
                        sums["times"] / sums["frames"] / FS_PER_PS,
                        sums["frames"],
                        left,
                        right,
                        length,
                        np.interp(left, self._edges, host),
                    ]
                )
        names = ("time_ps", "frames", "z_L_A", "z_R_A", "length_A", "host_left")
        return dict(zip(names, np.array(rows).T, strict=True))


def edge_width(z: np.ndarray, density: np.ndarray, begin: float) -> float:
    """Distance over which a density falls from 90 to 10 % of its plateau, to the right of which it ends: Å; nan without one.

    The density is smoothed by a Gaussian of SMOOTHING, which takes off layers, and made to fall: halfway between its least
    so far and its largest from there on. The plateau is its mean between the first atoms and `begin`, MARGIN away from both.
    Smoothing widens an edge: one of the width w appears as about sqrt(w^2 + (2.56 SMOOTHING)^2).

    Args:
        z: (bins,) float64, Å, even and ascending. density: (bins,) float64. begin: where the edge begins, Å.
    """
    from scipy.ndimage import gaussian_filter1d

    held = np.flatnonzero(density > 0.0)
    smooth = gaussian_filter1d(np.asarray(density, float), SMOOTHING / (z[1] - z[0]), mode="nearest")
    inside = np.flatnonzero((z > z[held[0]] + MARGIN) & (z < begin - MARGIN)) if len(held) else held
    if not len(inside):
        return np.nan
    rest = smooth[inside[0] :] / smooth[inside].mean()
    falling = 0.5 * (np.minimum.accumulate(rest) + np.maximum.accumulate(rest[::-1])[::-1])
    places = [np.interp(-level, -falling, z[inside[0] :]) for level in WIDTH_LEVELS]
    return float(places[1] - places[0]) if falling[0] >= WIDTH_LEVELS[0] > WIDTH_LEVELS[1] >= falling[-1] else np.nan


def front_speeds(fronts: Columns) -> dict[str, tuple[float, float]]:
    """Mean speeds at which the fronts move away from each other, left and right, and their standard errors: cm/s.

    They are slopes of straight lines through z_L and z_R against time; nan of fewer than three blocks that have both.

    Args:
        fronts: as in the result of `Concentration`.
    """
    used = np.isfinite(fronts["z_L_A"]) & (np.diff(fronts["time_ps"], append=np.inf) > SAME / FS_PER_PS)
    times = fronts["time_ps"][used] * (FS_PER_PS / FS_PER_NS)
    speeds = {}
    for side, name, sign in (("left", "z_L_A", -1.0), ("right", "z_R_A", 1.0)):
        slope, error = _slope(times, fronts[name][used])
        speeds[side] = sign * slope * A_PER_NS_IN_CM_PER_S, error * A_PER_NS_IN_CM_PER_S
    return speeds


def _slope(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope of a straight line and its standard error; nan with fewer than three points."""
    if len(x) < 3:
        return np.nan, np.nan
    fitted = fit_line(x, y)
    return fitted.slope, fitted.error
