"""Displacements and velocity autocorrelation against direct sums, random walks and oscillators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Frame
from hpcpot.errors import ConfigError, StructureError

CELL = np.array([[9.0, 0, 0], [2.0, 8.0, 0], [0, 1.0, 11.0]])


def frames(
    paths: np.ndarray, numbers: np.ndarray, times: np.ndarray, velocities: np.ndarray | None = None
) -> list[Frame]:
    """Frames of unwrapped paths (frames, n, 3), wrapped into CELL with their images."""
    rows = []
    for k, (time, path) in enumerate(zip(times, paths, strict=True)):
        images = np.floor(path @ np.linalg.inv(CELL)).astype(np.int32)
        masses = Atoms(numbers).get_masses()
        moving = None if velocities is None else velocities[k]
        periodic = np.ones(3, bool)
        rows.append(
            Frame(
                int(10 * time), time, CELL, periodic, numbers, masses, path - images @ CELL, images, velocities=moving
            )
        )
    return rows


def sampled(name: str, rows: list[Frame], first: Frame | None = None, **options):
    observable = registry.make(name, first or rows[0], **options)
    for row in rows:
        observable.sample(row)
    return observable


def walk(count: int, seed: int = 1, drift: float = 0.0, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Random walks: Li with steps of 0.5 Å along an axis, Si of 0.1 Å; all drift along x."""
    rng, numbers = np.random.default_rng(seed), np.where(np.arange(n) % 4 == 0, 14, 3)
    steps = rng.normal(0.0, np.where(numbers == 3, 0.5, 0.1)[:, None], (count, n, 3))
    steps[..., 0] += drift
    return np.cumsum(steps, axis=0) + rng.uniform(0, 8, (n, 3)), numbers


def direct(paths: np.ndarray, lag: int) -> np.ndarray:
    """(n, 3), mean over origins."""
    return ((paths[lag:] - paths[: len(paths) - lag]) ** 2).mean(axis=0)


def test_displacements_are_the_direct_sum_over_all_origins() -> None:
    paths, numbers = walk(75, drift=0.3)
    for name, fixed in {"none": 0.0, "Si": paths[:, numbers == 14].mean(axis=1, keepdims=True)}.items():
        table = sampled("msd", frames(paths, numbers, 50.0 * np.arange(75)), lags=40, drift=name).result()["msd"]
        np.testing.assert_allclose(table["lag_ps"], 0.05 * np.arange(41), rtol=1e-12)
        assert table["pairs"].tolist() == [75 - lag for lag in range(41)]
        for lag in range(41):
            expected = direct(paths - fixed, lag)
            for element, number in (("Li", 3), ("Si", 14)):
                mean = expected[numbers == number].mean(axis=0)
                found = [table[f"msd_{element}{axis}_A2"][lag] for axis in ("_x", "_y", "_z", "")]
                np.testing.assert_allclose(found, [*mean, mean.sum()], rtol=1e-9, atol=1e-9)


def test_drift_and_translation_change_nothing() -> None:
    (still, numbers), (moving, _) = walk(50), walk(50, drift=0.4)
    times = 10.0 * np.arange(50)
    before, after = (
        sampled("msd", frames(paths, numbers, times), lags=20).result() for paths in (still, moving + 55.5)
    )
    for table, columns in before.items():
        for name, values in columns.items():
            np.testing.assert_allclose(after[table][name], values, rtol=1e-8, atol=1e-9, err_msg=name)


def test_diffusion_of_random_walks() -> None:
    """D = step^2 / (2 interval): 0.5^2 / 2 / 0.1 ps for Li, within a few of its errors."""
    scores = []
    for seed in range(12):
        paths, numbers = walk(400, seed, n=40)
        rows = frames(paths, numbers, 100.0 * np.arange(400))
        row = sampled("msd", rows, lags=20, drift="none", fit_ps=[0.5, 1.5]).result()["diffusion"]
        scores.append((row["D_Li_A2_per_ps"][0] - 1.25) / row["D_Li_error_A2_per_ps"][0])
        assert row["D_Si_z_A2_per_ps"] == pytest.approx(0.05, rel=0.5) and row["fit_to_ps"] == 1.5
    assert abs(np.mean(scores)) < 1.0 and 0.4 < np.std(scores) < 2.0


