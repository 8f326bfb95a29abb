"""H5MD trajectories: layout, ranks and modes, other readers, going on with a file, and every error."""

import os
import subprocess
import sys
from pathlib import Path

import ase.units
import h5py
import MDAnalysis
import numpy as np
import pyh5md
import pytest
from ase.data import atomic_numbers
from mpirun import run_ranks
from storage import frames

from hpcpot.errors import DependencyError, OutputError, StructureError
from hpcpot.parallel.ranks import SERIAL
from hpcpot.storage import layout
from hpcpot.storage import trajectory as trajectory_module
from hpcpot.storage.reader import TrajectoryReader
from hpcpot.storage.trajectory import block

FRAMES = frames.__file__
MAIN = "particles/trajectory"


def content(path):
    """Everything in a file: of each path its attributes, and type, chunks and bytes of a dataset."""
    found = {}

    def visit(name, item):
        attributes = {key: (str(value), getattr(value, "dtype", str)) for key, value in item.attrs.items()}
        found[name] = attributes
        if isinstance(item, h5py.Dataset):
            data = item[()]
            found[name] = (attributes, item.dtype, item.shape, item.chunks, getattr(data, "tobytes", lambda: data)())

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5md"


@pytest.fixture
def written(path):
    frames.write(path, 13)
    return path


def test_header_and_units_follow_the_standard(written):
    with h5py.File(written) as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        assert file["h5md/modules/units"].attrs["version"].tolist() == [1, 0]
        for group, name in (("author", "name"), ("creator", "name"), ("creator", "version")):
            kind = file["h5md"][group].attrs.get_id(name).get_type()
            assert not kind.is_variable_str()
        assert file["h5md/creator"].attrs["name"] == b"hpcpot"
        box = file[MAIN]["box"]
        assert box.attrs["dimension"] == 3
        assert box.attrs["boundary"].tolist() == [b"periodic", b"periodic", b"none"]
        assert box.attrs["boundary"].dtype.kind == "S"
        units = {
            f"{MAIN}/position": "Angstrom",
            f"{MAIN}/velocity": "Angstrom fs-1",
            f"{MAIN}/box/edges": "Angstrom",
            f"{MAIN}_force/force": "eV Angstrom-1",
            f"{MAIN}_potential_energy/potential_energy": "eV",
            "observables/temperature": "K",
            "observables/pressure_tensor": "GPa",
        }
        for name, unit in units.items():
            assert file[f"{name}/value"].attrs["unit"] == unit
            assert file[f"{name}/time"].attrs["unit"] == "fs"
        assert file[f"{MAIN}/mass"].attrs["unit"] == "amu"


def test_arrays_written_together_share_step_and_time_by_hard_link(written):
    with h5py.File(written) as file:
        for part in ("step", "time"):
            position = file[f"{MAIN}/position/{part}"]
            for name in ("image", "velocity", "box/edges"):
                assert file[f"{MAIN}/{name}/{part}"] == position
            assert file[f"{MAIN}_force/box/edges/{part}"] == file[f"{MAIN}_force/force/{part}"] != position
            assert file[f"observables/pressure_tensor/{part}"] == file[f"observables/temperature/{part}"]
        for name in ("species", "mass", "id"):
            assert file[f"{MAIN}_force/{name}"] == file[f"{MAIN}/{name}"]


def test_atoms(written):
    with h5py.File(written) as file:
        species = file[f"{MAIN}/species"]
        assert h5py.check_enum_dtype(species.dtype) == {"Li": 3, "Si": 14}
        assert species[:].tolist() == [3, 14, 3, 14, 3, 14, 3]
        assert file[f"{MAIN}/mass"][:2].tolist() == [6.94, 28.085]
        assert file[f"{MAIN}/id"][:].tolist() == list(range(7))


