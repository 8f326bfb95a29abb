"""Geometry of the Si/Li interface and of its random lithium."""

import numpy as np
import pytest
import spglib
from ase import Atoms
from ase.neighborlist import neighbor_list

from hpcpot.errors import StructureError
from hpcpot.structure import amorphous, checks, interface

A = 5.468


def test_slab_is_that_of_the_study():
    slab = interface.slab(A, (4, 4, 12))
    assert len(slab) == 1536
    assert np.allclose(slab.cell.lengths(), [4 * A, 4 * A, 12 * A])
    layers = np.unique(slab.positions[:, 2].round(6))
    assert len(layers) == 48 and np.allclose(np.diff(layers), A / 4)
    assert layers[0] == pytest.approx(A / 8) and layers[-1] == pytest.approx(12 * A - A / 8)


@pytest.mark.parametrize(
    ("surface", "repeat", "layers", "count", "width", "bonds"),
    [  # atoms, Å, and how many atoms of the surfaces have 1, 2, 3 bonds
        ("100", (4, 4, 12), None, 1536, (21.87, 21.87), (0, 64, 0)),
        ("110", (4, 6, 16), None, 1536, (21.87, 23.20), (0, 0, 96)),
        ("111", (6, 3, 7), 41, 1476, (23.20, 20.09), (36, 0, 36)),
        ("111", (6, 3, 7), None, 1512, (23.20, 20.09), (0, 0, 72)),
    ],
)
def test_surfaces_are_those_of_the_study(surface, repeat, layers, count, width, bonds):
    slab = interface.slab(A, repeat, surface, layers)
    assert len(slab) == count and np.allclose(slab.cell.lengths()[:2], width, atol=0.005)
    assert slab.positions[:, 2].min() == pytest.approx(A / 8)
    with_vacuum = slab.copy()
    with_vacuum.cell[2, 2] += 20
    neighbours = np.bincount(neighbor_list("i", with_vacuum, 1.1 * A * np.sqrt(3) / 4), minlength=count)
    assert tuple(np.bincount(neighbours, minlength=5)[1:4]) == bonds
    below = slab.positions[:, 2] < slab.positions[:, 2].mean()
    if layers is not None:  # the incomplete pair of layers is the lowest, far from lithium
        assert below[neighbours == 1].all()
    if layers is None:
        assert spglib.get_spacegroup((slab.cell.array, slab.get_scaled_positions(), slab.numbers)) == "Fd-3m (227)"


def test_slab_is_strained_in_its_plane():
    slab = interface.slab(A, (4, 6, 16), "110", strain=(0.02, 0.02))
    assert np.allclose(slab.cell.lengths()[:2], (22.31, 23.67), atol=0.01)  # those of the study
    assert np.ptp(slab.positions[:, 2]) == pytest.approx(np.ptp(interface.slab(A, (4, 6, 16), "110").positions[:, 2]))


def test_a_slab_without_so_many_layers():
    with pytest.raises(StructureError, match=r"silicon.layers = 43: must be at most the 42 layers of silicon.repeat"):
        interface.slab(A, (1, 1, 7), "111", 43)


def test_join():
    slab = interface.slab(A, (2, 2, 3))
    right = Atoms("Li3", [[1, 1, 0.5], [9, 9, 4.0], [5, 2, 6.5]], cell=[2 * A, 2 * A, 7], pbc=True)
    right.set_velocities([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    joined = interface.join(slab, right, 2.5, 40.0)
    silicon, lithium = joined[joined.symbols == "Si"], joined[joined.symbols == "Li"]
    assert len(silicon) == 96 and joined.pbc.all()
    assert np.array_equal(silicon.positions, slab.positions)
    assert lithium.positions[:, 2].min() - silicon.positions[:, 2].max() == pytest.approx(2.5)
    assert joined.cell[2, 2] - lithium.positions[:, 2].max() + silicon.positions[:, 2].min() == pytest.approx(40.0)
    assert np.allclose(lithium.positions - lithium.positions[0], right.positions - right.positions[0])
    assert np.allclose(lithium.get_velocities(), right.get_velocities()) and not silicon.get_velocities().any()
    assert np.allclose(joined.get_masses()[:96], slab.get_masses())
    checks.check(joined, ("Li", "Si"))


def test_join_refuses_other_cells():
    slab = interface.slab(A, (2, 2, 3))
    with pytest.raises(StructureError, match="cells of the two parts = .*: must agree in the xy plane"):
        interface.join(slab, interface.slab(A, (2, 3, 3)), 2.5, 40.0)
    leaning = interface.slab(A, (2, 2, 3))
    leaning.cell[2, 0] = 1.0
    with pytest.raises(StructureError, match="cell of the right part = .*: must have a and b in the xy plane"):
        interface.join(slab, leaning, 2.5, 40.0)


@pytest.mark.parametrize("shift", [0.0, -3.0, 30.0, 47.3])
def test_align_undoes_any_shift(shift):
    joined = interface.join(interface.slab(A, (1, 1, 4)), Atoms("Li", [[1, 1, 1]], cell=[A, A, 3]), 2.5, 20.0)
    moved = joined.copy()
    moved.positions[:, 2] += shift
    moved.wrap()
    interface.align(moved, "Si", A / 8)
    assert np.allclose(moved.positions[:, 2], joined.positions[:, 2])


def test_random_atoms_keep_their_distance():
    box = (21.84, 21.84, 141.7)
    atoms = amorphous.build("Li", 3072, box, 2.2, seed=1)
    assert len(atoms) == 3072 and atoms.pbc.all() and np.allclose(atoms.cell.lengths(), box)
    checks.check(atoms, ("Li",), minimum_distance=2.2)
    counts, _ = np.histogram(atoms.positions[:, 2], bins=10, range=(0, box[2]))
    assert abs(counts - 307.2).max() < 60  # random places fill the box evenly


def test_random_atoms_are_those_of_the_seed():
    first, again, other = (amorphous.build("Li", 50, (12, 12, 12), 2.2, seed) for seed in (3, 3, 4))
    assert np.array_equal(first.positions, again.positions)
    assert not np.array_equal(first.positions, other.positions)


def test_random_atoms_that_do_not_fit():
    with pytest.raises(StructureError, match=r"of 100 placed: spheres of 2.5 Å would fill 82% of the box"):
        amorphous.build("Li", 100, (10, 10, 10), 2.5, seed=1)
