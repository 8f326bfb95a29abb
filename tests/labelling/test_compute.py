"""Labels of a structure on a worker."""

from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from moods import copper

from hpcpot.errors import DataError, FarmError
from hpcpot.labelling import compute


def test_a_calculator_without_stress() -> None:
    atoms = copper(3.7, group="no stress")
    row = compute.compute(atoms, name="moods.Stressless", arguments="{}", stress=False)
    assert np.isnan(row["virial"]).all() and np.isfinite(row["energy"])
    assert row.keys() == compute.COLUMNS.keys()


def test_a_calculator_that_raised_is_built_again() -> None:
    given = {"name": "moods.Moody", "arguments": "{}", "stress": True}
    first = compute.calculator("moods.Moody", "{}")
    compute.compute(copper(3.70, group="a"), **given)
    assert compute.calculator("moods.Moody", "{}") is first
    with pytest.raises(ArithmeticError):
        compute.compute(copper(3.71, group="a"), **given)
    assert compute.calculator("moods.Moody", "{}") is not first


def test_the_energy_is_the_one_of_the_forces() -> None:
    """ASE's free_energy where there are both; a wrong shape is no label."""
    atoms = copper()
    atoms.calc = EMT()
    atoms.get_forces()
    atoms.calc.results["free_energy"] = -1.0
    assert compute.labels(atoms, stress=True)["energy"] == -1.0
    atoms.calc.results["forces"] = np.zeros((3, 3))
    with pytest.raises(DataError, match=r"of shape \(3, 3\) on 4 atoms"):
        compute.labels(atoms, stress=True)


def test_a_worker_without_the_calculator_ends_the_run() -> None:
    with pytest.raises(FarmError, match="cannot be imported(.|\n)*workers need the same packages"):
        compute.calculator("nobody_has_this.Calculator", "{}")
