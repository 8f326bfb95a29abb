"""`hpcpot relax` by a calculator of ASE in place of a potential."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from campaigns import run
from repository import CONFIGS

from hpcpot import config
from hpcpot.commands.relax.settings import SCHEMA
from hpcpot.errors import ConfigError
from hpcpot.farm.results import Results
from hpcpot.relaxation.engine import CONVERGED

relax = partial(run, "relax")
CONFIG = {
    "structures": {"files": ["cells.extxyz"]},
    "calculator": {"class": "ase.calculators.emt.EMT"},
    "relax": {"force_eV_per_A": 1e-3, "stress_GPa": 1e-2},
    "farm": {"workers": 1},
    "output": {"results": "relaxed.h5"},
}


def cells() -> list[ase.Atoms]:
    made = []
    for k, (name, a) in enumerate((("Cu", 3.7), ("Al", 3.9), ("Cu", 3.5))):
        atoms = bulk(name, "fcc", a, cubic=True)
        atoms.rattle(0.05, seed=k)
        made.append(atoms)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ase.io.write(tmp_path / "cells.extxyz", cells())
    (tmp_path / "relax.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def test_minima_are_those_of_ase(folder: Path) -> None:
    relax(folder)
    with Results(folder / "relaxed.h5") as results:
        rows = dict(zip(results.labels(), zip(results.read("energy"), results.read("cell"), strict=True), strict=True))
        assert set(results.read("status")) == {CONVERGED}
    for k, atoms in enumerate(cells()):
        atoms.calc = EMT()
        BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-3, steps=300)
        energy, cell = rows[f"cells.extxyz:{k}"]
        assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
        assert abs(np.linalg.det(cell)) == pytest.approx(atoms.get_volume(), rel=2e-3)
    refused = relax(folder, "--set", "calculator.arguments={asap_cutoff: true}", code=1)
    assert "results with another potential" in refused.stderr
    assert "3 items in 1 to 3 tasks" in relax(folder, "--dry-run").stdout


def test_a_structure_that_the_calculator_refuses_fails_alone(folder: Path) -> None:
    ase.io.write(folder / "cells.extxyz", [*cells(), bulk("Si")])
    said = relax(folder, code=1).stdout
    assert "3 of 4 done, 1 failed" in said


@pytest.mark.parametrize(
    ("given", "message"),
    (
        ({"calculator": {}}, "potential.file = null (relax.yaml): is required, e.g. lisi_mtp; or calculator.class"),
        ({"potential": {"file": "lisi_mtp"}}, "does not go with calculator.class; leave one out"),
        ({"potential": {"precision": "mixed"}}, "potential.precision = mixed (relax.yaml): does not go with"),
        (
            {"calculator": {"arguments": {"x": 1}}},
            "calculator.arguments = {'x': 1} (relax.yaml): are for calculator.class",
        ),
    ),
)
def test_a_potential_or_a_calculator(folder: Path, given: dict, message: str) -> None:
    (folder / "relax.yaml").write_text(yaml.safe_dump(CONFIG | given))
    with pytest.raises(ConfigError) as refused:
        config.load(folder / "relax.yaml", SCHEMA)
    assert message in str(refused.value)


def test_calculators_that_there_are_not(folder: Path) -> None:
    missing = relax(folder, "--set", "calculator.class=nowhere.Calculator", code=1).stderr
    assert "nowhere cannot be imported" in missing and not (folder / "relaxed.h5").exists()


def test_the_shipped_config() -> None:
    settings = config.load(CONFIGS / "relax_meam.yaml", SCHEMA)
    assert settings.calculator.class_ == "hpcpot.labelling.meam.calculator" and settings.potential.file is None