def test_every_number_comes_back(written):
    assert frames.verify(written) == 13
    with TrajectoryReader(written) as reader:
        assert len(reader) == 7
        assert reader.elements == list(layout.ELEMENTS)
        assert reader.steps("force").tolist() == [0, 3, 6, 9, 12]
        assert reader.values("force", slice(1, 3)).shape == (2, 7, 3)
        assert reader.provenance() == [{"config": "a: 1\n", "ranks": 1, "wall": 0.5, "from_step": 0}]


def test_frame_is_an_ase_structure(path):
    particles = {"position": 2, "velocity": 4}
    with frames.create(path, particles=particles, observables={}) as trajectory:
        for step in (0, 2):
            given = {name: frames.element(name, step, 7) for name, every in particles.items() if step % every == 0}
            trajectory.append(step, 0.5 * step, given, frames.box(step))
    with TrajectoryReader(path) as reader:
        first, last = reader.frame(0), reader.frame(-1)
        assert reader.observables() == {}
    assert first.get_chemical_symbols() == ["Li", "Si"] * 3 + ["Li"]
    assert first.get_masses()[1] == 28.085
    assert first.pbc.tolist() == [True, True, False]
    np.testing.assert_array_equal(last.positions, frames.element("position", 2, 7))
    np.testing.assert_array_equal(last.cell.array, frames.box(2))
    np.testing.assert_allclose(first.get_velocities() * ase.units.fs, frames.element("velocity", 0, 7), rtol=1e-15)
    assert not last.has("momenta")


def test_float32_halves_atoms_only(path):
    frames.write(path, 12, precision="float32")
    assert frames.verify(path, kind="float32") == 12
    with h5py.File(path) as file:
        assert file[f"{MAIN}/position/value"].dtype == np.float32
        assert file["observables/temperature/value"].dtype == file[f"{MAIN}/position/time"].dtype == np.float64


def test_long_plans_get_few_chunks_of_whole_frames(path):
    frames.create(path, n_atoms=3000, n_steps=640_000).close()
    with h5py.File(path) as file:
        for one in ("position", "velocity", "image"):
            rows = file[f"{MAIN}/{one}/value"].chunks
            assert rows[1:] == (3000, 3) and 20 <= 320_002 / rows[0] <= 33
        assert path.stat().st_blocks * 512 < 2**20


@pytest.mark.mpi
@pytest.mark.parametrize("mode", ["parallel", "rank0"])
@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("n_atoms", [2, 7])
def test_file_does_not_depend_on_ranks_and_mode(tmp_path, ranks, mode, n_atoms):
    serial, parallel = tmp_path / "serial.h5md", tmp_path / "parallel.h5md"
    frames.write(serial, 13, n_atoms=n_atoms, n_steps=13)
    run_ranks(ranks, FRAMES, parallel, mode, n_atoms, 0, 13, timeout=60)
    assert content(parallel) == content(serial)
    assert frames.verify(parallel, n_atoms) == 13


def test_blocks_cover_all_atoms():
    ranks = [type("R", (), {"rank": r, "size": 3}) for r in range(3)]
    for n in (0, 2, 3, 10):
        ends = [block(one, n) for one in ranks]
        assert ends[0][0] == 0 and ends[-1][1] == n
        assert all(a[1] == b[0] for a, b in zip(ends, ends[1:], strict=False))


@pytest.mark.parametrize("periodic", [(True, True, True), (True, True, False), (False, False, False)])
def test_mdanalysis_reads_positions_velocities_time_and_box(path, periodic):
    frames.write(path, 13, periodic=np.array(periodic))
    universe = MDAnalysis.Universe(str(path))
    assert universe.atoms.n_atoms == 7 and universe.trajectory.n_frames == 7
    for k, frame in enumerate(universe.trajectory):
        np.testing.assert_allclose(frame.positions, frames.element("position", 2 * k, 7), rtol=1e-6)
        np.testing.assert_allclose(frame.velocities, 1000 * frames.element("velocity", 2 * k, 7), rtol=1e-6)
        assert frame.time == pytest.approx(0.001 * k)
        assert frame.data["step"] == 2 * k
        np.testing.assert_allclose(frame.triclinic_dimensions[0, 0], 10.0, rtol=1e-6)