def test_uneven_frames_are_paired_by_their_lag() -> None:
    """No pair is lost, none has another's lag: also where the interval changes, as with stages of a run."""
    paths, numbers = walk(30)
    times = np.concatenate([5.0 * np.arange(15), 71.0 + 10.0 * np.arange(15)])
    table = sampled("msd", frames(paths, numbers, times), lags=4, drift="none").result()["msd"]
    pairs = [(i, j) for j in range(30) for i in range(max(0, j - 4), j + 1)]
    lags = {round(times[j] - times[i], 6) for i, j in pairs}
    np.testing.assert_allclose(table["lag_ps"], np.sort(list(lags)) / 1000.0, rtol=1e-12)
    for row, lag in enumerate(sorted(lags)):
        apart = [((paths[j] - paths[i]) ** 2).sum(axis=1) for i, j in pairs if abs(times[j] - times[i] - lag) < 1e-6]
        assert table["pairs"][row] == len(apart)
        assert table["msd_Li_A2"][row] == pytest.approx(
            np.mean([each[numbers == 3].mean() for each in apart]), abs=1e-9
        )


@pytest.mark.parametrize("interval", (0.48378, 1.0 / 3.0, 0.0125, 7.3125))
def test_lags_of_any_interval_are_told_from_round_off(interval: float) -> None:
    """One row for each number of intervals, over parts that are merged; the spectrum reaches the longest."""
    (paths, numbers), times = walk(75), 1e6 + interval * np.arange(75)
    rows = frames(paths, numbers, times, paths)
    for name in ("msd", "vacf"):
        observable = sampled(name, rows[:31], lags=20, drift="none")
        observable.merge(sampled(name, rows[31:], rows[0], lags=20, drift="none"))
        tables = observable.result()
        assert tables[name]["pairs"].tolist() == [75 - lag for lag in range(21)]
        np.testing.assert_allclose(tables[name]["lag_ps"], 0.001 * interval * np.arange(21), rtol=1e-6, atol=1e-12)
    assert len(tables["spectrum"]["frequency_THz"]) == 21


def test_frames_of_a_minimiser_take_no_time() -> None:
    """Three frames at one time, the first two without velocities, then two more: pairs by hand."""
    paths, numbers = walk(5)
    times = np.array([0.0, 0.0, 0.0, 10.0, 20.0])
    velocities = np.where(np.arange(5)[:, None, None] < 2, 0.0, paths)
    rows = [replace(row, step=k) for k, row in enumerate(frames(paths, numbers, times, velocities))]
    table = sampled("msd", rows, lags=4, drift="none").result()["msd"]
    assert table["pairs"].tolist() == [5, 4, 3]
    apart = {0: [(k, k) for k in range(5)], 1: [(0, 3), (1, 3), (2, 3), (3, 4)], 2: [(0, 4), (1, 4), (2, 4)]}
    for lag, pairs in apart.items():
        expected = np.mean([((paths[b] - paths[a]) ** 2).sum(axis=1)[numbers == 3].mean() for a, b in pairs])
        assert table["msd_Li_A2"][lag] == pytest.approx(expected, abs=1e-9)
    moving = sampled("vacf", rows, lags=4, drift="none").result()["vacf"]
    for name, values in sampled("vacf", rows[2:], rows[0], lags=4, drift="none").result()["vacf"].items():
        np.testing.assert_array_equal(moving[name], values, err_msg=name)
    assert moving["pairs"].tolist() == [3, 2, 1]


@pytest.mark.parametrize("cuts", [(0, 1, 2, 60), (0, 0, 7, 60), (0, 25, 41, 60), (0, 30, 60, 60)])
def test_parts_of_any_length_are_the_whole(cuts: tuple[int, ...]) -> None:
    paths, numbers = walk(60)
    rows = frames(paths, numbers, 20.0 * np.arange(60))
    whole = sampled("msd", rows, lags=18).result()
    first, *others = [sampled("msd", rows[a:b], rows[0], lags=18) for a, b in zip(cuts, cuts[1:], strict=False)]
    for other in others:
        first.merge(other)
    for table, columns in whole.items():
        for name, values in columns.items():
            np.testing.assert_allclose(first.result()[table][name], values, rtol=1e-9, atol=1e-11, err_msg=name)


