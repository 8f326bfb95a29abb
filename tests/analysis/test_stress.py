import numpy as np
import systems

from hpcpot.analysis.stress import regional
from hpcpot.units import AMU, EV_PER_A3_IN_GPA


def test_stress_of_regions():
    """Two halves along b, each with its own virials and velocities; the mean is the stress of the cell."""
    atoms = systems.crystal(2)
    lower = atoms.get_scaled_positions()[:, 1] < 0.5
    rng = np.random.default_rng(3)
    virials = np.where(lower[:, None, None], np.diag([1.0, 2.0, 3.0]), np.diag([0.0, -1.0, 0.5]))
    velocities, masses = rng.normal(0, 0.01, (64, 3)), np.full(64, 28.0)
    found = regional(atoms.positions, velocities, masses, virials, atoms.cell.array, (1, 2, 1))
    assert found.shape == (1, 2, 1, 3, 3)
    volume = atoms.get_volume() / 2
    for k, half in enumerate((lower, ~lower)):
        flux = 28.0 * AMU * velocities[half].T @ velocities[half]
        expected = -(flux + virials[half].sum(axis=0)) / volume * EV_PER_A3_IN_GPA
        np.testing.assert_allclose(found[0, k, 0], expected, rtol=1e-12)
    whole = regional(atoms.positions, velocities, masses, virials, atoms.cell.array, (1, 1, 1))
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), whole[0, 0, 0], rtol=1e-12)


def test_stress_of_a_tilted_cell_is_symmetric():
    atoms = systems.triclinic()
    n = len(atoms)
    virials = np.random.default_rng(4).normal(size=(n, 3, 3))
    found = regional(atoms.positions, np.zeros((n, 3)), np.ones(n), virials, atoms.cell.array, (2, 3, 2))
    np.testing.assert_allclose(found, found.swapaxes(-1, -2), atol=1e-12)
    total = -0.5 * (virials + virials.transpose(0, 2, 1)).sum(axis=0) / atoms.get_volume() * EV_PER_A3_IN_GPA
    np.testing.assert_allclose(found.mean(axis=(0, 1, 2)), total, rtol=1e-10)