def test_mdanalysis_reads_sparse_velocities_as_absent(path):
    """Rows of other steps would be taken for those of the frames."""
    with frames.create(path, particles={"position": 1, "velocity": 3}) as trajectory:
        for step in range(5):
            given = {"position": frames.element("position", step, 7)}
            if step % 3 == 0:
                given["velocity"] = frames.element("velocity", step, 7)
            trajectory.append(step, 0.5 * step, given, frames.box(step), frames.observables(step))
    universe = MDAnalysis.Universe(str(path))
    assert [frame.has_velocities for frame in universe.trajectory] == [False] * 5


def test_pyh5md_reads_positions(written):
    with pyh5md.File(written, "r") as file:
        group = file.particles_group("trajectory")
        position = pyh5md.element(group, "position")
        assert position.element_type == "TimeElement"
        assert position.step[:].tolist() == [0, 2, 4, 6, 8, 10, 12]
        for k in range(7):
            np.testing.assert_array_equal(position.value[k], frames.element("position", 2 * k, 7))
        assert pyh5md.element(group, "species")[1] == atomic_numbers["Si"]


def test_a_file_in_use_shows_what_is_committed(path):
    with frames.create(path) as trajectory:
        for step in range(8):
            frames.append(trajectory, step)
            assert frames.verify(path) == step
        other = "import h5py, sys; print(h5py.File(sys.argv[1])['particles/trajectory/position/step'][:])"
        seen = subprocess.run([sys.executable, "-c", other, path], capture_output=True, text=True, check=True)
        assert seen.stdout.split() == ["[0", "2", "4", "6]"]
        assert trajectory.last_steps["observables"] == 7 and trajectory.last_steps[MAIN] == 6


def test_rows_without_mark_do_not_count(written):
    with h5py.File(written, "r+") as file:
        file[f"{MAIN}/position/step"][-1] = layout.UNMARKED
        file[f"{MAIN}/position/value"][-1] = np.nan
    with TrajectoryReader(written) as reader:
        assert len(reader) == 6
        assert len(reader.values("velocity")) == 6
        assert len(reader.steps("force")) == 5
        assert reader.frame(-1).positions[0, 0] == 10.0
    frames.write(written, 13, first=12)
    assert frames.verify(written) == 13
    with TrajectoryReader(written) as reader:
        assert len(reader) == 7


@pytest.mark.parametrize("first", [1, 4, 9, 14])
def test_continued_file_is_that_of_an_uninterrupted_run(tmp_path, path, first):
    frames.write(tmp_path / "whole.h5md", 20)
    frames.write(path, 13)
    frames.write(path, 20, first=first, provenance={"config": "a: 2\n"})
    assert frames.verify(path) == 20
    whole, continued = content(tmp_path / "whole.h5md"), content(path)
    runs = [name for name in continued if name.startswith(layout.RUNS)]
    for name in runs:
        continued.pop(name)
        whole.pop(name, None)
    assert continued == whole
    with TrajectoryReader(path) as reader:
        assert [run["from_step"] for run in reader.provenance()] == [0, first - 1]
        assert reader.provenance()[1]["config"] == "a: 2\n"


@pytest.mark.mpi
def test_continued_by_other_ranks_and_mode(path):
    frames.write(path, 9)
    run_ranks(3, FRAMES, path, "parallel", 7, 8, 15, timeout=60)
    run_ranks(2, FRAMES, path, "rank0", 7, 14, 20, timeout=60)
    assert frames.verify(path) == 20


def test_continue_drops_many_rows_of_small_chunks(path, monkeypatch):
    monkeypatch.setattr(layout, "CHUNK_BYTES", (64, 2**30))
    frames.write(path, 100)
    frames.write(path, 120, first=31)
    assert frames.verify(path) == 120


