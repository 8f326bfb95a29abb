"""`hpcpot gcmc` as a user runs it: averages, targets, restarts to the bit, and what is refused."""

from __future__ import annotations

import contextlib
import io
import subprocess
from pathlib import Path
from typing import NamedTuple

import ase
import ase.io
import numpy as np
import pytest
import reports
import runs
import systems
import yaml
from ase.constraints import FixAtoms
from campaigns import handlers_kept

from hpcpot import cli
from hpcpot.commands.gcmc import settings
from hpcpot.commands.gcmc.settings import SCHEMA
from hpcpot.config import load
from hpcpot.errors import ConfigError
from hpcpot.farm.results import Results
from hpcpot.montecarlo import acceptance
from hpcpot.parallel.stop import STOPPED
from hpcpot.potential import files as potential_files
from hpcpot.structure import images

T = 300.0
MASS = 39.948
CELL = 14.0


def ideal_mu(number: float) -> float:
    """Of an ideal gas of so many atoms in the cell."""
    return acceptance.chemical_potential(float(np.log(number / CELL**3)), T, MASS)


CONFIG = {
    "structure": {"file": "start.extxyz"},
    "potential": {"file": "argon.h5", "outside": "ignore"},
    "gcmc": {
        "element": "Ar",
        "temperature_K": T,
        "mu_eV": ideal_mu(4.0),
        "trials": 600,
        "equilibration": 100,
        "block": 50,
        "minimum_distance_A": 2.0,
    },
    "output": {"results": "out.h5", "checkpoint_every": 3},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    potential_files.save(systems.argon(), tmp_path / "argon.h5", {"source": "tests"})
    ase.io.write(tmp_path / "start.extxyz", ase.Atoms("Ar2", [[1, 1, 1], [8, 8, 8]], cell=[CELL] * 3, pbc=True))
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(CONFIG))
    return tmp_path


class Done(NamedTuple):
    stdout: str
    stderr: str


def gcmc(folder: Path, *arguments: str, code: int = 0) -> Done:
    """`hpcpot gcmc run.yaml ARGUMENTS` in a folder, in this process; it must end with this exit code."""
    out, err = io.StringIO(), io.StringIO()
    with handlers_kept(), contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        returned = cli.main(["gcmc", "run.yaml", *arguments])
    assert returned == code, out.getvalue() + err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def sets(**values: object) -> list[str]:
    return [part for name, value in values.items() for part in ("--set", f"{name.replace('__', '.')}={value}")]


HYBRID = sets(dynamics__integrator="nvt_langevin", dynamics__steps=10, dynamics__timestep_fs=2)


def rows(path: Path) -> dict[str, list]:
    with Results(path) as results:
        return {name: list(results.read(name)) for name in results.columns} | {"keys": results.keys()}


def assert_same(first: dict[str, list], second: dict[str, list]) -> None:
    order = np.argsort(second["keys"])
    for name, values in first.items():
        for k, value in enumerate(values):
            np.testing.assert_array_equal(value, second[name][order[k]], err_msg=name)


def test_a_scan_of_mu(folder):
    done = gcmc(folder, *HYBRID, *sets(gcmc__mu_eV=f"[{ideal_mu(3.0)}, {ideal_mu(9.0)}]", gcmc__metal_mu_eV=0.1))
    assert "1400/1400 trials" in done.stdout and "N: Ar that are not frozen" in done.stdout
    stored = rows(folder / "out.h5")
    assert stored["phase"][:3] == ["equilibration", "equilibration", "production"]
    assert sum(stored["trials"]) == 1400 and len(stored["keys"]) == 28
    assert all(len(p) == n for p, n in zip(stored["positions"], stored["last_number"], strict=True))
    summary = np.genfromtxt(folder / "out.csv", delimiter=",", names=True)
    assert summary["number"][1] > summary["number"][0] > 0.5 and (summary["number_error"] > 0).all()
    np.testing.assert_allclose(summary["voltage_V"], 0.1 - summary["mu_eV"])
    frames = ase.io.read(folder / "out.extxyz", ":")
    assert [len(frame) for frame in frames] == [stored["last_number"][13], stored["last_number"][27]]
    assert (folder / "out.png").exists()
    section = reports.section_of(folder / "out.h5", "gcmc", charts=1)
    assert "N: Ar that are not frozen" in section.texts["Means at each chemical potential"] and not section.quantities
    with contextlib.chdir(folder):
        assert cli.main(["results", "out.h5", "--export", "extxyz", "-o", "frames.extxyz"]) == 0
    assert len(ase.io.read(folder / "frames.extxyz", ":")) == 28


