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
        ("out.cfg", "last", "suffix '.cfg': must be one of .extxyz, .xyz, .lammpstrj, .dump, .nc, .vasp"),
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


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """Steps 0, 10, 20 of Li and Si that cross boundaries, with forces, energies and virials."""
    rng = np.random.default_rng(3)
    with Trajectory(
        tmp_path / "full.h5md",
        SERIAL,
        elements=("Li", "Si"),
        species=np.array([1, 0]),
        masses=np.array([7.0, 28.0]),
        n_atoms=2,
        periodic=np.array([True, True, True]),
        particles={"position": 10, "image": 10, "velocity": 10, "force": 10, "potential_energy": 20, "virial": 10},
        observables={},
        observables_every=0,
        n_steps=20,
        provenance={},
        frozen=np.array([False, False]),
    ) as written:
        for k in range(3):
            values = {
                "position": place(k),
                "image": np.array([[0, k, 0], [0, 0, -k]]),
                "velocity": speed(k),
                "force": rng.normal(size=(2, 3)),
                "virial": rng.normal(size=(2, 3, 3)),
            }
            written.append(
                10 * k, 10.0 * k, values | ({"potential_energy": rng.normal(size=2)} if k % 2 == 0 else {}), CELL
            )
    return tmp_path / "full.h5md"


def unwrapped(k: int) -> np.ndarray:
    return place(k) + np.array([[0, k, 0], [0, 0, -k]]) @ CELL


