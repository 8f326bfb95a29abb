"""`hpcpot convert` of trajectories, and one frame as the structure of a run: exact values."""

from __future__ import annotations

from pathlib import Path

import ase.io
import ase.units
import numpy as np
import pytest
import runs
import yaml
from ase import Atoms

from hpcpot.cli import main
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.trajectory import Trajectory
from hpcpot.structure import files

CELL = np.array([[5.0, 0, 0], [0, 6.0, 0], [0.5, 0, 7.0]])


def place(k: int) -> np.ndarray:
    return np.array([[0.25, 1.0, 2.0], [2.5 + 0.125 * k, 3.0, 4.0]])


def speed(k: int) -> np.ndarray:
    """Å/fs."""
    return np.array([[0.001 * k, 0, 0], [0, -0.002, 0]])


@pytest.fixture
def trajectory(tmp_path: Path) -> Path:
    """Steps 0, 10, ..., 40 of Li and Si; velocities at every second of them."""
    with Trajectory(
        tmp_path / "run.h5md",
        SERIAL,
        elements=("Li", "Si"),
        species=np.array([1, 0]),
        masses=np.array([7.0, 28.0]),
        n_atoms=2,
        periodic=np.array([True, True, False]),
        particles={"position": 10, "velocity": 20},
        observables={},
        observables_every=0,
        n_steps=40,
        provenance={},
        frozen=np.array([True, False]),
    ) as written:
        for k in range(5):
            particles = {"position": place(k)} | ({"velocity": speed(k)} if k % 2 == 0 else {})
            written.append(10 * k, 10.0 * k, particles, CELL)
    return tmp_path / "run.h5md"


def check(atoms: Atoms, k: int, velocities: bool, tolerance: float = 1e-8) -> None:
    assert list(atoms.symbols) == ["Si", "Li"] and atoms.pbc.tolist() == [True, True, False]
    np.testing.assert_allclose(atoms.cell.array, CELL, rtol=0, atol=tolerance)
    np.testing.assert_allclose(atoms.positions, place(k), rtol=0, atol=tolerance)
    expected = speed(k) if velocities else np.zeros((2, 3))
    np.testing.assert_allclose(atoms.get_velocities() * ase.units.fs, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        ((), [0, 1, 2, 3, 4]),
        (("--frames", "1,-1"), [1, 4]),
        (("--frames", "::2"), [0, 2, 4]),
        (("--frames", "last"), [4]),
    ],
)
def test_extended_xyz(trajectory: Path, which: tuple[str, ...], chosen: list[int], capsys) -> None:
    output = trajectory.with_name("out.extxyz")
    assert main(["convert", str(trajectory), "-o", str(output), *which]) == 0
    frames = "1 frame" if len(chosen) == 1 else f"{len(chosen)} frames"
    assert f"out.extxyz, {frames} of 2 atoms" in capsys.readouterr().out
    by_ase = ase.io.read(output, ":")
    assert [atoms.info["step"] for atoms in by_ase] == [10 * k for k in chosen]
    ours = [frame.structure for frame in files.frames(output)]
    for read in (by_ase, ours):
        for atoms, k in zip(read, chosen, strict=True):
            check(atoms, k, velocities=k % 2 == 0)
            assert atoms.constraints[0].index.tolist() == [0]


def test_a_dump_of_lammps(trajectory: Path) -> None:
    """Its third vector has no part along y, so that the cell need not be turned; velocities in Å/ps."""
    output = trajectory.with_name("out.lammpstrj")
    assert main(["convert", str(trajectory), "-o", str(output), "--frames", "2"]) == 0
    lines = output.read_text().splitlines()
    assert lines[:8] == [
        *("ITEM: UNITS", "metal", "ITEM: TIMESTEP", "20", "ITEM: NUMBER OF ATOMS", "2"),
        *("ITEM: BOX BOUNDS xy xz yz pp pp ff", "0 5.5 0"),
    ]
    assert lines[10] == "ITEM: ATOMS id type element x y z vx vy vz"
    assert lines[11].split() == ["1", "2", "Si", "0.25", "1", "2", "2", "0", "0"]
    assert lines[12].split() == ["2", "1", "Li", "2.75", "3", "4", "0", "-2", "0"]
    read = files.read(output)
    np.testing.assert_allclose(read.positions, place(2), atol=1e-9)
    np.testing.assert_allclose(read.get_velocities()[1] * ase.units.fs, [0, -0.002, 0], atol=1e-12)


def test_a_poscar_of_one_frame(trajectory: Path) -> None:
    """Atoms are grouped by element."""
    output = trajectory.with_name("POSCAR")
    assert main(["convert", str(trajectory), "-o", str(output), "--frames", "3"]) == 0
    read = files.read(output)
    assert list(read.symbols) == ["Li", "Si"] and read.constraints[0].index.tolist() == [1]
    np.testing.assert_allclose(read.positions, place(3)[::-1], atol=1e-9)


@pytest.mark.parametrize(
    ("name", "which", "message"),
    [
        ("POSCAR", "0,1", "POSCAR holds one structure; name one frame, or write .extxyz or .lammpstrj"),
        ("a.extxyz", "5", "--frames = 5: must be all, last, numbers such as 0,5,-1 or start:stop:step, of 5 frames"),
        ("a.extxyz", "3:1", "--frames = 3:1: no frame of 5; name others"),
        ("a.extxyz", "some", "--frames = some: must be all, last, numbers"),
        ("a.foo", "0", "suffix '.foo': must be one of"),
        ("out.cfg", "last", "suffix '.cfg': must be one of .extxyz, .xyz, .lammpstrj, .dump, .vasp"),
    ],
)
def test_refusals(trajectory: Path, name: str, which: str, message: str, capsys) -> None:
    output = trajectory.with_name(name)
    assert main(["convert", str(trajectory), "-o", str(output), "--frames", which]) == 1
    assert message in capsys.readouterr().err and not output.exists()


@pytest.mark.parametrize("k", [0, 2, 3, -1])
def test_one_frame_begins_a_run(k: int, tmp_path: Path) -> None:
    """`structure.frame` of a trajectory, with the velocities that were written there."""
    (tmp_path / "first").mkdir()
    runs.run(runs.prepare(tmp_path / "first", output__velocity_every=20))
    before = tmp_path / "first" / "run.h5md"
    changes = {"structure__file": str(before), "structure__frame": k, "md__initial_temperature_K": None, "md__steps": 0}
    config = runs.prepare(tmp_path, **changes)
    assert yaml.safe_load(config.read_text())["structure"]["frame"] == k
    runs.run(config)
    with TrajectoryReader(before) as first, TrajectoryReader(tmp_path / "run.h5md") as second:
        number = range(5)[k]
        np.testing.assert_array_equal(second.values("position", 0), first.values("position", number))
        expected = first.values("velocity", number // 2) if number % 2 == 0 else np.zeros((108, 3))
        np.testing.assert_allclose(second.values("velocity", 0), expected, rtol=1e-14, atol=1e-18)


def test_a_frame_that_is_not_there(trajectory: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    config = runs.prepare(tmp_path / "run", structure__file=str(trajectory), structure__frame=5)
    assert "run.h5md = 5 frames: frame 5 is asked for" in runs.run(config, code=1).stderr