def test_autocorrelation_and_spectrum_of_oscillators() -> None:
    """v = cos(2 pi f t + phase) of 7 THz (Li) and 3 THz (Si): c = cos / 2, and a spectrum with its weight at f."""
    rng, interval, n, count = np.random.default_rng(5), 10.0, 60, 500
    numbers = np.where(np.arange(n) < 30, 3, 14)
    frequency = np.where(numbers == 3, 7.0, 3.0)[:, None] / 1000.0
    times, phases = interval * np.arange(count), rng.uniform(0, 2 * np.pi, (n, 3))
    velocities = 0.01 * np.cos(2 * np.pi * frequency * times[:, None, None] + phases)
    rows = frames(np.zeros((count, n, 3)), numbers, times, velocities)
    tables = sampled("vacf", rows, lags=200, drift="none").result()
    lags = tables["vacf"]["lag_ps"]
    for element, f in (("Li", 7.0), ("Si", 3.0)):
        chosen = velocities[:, numbers == (3 if element == "Li" else 14)]
        for lag in (0, 1, 57, 200):
            expected = (chosen[lag:] * chosen[: count - lag]).mean(axis=(0, 1)).sum()
            assert tables["vacf"][f"vacf_{element}_A2_per_fs2"][lag] == pytest.approx(expected, rel=1e-9)
        spectrum, grid = tables["spectrum"][f"spectrum_{element}_ps"], tables["spectrum"]["frequency_THz"]
        assert grid[np.argmax(spectrum)] == pytest.approx(f, abs=grid[1]) and lags[-1] == pytest.approx(2.0)
        assert np.trapezoid(spectrum, grid) == pytest.approx(1.0, abs=1e-9)
    assert tables["spectrum"]["wavenumber_per_cm"][1] == pytest.approx(0.25 * 33.35641, rel=1e-6)


def test_green_kubo_and_einstein_agree() -> None:
    """Langevin particles: c = kT/m exp(-gamma t), D = kT / (m gamma)."""
    rng, n, count, step, gamma = np.random.default_rng(3), 400, 1500, 5.0, 0.02
    decay, velocities = np.exp(-gamma * step), np.empty((count, n, 3))
    velocities[0] = rng.normal(0.0, 0.01, (n, 3))
    for k in range(1, count):
        velocities[k] = decay * velocities[k - 1] + rng.normal(0.0, 0.01 * np.sqrt(1 - decay**2), (n, 3))
    paths = np.cumsum(velocities, axis=0) * step
    rows = frames(paths, np.full(n, 3), step * np.arange(count), velocities)
    d = 0.01**2 / gamma * 1000.0
    row = sampled("vacf", rows, lags=100, drift="none").result()["diffusion"]
    assert abs(row["D_Li_A2_per_ps"][0] - d) < 3.0 * row["D_Li_error_A2_per_ps"][0] < 0.3 * d
    row = sampled("msd", rows, lags=200, drift="none").result()["diffusion"]
    assert abs(row["D_Li_A2_per_ps"][0] - d) < 4.0 * row["D_Li_error_A2_per_ps"][0] < 0.3 * d


def test_what_has_no_meaning_is_refused() -> None:
    paths, numbers = walk(2)
    rows = frames(paths, numbers, np.arange(2.0))
    with pytest.raises(
        ConfigError, match=r"msd.drift = Na: must be none, all, or an element of the atoms, Li, Si; correct"
    ):
        sampled("msd", rows, drift="Na")
    with pytest.raises(ConfigError, match=r"msd.fit_ps = \[2, 1\]: must be \[low, high\] with low < high"):
        sampled("msd", rows, fit_ps=[2, 1])
    blown = replace(rows[0], velocities=np.full(paths[0].shape, np.nan))
    with pytest.raises(StructureError, match="velocities of a frame = not finite: must be finite; check the run"):
        sampled("vacf", [blown])
    one = sampled("msd", rows[:1]).result()
    assert np.isnan(one["diffusion"]["D_Li_A2_per_ps"]).all() and one["msd"]["msd_Li_A2"].tolist() == [0.0]
