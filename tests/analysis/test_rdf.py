"""Radial distribution functions against ASE's neighbour lists, crystals, an ideal gas and peaks of known form."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from hpcpot.analysis import registry
from hpcpot.analysis.observable import Frame
from hpcpot.analysis.rdf import RadialDistribution, first_peak
from hpcpot.errors import ConfigError, StructureError
from hpcpot.neighbors.distances import histogram


def frame(atoms: Atoms, step: int = 0) -> Frame:
    return Frame(
        step, float(step), atoms.cell.array, np.array(atoms.pbc), atoms.numbers, atoms.get_masses(), atoms.positions
    )


def made(frames: list[Atoms], **options: float) -> RadialDistribution:
    observable = registry.make("rdf", frame(frames[0]), **options)
    for k, atoms in enumerate(frames):
        observable.sample(frame(atoms, 10 * k))
    return observable


def random(seed: int, shape: tuple[int, ...], periodic: bool | list[bool] = True, skew: float = 0.0) -> Atoms:
    rng = np.random.default_rng(seed)
    cell = np.diag(np.array(shape, float)) + rng.normal(0.0, skew, (3, 3)) * skew
    n = int(0.04 * abs(np.linalg.det(cell))) + 2
    return Atoms(rng.choice([3, 14], n), rng.uniform(-1.0, 2.0, (n, 3)) @ cell, cell=cell, pbc=periodic)


CASES = {
    "large": random(1, (24, 22, 31)),
    "skewed": random(2, (9, 8, 11), skew=1.4),
    "smaller than the reach": random(3, (4, 6, 3)),
    "one atom": Atoms("Si", cell=[[3, 0, 0], [1, 3, 0], [0, 1, 4]], pbc=True),
    "slab": random(4, (8, 9, 30), [True, True, False]),
    "open": random(5, (20, 9, 12), False, 1.0),
}


@pytest.mark.parametrize("name", CASES)
def test_counts_are_those_of_neighbor_lists(name: str) -> None:
    atoms = CASES[name]
    species, reach, bins = (atoms.numbers == 14).astype(int), 7.0, 61
    counts = histogram(atoms.positions, atoms.cell.array, np.array(atoms.pbc), species, 2, reach, bins)
    i, j, r = neighbor_list("ijd", atoms, reach)
    assert len(r) > 0
    for a, b in np.ndindex(2, 2):
        chosen = r[(species[i] == a) & (species[j] == b)]
        expected = np.bincount((chosen * bins / reach).astype(int), minlength=bins)[:bins]
        np.testing.assert_array_equal(counts[a, b] * (1 + (a == b)), expected)


def test_neither_translation_nor_wrapping_changes_anything() -> None:
    atoms = CASES["skewed"]
    moved = atoms.copy()
    moved.positions += [7.7, -3.1, 123.4]
    moved.wrap()
    before, after = (made([each], r_max_A=7.0).result() for each in (atoms, moved))
    for name, values in before["rdf"].items():
        np.testing.assert_allclose(after["rdf"][name], values, rtol=0, atol=1e-9, err_msg=name)


def test_an_ideal_gas_has_a_g_of_one_and_its_error_covers_it() -> None:
    rng, cell = np.random.default_rng(1), np.diag([14.0, 15.0, 16.0])
    gas = [Atoms("Li60Si90", rng.uniform(0, 1, (150, 3)) @ cell, cell=cell, pbc=True) for _ in range(64)]
    table = made(gas, r_max_A=9.0, bin_A=0.5).result()["rdf"]
    for name, expected in {"Li_Li": 1 - 1 / 60, "Li_Si": 1.0, "Si_Si": 1 - 1 / 90}.items():
        score = (table[f"g_{name}"] - expected)[4:] / table[f"g_{name}_error"][4:]
        assert 0.4 < np.sqrt(np.mean(score**2)) < 1.8, name
    np.testing.assert_allclose(table["coordination_Li_Si"][-1], 90 * 4 / 3 * np.pi * 9.0**3 / (14 * 15 * 16), rtol=0.02)
    assert table["coordination_Si_Li"][-1] == pytest.approx(table["coordination_Li_Si"][-1] * 60 / 90)


def test_shells_of_a_crystal() -> None:
    rng, frames = np.random.default_rng(2), []
    for _ in range(10):
        frames.append(bulk("Si", "diamond", 5.43, cubic=True) * 2)
        frames[-1].positions += rng.normal(0.0, 0.06, (64, 3))
    peaks = made(frames, r_max_A=5.0).result()["peaks"]
    assert peaks["first_peak_Si_Si_A"] == pytest.approx(5.43 * np.sqrt(3) / 4, abs=0.01)
    assert 0.0 < peaks["first_peak_Si_Si_error_A"] < 0.01
    assert peaks["coordination_Si_Si"] == pytest.approx(4.0, abs=1e-12) and peaks["frames"] == 10
    assert 2.7 < peaks["first_minimum_Si_Si_A"] < 3.5


def test_the_volume_of_each_frame_counts() -> None:
    """Two frames of two atoms 3 Å apart: g is the mean of both, each with the density of its own cell."""
    frames = [Atoms("LiSi", [[0, 0, 0], [3.01, 0, 0]], cell=[edge] * 3, pbc=True) for edge in (20.0, 30.0)]
    table = made(frames, r_max_A=5.0, bin_A=0.1).result()["rdf"]
    shell = 4 / 3 * np.pi * (3.1**3 - 3.0**3)
    assert table["g_Li_Si"].max() == pytest.approx((20.0**3 + 30.0**3) / 2 / shell, rel=1e-9)
    given = made(frames, r_max_A=5.0, bin_A=0.1, volume_A3=500.0).result()["rdf"]
    assert given["g_Li_Si"].max() == pytest.approx(500.0 / shell, rel=1e-9)


def test_the_fit_of_a_peak() -> None:
    """A Gaussian comes back exactly, wherever it lies between bins; noise moves it little."""
    r = (np.arange(400) + 0.5) * 0.02
    for position in (2.4, 2.407, 2.415):
        g = 2.7 * np.exp(-0.5 * ((r - position) / 0.11) ** 2) + 1.5 * np.exp(-0.5 * ((r - 4.0) / 0.3) ** 2)
        found = first_peak(r, g)
        assert found[0] == pytest.approx(position, abs=1e-4) and found[1] == pytest.approx(2.7, abs=1e-3)
        assert 2.7 < found[2] < 3.3
        noisy = np.maximum(g + np.random.default_rng(1).normal(0, 0.05, len(g)), 0.0)
        assert first_peak(r, noisy)[0] == pytest.approx(position, abs=0.02)
    assert np.isnan(first_peak(r, np.zeros(400))).all()
    assert np.isnan(first_peak(r, r)).all() and np.isnan(first_peak(r[:3], g[:3])).all()
    assert np.isnan(first_peak(r, np.exp(-0.5 * (r - 3.0) ** 2))[2]), "which falls to the last bin"


def test_what_has_no_meaning_is_refused() -> None:
    with pytest.raises(ConfigError, match="rdf.volume_A3 = null: must be given where the cell is not periodic"):
        made([CASES["slab"]])
    assert made([CASES["slab"]], volume_A3=2000.0).result()["rdf"]["g_Li_Si"].any()
    for width in (11.0, 1e-6):
        with pytest.raises(ConfigError, match=f"rdf.bin_A = {width:g}: must make 1 to 100000 bins up to r_max_A = 10"):
            made([CASES["large"]], bin_A=width)
    with pytest.raises(ConfigError, match="rdf.r_max_A = 10: must be a whole number of bins of 0.03 Å; give e.g. 9.99"):
        made([CASES["large"]], bin_A=0.03)
    assert made([CASES["large"]], bin_A=0.03, r_max_A=9.99).result()["rdf"]["r_A"][-1] == pytest.approx(9.975)
    with pytest.raises(StructureError, match="reach of distances = inf Å: must be positive and at most"):
        histogram(np.zeros((1, 3)), np.eye(3), np.zeros(3, bool), np.zeros(1, int), 1, np.inf, 3)
