"""A farm command of another package does what those of hpcpot do: rows, completion, failures, exports."""

import os
import subprocess
from pathlib import Path

import ase.io
import numpy as np
import runs
from ase.build import bulk

from hpcpot import Calculator

OUTSIDE = Path(__file__).with_name("outside")
CONFIG = "structures: {files: [cells.extxyz]}\npotential: {file: lisi_mtp}\noutput: {results: energies.h5}\n"


def test_a_farm_command_of_another_package(tmp_path):
    cells = [bulk("Si", "diamond", edge, cubic=True) for edge in (5.3, 5.4, 5.5)]
    ase.io.write(tmp_path / "cells.extxyz", [*cells, bulk("Ar", "fcc", 5.4)])
    (tmp_path / "energies.yaml").write_text(CONFIG)
    environment = runs.environment() | {
        "PYTHONPATH": os.pathsep.join([str(OUTSIDE), os.environ.get("PYTHONPATH", "")]),
        "HPCPOT_PLUGINS": "energies",
    }

    def call(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*runs.HPCPOT, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )

    assert "energies of many structures" in call("--help").stdout
    done = call("energies", "energies.yaml", "--workers", "1")
    assert done.returncode == 1 and "3 of 4 done, 1 failed (1 ModelError now)" in done.stdout, done.stdout + done.stderr
    again = call("energies", "energies.yaml", "--workers", "1")
    assert "4 different items, 4 of them stored already" in again.stdout and "of 4 structures" in again.stdout
    assert call("results", "energies.h5", "--export", "csv").returncode == 0
    rows = np.genfromtxt(tmp_path / "energies.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    for atoms, row in zip(cells, np.sort(rows, order="label"), strict=True):
        atoms.calc = Calculator("lisi_mtp")
        np.testing.assert_allclose(row["energy_per_atom"], atoms.get_potential_energy() / len(atoms), rtol=1e-12)
