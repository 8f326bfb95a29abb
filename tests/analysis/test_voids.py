import numpy as np
import pulls
import pytest
import systems
from ase.build import bulk

from hpcpot.analysis import voids
from hpcpot.analysis.observable import Frame
from hpcpot.analysis.registry import make

RADIUS = 2.03
"""Å, of none of the distances on a grid of 1 Å."""


def brute_force(positions, cell, periodic, shape, radius):
    """Free points by their definition, all distances and nearest images computed."""
    places = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij"), axis=-1).reshape(-1, 3)
    shifts = [np.array([-1, 0, 1]) if one else np.array([0]) for one in periodic]
    images = np.stack(np.meshgrid(*shifts, indexing="ij"), axis=-1).reshape(-1, 3)

    def within(points, centres):
        near = np.zeros(len(points), bool)
        for image in images:
            distance = np.linalg.norm(((points + image)[:, None] - centres[None]) @ cell, axis=2)
            near |= (distance < radius).any(axis=1)
        return near

    fractions = positions @ np.linalg.inv(cell)
    fractions = np.where(periodic, fractions % 1.0, fractions)
    far = ~within(places, fractions)
    return (far | within(places, places[far])).reshape(shape)


@pytest.mark.parametrize("periodic", [(True, True, True), (True, False, True)])
def test_free_volume_is_that_of_the_definition(periodic):
    rng = np.random.default_rng(2)
    cell, shape = np.diag([12.0, 13.0, 14.0]), (12, 13, 14)
    positions = rng.random((150, 3)) @ cell
    found = voids.find(positions, cell, np.array(periodic), shape, RADIUS)
    free = brute_force(positions, cell, np.array(periodic), shape, RADIUS)
    assert 0.1 < free.mean() < 0.9
    np.testing.assert_array_equal(found.labels > 0, free)
    assert found.fraction == free.mean()
    assert found.volumes.sum() == pytest.approx(free.sum(), rel=1e-12)  # a cell of the grid is 1 Å³


def test_a_tilted_cell_has_the_same_voids():
    """The same lattice of atoms in two cells that differ by a lattice vector."""
    atoms = bulk("Si", "diamond", 5.4, cubic=True) * 4
    del atoms[np.linalg.norm(atoms.positions - atoms.cell.array.sum(axis=0) / 2, axis=1) < 6.0]
    tilted = atoms.cell.array.copy()
    tilted[1] += tilted[0]
    a, b = (voids.find(atoms.positions, cell, atoms.pbc, (44, 44, 44), 2.5) for cell in (atoms.cell.array, tilted))
    assert b.volumes[0] == pytest.approx(a.volumes[0], rel=0.03)  # of the grid
    np.testing.assert_allclose(b.centres[0] @ tilted % 21.6, a.centres[0] @ atoms.cell.array, atol=0.3)


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_volume_of_a_hole(shift):
    """A sphere taken out of a crystal, also where it lies across the boundaries of the cell."""
    atoms = pulls.block((4, 2, 7))
    centre = atoms.cell.array.sum(axis=0) / 2
    del atoms[np.linalg.norm(atoms.positions - centre, axis=1) < 10.0]
    atoms.positions += shift * atoms.cell.array.sum(axis=0)
    found = voids.find(atoms.positions, atoms.cell.array, atoms.pbc, voids.grid_shape(atoms.cell.array, 0.7), 2.5)
    # It reaches to the centres of the atoms around it, on average less than half a distance of atoms beyond 10 Å.
    assert 4 / 3 * np.pi * 10.0**3 < found.volumes[0] < 4 / 3 * np.pi * 11.3**3
    assert not found.volumes[1:].any() and not found.spans.any()
    away = (found.centres[0] - 0.5 - shift + 0.5) % 1.0 - 0.5
    np.testing.assert_allclose(away @ atoms.cell.array, 0.0, atol=0.4)


def test_an_intact_crystal_has_none():
    atoms = pulls.block((4, 2, 7))
    atoms.rattle(0.12, seed=4)
    found = voids.find(atoms.positions, atoms.cell.array, atoms.pbc, voids.grid_shape(atoms.cell.array, 1.0), 2.5)
    assert found.fraction == 0 and not found.labels.any() and not found.volumes.any()


def test_a_crack_spans_the_cell_and_a_slab_has_an_outside():
    atoms = pulls.block((3, 2, 5))
    intact = voids.find(atoms.positions, atoms.cell.array, atoms.pbc, (20, 40, 20), 2.5)
    assert not voids.outside(intact, atoms.pbc).any()
    cell = atoms.cell.array * [[1], [1.5], [1]]
    found = voids.find(atoms.positions, cell, atoms.pbc, (20, 40, 20), 2.5)
    np.testing.assert_array_equal(found.spans[0], [True, False, True])
    assert found.volumes[0] == pytest.approx(found.fraction * abs(np.linalg.det(cell)), rel=1e-12)
    assert (voids.outside(found, atoms.pbc) == (found.labels == 1)).all()
    # Along an axis that is not periodic what touches its faces is outside, though it spans nothing.
    open_slab = systems.slab()
    found = voids.find(open_slab.positions, open_slab.cell.array, open_slab.pbc, (11, 11, 37), 2.5)
    assert voids.outside(found, open_slab.pbc)[:, :, [0, -1]].all()


