"""Structures, packings, analysis of trajectories and pictures."""

from __future__ import annotations

import numpy as np
import systems
from bounds.table import BAD, HUGE, INFINITE, case, refused

from hpcpot.analysis import bonds, reference, strain, voids
from hpcpot.commands.analyze import render
from hpcpot.dataset import derived
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import DataError, StructureError
from hpcpot.neighbors import batch
from hpcpot.neighbors.distances import histogram
from hpcpot.neighbors.pairs import Pairs
from hpcpot.selection import farthest, points
from hpcpot.structure import images, packing

OPEN = np.zeros(3, bool)
CUBE = np.eye(3) * 9.0


@case("structure.images:images")
def periodic_images() -> None:
    atoms = systems.crystal(1)
    cell, periodic = atoms.cell.array, np.asarray(atoms.pbc)
    for within in (np.nan, np.inf, 1e300, 1e5):
        refused(StructureError, images.with_images, atoms.positions, cell, periodic, within)
    for number in (np.nan, *INFINITE, 0.0):
        broken = cell.copy()
        broken[2] = number
        refused(StructureError, images.with_images, atoms.positions, broken, periodic, 3.0)
        refused(StructureError, images.refuse_many_images, 8, broken, periodic, 3.0)
    for within in (0.0, -3.0, -1e300):
        assert len(images.with_images(atoms.positions, cell, periodic, within)[0]) <= 8
    assert len(images.with_images(np.zeros((0, 3)), cell, periodic, 3.0)[0]) == 0
    for number in BAD:
        assert len(images.images(np.full((2, 3), number), np.full(3, 0.5))[0]) == 0
        owners, _ = images.images(np.array([[0.1, number, 0.1], [0.1, 0.1, 0.1]]), np.full(3, 0.2))
        assert np.bincount(owners).tolist() == [3, 7]  # none along y of the lost one


@case("structure.packing:settle")
def packings() -> None:
    for number in (*BAD, 0.0):
        refused(StructureError, packing.pour, np.array([10.0, number]), np.full(3, 50.0), 1, print)
        refused(StructureError, packing.pour, np.array([10.0]), np.array([50.0, 50.0, number]), 1, print)
    refused(StructureError, packing.pour, np.zeros(0), np.full(3, 50.0), 1, print)
    model = packing.contact_model(1.0)
    for number in (*BAD, 0.0):
        spheres = packing.Spheres(np.ones(3))
        spheres.centres[:] = [[2.0, 2.0, 2.0], [2.0, 2.0, number], [5.0, 5.0, 5.0]]
        spheres._step(3, np.full(3, 9.0), 9.0, 3)
        assert np.isfinite(spheres.centres[2]).all(), "the one apart"
        assert np.isfinite(number) or not np.isfinite(spheres.centres[1, 2])
    together = np.full((2, 3), 4.0)
    arrays = together, np.zeros((2, 3)), np.ones(2), np.ones(2), np.full(3, 9.0)
    packing.settle(*arrays, *model, 2)
    assert np.isfinite(together).all() and together[1, 2] > together[0, 2]
    for steps in (0, -5):
        packing.settle(*(values[:0] for values in arrays[:4]), arrays[4], *model, steps)


@case("analysis.strain:_strain")
def strains() -> None:
    atoms = systems.crystal(2)
    first = reference.make_reference(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), 4.0)
    for number in (np.nan, *INFINITE):
        refused(StructureError, strain.strain, first, moved(atoms.positions, number), atoms.cell.array)
        refused(StructureError, reference.make_reference, moved(atoms.positions, number), CUBE, OPEN, 4.0)
    for number in (1e300, -1e300):
        open_reference = first._replace(periodic=OPEN)
        strains = strain.strain(open_reference, moved(atoms.positions, number), atoms.cell.array)
        assert not np.isfinite(strains.d2min[2]) and not np.isfinite(strains.shear[2])
    refused(StructureError, strain.strain, first, atoms.positions[:5], atoms.cell.array)
    refused(StructureError, strain.strain, first, atoms.positions, np.zeros((3, 3)))
    flat = np.zeros((9, 3))
    flat[:, 0] = np.arange(9.0)
    in_line = reference.make_reference(flat, CUBE, OPEN, 4.0)
    assert not strain.strain(in_line, flat, CUBE).valid.any()
    none = reference.make_reference(flat[:1], CUBE, OPEN, 4.0)
    assert not strain.strain(none, flat[:1], CUBE).valid.any()


