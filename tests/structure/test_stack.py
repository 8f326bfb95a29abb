"""Stacks: a sphere of atoms at each centre, turned or not, none too near to another."""

import numpy as np
import pytest
from ase import Atoms

from hpcpot.structure import checks, crystals, sphere, stack
from hpcpot.structure.packing import Packing

CENTRES = np.array([[8.0, 8.0, 8.0], [21.9, 8.0, 8.0], [8.0, 24.0, 9.0]])
PACKING = Packing(CENTRES, np.array([8.0, 6.0, 8.0]), np.array([30.0, 34.0, 20.0]), 0.0)


def cut(radius: float) -> Atoms:
    unit = crystals.build("Li13Si4")
    return sphere.cut(unit.repeat(sphere.repeats(unit, radius)), radius, "Li")


def test_spheres_are_at_their_centres():
    atoms = stack.fill(PACKING, cut, 5.0, None)
    assert atoms.pbc.all() and atoms.cell.lengths() == pytest.approx([40, 44, 30])
    for k, (centre, radius) in enumerate(zip(PACKING.centres, PACKING.radii, strict=True)):
        mine, expected = atoms[atoms.arrays["particle"] == k], cut(radius)
        assert (mine.numbers == expected.numbers).all()
        assert np.allclose(mine.positions - centre - 5.0, expected.positions)


def test_rotations():
    """Rigid, proper, of each sphere its own, and those of the seed."""
    atoms, again, other = (stack.fill(PACKING, cut, 5.0, seed) for seed in (1, 1, 2))
    assert (atoms.positions == again.positions).all() and np.abs(atoms.positions - other.positions).max() > 1
    rotations = []
    for k, centre in enumerate(PACKING.centres):
        reference = cut(PACKING.radii[k]).positions
        turned = atoms.positions[atoms.arrays["particle"] == k] - centre - 5.0
        rotation = np.linalg.lstsq(reference, turned, rcond=None)[0]
        assert np.allclose(reference @ rotation, turned, atol=1e-9)
        assert np.allclose(rotation @ rotation.T, np.eye(3)) and np.linalg.det(rotation) == pytest.approx(1)
        rotations.append(rotation)
    assert np.abs(rotations[0] - rotations[2]).max() > 0.1


def test_contacts_are_taken_away():
    filled = stack.fill(PACKING, cut, 5.0, 1)
    atoms = stack.without_contacts(filled, 2.0)
    assert 0 < len(filled) - len(atoms) < 20
    checks.check(atoms, ("Li", "Si"), minimum_distance=2.0)
    assert (stack.without_contacts(atoms, 2.0).positions == atoms.positions).all()


def test_the_later_atom_goes_and_only_as_many_as_must():
    """A chain of three, 1.5 Å apart: the middle one goes. Two of one sphere stay; images count."""
    positions = [[1, 5, 5], [2.5, 5, 5], [4, 5, 5], [12, 1, 1], [12, 1, 2], [12, 1, 19.5]]
    atoms = Atoms("Li6", positions, cell=[20] * 3, pbc=True)
    atoms.set_array("particle", np.array([0, 1, 2, 3, 3, 4]))
    assert stack.without_contacts(atoms, 2.0).arrays["particle"].tolist() == [0, 2, 3, 3]
