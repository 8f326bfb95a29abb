"""Modules that HPCPOT_PLUGINS names reach commands, the farm's workers and Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ase.io
import pytest
import runs
import yaml
from ase.build import bulk
from repository import TESTS

from hpcpot.farm.results import Results

OUTSIDE = TESTS / "conformance" / "outside"
SAVE = """
from pathlib import Path
from hpcpot.potential import files
import morse
files.save(morse.Morse(("Ar",), 0.02, 1.2, 3.8, 7.0), Path("morse.h5"), {})
"""
ENERGY = """
import hpcpot, sys
from ase.build import bulk
assert "morse" not in sys.modules
print(hpcpot.Calculator("morse.h5").get_potential_energy(bulk("Ar", "fcc", 5.3, cubic=True)))
"""


def python(folder: Path, *arguments: str, plugins: str = "morse") -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(folder), str(OUTSIDE), os.environ.get("PYTHONPATH", "")])
    environment = runs.environment() | {"PYTHONPATH": path, "HPCPOT_PLUGINS": plugins}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, cwd=folder, timeout=240
    )


def test_a_family_of_another_package_on_the_farm_and_in_python(tmp_path):
    assert python(tmp_path, "-c", SAVE).returncode == 0
    done = python(tmp_path, "-c", ENERGY)
    assert done.returncode == 0 and float(done.stdout) < 0.0, done.stderr
    ase.io.write(tmp_path / "argon.extxyz", bulk("Ar", "fcc", 5.3, cubic=True))
    config = {
        "structures": {"files": ["argon.extxyz"]},
        "potential": {"file": "morse.h5"},
        "farm": {"workers": 1},
        "output": {"results": "relax.h5"},
    }
    (tmp_path / "relax.yaml").write_text(yaml.safe_dump(config))
    done = python(tmp_path, "-m", "hpcpot", "relax", "relax.yaml")
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    with Results(tmp_path / "relax.h5") as results:
        assert list(results.read("status")) == ["converged"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:", "failed while it was imported (SyntaxError"),
        ("import not_installed", "failed while it was imported (ModuleNotFoundError: No module named 'not_installed')"),
        (
            "from hpcpot.commands import Command, register\nregister(Command('md', 'mine', ''))",
            "command = md: is in the table already; choose another name.",
        ),
    ],
)
def test_a_broken_plugin_is_named(text, message, tmp_path):
    (tmp_path / "mine.py").write_text(text)
    done = python(tmp_path, "-m", "hpcpot", "doctor", plugins="mine")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.startswith("ExtensionError: HPCPOT_PLUGINS = mine: ") and message in done.stderr
