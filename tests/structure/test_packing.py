"""Packings of spheres: at rest, apart, in the box, and refused where they cannot be."""

import numpy as np
import pytest

from hpcpot.errors import StructureError
from hpcpot.structure import packing

LINES: list[str] = []


def forces(packed: packing.Packing) -> np.ndarray:
    """Sums of gravity and of the undamped contacts, in parts of each weight: by hand, for all pairs and walls."""
    masses = 4 / 3 * np.pi * packed.radii**3
    stiffness, _, _ = packing.contact_model(masses.min())
    total = np.zeros_like(packed.centres)
    total[:, 2] = -masses
    for i in range(len(masses)):
        contacts = [(packed.centres[i] - packed.centres[j], packed.radii[j]) for j in range(len(masses)) if j != i]
        for axis in range(3):
            for wall in (0.0, packed.box[axis]):
                away = np.zeros(3)
                away[axis] = packed.centres[i, axis] - wall
                contacts.append((away, 0.0))
        for away, other in contacts:
            distance = np.linalg.norm(away)
            depth = packed.radii[i] + other - distance
            reduced = packed.radii[i] * other / (packed.radii[i] + other) if other else packed.radii[i]
            if depth > 0:
                total[i] += stiffness * np.sqrt(reduced) * depth**1.5 * away / distance
    return total / masses[:, None]


@pytest.fixture(scope="module")
def fifty():
    LINES.clear()
    return packing.pour(np.repeat([10.0, 15.0], 25), np.full(3, 100.0), 1, LINES.append)


def test_fifty_spheres_of_the_study_fit(fifty):
    assert sorted(fifty.radii) == [10.0] * 25 + [15.0] * 25
    assert fifty.fraction == pytest.approx(0.458, abs=5e-4)
    assert LINES[0].startswith("pour: 10 of 50 spheres") and LINES[4].startswith("pour: 50 of 50 spheres")
    assert LINES[5].startswith("pour: a lid presses") and len(LINES) == 6


def test_spheres_do_not_overlap(fifty):
    for i in range(50):
        for j in range(i):
            reach = fifty.radii[i] + fifty.radii[j]
            depth = reach - np.linalg.norm(fifty.centres[i] - fifty.centres[j])
            assert depth < 0.01 * min(fifty.radii[i], fifty.radii[j])
    assert (fifty.centres > 0.99 * fifty.radii[:, None]).all()
    assert (fifty.centres < 100 - 0.99 * fifty.radii[:, None]).all()
    assert 0 < fifty.overlap < 0.01


def test_spheres_rest_on_each_other(fifty):
    """Contacts carry each weight: the net force is a small part of it."""
    assert np.abs(forces(fifty)).max() < 0.05


def test_equal_seeds_give_equal_packings():
    radii = np.repeat([10.0, 15.0], [4, 3])
    one, same, other = (packing.pour(radii, np.array([50.0, 70.0, 80.0]), seed, LINES.append) for seed in (3, 3, 4))
    assert (one.centres == same.centres).all() and (one.radii == same.radii).all()
    assert np.abs(one.centres - other.centres).max() > 1


def test_a_sphere_comes_to_rest_on_the_floor():
    packed = packing.pour([10.0], [40.0, 50.0, 60.0], 1, LINES.append)
    mass = 4 / 3 * np.pi * 10.0**3
    stiffness, _, _ = packing.contact_model(mass)
    depth = (mass / stiffness / np.sqrt(10.0)) ** (2 / 3)
    assert packed.centres[0, 2] == pytest.approx(10.0 - depth, abs=1e-3 * depth)
    assert packed.overlap == pytest.approx(depth / 10.0, rel=1e-3)


def test_restitution_of_a_bounce():
    """A fast sphere that hits the floor comes back with a small part of its speed."""
    masses = np.array([4 / 3 * np.pi * 10.0**3])
    model = packing.contact_model(masses[0])
    centres, velocities = np.array([[50.0, 50.0, 10.0001]]), np.array([[0.0, 0.0, -20.0]])
    for _ in range(1000):
        packing.settle(centres, velocities, np.array([10.0]), masses, np.full(3, 100.0), *model, 1)
        if centres[0, 2] > 10.0 and velocities[0, 2] > 0:
            break
    assert 0 < velocities[0, 2] / 20.0 < 0.3


@pytest.mark.parametrize(
    ("counts", "box", "message"),
    [
        (
            (40, 40),
            (100, 100, 100),
            "packing fraction = 0.733 for 80 spheres in 100 x 100 x 100 Å: random spheres fill "
            "at most 0.66; take a box about 147 Å high, small spheres instead of large ones, or fewer",
        ),
        ((0, 1), (100, 29, 100), "largest sphere = radius 15 Å: must fit into the box of 100 x 29 x 100 Å"),
        (
            (6, 4),
            (50, 50, 50),
            "packing fraction = 0.653 for 10 spheres .*: the lid presses them .*% of a radius into "
            "each other, 1% is allowed; take a box about 65 Å high",
        ),
    ],
)
def test_what_cannot_be_packed(counts, box, message):
    with pytest.raises(StructureError, match=message):
        packing.pour(np.repeat([10.0, 15.0], counts), np.array(box, float), 1, LINES.append)


def test_spheres_that_do_not_come_to_rest(monkeypatch):
    monkeypatch.setattr(packing, "LONGEST_REST", 1)
    with pytest.raises(StructureError, match="kinetic energy of the packing = .* m g R: must come below 1e-06"):
        packing.pour(np.full(8, 10.0), np.full(3, 50.0), 1, LINES.append)