def test_a_restart_is_the_same_to_the_bit(folder):
    gcmc(folder, *HYBRID, *sets(output__results="whole.h5"))
    part = sets(gcmc__trials=250)
    gcmc(folder, *HYBRID, *part)
    gcmc(folder, *HYBRID, "--restart")
    assert_same(rows(folder / "whole.h5"), rows(folder / "out.h5"))


def test_a_killed_run_goes_on(folder):
    """From an older checkpoint, as after a kill: blocks that were done behind it are done again, and count once."""
    gcmc(folder, *HYBRID, *sets(output__results="whole.h5"))
    gcmc(folder, *HYBRID, *sets(gcmc__trials=200))
    older = (folder / "out.checkpoint.h5").read_bytes()
    (folder / "out.checkpoint.h5").unlink()
    gcmc(folder, "--restart", *HYBRID, code=1)
    (folder / "out.checkpoint.h5").write_bytes(older)
    gcmc(folder, *HYBRID, "--restart", *sets(gcmc__trials=400))
    (folder / "out.checkpoint.h5").write_bytes(older)
    gcmc(folder, *HYBRID, "--restart")
    assert_same(rows(folder / "whole.h5"), rows(folder / "out.h5"))


def test_a_signal_ends_it_with_all_saved(folder):
    endless = sets(gcmc__trials=10**8, gcmc__block=20)
    with subprocess.Popen(
        [*runs.HPCPOT, "gcmc", "run.yaml", *endless],
        env=runs.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
    ) as process:
        while not (folder / "out.h5").exists() and process.poll() is None:
            pass
        process.terminate()
        output, _ = process.communicate(timeout=120)
    assert process.returncode == STOPPED, output
    assert "--restart goes on" in output
    done = sum(rows(folder / "out.h5")["trials"])
    gcmc(folder, "--restart", *sets(gcmc__trials=done + 100, gcmc__block=20))
    assert sum(rows(folder / "out.h5")["trials"]) == done + 200


def test_targets_are_reached_and_held(folder):
    relaxed = sets(relax__integrator="npt_nose_hoover", relax__pressure_GPa=0.01, relax__steps=20, relax__timestep_fs=2)
    done = gcmc(
        folder, *HYBRID, *relaxed, *sets(gcmc__targets="[4, 7, 5]", gcmc__trials=20000, gcmc__mu_eV=ideal_mu(3.0))
    )
    assert "3/3 targets" in done.stdout
    stored = rows(folder / "out.h5")
    held = [n for n, phase in zip(stored["last_number"], stored["phase"], strict=True) if phase == "relaxation"]
    assert held == [4, 7, 5]
    assert [len(frame) for frame in ase.io.read(folder / "out.extxyz", ":")] == [4, 7, 5]
    volumes = [frame.get_volume() for frame in ase.io.read(folder / "out.extxyz", ":")]
    assert len({round(volume, 6) for volume in volumes}) == 3
    summary = np.genfromtxt(folder / "out.csv", delimiter=",", names=True)
    assert summary["target"].tolist() == [4, 7, 5]


def test_a_dry_run_writes_nothing(folder):
    done = gcmc(folder, "--dry-run")
    assert "2 atoms, 2 of them Ar" in done.stdout and "log(z V) = 1.386" in done.stdout
    assert not (folder / "out.h5").exists()


def test_frozen_atoms_of_the_file_and_the_config(folder):
    atoms = ase.io.read(folder / "start.extxyz")
    atoms.set_constraint(FixAtoms([0]))
    ase.io.write(folder / "start.extxyz", atoms)
    frozen = sets(gcmc__mu_eV=-3, gcmc__equilibration=0, gcmc__trials=300)
    assert "1 of them Ar to exchange" in gcmc(folder, *frozen).stdout
    stored = rows(folder / "out.h5")
    assert stored["last_number"][-1] == 0
    np.testing.assert_allclose(stored["positions"][-1], [[1, 1, 1]], atol=1e-12)
    done = gcmc(folder, *frozen, "--overwrite", "--set", "frozen.ids=[1]")
    assert "0 of them Ar to exchange" in done.stdout


