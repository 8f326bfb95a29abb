"""Frozen atoms of a run stay frozen in whatever is made of its trajectory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import ase
import ase.io
import h5py
import numpy as np
import pytest
import runs
import systems
from ase.constraints import FixAtoms
from storage import frames as stored

from hpcpot.commands.onsite import compute
from hpcpot.commands.onsite import frames as sources
from hpcpot.commands.onsite.settings import FramesSection
from hpcpot.errors import OutputError
from hpcpot.farm import structures
from hpcpot.notices import InputNotice
from hpcpot.potential.blocks import BlockPotential
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.structure import constraints, files


def held(path: Path) -> list[int]:
    return np.flatnonzero(constraints.frozen(files.read(path))).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which the structure freezes atoms 0 and 5, and the config atom 7."""
    folder, atoms = tmp_path_factory.mktemp("frozen"), runs.argon()
    atoms.set_constraint(FixAtoms([0, 5]))
    runs.run(runs.prepare(folder, atoms, frozen__ids=[7]))
    return folder


def test_a_trajectory_tells_its_frozen_atoms(folder: Path) -> None:
    assert held(folder / "argon.extxyz") == [0, 5] and held(folder / "run.h5md") == [0, 5, 7]
    with TrajectoryReader(folder / "run.h5md") as reader:
        np.testing.assert_array_equal(reader.frame(0).positions[[0, 5, 7]], reader.frame(-1).positions[[0, 5, 7]])
        assert reader.frozen.dtype == bool and reader.frozen.sum() == 3


def test_a_run_from_it_leaves_them_where_they_are(folder: Path, tmp_path: Path) -> None:
    last = files.read(folder / "run.h5md")
    runs.run(runs.prepare(tmp_path, structure__file=str(folder / "run.h5md")))
    moved = np.abs(files.read(tmp_path / "run.h5md").positions - last.positions).max(axis=1)
    assert np.flatnonzero(moved == 0.0).tolist() == [0, 5, 7]
    assert held(tmp_path / "run.h5md") == [0, 5, 7]


def test_relaxations_and_removals_take_them(folder: Path) -> None:
    item = structures.items([folder / "run.h5md"], "last")[0]
    assert item.input.constraints[0].index.tolist() == [0, 5, 7]
    frame = sources.find(FramesSection(file=folder / "run.h5md")).read(0)
    free = frame.copy()
    free.set_constraint()
    assert sources.content(frame) != sources.content(free), "relaxed energies are others"
    potential = BlockPotential(systems.argon())
    atoms, _ = compute._surroundings(frame, 40, np.inf, potential)
    assert atoms.constraints[0].index.tolist() == [0, 5, 7]
    within = frame.get_distances(5, range(len(frame)), mic=True) < 4.0
    atoms, site = compute._surroundings(frame, 5, 4.0, potential)
    moving = set(range(len(atoms))) - set(atoms.constraints[0].index.tolist())
    assert site not in moving and len(moving) == np.count_nonzero(within) - np.count_nonzero(within[[0, 5, 7]])


@pytest.mark.parametrize("name", ["out.extxyz", "POSCAR"])
def test_other_programs_are_told_them(folder: Path, tmp_path: Path, name: str) -> None:
    runs_convert(folder / "run.h5md", tmp_path / name)
    assert held(tmp_path / name) == [0, 5, 7]
    assert ase.io.read(tmp_path / name).constraints[0].index.tolist() == [0, 5, 7]


@pytest.mark.parametrize("name", ["out.lammpstrj", "out.data", "out.cif"])
def test_formats_that_do_not_keep_them_are_named(folder: Path, tmp_path: Path, name: str) -> None:
    told = runs_convert(folder / "run.h5md", tmp_path / name)
    assert told.count("frozen atoms are not kept by its format: write .extxyz or POSCAR") == 1


def runs_convert(path: Path, output: Path) -> str:
    command = [*runs.HPCPOT, "convert", str(path), "-o", str(output)]
    done = subprocess.run(command, capture_output=True, text=True, env=runs.environment(), timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_an_older_file_whose_config_froze_atoms_says_so(tmp_path: Path) -> None:
    for name, section in (("none", "  elements: null\n  ids: null\n"), ("some", "  elements: null\n  ids:\n  - 3\n")):
        path = tmp_path / f"{name}.h5md"
        stored.write(path, 2, provenance={"config": f"a: 1\nfrozen:\n{section}  region_A: null\nmd:\n  steps: 3\n"})
        with h5py.File(path, "r+") as file:
            for group in file["particles"].values():
                del group["frozen"]
    assert len(files.read(tmp_path / "none.h5md")) == 7
    with pytest.warns(InputNotice, match=r"some\.h5md = not known which atoms are frozen"):
        assert not files.read(tmp_path / "some.h5md").constraints


def test_what_is_no_list_of_atoms_is_refused(tmp_path: Path) -> None:
    stored.write(tmp_path / "a.h5md", 2)
    with h5py.File(tmp_path / "a.h5md", "r+") as file:
        del file["particles/trajectory/frozen"]
        file["particles/trajectory/frozen"] = np.zeros(3, bool)
    with pytest.raises(OutputError, match="frozen must be true or false for each atom"):
        files.read(tmp_path / "a.h5md")