@case("analysis.bonds:_count", "analysis.bonds:_count_broken")
def bond_counts() -> None:
    atoms = systems.crystal(1)
    cell, periodic, species = atoms.cell.array, np.asarray(atoms.pbc), (atoms.numbers > 3).astype(int)
    lengths = np.full((2, 2), 2.8)
    for number in (np.nan, *INFINITE):
        refused(StructureError, bonds.coordination, moved(atoms.positions, number), cell, periodic, species, lengths)
        refused(StructureError, bonds.coordination, atoms.positions, cell * number, periodic, species, lengths)
        refused(StructureError, bonds.coordination, atoms.positions, cell, OPEN, species, lengths * number)
    refused(StructureError, bonds.coordination, atoms.positions, cell * 0.0, periodic, species, lengths)
    refused(StructureError, bonds.coordination, atoms.positions, cell, periodic, species, lengths * 1e6)
    known = bonds.make_bonds(atoms.positions, cell, periodic, species, lengths)
    known = bonds.Bonds(known.reference._replace(periodic=OPEN), species, lengths, known.coordination)
    assert bonds.broken(known, moved(atoms.positions, 1e300), cell, 1.2)[2] == known.coordination[2].sum() > 0
    for stretch in (np.nan, np.inf):
        assert not bonds.broken(known, atoms.positions, cell, stretch).any()


@case("neighbors.distances:_count")
def distances() -> None:
    points, species = np.array([[1.0, 1.0, 1.0], [3.0, 1.0, 1.0], [1.0, 8.0, 1.0]]), np.array([0, 1, 1])
    for number in (np.nan, *INFINITE, *HUGE):
        refused(StructureError, histogram, moved(points, number), CUBE, ~OPEN, species, 2, 4.0, 8)
        refused(StructureError, histogram, points, CUBE, OPEN, species, 2, number, 8)
        refused(StructureError, histogram, points, CUBE * number, ~OPEN, species, 2, 4.0, 8)
    for reach in (0.0, -3.0, 1e6):
        refused(StructureError, histogram, points, CUBE, ~OPEN, species, 2, reach, 8)
    refused(StructureError, histogram, points, CUBE * 0.0, ~OPEN, species, 2, 4.0, 8)
    assert histogram(points, CUBE, ~OPEN, species, 2, 4.0, 8).sum() == 5  # of 0 and 1, 0 and 2 twice, 1 and 2
    for number in (9e9, -9e9, 0.0):
        for reach in (1e-300, 1e-3, 4.0, 1e10):
            assert histogram(moved(points, number), CUBE, OPEN, species, 2, reach, 8).sum() <= 6
    for n_bins in (0, 1):
        assert histogram(points[:0], CUBE, ~OPEN, species[:0], 2, 4.0, n_bins).shape == (2, 2, n_bins)


@case("analysis.voids:_cover")
def free_volume() -> None:
    positions, shape = np.full((1, 3), 4.5), (9, 9, 9)
    for number in (np.nan, *INFINITE):
        refused(StructureError, voids.find, moved(np.zeros((3, 3)), number), CUBE, ~OPEN, shape, 2.5)
    for radius in (np.nan, np.inf, 1e300, 1e6):
        refused(StructureError, voids.find, positions, CUBE, ~OPEN, shape, radius)
    whole = voids.find(np.zeros((0, 3)), CUBE, OPEN, shape, 2.5)
    assert whole.fraction == 1.0
    for number in (1e300, -1e300, 1e15, -1e15):
        near = voids.find(np.array([[4.5, 4.5, 4.5], [4.5, number, 4.5]]), CUBE, OPEN, shape, 2.5)
        assert near.fraction == voids.find(positions, CUBE, OPEN, shape, 2.5).fraction < 1.0
    for number in BAD:
        for periodic in (OPEN, ~OPEN):
            grid = np.zeros(shape, bool)
            voids._cover(grid, np.array([[0.5, number, 0.5]]), CUBE, periodic, 2.5)
            assert not grid.any() or (periodic.all() and abs(number) == 1e300)
    voids._cover(np.zeros((0, 9, 9), bool), positions / 9.0, CUBE, OPEN, 2.5)
    assert voids.find(positions, CUBE, ~OPEN, (1, 1, 1), 2.5).fraction == 0.0


