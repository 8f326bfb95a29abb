"""Ranges of models that say little, and what is told of a structure outside."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from ase import Atoms

from hpcpot.notices import InputNotice
from hpcpot.potential import files
from hpcpot.potential.range import TrainedRange, assumed, note_if_outside, of_any_pair


def pair(distance: float, symbols: str = "LiSi") -> Atoms:
    """Two atoms whose shortest way is through the boundary of the cell."""
    return Atoms(symbols, [[0.2, 0, 0], [10.2 - distance, 0, 0]], cell=[10, 10, 10], pbc=True)


def test_without_a_range_no_bond_is_shorter_than_six_tenths_of_the_radii():
    """Covalent radii of Li 1.28, Si 1.11, C 0.76 and H 0.31 Å; a name that is no element has the least of ASE, 0.2 Å."""
    np.testing.assert_allclose(assumed(["Li", "Si"]).shortest, [[1.536, 1.434], [1.434, 1.332]])
    np.testing.assert_allclose(assumed(["C", "H", "Type_0"]).shortest[1], [0.642, 0.372, 0.306])
    for symbols, distance in {"H2": 0.74, "CH": 1.09, "N2": 1.10, "Li2": 2.67, "Si2": 2.24, "F2": 1.41}.items():
        atoms = pair(distance, symbols)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            note_if_outside("a.xyz", atoms, assumed(sorted(set(atoms.symbols))))


def test_a_distance_that_says_nothing_is_none():
    assert of_any_pair(["Si"], float("nan"), "") is None and of_any_pair(["Si"], 0.0, "") is None
    assert of_any_pair(["Si"], float("inf"), "") is None
    assert of_any_pair(["Si", "Li"], 1.5, "x").lines()["shortest"] == "1.500 Å, of any two atoms"


def test_a_structure_outside_is_told_with_its_atoms():
    trained = TrainedRange(("Li", "Si"), "x", 1, 5.0, np.array([[2.5, 2.0], [2.0, 2.2]]))
    with pytest.warns(
        InputNotice, match="^a.xyz: Li 0 and Si 1 are 1.900 Å apart, Li-Si was trained down to 2.00 Å = outside"
    ):
        note_if_outside("a.xyz", pair(1.9), trained)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note_if_outside("a.xyz", pair(1.97), trained)
        note_if_outside("a.xyz", pair(0.1), None)


def test_a_pair_that_no_frame_had_is_outside_up_to_the_cutoff():
    trained = TrainedRange(("Li", "Si"), "x", 1, 4.0, np.array([[np.inf, 2.0], [2.0, 2.2]]))
    with pytest.warns(InputNotice, match="Li 0 and Li 1 are 3.900 Å apart, no Li-Li pair this close was trained"):
        note_if_outside("a.xyz", pair(3.9, "Li2"), trained)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        note_if_outside("a.xyz", pair(4.1, "Li2"), trained)


@pytest.mark.parametrize(
    "arrays",
    [{"shortest": np.ones((2, 3))}, {"shares": np.ones(2)}, {"densities": np.ones(3)}, {"references": np.ones(1)}],
)
def test_arrays_of_other_shapes_are_refused(arrays):
    with pytest.raises(ValueError, match=f"trained range: {next(iter(arrays))} of shape"):
        TrainedRange(
            **({"elements": ("A", "B"), "origin": "", "frames": 0, "cutoff": 1.0, "shortest": np.ones((2, 2))} | arrays)
        )


@pytest.mark.parametrize("name", ["lisi", "lisi_mtp", "lisi_chebyshev", *(f"lisi_dp_{k}" for k in range(4))])
def test_shipped_models_say_what_they_were_trained_on(name):
    model, trained = files.load_with_range(name)
    assert trained.elements == model.elements == ("Li", "Si") and trained.frames == (580 if name == "lisi" else 857)
    np.testing.assert_allclose(trained.shortest[1], [1.700, 1.878], atol=5e-4)
    np.testing.assert_allclose(trained.shares, [[0, 1], [0, 1]])
    assert trained.temperatures[1] == 4500