def test_one_rank_is_rank0_in_any_mode(path):
    for mode in ("auto", "rank0"):
        with frames.create(path, mode=mode, existing="overwrite") as trajectory:
            assert trajectory.mode == "rank0"


def test_parallel_without_mpi_in_h5py_names_the_remedy(path, monkeypatch):
    config = type("Config", (), {"mpi": False})
    monkeypatch.setattr(trajectory_module.h5py, "get_config", lambda: config)
    with pytest.raises(DependencyError, match=r"parallel.hdf5 = parallel: .* set parallel.hdf5: rank0, or .*doctor"):
        frames.create(path, mode="parallel")
    assert not path.exists()
    two = type("Ranks", (), {"size": 2})
    assert trajectory_module.choose_mode("auto", two) == "rank0"


def test_existing_file_is_refused(written):
    before = written.read_bytes()
    with pytest.raises(OutputError, match=r"run.h5md = exists: .* --restart or --overwrite"):
        frames.create(written)
    assert written.read_bytes() == before


def test_continue_needs_the_file(path):
    with pytest.raises(OutputError, match=r"run.h5md = cannot read it \(No such file or directory\): the path must"):
        frames.create(path, existing="continue")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_atoms": 6}, r"= 7 atoms: this run has 6; restart with the config that began it"),
        ({"elements": ("Li", "Ge")}, r"= other elements: this run has other atoms under the same ids"),
        ({"periodic": np.ones(3, bool)}, r"= boundaries .*none.*: this run has .*periodic"),
        ({"precision": "float32"}, r"= float64 as particles/trajectory/position/value: this run has float32 there"),
        ({"particles": {"position": 2}}, r"= int32 as particles/trajectory/image/value: this run has none there"),
        ({"particles": frames.EVERY | {"velocity": 5}}, r"= float64 as .*trajectory/velocity/value: this run has none"),
        ({"observables": {"density": ("", ())}}, r"= none as observables/density/value: this run has float64"),
    ],
)
def test_continue_refuses_the_file_of_another_run(written, options, message):
    before = written.read_bytes()
    with pytest.raises(OutputError, match=message):
        frames.create(written, existing="continue", **options)
    assert written.read_bytes() == before


def test_lock_that_the_environment_forces(written):
    code = (
        "import fcntl, sys; from hpcpot.storage.reader import TrajectoryReader as R\n"
        "file = open(sys.argv[1], 'r+'); fcntl.flock(file, fcntl.LOCK_EX); R(sys.argv[1])"
    )
    for setting, succeeds in (("TRUE", False), ("FALSE", True)):
        command = ["env", f"HDF5_USE_FILE_LOCKING={setting}", sys.executable, "-c", code, str(written)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode == 0) is succeeds
        assert ("hpcpot needs no locks" in done.stderr) is not succeeds


FAILING = """
import sys
from pathlib import Path
from storage import frames
from hpcpot.parallel.ranks import start
from hpcpot.storage import trajectory as t
ranks = start()
real = t.write_rows
def write_rows(dataset, row, *rest, **options):
    real(dataset, row, *rest, **options)
    if row == 3 and ranks.rank == int(sys.argv[3]):
        raise OSError("errno = 28, error message = 'No space left on device', buf")
t.write_rows = write_rows
frames.write(Path(sys.argv[1]), 20, ranks, mode=sys.argv[2])
"""


