import numpy as np
import pulls
import pytest
from ase import Atoms

from hpcpot.commands.analyze import section


def test_a_slice_shows_its_atoms_where_they_are():
    atoms = pulls.block((4, 2, 7))
    lengths = atoms.cell.lengths()
    values = atoms.get_scaled_positions()[:, 1]  # grows along y
    one = section.cut(atoms, values, np.zeros(3), "yz", 0.5, 6.0)
    np.testing.assert_allclose(one.extent, lengths[[1, 2]])
    assert not np.isnan(one.values).any()
    columns = (np.arange(one.values.shape[1]) + 0.5) / one.values.shape[1]
    inner = (columns > 0.2) & (columns < 0.8)
    np.testing.assert_allclose(one.values[:, inner].mean(axis=0), columns[inner], atol=0.06)
    across = section.cut(atoms, values, np.zeros(3), "xz", 0.25, 4.0)
    assert np.abs(across.values - 0.25).max() < 2.0 / lengths[1] + 1e-9, "only atoms within half the thickness count"


def test_holes_are_blank():
    atoms = pulls.block((4, 2, 7))
    del atoms[np.linalg.norm(atoms.positions - atoms.cell.array.sum(axis=0) / 2, axis=1) < 9.0]
    one = section.cut(atoms, np.ones(len(atoms)), np.zeros(3), "xy", 0.5, 5.0)
    rows, columns = one.values.shape
    assert np.isnan(one.values[rows // 2, columns // 2])
    blank = np.isnan(one.values).sum() * np.prod(one.extent) / one.values.size
    assert np.pi * 6.0**2 < blank < np.pi * 9.5**2
    assert np.nanmin(one.values) == pytest.approx(1.0) and np.nanmax(one.values) == pytest.approx(1.0)


def test_a_particle_across_the_boundary_is_put_in_the_middle():
    positions = np.random.default_rng(1).uniform(-4, 4, (200, 3))
    atoms = Atoms("Si200", positions, cell=[30, 30, 30], pbc=True)
    atoms.wrap()
    corner = section.corner(atoms, np.zeros((200, 3)))
    places = section.places(atoms, corner)
    np.testing.assert_allclose(places - places.mean(axis=0), positions - positions.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose((places.min(axis=0) + places.max(axis=0)) / 2, 15.0, atol=1e-6)
    full = pulls.block((4, 2, 7))
    assert not section.corner(full, np.full((len(full), 3), 0.3)).any(), "a full cell stays as it is"


def test_a_particle_that_is_pulled_in_two_stays_in_the_middle():
    """Its crack is wider than what is left of the gap, and one part has crossed the boundary."""
    atoms = Atoms("Si200", np.random.default_rng(1).uniform(6, 14, (200, 3)), cell=[20, 20, 20], pbc=True)
    moved = np.zeros((200, 3))
    moved[atoms.positions[:, 1] > 10.0, 1] = 9.0 / 20.0
    torn = atoms.copy()
    torn.positions += moved * 20.0
    torn.wrap()
    places = section.places(torn, section.corner(atoms, moved))
    assert places[:, 1].min() == pytest.approx(20.0 - places[:, 1].max()) and np.ptp(places[:, 1]) < 17.0
    np.testing.assert_allclose(
        places - places[0], atoms.positions - atoms.positions[0] + 20 * (moved - moved[0]), atol=1e-9
    )