def test_all_columns_in_extxyz(full: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    columns = "velocity,force,potential_energy,virial,image"
    assert main(["convert", str(full), "-o", str(tmp_path / "x.extxyz"), "--columns", columns, "--unwrapped"]) == 0
    frames = ase.io.read(tmp_path / "x.extxyz", ":")
    with TrajectoryReader(full) as reader:
        for k, atoms in enumerate(frames):
            np.testing.assert_allclose(atoms.positions, unwrapped(k), atol=1e-8)
            np.testing.assert_allclose(atoms.get_forces(), reader.values("force", k), atol=1e-8)
            virial = reader.values("virial", k)
            np.testing.assert_allclose(atoms.arrays["virials"].reshape(2, 3, 3), virial, atol=1e-8)
            stress = -virial.sum(axis=0) / atoms.get_volume()
            symmetric = (stress + stress.T) / 2
            np.testing.assert_allclose(atoms.get_stress(voigt=False), symmetric, atol=1e-8)
            assert atoms.info["step"] == 10 * k and atoms.info["time_fs"] == 10.0 * k
        assert frames[2].get_potential_energy() == pytest.approx(reader.values("potential_energy", 1).sum())


def test_a_column_of_some_frames_is_noted(full: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["convert", str(full), "-o", str(tmp_path / "x.extxyz")]) == 0
    assert "potential_energy = not of all frames: 1 of 3 have positions only" in capsys.readouterr().err
    assert "forces" in ase.io.read(tmp_path / "x.extxyz", 1).calc.results


def test_columns_of_a_dump_are_turned_with_the_cell(full: Path, tmp_path: Path) -> None:
    output = tmp_path / "x.lammpstrj"
    assert main(["convert", str(full), "-o", str(output), "--columns", "force,virial,image", "--unwrapped"]) == 0
    text = output.read_text()
    head = text.split("ITEM: ATOMS ")[1].splitlines()[0].split()
    assert head[:6] == ["id", "type", "element", "xu", "yu", "zu"] and head[-3:] == ["ix", "iy", "iz"]
    rows = np.array([row.split()[3:] for row in text.split("ITEM: ATOMS ")[2].splitlines()[1:3]], float)
    with TrajectoryReader(full) as reader:
        force, virial = reader.values("force", 1), reader.values("virial", 1)
    positions, forces, virials = rows[:, :3], rows[:, 3:6], rows[:, 6:15].reshape(2, 3, 3)
    np.testing.assert_allclose((positions * forces).sum(axis=1), (unwrapped(1) * force).sum(axis=1), rtol=1e-8)
    for r, f, w, turned_r, turned_f, turned in zip(
        unwrapped(1), force, virial, positions, forces, virials, strict=True
    ):
        assert turned_r @ turned @ turned_f == pytest.approx(r @ w @ f, rel=1e-8)  # no rotation changes it


@pytest.mark.parametrize("frames", ["all", "2", "0,2"])
def test_netcdf_as_mdanalysis_and_scipy_read_it(full: Path, tmp_path: Path, frames: str) -> None:
    from MDAnalysis import Universe
    from scipy.io import netcdf_file

    output, chosen = tmp_path / "x.nc", {"all": [0, 1, 2], "2": [2], "0,2": [0, 2]}[frames]
    assert main(["convert", str(full), "-o", str(output), "--frames", frames, "--unwrapped"]) == 0
    universe = Universe.empty(2, trajectory=True)
    universe.load_new(str(output), format="NCDF")
    assert len(universe.trajectory) == len(chosen)
    for k, read in zip(chosen, universe.trajectory, strict=True):
        atoms = Atoms("SiLi", unwrapped(k), cell=CELL)
        assert read.time == pytest.approx(0.01 * k)
        np.testing.assert_allclose(read.dimensions, atoms.cell.cellpar(), rtol=1e-6)
        assert np.linalg.norm(read.positions[0] - read.positions[1]) == pytest.approx(
            atoms.get_distance(0, 1), rel=1e-6
        )
        speeds = 1000 * np.linalg.norm(speed(k), axis=1)
        np.testing.assert_allclose(np.linalg.norm(read.velocities, axis=1), speeds, rtol=1e-6)
        with TrajectoryReader(full) as reader:
            force = np.linalg.norm(reader.values("force", k), axis=1)
        kj_per_mol = np.linalg.norm(read.forces, axis=1)
        np.testing.assert_allclose(kj_per_mol, force * 96.48533, rtol=1e-6)
    with netcdf_file(output, mmap=False) as file:
        assert file.variables["atom_types"][:].tolist() == [14, 3] and file.Conventions == b"AMBER"
        assert np.isnan(file.variables["potential_energy"][:]).any() == (1 in chosen)


def test_cif_of_several_frames(full: Path, tmp_path: Path) -> None:
    assert main(["convert", str(full), "-o", str(tmp_path / "x.cif"), "--frames", "0,2"]) == 0
    assert [len(atoms) for atoms in ase.io.read(tmp_path / "x.cif", ":")] == [2, 2]
    assert main(["convert", str(full), "-o", str(tmp_path / "last.cif")]) == 0
    assert (tmp_path / "last.cif").read_text().startswith("data_step20\n")


@pytest.mark.parametrize(
    ("output", "options", "told"),
    [
        ("x.nc", ("--columns", "virial"), "--columns = virial: x.nc has no place for virial"),
        ("x.cif", ("--columns", "force"), "--columns = force: x.cif has no place for force"),
        ("x.extxyz", ("--columns", "forces"), "--columns = forces: must be none, or names of velocity, force"),
    ],
)
def test_columns_that_cannot_be(full: Path, tmp_path: Path, output: str, options: tuple, told: str, capsys) -> None:
    assert main(["convert", str(full), "-o", str(tmp_path / output), *options]) == 1
    assert told in capsys.readouterr().err


def test_columns_that_are_not_stored(trajectory: Path, tmp_path: Path, capsys) -> None:
    assert main(["convert", str(trajectory), "-o", str(tmp_path / "x.xyz"), "--columns", "force"]) == 1
    assert "run.h5md = no force: its run stored position, velocity" in capsys.readouterr().err
    assert main(["convert", str(trajectory), "-o", str(tmp_path / "x.xyz"), "--unwrapped"]) == 1
    assert "no images of step 0" in capsys.readouterr().err


def test_none_of_the_columns(trajectory: Path, tmp_path: Path) -> None:
    assert main(["convert", str(trajectory), "-o", str(tmp_path / "x.xyz"), "--columns", "none"]) == 0
    assert not ase.io.read(tmp_path / "x.xyz").has("momenta")


def test_options_of_trajectories_are_refused_of_others(tmp_path: Path, capsys) -> None:
    assert main(["convert", "lisi_mtp", "-o", str(tmp_path / "x.mtp"), "--unwrapped"]) == 1
    assert "--unwrapped: is for trajectories of hpcpot" in capsys.readouterr().err


def test_ase_reads_it_by_its_entry_point(full: Path) -> None:
    """As an installed hpcpot declares it."""
    from importlib.metadata import EntryPoint

    from ase.io.formats import define_external_io_format, ioformats
    from repository import REPOSITORY

    declared = '"ase.ioformats": ["hpcpot-h5md = hpcpot.storage.ase_io:h5md"]'
    assert declared in (REPOSITORY / "setup.py").read_text()
    if "hpcpot-h5md" not in ioformats:
        define_external_io_format(EntryPoint("hpcpot-h5md", "hpcpot.storage.ase_io:h5md", "ase.ioformats"))
    last, both = ase.io.read(full), ase.io.read(full, "::2")
    assert last.info["step"] == 20 and [atoms.info["step"] for atoms in both] == [0, 20]
    with TrajectoryReader(full) as reader:
        np.testing.assert_array_equal(last.get_forces(), reader.values("force", 2))
        assert last.get_potential_energy() == pytest.approx(reader.values("potential_energy", 1).sum())
        np.testing.assert_allclose(last.get_velocities() * ase.units.fs, speed(2))
