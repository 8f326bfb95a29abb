"""Spheres: whole, once each atom, about the centre that was asked for."""

import numpy as np
import pytest
from ase import Atoms

from hpcpot.errors import StructureError
from hpcpot.structure import checks, crystals, sphere


def brute_force(unit: Atoms, radius: float, centre: np.ndarray) -> np.ndarray:
    """Atomic numbers and positions about a point of the infinite crystal, from more cells than can matter."""
    count = int(np.ceil(radius / np.linalg.svd(unit.cell.array, compute_uv=False)[-1])) + 2
    shifts = np.stack(np.meshgrid(*[np.arange(-count, count + 1)] * 3), axis=-1).reshape(-1, 3) @ unit.cell.array
    start = np.round(centre @ np.linalg.inv(unit.cell.array)) @ unit.cell.array
    points = (unit.positions[:, None] + shifts + start - centre).reshape(-1, 3)
    rows = np.column_stack([np.repeat(unit.numbers, len(shifts)), points])
    return in_order(rows[np.linalg.norm(points, axis=1) <= radius])


def in_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(np.round(rows, 4).T)]


@pytest.mark.parametrize("name", ["Li13Si4", "LiSi", "LiSi3", "Li7Si3", "Si"])
@pytest.mark.parametrize("primitive", [False, True])
@pytest.mark.parametrize("centre", ["middle", (0.3, 0.1, -0.2), (40.0, -77.0, 1000.5)])
def test_every_atom_of_the_infinite_crystal_is_there_once(name, primitive, centre):
    unit = crystals.build(name, primitive=primitive)
    block = unit.repeat(sphere.repeats(unit, 11.3))
    point = block.positions.mean(axis=0) if centre == "middle" else np.array(centre)
    found = sphere.cut(block, 11.3, "centroid" if centre == "middle" else centre)
    expected = brute_force(unit, 11.3, point)
    assert np.allclose(in_order(np.column_stack([found.numbers, found.positions])), expected, atol=1e-9)
    assert not found.pbc.any() and not found.cell.array.any()


def test_larger_blocks_give_the_same_sphere():
    unit = crystals.build("LiSi", primitive=True)
    least = sphere.repeats(unit, 20.0)
    spheres = [sphere.cut(unit.repeat([n + k for n in least]), 20.0, (1.0, 2.0, 3.0)) for k in (0, 1, 3)]
    rows = [in_order(np.column_stack([found.numbers, found.positions])) for found in spheres]
    assert np.allclose(rows[0], rows[1], atol=1e-9) and np.allclose(rows[0], rows[2], atol=1e-9)


def test_repeats_are_the_least_that_hold_the_sphere():
    unit = crystals.build("Li7Si3")
    least = sphere.repeats(unit, 30.0)
    sphere.check_size(unit.repeat(least), 30.0)
    for axis in range(3):
        smaller = unit.repeat([n - (k == axis) for k, n in enumerate(least)])
        with pytest.raises(StructureError, match="diameter of the sphere = 60 Å"):
            sphere.check_size(smaller, 30.0)


def test_published_particles():
    """Counts for R = 30 Å: 7,334 to 7,363 for the Li sites of Li13Si4, 7,254 for LiSi, 8,397 for LiSi3 within 2 %."""
    unit = crystals.build("Li13Si4")
    block = unit.repeat(sphere.repeats(unit, 30.0))
    counts = [len(sphere.cut(block, 30.0, tuple(point))) for point in unit.positions[unit.symbols == "Li"][::3]]
    assert 7334 <= min(counts) < max(counts) <= 7363
    for name, constant, count, tolerance in (("LiSi", None, 7254, 0.0), ("LiSi3", 5.24, 8397, 0.02)):
        unit = crystals.build(name, lattice_constant=constant)
        found = sphere.cut(unit.repeat(sphere.repeats(unit, 30.0)), 30.0, "Li")
        assert len(found) == pytest.approx(count, rel=tolerance)


@pytest.mark.parametrize("element", ["Li", "Si"])
def test_centre_is_the_atom_nearest_the_middle(element):
    block = crystals.build("Li13Si4", (2, 2, 4))
    found = sphere.cut(block, 6.0, element)
    nearest = np.argmin(np.linalg.norm(found.positions, axis=1))
    assert np.allclose(found.positions[nearest], 0) and found.symbols[nearest] == element
    chosen = sphere.middle(block, element)
    distances = np.linalg.norm(block.positions[block.symbols == element] - block.cell.lengths() / 2, axis=1)
    assert np.linalg.norm(chosen - block.cell.lengths() / 2) == pytest.approx(distances.min())


def test_surrounded_by_vacuum():
    unit = crystals.build("Li13Si4")
    atoms = sphere.surrounded(sphere.cut(unit.repeat(sphere.repeats(unit, 12.0)), 12.0, "Li"), 12.0, 15.0)
    assert atoms.pbc.all() and atoms.cell.array == pytest.approx(np.eye(3) * 39.0)
    assert np.linalg.norm(atoms.positions - 19.5, axis=1).max() <= 12.0
    checks.check(atoms, ("Li", "Si"), minimum_distance=2.3)


@pytest.mark.parametrize(
    ("radius", "centre", "message"),
    [
        (9.0, "Li", "diameter of the sphere = 18 Å: must be less than .* 15.8, 15.0, 17.7 Å; repeat it 2x2x2 times"),
        (5.0, "Ge", r"centre of the sphere = Ge: must be an element of the structure \(Li, Si\), centroid or a point"),
        (0.1, "centroid", "sphere of 0.1 Å = 0 atoms: must hold at least one"),
    ],
)
def test_refusals(radius, centre, message):
    with pytest.raises(StructureError, match=message):
        sphere.cut(crystals.build("Li13Si4", (2, 1, 4)), radius, centre)


def test_refuses_a_block_that_is_not_periodic():
    block = crystals.build("Si", (3, 3, 3))
    block.pbc[2] = False
    for refused in (lambda: sphere.cut(block, 3.0, "Si"), lambda: sphere.repeats(block, 3.0)):
        with pytest.raises(StructureError, match=r"periodicity of the block = \[True, True, False\]: must be all true"):
            refused()