@pytest.mark.mpi
@pytest.mark.parametrize(("mode", "rank"), [("parallel", 0), ("parallel", 1), ("rank0", 0)])
def test_error_on_one_rank_ends_all(path, mode, rank):
    done = run_ranks(2, "-c", FAILING, path, mode, rank, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("cannot write step 6 to it (No space left on device): the disk is full; free some") == 1
    assert frames.verify(path) == 5


ELSEWHERE = """
import os, sys
from storage import frames
from hpcpot.parallel.ranks import start
ranks = start()
os.chdir(sys.argv[1 + ranks.rank])
frames.write("run.h5md", 3, ranks, mode="parallel")
"""


@pytest.mark.mpi
def test_folder_that_ranks_do_not_share(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    done = run_ranks(2, "-c", ELSEWHERE, *folders, check=False, timeout=60)
    assert done.returncode == 1
    assert "not seen by rank 1, though rank 0 made it: all nodes must share the folder" in done.stderr


@pytest.mark.mpi
def test_refusal_reaches_all_ranks(written):
    done = run_ranks(2, FRAMES, written, "parallel", 7, 0, 3, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("run.h5md = exists") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p, o: p.pop("image"), "what shares steps comes together"),
        (lambda p, o: p.update(charge=p["force"]), "what shares steps comes together"),
        (lambda p, o: o.clear(), "what shares steps comes together"),
        (lambda p, o: p.update(force=p["force"][1:]), r"append = force of shape \(6, 3\): must be \(7, 3\)"),
        (lambda p, o: o.update(temperature=[1.0, 2.0]), r"append = temperature of shape \(2,\): must be \(\)"),
    ],
)
def test_append_refuses_what_does_not_fit(path, change, message):
    particles = {name: frames.element(name, 0, 7) for name in frames.EVERY}
    seen = frames.observables(0)
    change(particles, seen)
    with frames.create(path) as trajectory, pytest.raises(ValueError, match=message):
        trajectory.append(0, 0.0, particles, frames.box(0), seen)
    with TrajectoryReader(path) as reader:
        assert len(reader) == 0


def test_steps_ascend(path):
    with frames.create(path) as trajectory:
        frames.append(trajectory, 6)
        with pytest.raises(ValueError, match="append = step 6: must be after step 6 of observables"):
            frames.append(trajectory, 6)


def test_elements_are_chemical_symbols(path):
    with pytest.raises(StructureError, match="element = Qq: a trajectory stores chemical symbols"):
        frames.create(path, elements=("Qq", "Si"))


def test_reader_names_what_is_not_there(path):
    frames.create(path, particles={"force": 1}).close()
    with TrajectoryReader(path) as reader, pytest.raises(OutputError, match="no position: its run stored force;"):
        len(reader)


def test_block_of_one_rank_is_everything():
    assert block(SERIAL, 5) == (0, 5)


def test_one_writer(path):
    with frames.create(path) as first:
        frames.append(first, 0)
        for options in ({"existing": "continue"}, {"existing": "overwrite"}):
            with pytest.raises(
                OutputError, match=f"being written by process {os.getpid()} on .*: a file has one writer"
            ):
                frames.create(path, **options)
        frames.append(first, 1)
    assert frames.verify(path) == 1 and list(path.parent.iterdir()) == [path]
    frames.create(path, existing="continue", continue_step=1).close()


def test_the_writer_of_a_killed_run_is_known(path):
    """A process that still writes, after its launcher was killed, say."""
    program = f"import sys; from storage import frames; f = frames.create({str(path)!r}); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(FRAMES).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout.readline() == b"1\n"
        with pytest.raises(OutputError, match=f"being written by process {writer.pid} on "):
            frames.create(path, existing="continue")
        writer.kill()
        writer.wait()
    frames.create(path, existing="continue").close()


@pytest.mark.parametrize("how", ["removed", "replaced"])
@pytest.mark.parametrize("then", ["append", "close"])
def test_a_file_that_goes_away_is_an_error(path, how, then):
    file = frames.create(path)
    frames.append(file, 0)
    if how == "replaced":
        path.with_name("other").write_text("other")
        path.with_name("other").rename(path)
    else:
        path.unlink()
    with pytest.raises(OutputError, match=r"removed or replaced while it is written\): leave it alone"):
        frames.append(file, 1) if then == "append" else file.close()
    file.close()
    assert not list(path.parent.glob("*.lock"))
