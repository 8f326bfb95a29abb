"""`hpcpot relax STRUCTURE`: no YAML, energies, cell and space group before and after, and the relaxed structure."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk, molecule

from hpcpot import cli
from hpcpot.commands.relax.given import default_output
from hpcpot.farm.results import Results
from hpcpot.potential.calculator import Calculator

MODEL = ("--potential", "lisi_mtp", "--workers", "1")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    silicon = bulk("Si", a=5.5, cubic=True)
    ase.io.write("si.cif", silicon)
    silicon.rattle(0.05, seed=1)
    Path("cells").mkdir()
    ase.io.write("cells/POSCAR_a", silicon, format="vasp")
    ase.io.write("cells/two.extxyz", [bulk("Si", a=5.4), bulk("Li", a=3.4)])
    Path("cells/notes.md").write_text("not a structure")
    return tmp_path


def relax(*words: str, code: int = 0) -> None:
    assert cli.main(["relax", *words]) == code


def test_a_structure_is_relaxed_and_told(capsys):
    relax("si.cif", *MODEL, "-o", "relaxed.cif")
    printed = capsys.readouterr().out
    words = {line[:22].strip(): line[22:].split() for line in printed.splitlines()}
    before, after, change = map(float, words["energy (eV/atom)"])
    assert after < before and change == pytest.approx(after - before, abs=2e-6)
    final = ase.io.read("relaxed.cif")
    final.calc = Calculator("lisi_mtp")
    assert final.get_potential_energy() / 8 == pytest.approx(after, abs=1e-6)
    assert np.abs(final.get_stress()).max() < 0.05 / 160
    assert words["a (Å)"][:2] == ["5.5000", f"{final.cell.lengths()[0]:.4f}"]
    assert words["space group"] == ["Fd-3m", "(227)", "Fd-3m", "(227)"]
    relax("si.cif", *MODEL, "-o", "relaxed.cif")  # nothing is left to do, and the structure is that of the results
    assert "1 of them stored already" in capsys.readouterr().out


def test_cell_and_force_are_options(capsys):
    relax("cells/POSCAR_a", *MODEL, "--cell", "fixed", "--force", "0.001", "-o", "POSCAR_b")
    assert ase.io.read("POSCAR_b").cell.lengths() == pytest.approx([5.5] * 3)
    with Results("POSCAR_b.h5") as results:
        assert results.read("largest_force")[0] < 0.001
    relax("cells/POSCAR_a", *MODEL, "--force", "0", code=1)
    assert "relax.force_eV_per_A = 0 (--force): must be > 0" in capsys.readouterr().err


def test_a_folder_goes_to_a_folder_or_a_file(capsys):
    relax("cells", *MODEL, "-o", "relaxed")
    told = capsys.readouterr()
    assert "note: cells = not taken, as their names tell no structures: notes.md" in told.err
    assert {path.name for path in Path("relaxed").iterdir()} == {"POSCAR_a", "two_0.extxyz", "two_1.extxyz"}
    assert "P1 (1)" in told.out and told.out.count("Fd-3m (227)") == 3 and "two.extxyz:1" in told.out
    lithium = ase.io.read("relaxed/two_1.extxyz")
    computed = lithium.copy()
    computed.calc = Calculator("lisi_mtp")
    assert lithium.get_potential_energy() == pytest.approx(computed.get_potential_energy(), abs=1e-8)
    np.testing.assert_allclose(lithium.get_stress(), computed.get_stress(), atol=1e-8)
    relax("cells", *MODEL)
    assert len(ase.io.read("cells_relaxed.extxyz", ":")) == 3
    relax("cells", *MODEL, "--force", "0.02", "-o", "relaxed", "--set", "output.results=new.h5", code=1)
    assert "relaxed = a folder with files" in capsys.readouterr().err


def test_a_molecule_has_no_cell(capsys):
    ase.io.write("li2.xyz", molecule("Li2"))
    relax("li2.xyz", *MODEL, "--cell", "fixed")
    printed = capsys.readouterr().out
    assert "energy (eV)" in printed and "volume" not in printed and "pressure" not in printed
    relax("li2.xyz", *MODEL, "--overwrite", code=1)
    printed = capsys.readouterr().out
    assert "set relax.cell: fixed" in printed and "li2_relaxed.xyz: " not in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("si.cif",), "potential.file = null (command line): is required, e.g. lisi_mtp"),
        (("absent.cif", *MODEL), "structures.files = absent.cif: must be a file"),
        (("si.cif", "relax.yaml", *MODEL), "relax.yaml = a config beside si.cif: one config, or only structure files"),
        (("cells", *MODEL, "-o", "x.cif"), "output.structures = x.cif: holds one structure, and there are 3"),
        (("si.cif", *MODEL, "-o", "x.pdf"), "x.pdf = suffix '.pdf': must be one of"),
        (("si.cif", *MODEL, "-o", "si.cif"), "si.cif = exists: hpcpot does not overwrite by itself"),
        (
            (".", *MODEL, "--set", "structures.files=empty"),
            "structures.files = empty: is a folder without structure files",
        ),
    ],
)
def test_what_cannot_be_is_told(words, told, capsys):
    Path("empty").mkdir()
    relax(*words, code=1)
    assert told in capsys.readouterr().err


def test_default_outputs():
    names = {"a/Si.cif": "Si_relaxed.cif", "cells": "cells_relaxed.extxyz", "x.xsf": "x_relaxed.extxyz"}
    assert {name: str(default_output([name])) for name in names} == names
    assert str(default_output(["a.cif", "b.cif"])) == "structures_relaxed.extxyz"