@case("commands.analyze.render:_draw")
def pictures() -> None:
    low, high = np.zeros(2), np.array([10.0, 6.0])
    sphere = np.array([[5.0, 3.0, 0.0]])
    colors = np.ones((1, 3))
    assert render.spheres(sphere, np.ones(1), colors, low, high, 10.0)[..., 3].any()
    for number in BAD:
        for axis in (0, 1):
            centres = sphere.copy()
            centres[0, axis] = number
            assert not render.spheres(centres, np.ones(1), colors, low, high, 10.0)[..., 3].any()
    for radius in (np.nan, 0.0, *INFINITE, -1e300):
        render.spheres(sphere, np.array([radius]), colors, low, high, 10.0)
    assert render.spheres(sphere, np.array([1e300]), colors, low, high, 1.0).shape == (6, 10, 4)
    assert not render.spheres(sphere[:0], np.ones(0), colors[:0], low, high, 10.0).any()
    depth, image = np.full((4, 4), -np.inf), np.zeros((4, 4, 4), np.float32)
    render._draw(sphere, np.ones(1), colors, 0.0, 6.0, 0.0, depth, image)


def moved(positions: np.ndarray, number: float) -> np.ndarray:
    """Positions with one number of one atom replaced."""
    broken = positions.copy()
    broken[2, 1] = number
    return broken


@case("descriptors.soap.cpu:kernel.run")
def power_spectra() -> None:
    soap, pairs = Soap(("Li", "Si"), n_max=3, l_max=2), Pairs(np.array([0, 2, 4, 4]), np.array([1, 2, 0, 2], np.int32))
    species, targets = np.array([0, 1, 0], np.int32), np.array([1, 0, 0])
    for number in (*BAD, 0.0):
        points = np.array([[0.0, 0.0, 0.0], [number, 0.0, 1.0], [0.0, 1.0, 0.0]])
        sums = np.zeros((3, soap.size))
        soap.add(points, pairs, species, targets, sums)
        assert not sums[2].any()
        assert np.isfinite(sums).all() or np.isnan(number), "one that is infinitely far away does not count"
    soap.add(points[:0], Pairs(np.zeros(1, np.int64), pairs.neighbors[:0]), species[:0], targets[:0], sums[:0])


@case("dataset.derived:_add_sums")
def sums_that_tell_energies() -> None:
    atoms = systems.crystal(1)
    near = batch.build(atoms.positions, atoms.cell.array, np.asarray(atoms.pbc), derived.REACH)
    n, size = len(atoms), 3 * len(derived.PAIRS) + 3 * (derived.RANK + 1) * 2 * len(derived.TENSORS)
    species, frames = np.arange(n, dtype=np.int32) % 2, np.zeros(n, np.int64)

    def add(points: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
        sums = np.zeros((1, size)), np.zeros((n, 3, size)), np.zeros((1, 6, size))
        derived._add_sums(points, first, near.pairs.neighbors, near.owners, species, frames, 2, 3, *sums)
        return sums

    whole = add(near.points, near.pairs.first)
    for number in BAD:
        points = near.points
        points[near.owners == 0] = number
        values, forces, _ = add(points, near.pairs.first)
        if not np.isfinite(number):
            assert not forces[0].any(), "one that is nowhere is no neighbour"
            assert np.isfinite(values).all() and values.sum() < whole[0].sum()
        assert np.isfinite(forces[1:]).all()
    together = near.points
    together[:] = 0.0
    assert np.isnan(add(together, near.pairs.first)[0]).any(), "no direction between atoms in one place"
    assert not any(part.any() for part in add(near.points, np.zeros(1, np.int64)))


@case("selection.points:_approach", "selection.points:_distance_sums")
def farthest_points() -> None:
    for number in (*BAD, 0.0):
        vectors = np.arange(12.0).reshape(6, 2)
        vectors[4, 1] = number
        if number == 0.0:
            assert sorted(farthest.farthest(vectors, 0).order) == list(range(6))
            assert 0 <= farthest.central(vectors) < 6
        else:
            refused(DataError, farthest.farthest, vectors, 0)
            refused(DataError, farthest.central, vectors)
        nearest, owner = np.full(6, np.inf), np.zeros(6, np.int64)
        assert 0 <= points._approach(vectors, np.array([4]), nearest, owner, number, np.ones(6, bool))[0] < 6
    refused(DataError, farthest.farthest, vectors[:0], 0)
    for number in BAD:
        sums, least = np.zeros(6), np.zeros(6)
        points._distance_sums(vectors, vectors[:, 0], np.array([5]), np.full((1, 6), number), sums, least)
        assert not sums[:5].any()
