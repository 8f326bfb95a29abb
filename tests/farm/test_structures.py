"""Structures of many files as items: labels, content, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import ase
import ase.io
import pytest
from ase.build import bulk
from ase.constraints import FixAtoms, FixScaled

from hpcpot.errors import ConfigError, StructureError
from hpcpot.farm import structures


def argon(a: float = 5.5) -> ase.Atoms:
    atoms = bulk("Ar", "fcc", a, cubic=True)
    atoms.rattle(0.05, seed=0)
    return atoms


def test_items_keep_frozen_atoms_and_content(tmp_path: Path) -> None:
    atoms = argon()
    atoms.set_constraint(FixAtoms([2]))
    ase.io.write(tmp_path / "a.vasp", atoms)
    ase.io.write(tmp_path / "b.extxyz", [argon(), argon(), argon(5.7)])
    found = structures.items(structures.expand("*", tmp_path), "all")
    assert [one.label for one in found] == ["a.vasp", "b.extxyz:0", "b.extxyz:1", "b.extxyz:2"]
    assert found[0].input.constraints[0].index.tolist() == [2]
    assert found[1].key == found[2].key != found[3].key != found[0].key
    atoms.set_constraint(FixScaled(1, [True, False, False]))
    ase.io.write(tmp_path / "a.vasp", atoms)
    partly = structures.items([tmp_path / "a.vasp"], "all")[0].input
    assert isinstance(partly, StructureError) and "an atom can be frozen along all axes or along none" in str(partly)
    last = structures.items([tmp_path / "b.extxyz"], "last")
    assert len(last) == 1 and last[0].key == found[3].key


def test_frames_of_a_damaged_file(tmp_path: Path) -> None:
    ase.io.write(tmp_path / "cut.extxyz", [argon(), argon(5.7)])
    text = (tmp_path / "cut.extxyz").read_text()
    (tmp_path / "cut.extxyz").write_text(text[: len(text) - 60])
    found = structures.items([tmp_path / "cut.extxyz"], "all")
    assert isinstance(found[-1].input, StructureError) and "frame 1 = 3 of 4 atoms" in str(found[-1].input)


def test_good_frames_around_a_bad_one_are_kept(tmp_path: Path) -> None:
    """A line that is no atom fails its frame; a line that is no number of atoms ends the file, not what was before."""
    path = tmp_path / "cells.extxyz"
    ase.io.write(path, [argon(5.2 + 0.1 * k) for k in range(4)])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:8], "Ar 0.0 zero 0.0\n", *lines[9:]]))
    kinds = [type(one.input) for one in structures.items([path], "all")]
    assert kinds == [ase.Atoms, StructureError, ase.Atoms, ase.Atoms]
    path.write_text("".join([*lines[:12], "four\n", *lines[13:]]))
    found = structures.items([path], "all")
    assert [type(one.input) for one in found] == [ase.Atoms, ase.Atoms, StructureError]
    assert found[2].label == "cells.extxyz:2" and "frame 2 = four: must be a whole number" in str(found[2].input)
    path.write_text("".join([*lines[:6], "\n", *lines[6:]]))
    assert [type(one.input) for one in structures.items([path], "all")] == [ase.Atoms] * 4  # as if it were not there
    path.write_text("")
    assert "no frames" in str(structures.items([path], "all")[0].input)


def test_every_structure_of_a_file_of_blocks(tmp_path: Path) -> None:
    two = [argon(5.3), argon(5.7)]
    for name in ("two.cif", "two.traj"):
        ase.io.write(tmp_path / name, two)
    ase.io.write(tmp_path / "XDATCAR", two, format="vasp-xdatcar")
    for name in ("two.cif", "two.traj", "XDATCAR"):
        found = structures.items([tmp_path / name], "all")
        assert [one.label for one in found] == [f"{name}:0", f"{name}:1"]
        assert [one.input.cell.lengths()[0] for one in found] == pytest.approx([5.3, 5.7])
        assert len({one.key for one in found}) == 2
        assert [one.label for one in structures.items([tmp_path / name], "last")] == [name]
    (tmp_path / "none.cif").write_text("# nothing\n")
    found = structures.items([tmp_path / "none.cif"], "all")
    assert len(found) == 1 and isinstance(found[0].input, StructureError) and "no structure" in str(found[0].input)


def test_labels_tell_files_of_one_name_apart(tmp_path: Path) -> None:
    for k in (1, 2, 10):
        (tmp_path / f"run{k}").mkdir()
        ase.io.write(tmp_path / f"run{k}" / "POSCAR", argon(5.0 + 0.1 * k))
    found = structures.items(structures.expand("run*/POSCAR", tmp_path), "all")
    assert [one.label for one in found] == ["run1/POSCAR", "run2/POSCAR", "run10/POSCAR"]


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"structures.files = x\*.cif: must match files beside the config"):
        structures.expand(["x*.cif"], tmp_path)
    with pytest.raises(ConfigError, match="structures.files = nothing.cif: must be a file"):
        structures.expand("nothing.cif", tmp_path)


def test_numbers_in_names_sort_as_numbers(tmp_path: Path) -> None:
    for k in (10, 2, 1):
        (tmp_path / f"cell{k}.cif").write_text("")
    assert [path.name for path in structures.expand("cell*.cif", tmp_path)] == ["cell1.cif", "cell2.cif", "cell10.cif"]
