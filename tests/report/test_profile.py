import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from hpcpot.report.profile import density, height, shared_counts


def test_density_of_a_crystal_is_flat():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (2, 2, 6)
    middles, rho = density(atoms, 2, sigma=2.0)
    assert list(rho) == ["Si"]
    assert np.allclose(rho["Si"], 8 / 5.43**3, rtol=1e-3)
    assert middles[0] == pytest.approx(middles[-1] + 2 * middles[0] - 6 * 5.43)


def test_integral_is_the_number_of_atoms_of_each_element():
    generator = np.random.default_rng(0)
    atoms = Atoms("Li30Si12", cell=[7.0, 8.0, 31.0], pbc=True)
    atoms.set_scaled_positions(generator.random((42, 3)))
    middles, rho = density(atoms, 2, sigma=1.0)
    area = 7.0 * 8.0
    assert list(rho) == ["Li", "Si"]
    assert rho["Li"].sum() * (middles[1] - middles[0]) * area == pytest.approx(30)
    assert rho["Si"].sum() * (middles[1] - middles[0]) * area == pytest.approx(12)


def test_smoothing_is_a_gaussian_that_wraps():
    atoms = Atoms("Li", positions=[[0, 0, 0.05]], cell=[5, 5, 40.0], pbc=True)
    middles, rho = density(atoms, 2, sigma=1.5)
    distance = np.minimum(np.abs(middles - 0.05), 40.0 - np.abs(middles - 0.05))
    expected = np.exp(-0.5 * (distance / 1.5) ** 2) / (1.5 * np.sqrt(2 * np.pi)) / 25.0
    # Sharing between bins of 0.2 Å adds at most 0.2²/4 to the variance: 0.22 % of the height.
    assert np.abs(rho["Li"] - expected).max() < 2.5e-3 * expected.max()
    assert rho["Li"][-1] > 0.9 * expected.max()


def test_height_of_a_tilted_cell():
    atoms = Atoms("Li", cell=[[4, 0, 0], [0, 5, 0], [3, 0, 6.0]], pbc=True)
    assert height(atoms, 2) == pytest.approx(6.0)
    assert height(atoms, 1) == pytest.approx(5.0)
    assert height(atoms, 0) == pytest.approx(4 * 6 / np.hypot(3, 6))


def test_open_ends_lose_no_atom_near_the_edge():
    atoms = Atoms("Li2", positions=[[0, 0, 0.01], [0, 0, 9.99]], cell=[5, 5, 10.0], pbc=[True, True, False])
    assert shared_counts(atoms.positions[:, 2] / 10, 50, False).sum() == pytest.approx(2)
    _, rho = density(atoms, 2, sigma=0.3)
    assert rho["Li"][25] == pytest.approx(0, abs=1e-12)