BAD = {
    "gcmc.temperature_K=0": "gcmc.temperature_K = 0",
    "gcmc.element=Xe": "gcmc.element = Xe: must be an element of the potential, Ar",
    "gcmc.minimum_distance_A=15": "14 Å between opposite faces: must be at least gcmc.minimum_distance_A",
    "gcmc.minimum_distance_A=0.3": "gcmc.minimum_distance_A = 0.3",
    "gcmc.mu_eV=3": "lower gcmc.mu_eV, or set gcmc.maximum",
    "gcmc.targets=[4]": "must reach gcmc.targets = 4",
    "potential.outside=stop": "outside what the potential was trained on",
}


@pytest.mark.parametrize("change", BAD)
def test_what_cannot_be_done(folder, change):
    # a chemical potential of nothing and a strong pull, for the last ones
    extra = {
        "gcmc.targets=[4]": sets(gcmc__trials=20, gcmc__mu_eV=-9),
        "gcmc.mu_eV=3": sets(gcmc__minimum_distance_A=4, gcmc__trials=4000, gcmc__move=0),
        "potential.outside=stop": sets(gcmc__minimum_distance_A=0.5, gcmc__maximum=60, gcmc__temperature_K=1e9),
    }.get(change, [])
    assert BAD[change] in gcmc(folder, "--set", change, *extra, code=1).stderr


def test_a_structure_that_is_not_periodic(folder):
    atoms = ase.io.read(folder / "start.extxyz")
    atoms.pbc = [True, True, False]
    ase.io.write(folder / "start.extxyz", atoms)
    assert "not periodic along c" in gcmc(folder, code=1).stderr


def test_no_room_is_told(folder):
    crystal = systems.crystal(1)
    crystal.symbols[:] = "Ar"
    crystal.set_cell([CELL] * 3, scale_atoms=True)
    ase.io.write(folder / "start.extxyz", crystal)
    some = sets(gcmc__minimum_distance_A=13, gcmc__maximum=99, gcmc__trials=600, gcmc__equilibration=0, gcmc__block=600)
    assert "none of" in gcmc(folder, *some).stdout


def test_files_are_not_replaced_unasked(folder):
    short = sets(gcmc__trials=50, gcmc__equilibration=0)
    gcmc(folder, *short)
    assert "out.h5 = exists" in gcmc(folder, *short, code=1).stderr
    gcmc(folder, *short, "--overwrite")
    other = gcmc(folder, *short, "--restart", *sets(gcmc__seed=5), code=1)
    assert "checkpoint with another settings" in other.stderr


INCONSISTENT = {
    "gcmc.swap=1": "gcmc.pair",
    "gcmc.pair=[Li, Si]": "is for changes and swaps",
    "gcmc.mu_difference_eV=1": "gcmc.mu_difference_eV",
    "gcmc.maximum=3,gcmc.minimum=5": "must be >= gcmc.minimum",
    "gcmc.tries=3,gcmc.cavity_A=2": "gcmc.cavity_A",
    "gcmc.cavity_A=0.4": "gcmc.cavity_grid_A",
    "gcmc.exchange=0,gcmc.move=0": "gcmc.exchange",
    "gcmc.targets=[3],gcmc.mu_eV=[1, 2]": "gcmc.mu_eV",
    "gcmc.targets=[3],gcmc.maximum=2": "gcmc.targets",
    "relax.integrator=nvt_langevin": "relax.integrator",
    "dynamics.pressure_GPa=1": "dynamics.pressure_GPa",
    "dynamics.integrator=npt_nose_hoover": "dynamics.pressure_GPa",
    "dynamics.integrator=nve": "dynamics.integrator",
    "output.summary=out.h5": "output.summary",
}


@pytest.mark.parametrize("changes", INCONSISTENT)
def test_keys_that_do_not_fit(folder, changes, monkeypatch):
    monkeypatch.chdir(folder)
    parts = changes.replace(",gcmc", "\ngcmc").split("\n")
    with pytest.raises(ConfigError, match=INCONSISTENT[changes].replace(".", "[.]")):
        load(folder / "run.yaml", SCHEMA, parts)


def test_the_least_distance_is_that_of_potentials():
    assert settings.CLOSEST == images.CLOSEST
