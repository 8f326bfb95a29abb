"""Each benchmark starts, checks what it times and prints its line; how fast it is, is not asked here."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from repository import REPOSITORY

SMALL = ("--steps", "1", "--repeats", "1")
LINES = {
    "phases.py": ("moment_tensor", "--steps", "1"),
    "md_deep_potential.py": (*SMALL, "--crystal", "Li13Si4"),
    "md_chebyshev.py": (*SMALL, "--repeat", "2", "2", "1"),
    "md_moment_tensor.py": (*SMALL, "--repeat", "2", "2", "1"),
    "onsite.py": ("--sites", "3", "--repeats", "1"),
    "relax.py": ("--cells", "4", "--ase", "1"),
    "random_cells.py": ("--count", "5", "--rounds", "1"),
    "hdf5_write.py": ("--atoms", "512", "--frames", "2", "--repeats", "1"),
    "soap.py": ("--frames", "957", "--picks", "40", "--repeats", "1"),
    "farm_overhead.py": ("--items", "200", "--workers", "1"),
    "nve_drift.py": ("--steps", "20"),
    "time_step.py": ("--picoseconds", "0.12", "--blocks", "2", "--repeat", "1", "1", "2", "--settle", "0.02"),
}


def benchmark(name: str, *arguments: str, timeout: float = 300.0) -> str:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(REPOSITORY / "benchmarks" / name), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout, cwd=REPOSITORY)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.parametrize("name", sorted(LINES))
def test_a_benchmark_prints_its_line(name):
    line = json.loads(benchmark(name, *LINES[name]).splitlines()[-1])
    assert math.isfinite(line["value"]) and line["value"] != 0 and line["unit"] and line["commit"]
