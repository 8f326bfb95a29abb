"""Small commands start without what they do not use: each of these packages takes a tenth of a second to two."""

import os
import subprocess
import sys

import pytest
import runs
from ase.build import bulk
from ase.io import write
from repository import PYTHONPATH

from hpcpot.parallel import launch

UNUSED = (
    "dask",
    "distributed",
    "matplotlib",
    "torch",
    "cupy",
    "scipy.spatial",
    "scipy.optimize",
    "ase.constraints",
    "ase.io.formats",
)
COMPILING = ("numba.np.arraymath", "scipy.linalg")
"""What Numba imports in order to compile, and to load code by its own cache."""
SCRIPT = f"""
import sys
from hpcpot.cli import main
code = main(sys.argv[1:])
print("loaded:", *(name for name in {UNUSED + COMPILING} if name in sys.modules))
sys.exit(code)
"""
RELAX = """
structures: {files: cell.extxyz}
potential: {file: argon.h5}
relax: {steps: 3, cell: fixed}
output: {results: relaxed.h5}
"""
LABEL = """
structures: {files: cell.extxyz}
calculator: {class: ase.calculators.lj.LennardJones, stress: false}
output: {results: labels.h5, dataset: data.h5}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("startup")
    runs.prepare(folder, md__steps=2)
    write(folder / "cell.extxyz", bulk("Ar", "fcc", 5.3, cubic=True))
    (folder / "relax.yaml").write_text(RELAX)
    (folder / "label.yaml").write_text(LABEL)
    return folder


@pytest.mark.parametrize(
    ("arguments", "used"),
    [
        ("md run.yaml", ""),
        ("relax relax.yaml --workers 1", ""),
        ("label label.yaml --workers 1", "ase.constraints scipy.spatial"),  # by the calculator
        ("dataset lisi_training", ""),
        ("convert lisi_training -o frames.h5", ""),
        ("schema md", ""),
    ],
)
def test_a_small_command_imports_no_more(folder, arguments, used):
    loaded = modules(folder, arguments) - set(COMPILING)
    assert loaded <= set(used.split()), loaded


def test_code_is_loaded_without_what_compiling_needs(folder):
    modules(folder, "md run.yaml --overwrite")  # compiles, unless others have
    assert not modules(folder, "md run.yaml --overwrite")


def modules(folder, arguments: str) -> set[str]:
    """Which of the packages a command has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments.split()],
        cwd=folder,
        env={**launch.environment(os.environ), "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])
