"""A structure that ends where the potential was not trained: its status, the summary, and what the config may say."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import ase
import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.constraints import FixAtoms
from campaigns import run, task_of_relax

from hpcpot.farm.results import Results
from hpcpot.potential import files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.potential.range import TrainedRange
from hpcpot.relaxation.engine import CONVERGED, OUTSIDE, RelaxationOptions, relax

run_relax = partial(run, "relax")
CONFIG = {
    "structures": {"files": ["cells.extxyz"]},
    "potential": {"file": "argon.h5"},
    "relax": {"cell": "fixed", "force_eV_per_A": 1e-3},
    "farm": {"workers": 1},
    "output": {"results": "relaxed.h5"},
}
PAIR = "Ar 0 and Ar 1 are 3.000 Å apart, Ar-Ar was trained down to 3.50 Å"
HOLE = """8
Lattice="5.43 0.0 0.0 0.0 5.43 0.0 0.0 0.0 5.43" Properties=species:S:1:pos:R:3 pbc="T T T"
Si 0 0 0
Si 1.0 0.2 0
Si 0 2.715 2.715
Si 1.3575 4.0725 4.0725
Si 2.715 0 2.715
Si 4.0725 1.3575 4.0725
Si 2.715 2.715 0
Si 4.0725 4.0725 1.3575
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Argon at its minimum, and two atoms held fixed at 3 Å; the model was trained down to 3.5 Å."""
    crystal, pair = (
        bulk("Ar", "fcc", 5.25, cubic=True),
        ase.Atoms("Ar2", [[0, 0, 0], [3, 0, 0]], cell=[20] * 3, pbc=True),
    )
    pair.set_constraint(FixAtoms([0, 1]))
    ase.io.write(tmp_path / "cells.extxyz", [crystal, pair])
    model = LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0)
    trained = TrainedRange(("Ar",), "argon", 10, 7.0, np.array([[3.5]]))
    files.save(model, tmp_path / "argon.h5", {}, trained=trained)
    (tmp_path / "relax.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def statuses(folder: Path) -> dict[str, str]:
    with Results(folder / "relaxed.h5") as results:
        return dict(zip(results.labels(), results.read("status"), strict=True))


def test_its_status_is_outside_and_the_summary_says_why(folder: Path):
    output = run_relax(folder).stdout
    assert statuses(folder) == {"cells.extxyz:0": CONVERGED, "cells.extxyz:1": OUTSIDE}
    assert f"  1 outside what the potential was trained on, e.g. cells.extxyz:1: {PAIR}\n" in output
    assert output.split("core seconds\n")[1].split()[:3] == ["2", "1", "0"]


def test_stop_fails_the_structure_and_ignore_takes_it_for_converged(folder: Path):
    failed = run_relax(folder, "--set", "potential.outside=stop", code=1).stdout
    assert statuses(folder) == {"cells.extxyz:0": CONVERGED} and PAIR in failed
    refused = run_relax(folder, code=1)
    assert "results with another task" in refused.stderr
    run_relax(folder, "--set", "potential.outside=ignore", "--overwrite")
    assert set(statuses(folder).values()) == {CONVERGED}


def test_the_task_of_old_results_files_is_that_of_warn(folder: Path):
    path = folder / "relax.yaml"
    texts = [task_of_relax(path, f"potential.outside={choice}") for choice in ("warn", "stop", "ignore")]
    assert texts[0].endswith("kernels: cpu") and len(set(texts)) == 3


def test_a_model_without_a_range_says_so_and_bonds_have_a_least_length(folder: Path):
    files.save(files.load(folder / "argon.h5"), folder / "argon.h5", {}, overwrite=True)
    done = run_relax(folder)
    assert done.stderr.count("does not say what it was trained on") == 1
    assert set(statuses(folder).values()) == {CONVERGED}  # 3 Å is no bond of argon: 0.6 x 2 x 1.06 Å


@pytest.mark.parametrize("cell", ["full", "fixed_volume"])
def test_no_minimum_in_the_hole_of_a_potential(cell: str, tmp_path: Path):
    """With lisi_mtp, silicon with two atoms at 1.02 Å falls to -29 eV/atom and less."""
    (tmp_path / "hole.extxyz").write_text(HOLE)
    model, trained = files.load_with_range("lisi_mtp")
    structures = [ase.io.read(tmp_path / "hole.extxyz"), bulk("Si", "diamond", 5.43, cubic=True)]
    options = RelaxationOptions(cell=cell, steps=400)
    outcomes = dict(relax(structures, BlockPotential(model), options, 2048, trained))
    assert getattr(outcomes[0], "status", "failed") in (OUTSIDE, "failed") and outcomes[1].status == CONVERGED
    if cell == "full":
        assert outcomes[0].final.energy / 8 < -20
        assert "Å apart, Si-Si was trained down to 1.88 Å" in outcomes[0].outside
        assert "eV/atom below any that was trained" in outcomes[0].outside
