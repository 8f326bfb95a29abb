import numpy as np
import pytest
from ase.build import bulk

from hpcpot.commands.report.profile import density, shared_counts


def test_density_of_a_crystal_is_flat():
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (2, 2, 6)
    length = 6 * 5.43
    places, rho = density(atoms.positions[:, 2], atoms.numbers, 0.0, length, (2 * 5.43) ** 2, True, 2.0)
    assert list(rho) == ["Si"]
    assert np.allclose(rho["Si"], 8 / 5.43**3, rtol=1e-3)
    assert places[0] == pytest.approx(length - places[-1])


def test_integral_is_the_number_of_atoms_of_each_element():
    places = -3.0 + 31.0 * np.random.default_rng(0).random(42)
    numbers = np.array([3] * 30 + [14] * 12)
    middles, rho = density(places, numbers, -3.0, 31.0, 56.0, True, 1.0)
    width = middles[1] - middles[0]
    assert list(rho) == ["Li", "Si"]
    assert rho["Li"].sum() * width * 56.0 == pytest.approx(30)
    assert rho["Si"].sum() * width * 56.0 == pytest.approx(12)


def test_smoothing_is_a_gaussian_that_wraps():
    middles, rho = density(np.array([0.05]), np.array([3]), 0.0, 40.0, 25.0, True, 1.5)
    distance = np.minimum(np.abs(middles - 0.05), 40.0 - np.abs(middles - 0.05))
    expected = np.exp(-0.5 * (distance / 1.5) ** 2) / (1.5 * np.sqrt(2 * np.pi)) / 25.0
    # Sharing between bins of 0.2 Å adds at most 0.2²/4 to the variance: 0.22 % of the height.
    assert np.abs(rho["Li"] - expected).max() < 2.5e-3 * expected.max()
    assert rho["Li"][-1] > 0.9 * expected.max()


def test_open_ends_lose_no_atom_near_the_edge():
    assert shared_counts(np.array([0.01, 49.99, 50.0]), 50, False).sum() == pytest.approx(3)
    _, rho = density(np.array([0.01, 9.99]), np.array([3, 3]), 0.0, 10.0, 25.0, False, 0.3)
    assert rho["Li"][25] == pytest.approx(0, abs=1e-12)
