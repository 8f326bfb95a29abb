"""Space groups and sameness of crystals, and what is said without the packages."""

import builtins
import re

import numpy as np
import pytest
from pymatgen.core.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from hpcpot.errors import DependencyError
from hpcpot.structure import crystals
from hpcpot.structure.matching import MatchTolerances, StructureComparison, require_pymatgen
from hpcpot.structure.symmetry import load_spglib, space_group_of


@pytest.mark.parametrize("name", ["Si", "LiSi", "Li13Si4", "Li15Si4"])
def test_space_groups_of_crystals(name):
    group = crystals.CRYSTALS[name].group
    assert space_group_of(crystals.build(name, primitive=True), 0.01)[1] == group
    disturbed = crystals.build(name, primitive=True)
    disturbed.rattle(0.02, seed=1)
    assert space_group_of(disturbed, 0.2)[1] == group and space_group_of(disturbed, 1e-4)[1] != group


def test_atoms_on_top_of_each_other_have_no_group():
    atoms = crystals.build("Si", primitive=True)
    atoms.positions[1] = atoms.positions[0]
    assert space_group_of(atoms, 0.1) == ("", 0)


def test_the_matcher_is_pymatgens():
    """Cells of another shape and size are the same crystal, a strained one too, another is not."""
    crystal, comparison = crystals.build("Li15Si4", primitive=True), StructureComparison()
    turned = crystals.build("Li15Si4") * (1, 1, 1)
    turned.rattle(0.03, seed=1)
    turned.set_cell(turned.cell.array * 1.02, scale_atoms=True)
    moved = crystals.build("Li15Si4", primitive=True)
    moved.rattle(0.7, seed=2)
    for other, expected in ((turned, True), (moved, False)):
        assert comparison.are_same(crystal, other) is expected
        structures = [AseAtomsAdaptor.get_structure(atoms) for atoms in (crystal, other)]
        assert bool(StructureMatcher().fit(*structures)) is expected
    slight = crystals.build("Li15Si4", primitive=True)
    slight.positions[0] += np.array([0.2, 0.0, 0.0])
    assert comparison.are_same(crystal, slight)
    assert not StructureComparison(MatchTolerances(site=0.05)).are_same(crystal, slight)


@pytest.mark.parametrize(
    ("package", "call", "remedy"),
    [("spglib", load_spglib, "spglib"), ("pymatgen.core", require_pymatgen, "hpcpot[search]")],
)
def test_without_the_package(package, call, remedy, monkeypatch):
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name == package:
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    message = rf"^search = \w+ is not installed: .*; pip install {re.escape(remedy)}\.$"
    with pytest.raises(DependencyError, match=message):
        call("search")
