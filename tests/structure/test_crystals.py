"""Crystals by name, against the structures that they are taken from."""

import numpy as np
import pytest
from ase import Atoms
from ase.formula import Formula
from ase.neighborlist import neighbor_list

from hpcpot.errors import StructureError
from hpcpot.structure import checks, crystals

PUBLISHED = {
    # atoms, Å³ per atom, and in Å the shortest distances Li-Li, Si-Si, Li-Si of the Materials Project structures
    # (LiSi3: of the PBE calculation)
    "LiSi3": (8, 14.63023, 3.88456, 2.57514, 2.70147),
    "LiSi": (32, 15.60682, 2.68903, 2.41390, 2.62641),
    "Li12Si7": (152, 15.76331, 2.39761, 2.36177, 2.57128),
    "Li7Si3": (60, 14.92938, 2.57777, 2.35280, 2.55989),
    "Li13Si4": (34, 15.41549, 2.52603, 2.37771, 2.49413),
    "Li15Si4": (76, 15.52116, 2.64599, 4.47713, 2.60548),
}
NEIGHBOURS = {"LiSi3": 448, "LiSi": 1920, "Li12Si7": 8648, "Li7Si3": 3318, "Li13Si4": 1964, "Li15Si4": 4304}
"""Ordered pairs within 6 Å in the same structures."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_agrees_with_the_published_structure(name):
    atoms = crystals.build(name)
    count, volume, *shortest = PUBLISHED[name]
    assert len(atoms) == count
    assert atoms.get_volume() / count == pytest.approx(volume, abs=2e-5)
    pairs = [("Li", "Li"), ("Si", "Si"), ("Li", "Si")]
    assert [neighbor_list("d", atoms, {pair: 5.0}).min() for pair in pairs] == pytest.approx(shortest, abs=1e-3)
    assert len(neighbor_list("d", atoms, 6.0)) == NEIGHBOURS[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_has_the_composition_of_its_name(name):
    count, expected = crystals.build(name).symbols.formula.count(), Formula(name).count()
    assert count["Li"] * expected["Si"] == count["Si"] * expected["Li"]


@pytest.mark.parametrize(
    ("name", "count", "distance", "neighbours"),
    [("Si", 8, 5.468 * np.sqrt(3) / 4, 4), ("Li", 2, 3.440 * np.sqrt(3) / 2, 8), ("Li-fcc", 4, 4.334 / np.sqrt(2), 12)],
)
def test_elements(name, count, distance, neighbours):
    atoms = crystals.build(name)
    assert len(atoms) == count
    found = neighbor_list("d", atoms, distance + 0.1)
    assert len(found) == count * neighbours and np.allclose(found, distance)


@pytest.mark.parametrize("name", crystals.CRYSTALS)
def test_orbits_have_the_size_of_their_wyckoff_position(name):
    sites = crystals.CRYSTALS[name].sites
    assert len(crystals.build(name)) == sum(int(wyckoff[:-1]) for _, wyckoff, *_ in sites)
    checks.check(crystals.build(name), ("Li", "Si"), minimum_distance=2.3)


@pytest.mark.parametrize(
    ("arguments", "count", "volume", "lengths"),
    [
        (("Li13Si4", (17, 10, 5), None, False, "cab"), 28900, 15.415, (75.2, 79.0, 75.1)),
        (("Li13Si4", (24, 16, 8), None, False, "cab"), 104448, 15.415, (106.1, 126.4, 120.1)),
        (("LiSi", (16, 16, 16), None, True), 65536, 15.607, (115.1, 115.1, 115.1)),
        (("LiSi3", (16, 16, 16)), 32768, 14.630, (86.4, 86.4, 74.1)),
    ],
)
def test_supercells_of_the_mechanics_study(arguments, count, volume, lengths):
    atoms = crystals.build(*arguments)
    assert len(atoms) == count
    assert atoms.get_volume() / count == pytest.approx(volume, abs=1e-3)
    assert atoms.cell.lengths() == pytest.approx(lengths, abs=0.05)


@pytest.mark.parametrize(("name", "ratio"), [("LiSi", 2), ("Li7Si3", 1), ("Li15Si4", 2), ("Si", 4)])
def test_primitive_cell_is_the_same_crystal(name, ratio):
    """Equal distances around each atom, and equal handedness."""
    expected, found = crystals.build(name), crystals.build(name, primitive=True)
    assert len(found) * ratio == len(expected)
    assert found.get_volume() * ratio == pytest.approx(expected.get_volume())
    assert np.linalg.det(found.cell.array) > 0
    distances = [np.sort(neighbor_list("d", atoms, 5.0)) for atoms in (expected, found)]
    assert np.allclose(distances[0], np.repeat(distances[1], ratio), atol=1e-9)
    assert chirality(found) * ratio == pytest.approx(chirality(expected), abs=1e-6)


@pytest.mark.parametrize(("axes", "order"), [("bca", [1, 2, 0]), ("cab", [2, 0, 1])])
def test_order_of_axes(axes, order):
    """An orthorhombic cell is turned as a whole; of a hexagonal one angles follow and the handedness stays."""
    plain, turned = crystals.build("Li13Si4"), crystals.build("Li13Si4", axes=axes)
    assert np.allclose(turned.cell.lengths(), plain.cell.lengths()[order])
    assert np.allclose(turned.positions, plain.positions[:, order])
    plain, turned = crystals.build("Li7Si3"), crystals.build("Li7Si3", axes=axes)
    assert np.allclose(turned.cell.angles(), plain.cell.angles()[order])
    assert abs(chirality(plain)) > 1 and chirality(turned) == pytest.approx(chirality(plain))


def chirality(atoms: Atoms) -> float:
    """A sum that changes its sign in a mirror: of triple products of weighted neighbour vectors."""
    i, vectors, distances = neighbor_list("iDd", atoms, 4.5)
    moments = np.zeros((3, len(atoms), 3))
    for k in range(3):
        np.add.at(moments[k], i, vectors * np.cos((k + 1) * distances)[:, None])
    return float(np.einsum("ni,ni->", moments[0], np.cross(moments[1], moments[2])))


def test_repeat_and_lattice_constant():
    atoms = crystals.build("Li13Si4", (2, 1, 3), lattice_constant=8.0)
    assert len(atoms) == 6 * 34
    scale = 8.0 / 7.897987
    assert np.allclose(atoms.cell.lengths(), [16.0, 15.011548 * scale, 3 * 4.420735 * scale])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Li15Si5",), "crystal = Li15Si5: must be one of Si, Li, .*did you mean Li15Si4"),
        (("Si", (1, 0, 1)), r"repeat = \[1, 0, 1\]: must be three whole numbers >= 1"),
        (("Si", (1, 1, 1), -5.4), "lattice constant = -5.4 Å: must be > 0"),
        (("Si", (1, 1, 1), None, False, "bac"), "axes = bac: must be one of abc, bca, cab; another order mirrors"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(StructureError, match=message):
        crystals.build(*arguments)
