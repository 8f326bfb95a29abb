"""`hpcpot neb` as a user runs it: two files, a config, a path to go on from."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk

from hpcpot import cli
from hpcpot.potential import files as potential_files
from hpcpot.potential.calculator import Calculator
from hpcpot.potential.lennard_jones import LennardJones
from hpcpot.storage.tables import read_table

MODEL = ("--potential", "argon.h5")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    potential_files.save(LennardJones(("Ar",), np.array([[0.0104]]), np.array([[3.4]]), 7.0), "argon.h5", {})
    crystal = bulk("Ar", "fcc", 5.25, cubic=True) * 2
    initial = crystal[1:]
    final = initial.copy()
    near = int(np.argmin(np.linalg.norm(initial.positions - crystal.positions[0], axis=1)))
    final.positions[near] = crystal.positions[0]
    ase.io.write("a.extxyz", initial)
    ase.io.write("b.vasp", final)
    return tmp_path


def neb(*words: str, code: int = 0) -> None:
    assert cli.main(["neb", *words]) == code


def test_two_structures(folder, capsys):
    neb("a.extxyz", "b.vasp", *MODEL, "--images", "3", "--force", "0.005")
    printed = capsys.readouterr().out
    images, table = ase.io.read("a_path.extxyz", ":"), read_table(folder / "a_path.csv")
    assert len(images) == 5 and "2 " in printed and "climbing" in printed
    energies = np.array([atoms.get_potential_energy() for atoms in images])
    np.testing.assert_allclose(table["energy_eV"], energies - energies[0], atol=1e-7)
    assert f"barrier {energies.max() - energies[0]:.4f} eV, back {energies.max() - energies[-1]:.4f} eV" in printed
    for atoms in images:
        stored = atoms.get_potential_energy()
        atoms.calc = Calculator("argon.h5")
        assert stored == pytest.approx(atoms.get_potential_energy(), abs=1e-7)
    assert table["slope_eV_per_A"][2] == pytest.approx(0, abs=0.005) and table["slope_eV_per_A"][1] > 0
    assert (folder / "a_path.png").read_bytes().startswith(b"\x89PNG")
    neb("a_path.extxyz", *MODEL, "--force", "0.005", "-o", "more.extxyz")  # is at its end already, but for the climber
    assert read_table(folder / "more.csv")["energy_eV"].max() == pytest.approx(table["energy_eV"].max(), abs=1e-4)
    neb("a.extxyz", "b.vasp", *MODEL, code=1)
    assert "a_path.extxyz = exists" in capsys.readouterr().err


def test_a_band_that_does_not_converge_is_1(capsys):
    neb("a.extxyz", "b.vasp", *MODEL, "--set", "neb.steps=2", "--set", "output.figure=false", code=1)
    assert "not converged after 2 steps" in capsys.readouterr().out


def test_a_config(capsys):
    Path("neb.yaml").write_text(
        "structures: {files: [a.extxyz, b.vasp]}\npotential: {file: argon.h5}\n"
        "neb: {images: 1, relax_ends: false, climb: false}\noutput: {path: p.extxyz, figure: false}\n"
    )
    neb("neb.yaml", "--dry-run")
    assert "relax_ends: false" in capsys.readouterr().out and not Path("p.extxyz").exists()
    neb("neb.yaml")
    printed = capsys.readouterr().out
    assert "relaxed in" not in printed and "climbing" not in printed and len(ase.io.read("p.extxyz", ":")) == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("a.extxyz", "b.vasp"), "potential.file = missing (command line): is required"),
        (("a.extxyz", *MODEL), "a.extxyz = 1 images: must be three at least"),
        (("a.extxyz", "a.extxyz", *MODEL), "final structure = the initial one: no atom moves"),
        (
            ("a.extxyz", "b.vasp", "b.vasp", *MODEL),
            "must be two, the initial and the final structure, or one with a path",
        ),
        (("a.extxyz", *MODEL, "--images", "3"), "neb.images = 3 (--images): is for two structures"),
        (("a.extxyz", "b.vasp", *MODEL, "-o", "x.cif"), "output.path = x.cif (-o): must end in .extxyz"),
        (("a.extxyz", "c.cif", *MODEL), "structures.files = ['a.extxyz', 'c.cif'] (command line): must be a file"),
    ],
)
def test_what_cannot_be_is_told(words, told, capsys):
    neb(*words, code=1)
    assert told in capsys.readouterr().err
