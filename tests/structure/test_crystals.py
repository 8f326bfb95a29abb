"""Crystals by name, against the structures that they are taken from."""

import numpy as np
import pytest
from ase.formula import Formula
from ase.neighborlist import neighbor_list

from hpcpot.errors import StructureError
from hpcpot.structure import crystals, files

PUBLISHED = {
    # atoms, Å³ per atom, and in Å the shortest distances Li-Li, Si-Si, Li-Si of the Materials Project structures
    "LiSi": (32, 15.60682, 2.68903, 2.41390, 2.62641),
    "Li12Si7": (152, 15.76331, 2.39761, 2.36177, 2.57128),
    "Li7Si3": (60, 14.92938, 2.57777, 2.35280, 2.55989),
    "Li13Si4": (34, 15.41549, 2.52603, 2.37771, 2.49413),
    "Li15Si4": (76, 15.52116, 2.64599, 4.47713, 2.60548),
}
NEIGHBOURS = {"LiSi": 1920, "Li12Si7": 8648, "Li7Si3": 3318, "Li13Si4": 1964, "Li15Si4": 4304}
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
    files.check(crystals.build(name), ("Li", "Si"), minimum_distance=2.3)


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
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(StructureError, match=message):
        crystals.build(*arguments)
