"""The observable of an interface on synthetic slabs whose widths, fluxes and bonds are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analysis.test_profile import CENTRE, THICKNESS, VACUUM, WIDTH, slab
from ase import Atoms

from hpcpot.analysis import registry
from hpcpot.analysis.concentration import SMOOTHING, edge_width
from hpcpot.analysis.observable import Frame
from hpcpot.errors import ConfigError


def frame(atoms: Atoms, step: int, interval: float = 100.0) -> Frame:
    return Frame(
        step,
        interval * step,
        atoms.cell.array,
        np.array(atoms.pbc),
        atoms.numbers,
        atoms.get_masses(),
        atoms.positions,
        np.zeros((len(atoms), 3), np.int32),
    )


def observed(frames: list[Atoms], interval: float = 100.0, **options) -> dict:
    observable = registry.make("profile", frame(frames[0], 0), **options)
    for k, atoms in enumerate(frames):
        observable.sample(frame(atoms, k, interval))
    return observable.result()


def dissolving(count: int, per_frame: int) -> list[Atoms]:
    """A sharp interface at 60 Å whose outermost `per_frame` Si change places with Li between 100 and 115 Å in each frame."""
    rng, n = np.random.default_rng(4), 12000
    z = (np.arange(n) + 0.5) * 0.01
    first = Atoms(np.where(z < 60.0, "Si", "Li"), np.column_stack([rng.uniform(0, 20, (n, 2)), z]), pbc=True)
    first.set_cell([20.0, 20.0, THICKNESS + VACUUM])
    frames, taken = [first], rng.permutation(np.flatnonzero((z > 100.0) & (z < 115.0)))
    for k in range(count - 1):
        silicon = np.arange(6000 - (k + 1) * per_frame, 6000 - k * per_frame)
        lithium = taken[k * per_frame : (k + 1) * per_frame]
        frames.append(frames[-1].copy())
        frames[-1].positions[np.concatenate([silicon, lithium])] = frames[-1].positions[
            np.concatenate([lithium, silicon])
        ]
    return frames


def test_the_flux_of_atoms_that_dissolve_is_counted() -> None:
    """10 Si leave in 100 fs through 4 nm2: 25 000 / nm2 / ns; the front goes back by 0.1 Å in each frame."""
    tables = observed(dissolving(60, 10), bin_A=1.0)
    row, fronts = tables["interface"], tables["fronts"]
    assert row["host_flux_per_nm2_ns"] == pytest.approx(10 / 4.0 / 1e-4, rel=0.03)
    assert 0.0 < row["host_flux_error_per_nm2_ns"] < 0.03 * row["host_flux_per_nm2_ns"]
    assert row["host_crossings_per_nm2_ns"] == pytest.approx(10 / 4.0 / 1e-4, rel=0.05)
    assert 0.0 < row["host_crossings_error_per_nm2_ns"] < 0.1 * row["host_crossings_per_nm2_ns"]
    speed = np.polyfit(fronts["time_ps"], fronts["z_L_A"], 1)[0]
    assert speed == pytest.approx(-0.1 / 0.1, rel=0.05) and fronts["frames"].sum() == 60
    np.testing.assert_allclose(fronts["length_A"], fronts["z_R_A"] - fronts["z_L_A"])
    still = observed([dissolving(1, 10)[0]] * 8, bin_A=1.0)["interface"]
    assert still["host_flux_per_nm2_ns"] == pytest.approx(0.0, abs=1e-6) and still["host_crossings_per_nm2_ns"] == 0.0


@pytest.mark.filterwarnings("error")
def test_frames_of_a_minimiser_have_no_flux() -> None:
    row = observed(dissolving(20, 10), interval=0.0, bin_A=1.0)["interface"]
    assert all(np.isnan(values).all() for name, values in row.items() if "flux" in name or "crossings" in name)
    assert row["z_L_A"] > 0.0


def test_frames_of_a_minimiser_before_a_run_change_no_flux() -> None:
    """Of eight frames at one time the last is the first of the run; each frame is a block of its own."""
    frames, wild = dissolving(8, 10), dissolving(8, 300)
    observable = registry.make("profile", frame(wild[0], 0), bin_A=1.0)
    for k, atoms in enumerate(wild[:7] + frames):
        observable.sample(replace(frame(atoms, k), time=100.0 * max(k - 7, 0)))
    found, alone = observable.result(), observed(frames, bin_A=1.0)
    assert found["fronts"]["frames"].tolist() == [1] * 15
    for name, value in alone["interface"].items():
        if "flux" in name or "crossings" in name:
            assert found["interface"][name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("per_block", (1, 4))
def test_atoms_that_cross_are_counted_exactly(per_block: int) -> None:
    """Si from deep inside appear among the Li, some go back: in each block another number, while the front stays.

    10 blocks, one frame each or four: places of a block, the atoms left of the front and the rate follow by hand.
    """
    crossed, returned = [3, 0, 7, 1, 0, 12, 2, 5, 4], [0, 2, 0, 0, 1, 0, 6, 0, 0]
    frames, away = [dissolving(1, 10)[0]], []
    taken = iter(range(2000, 5000, 17))  # of layers that are full, far from the front and from the drift block
    for out, back in zip(crossed, returned, strict=True):
        atoms = frames[-1].copy()
        home, away = away[:back], away[back:]
        atoms.positions[home, 2] -= 60.0
        new = [next(taken) for _ in range(out)]
        atoms.positions[new, 2] += 60.0
        away += new
        frames.append(atoms)
    tables = observed([atoms for atoms in frames for _ in range(per_block)], bin_A=1.0)
    net, fronts, row = np.array(crossed) - returned, tables["fronts"], tables["interface"]
    assert fronts["frames"].tolist() == [per_block] * 10
    np.testing.assert_allclose(np.diff(fronts["host_left"]), -net, atol=1e-9)
    rates = net / (per_block * 1e-4) / 4.0  # 100 fs between frames, 4 nm2
    assert row["host_crossings_per_nm2_ns"][0] == pytest.approx(rates.mean(), rel=1e-9)
    assert row["host_crossings_error_per_nm2_ns"][0] == pytest.approx(rates.std(ddof=1) / 3.0, rel=1e-9)


def test_other_elements_are_not_the_host() -> None:
    """A frame with oxygen all over it has the densities, concentrations and bonds of one without."""
    pure = dissolving(1, 10)[0]
    mixed = pure + Atoms("O400", np.random.default_rng(2).uniform(0, [20, 20, 110], (400, 3)))
    for name, values in observed([pure], bin_A=2.0, bond_A=1.0)["profile"].items():
        np.testing.assert_array_equal(observed([mixed], bin_A=2.0, bond_A=1.0)["profile"][name], values, err_msg=name)


@pytest.mark.parametrize(
    ("options", "message"),
    (
        (
            {"thresholds": [0.95, 0.05]},
            r"profile.thresholds = \[0.95, 0.05\]: must be \[low, high\] with 0 < low < high < 1",
        ),
        ({"thresholds": [0.5, 1.5]}, r"profile.thresholds = \[0.5, 1.5\]: must be"),
        ({"inserted": "Na"}, "profile.inserted = Na: must be an element of the atoms besides Si, Li; correct it"),
        ({"inserted": "Si"}, "profile.inserted = Si: must be an element of the atoms besides Si, Li; correct it"),
    ),
)
def test_wrong_options(options, message) -> None:
    with pytest.raises(ConfigError, match=message):
        observed([slab()], **options)


def test_densities_and_widths_of_a_tanh() -> None:
    """The 10-90 % width of (1 - tanh(z / w)) / 2 is 2.197 w; smoothing widens it as it says."""
    z = np.linspace(0, 160, 321)
    density = np.where(z < THICKNESS, 0.5 * (1.0 - np.tanh((z - CENTRE) / WIDTH)), 0.0)
    width = edge_width(z, density, CENTRE - 10.0)
    assert width == pytest.approx(np.hypot(2.197 * WIDTH, 2.563 * SMOOTHING), rel=0.02)
    tables = observed([slab()], bin_A=0.5)
    bins, row = tables["profile"], tables["interface"]
    middle = (bins["z_A"] > 5) & (bins["z_A"] < 115)
    total = bins["host_density_per_A3"] + bins["inserted_density_per_A3"]
    assert total[middle].mean() == pytest.approx(41.3 / 400.0, rel=0.01)
    for name in ("host_width_A", "inserted_width_A"):
        assert row[name] == pytest.approx(width, rel=0.15), name
    assert np.isnan(edge_width(z, np.zeros(321), 50.0)) and np.isnan(edge_width(z, np.ones(321), 50.0))


def test_errors_are_those_of_the_frames() -> None:
    """Frames whose atoms are moved at random: the error is as large as the distance from the mean of six times as many."""
    rng, first, frames = np.random.default_rng(8), slab(), []
    for _ in range(192):
        frames.append(first.copy())
        frames[-1].positions[:, 2] += rng.normal(0.0, 1.5, len(first))
    few, many = (observed(rows, bin_A=2.0, block_A=[3.0, 30.0])["profile"] for rows in (frames[:32], frames))
    inside = (few["z_A"] > 50) & (few["z_A"] < 72)
    score = (few["concentration"] - many["concentration"])[inside] / few["concentration_error"][inside]
    assert 0.5 < np.sqrt(np.mean(score**2)) < 1.6


def test_host_atoms_around_inserted_ones() -> None:
    """Layers of a simple cubic lattice, four of Si and four of Li: of these only the first has a Si beside each atom."""
    layers = np.stack(np.meshgrid(*[np.arange(5) * 3.9] * 2, np.arange(8) * 3.9, indexing="ij"), axis=-1).reshape(-1, 3)
    atoms = Atoms(np.where(layers[:, 2] < 15.0, "Si", "Li"), layers, cell=[19.5, 19.5, 50.0], pbc=True)
    bins = observed([atoms], bin_A=3.9, bond_A=4.2)["profile"]
    held = bins["inserted"] > 0
    assert bins["host_around_inserted"][held].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert np.isnan(bins["host_around_inserted"][~held]).all()
    assert "host_around_inserted" not in observed([atoms], bin_A=3.9)["profile"]


def test_atoms_that_go_and_come_back_are_no_flux() -> None:
    """Ten Si that are deep in the Li in every fourth frame only; and ten that merely shake about z_L."""
    still = dissolving(1, 10)[0]
    gone, moved = still.copy(), np.r_[4000:5000:100, 10000:11000:100]
    gone.positions[moved] = gone.positions[np.roll(moved, 10)]
    frames = [(gone if k % 4 == 2 else still).copy() for k in range(13)]
    row = observed(frames, bin_A=1.0)["interface"]
    assert row["host_crossings_per_nm2_ns"] == 0.0 and row["host_crossings_error_per_nm2_ns"] > 0.0
    rng, shaken = np.random.default_rng(1), [still]
    edge = np.flatnonzero(np.abs(still.positions[:, 2] - 59.5) < 0.5)
    for _ in range(12):
        shaken.append(still.copy())
        shaken[-1].positions[edge, 2] += rng.uniform(-0.3, 0.3, len(edge))
    assert observed(shaken, bin_A=1.0)["interface"]["host_crossings_per_nm2_ns"] == 0.0