def test_a_hole_is_followed_through_the_frames():
    """The hole that grows is found again before it is the largest; the other, there from the start, closes."""
    block = pulls.block((8, 4, 14))
    lengths = block.cell.lengths()
    growing, closing = np.array([0.3, 0.3, 0.3]) * lengths, np.array([0.75, 0.75, 0.75]) * lengths
    frames = []
    for a, b in ((0.0, 9.0), (5.0, 8.0), (7.0, 5.0), (10.0, 0.0)):
        kept = np.linalg.norm(block.positions - growing, axis=1) > a
        kept &= np.linalg.norm(block.positions - closing, axis=1) > b
        frames.append(voids.find(block.positions[kept], block.cell.array, block.pbc, (60, 60, 60), 2.5))
    links = [voids.link(a.labels, b.labels) for a, b in zip(frames, frames[1:], strict=False)]
    assert voids.follow(links, 3, 0) == [-1, 1, 0, 0]
    assert voids.follow(links, 0, 0) == [0, 0, 1, -1]
    np.testing.assert_allclose(frames[1].centres[1] * lengths, growing, atol=0.5)


def labelled(labels: list[int], volumes: list[float]) -> voids.Voids:
    """Of a cell of 8 points and 8 Å³; the first void spans it."""
    padded, spans = np.zeros(voids.KEPT), np.zeros((voids.KEPT, 3), bool)
    padded[: len(volumes)], spans[0] = volumes, True
    grid = np.array(labels, np.uint8).reshape(2, 2, 2)
    return voids.Voids(grid, np.count_nonzero(grid) / 8, padded, np.full((voids.KEPT, 3), 0.25), spans)


def test_a_notch_that_closes_is_a_hole_from_then_on():
    """Before, its points belong to the space outside, which is no hole and has no place."""
    frames = [
        Frame(step, float(step), 2.0 * np.eye(3), np.ones(3, bool), np.zeros(0, int), np.zeros(0), np.zeros((0, 3)))
        for step in range(3)
    ]
    outside = np.arange(voids.KEPT) == 0
    volume = voids.FreeVolume(frames[0], 1.0, 1.0)
    volume.add(frames[0], labelled([0, 0, 0, 0, 0, 0, 1, 1], [2.0]), outside)
    volume.add(frames[1], labelled([0, 0, 0, 0, 1, 1, 1, 1], [4.0]), outside)
    volume.add(frames[2], labelled([0, 0, 0, 0, 2, 0, 1, 1], [2.0, 1.0]), outside)
    table = volume.result()["voids"]
    np.testing.assert_allclose(table["void_fraction"], [0.0, 0.0, 0.125])
    np.testing.assert_array_equal(table["hole_A3"], [0.0, 0.0, 1.0])
    np.testing.assert_array_equal(np.isnan(table["hole_x_A"]), [True, True, False])
    assert not table["hole_spans_a"].any()


def test_a_void_is_followed_over_a_restart_though_another_was_larger():
    """Two holes, of which the second outgrows the first just after the accumulators were kept."""
    grid = np.stack(np.meshgrid(*3 * [np.arange(0.5, 24.0, 1.5)], indexing="ij"), axis=-1).reshape(-1, 3)
    centres, cell = np.array([[6.0, 6.0, 6.0], [18.0, 18.0, 18.0]]), np.diag([24.0, 24.0, 24.0])

    def frame(k: int, radii: tuple[float, float]) -> Frame:
        far = [np.linalg.norm(grid - centre, axis=1) > radius for centre, radius in zip(centres, radii, strict=True)]
        positions = grid[far[0] & far[1]]
        numbers, masses = np.full(len(positions), 14), np.full(len(positions), 28.085)
        return Frame(k, float(k), cell, np.ones(3, bool), numbers, masses, positions)

    frames = [frame(k, radii) for k, radii in enumerate([(5.0, 3.8), (5.0, 4.2), (4.2, 5.2), (3.8, 6.0)])]
    whole, before, after = (make("voids", frames[0], radius_A=2.0, spacing_A=1.0) for _ in range(3))
    for each in frames:
        whole.sample(each)
    for each in frames[:2]:
        before.sample(each)
    after.restore(before.state())
    for each in frames[2:]:
        after.sample(each)
    expected, columns = whole.result()["voids"], after.result()["voids"]
    np.testing.assert_allclose(expected["hole_x_A"], 18.0, atol=0.5)
    assert (np.diff(expected["hole_A3"]) > 0).all()
    for name, values in expected.items():
        np.testing.assert_array_equal(columns[name], values, err_msg=name)
