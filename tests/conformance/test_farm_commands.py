"""A farm command of another package: three files, and all that the farm commands of hpcpot do."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import pytest
import runs
import yaml
from ase.build import bulk

from hpcpot.farm.results import Results
from hpcpot.potential import files as potential_files
from hpcpot.potential.lennard_jones import LennardJones

OUTSIDE = Path(__file__).parent / "outside"
CONFIG = {
    "volumes": {"files": ["argon.extxyz"], "steps": 4},
    "potential": {"file": "argon.h5"},
    "farm": {"workers": 1},
    "output": {"results": "volumes.h5"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    broken = bulk("Ar", "fcc", 5.3, cubic=True)
    broken.symbols[0] = "Kr"
    ase.io.write(tmp_path / "argon.extxyz", [bulk("Ar", "fcc", 5.3, cubic=True), broken])
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0), tmp_path / "argon.h5", {})
    (tmp_path / "volumes.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


def volumes(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(OUTSIDE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [*runs.HPCPOT, "volumes", *arguments],
        env=runs.environment() | {"PYTHONPATH": path, "HPCPOT_PLUGINS": "volumes"},
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=240,
    )


def test_it_has_all_that_farm_commands_have(folder: Path) -> None:
    planned = volumes(folder, "volumes.yaml", "--dry-run")
    assert planned.returncode == 0 and "2 items in 1 to 2 tasks" in planned.stdout, planned.stderr
    done = volumes(folder, "volumes.yaml")
    assert done.returncode == 1, done.stderr
    assert "1 of 2 done, 1 failed (1 StructureError now), 0 missing" in done.stdout
    assert "argon.extxyz:0: lowest at 144.5 Å3" in done.stdout
    with Results(folder / "volumes.h5") as results:
        assert results.kind == "volumes"
        (volume,), ((_, label, failure),) = results.read("volumes"), results.failed()
        np.testing.assert_allclose(volume, 5.3**3 * np.linspace(0.97, 1.03, 4) ** 3)
        assert label == "argon.extxyz:1" and "species of atom 0 = Kr" in failure.message
    again = volumes(folder, "volumes.yaml")
    assert "2 different items, 2 of them stored already" in again.stdout
    other = volumes(folder, "volumes.yaml", "--set", "volumes.steps=5")
    assert other.returncode == 1 and "results with another volumes" in other.stderr


def test_its_help_and_wrong_keys(folder: Path) -> None:
    shown = volumes(folder, "--help")
    assert shown.returncode == 0 and "volumes.strain" in shown.stdout and "--cluster" in shown.stdout
    wrong = volumes(folder, "volumes.yaml", "--set", "volumes.step=3")
    assert wrong.returncode == 1 and "did you mean volumes.steps?" in wrong.stderr
