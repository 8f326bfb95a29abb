"""`hpcpot analyze` on small trajectories with known answers."""

import csv
import re
import shutil
import sys
from pathlib import Path

import ase.io
import h5py
import numpy as np
import pulls
import pytest
import reports
import runs
import systems
from mpirun import run_ranks
from repository import REPOSITORY

from hpcpot import cli
from hpcpot.analysis.reference import make_reference
from hpcpot.analysis.strain import strain
from hpcpot.commands.analyze import export
from hpcpot.storage.reader import TrajectoryReader

FAST = ["--set", "output.figures=null", "--set", "output.export=null"]


def table(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    columns = dict(zip(rows[0], zip(*rows[1:], strict=False), strict=False))
    return {
        name: np.array(column) if name == "quantity" else np.array(column, float) for name, column in columns.items()
    }


def column(dump: Path, name: str) -> np.ndarray:
    lines = dump.read_text().splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("ITEM: ATOMS"))
    at = lines[head].split()[2:].index(name)
    return np.array([float(line.split()[at]) for line in lines[head + 1 :]])


def datasets(path: Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return {name: value for name, value in found.items() if not name.startswith("provenance")}


def analyze(source: Path, *arguments: str, code: int = 0) -> int:
    assert cli.main(["analyze", str(source), *arguments]) == code
    return code


@pytest.fixture(scope="module")
def pulled(tmp_path_factory) -> Path:
    return pulls.write(tmp_path_factory.mktemp("pull") / "run.h5md")


@pytest.fixture
def run(pulled, tmp_path) -> Path:
    """A trajectory of its own folder for each test."""
    return Path(shutil.copy(pulled, tmp_path / "run.h5md"))


def test_all_that_a_trajectory_alone_gives(run, capsys):
    """Defaults: numbers of the known curve, affine strain exact to the atom, every file whole."""
    analyze(run)
    printed = capsys.readouterr().out
    assert "544 atoms, stage pull: 9 frames, step 200 to 1000, strain along y to 0.4000, on 1 rank" in printed
    assert "stress             of the cell, over its present cross-section" in printed
    assert "Young's modulus    45.00 ± 0.00 GPa, strain 0.02 to 0.08" in printed
    folder = run.with_name("run_analysis")
    names = {path.name for path in folder.iterdir()}
    figures = {
        f"{name}.{kind}" for name in ("stress_strain", "atoms", "maps", "snapshots", "voids") for kind in ("png", "pdf")
    }
    tables = {"analysis.h5", "stress_strain.csv", "modulus.csv", "summary.csv", "frames.csv"}
    assert names == figures | tables | {f"atoms_{step}.extxyz" for step in (200, 500, 700, 1000)}
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in figures if name.endswith("png"))
    frames = table(folder / "frames.csv")
    stretch = 1.0 + frames["strain"]
    eta = 0.5 * (stretch**2 - 1.0)
    np.testing.assert_allclose(frames["shear_mean"], eta / np.sqrt(3.0), atol=1e-12)
    np.testing.assert_allclose(frames["volumetric_mean"], eta / 3.0, atol=1e-12)
    np.testing.assert_allclose(frames["d2min_mean_A2"], 0.0, atol=1e-12)
    assert frames["void_fraction"][0] == 0 and frames["broken_bonds"][0] == 0
    curve = table(folder / "stress_strain.csv")
    np.testing.assert_allclose(curve["stress_GPa"], pulls.stress(curve["strain"]), rtol=1e-12, atol=1e-12)
    summary = table(folder / "summary.csv")
    assert summary["value"][summary["quantity"] == "youngs_modulus_GPa"] == pytest.approx(45.0)
    for path, kind, charts in ((folder, "analyze", 3), (run, "fracture", 3)):
        section = reports.section_of(path, kind, charts)
        assert section.quantities["Young's modulus"].value == pytest.approx(45.0)
        assert section.texts["Tensile test"] in printed
    assert list(section.tables) == [] and section.views[0].places.shape[1:] == (544, 3)


def test_tables_are_the_same_in_hdf5(run):
    analyze(run, *FAST)
    folder = run.with_name("run_analysis")
    found = datasets(folder / "analysis.h5")
    for name in ("frames", "stress_strain", "modulus"):
        for column, values in table(folder / f"{name}.csv").items():
            np.testing.assert_array_equal(found[f"{name}/{column}"], values)
    assert found["atoms/shear_strain"].shape == (9, 544) and found["atoms/strain_is_valid"].all()
    with h5py.File(folder / "analysis.h5") as file:
        assert b"cutoff_A: 4.5" in file["provenance/config"][()]
        assert file["atoms/d2min"].attrs["unit"] == "Angstrom2"


@pytest.mark.mpi
def test_ranks_find_the_same(tmp_path):
    path = pulls.write(tmp_path / "run.h5md", holes=np.linspace(0, 5, 9), noise=0.1, virials=np.full((544, 3, 3), 0.1))
    parts = ["--set", "parts=[curve, strain, bonds, voids, stress]", "--set", "voids.radius_A=2.8"]
    found = []
    for ranks in (1, 2):
        folder = tmp_path / f"on_{ranks}"
        run_ranks(ranks, "-m", "hpcpot", "analyze", path, *FAST, *parts, "--set", f"output.folder={folder}")
        found.append(datasets(folder / "analysis.h5"))
    assert found[0].keys() == found[1].keys() and "regions/stress" in found[0]
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name], err_msg=name)


def test_the_hole_is_found_and_followed(tmp_path):
    atoms = pulls.block((4, 2, 7))
    holes = np.array([0.0, 0.0, 4.0, 7.0, 9.0])
    pulls.write(tmp_path / "run.h5md", atoms, np.full(5, 0.0), holes)
    analyze(tmp_path / "run.h5md", *FAST, "--set", "parts=[voids]", "--set", "voids.spacing_A=0.7")
    frames = table(tmp_path / "run_analysis/frames.csv")
    np.testing.assert_array_equal(frames["hole_A3"][:2], 0)
    volumes = 4 / 3 * np.pi * holes[2:] ** 3
    assert (np.diff(frames["hole_A3"]) >= 0).all()
    assert (frames["hole_A3"][2:] > volumes).all() and (frames["hole_A3"][3:] < 1.6 * volumes[1:]).all()
    centre = np.stack([frames[f"hole_{axis}_A"] for axis in "xyz"], axis=1)
    assert np.isnan(centre[:2]).all()
    np.testing.assert_allclose(centre[2:], np.tile(atoms.cell.array.sum(axis=0) / 2, (3, 1)), atol=0.5)


def test_exports_have_the_strain_of_each_atom(tmp_path):
    path = pulls.write(tmp_path / "run.h5md", noise=0.1)
    analyze(
        path,
        "--set",
        "output.figures=null",
        "--set",
        "output.export=[extxyz, lammps]",
        "--set",
        "figures.strains=[0.2]",
    )
    with TrajectoryReader(path) as reader:
        first, frame = reader.frame(2), reader.frame(6)
    reference = make_reference(first.positions, first.cell.array, first.pbc, 4.5)
    expected = strain(reference, frame.positions, frame.cell.array)
    atoms = ase.io.read(tmp_path / "run_analysis/atoms_600.extxyz")
    assert atoms.info["strain"] == pytest.approx(0.2) and (atoms.numbers == frame.numbers).all()
    np.testing.assert_allclose(atoms.arrays["shear_strain"], expected.shear, atol=1e-7)
    np.testing.assert_allclose(atoms.arrays["d2min"], expected.d2min, atol=1e-7)
    dumped = ase.io.read(tmp_path / "run_analysis/atoms_600.dump", format="lammps-dump-text", specorder=["Li", "Si"])
    assert (dumped.symbols == frame.symbols).all()
    np.testing.assert_allclose(dumped.cell.array, frame.cell.array, atol=1e-9)
    moved = dumped.positions - frame.positions
    np.testing.assert_allclose(moved - np.round(moved / frame.cell.lengths()) * frame.cell.lengths(), 0.0, atol=1e-7)
    np.testing.assert_allclose(
        column(tmp_path / "run_analysis/atoms_600.dump", "shear_strain"), expected.shear, rtol=1e-8
    )


def test_dump_of_a_tilted_cell(tmp_path):
    """LAMMPS turns the cell; distances stay."""
    atoms = systems.triclinic()
    export.lammps(tmp_path / "tilted.dump", atoms, {"shear": np.arange(216.0)}, 7)
    dumped = ase.io.read(tmp_path / "tilted.dump", format="lammps-dump-text", specorder=["Li", "Si"])
    np.testing.assert_allclose(dumped.cell.cellpar(), atoms.cell.cellpar(), atol=1e-8)
    pairs = np.random.default_rng(1).integers(0, 216, (50, 2))
    for a, b in pairs:
        if a != b:
            assert dumped.get_distance(a, b, mic=True) == pytest.approx(atoms.get_distance(a, b, mic=True), abs=1e-7)
    np.testing.assert_array_equal(column(tmp_path / "tilted.dump", "shear_strain"), np.arange(216))


def test_grips_and_particles(tmp_path, capsys):
    path = pulls.write(tmp_path / "run.h5md", grips=True)
    analyze(path, *FAST, "--set", "parts=[curve]", "--set", "curve.stress=grip", "--set", "curve.particle_radius_A=20")
    fit = table(tmp_path / "run_analysis/modulus.csv")
    assert fit["slope_GPa"][0] == pytest.approx(45.0 * 160.2176634 / (np.pi * 400.0), rel=1e-9)
    assert "stress             force on the moving grip over pi R^2, R = 20 Å" in capsys.readouterr().out
    path = pulls.write(tmp_path / "whole.h5md")
    analyze(path, *FAST, "--set", "parts=[curve]", "--set", "curve.particle_radius_A=5")
    curve = table(tmp_path / "whole_analysis/stress_strain.csv")
    volumes = pulls.block().get_volume() * (1.0 + curve["strain"])
    expected = pulls.stress(curve["strain"]) * volumes / (4 / 3 * np.pi * 125.0)
    assert "stress             virial and motion of all atoms over 4/3 pi R^3, R = 5 Å" in capsys.readouterr().out
    np.testing.assert_allclose(curve["stress_GPa"], expected, rtol=1e-10, atol=1e-10)
    analyze(path, *FAST, "--overwrite", "--set", "parts=[curve]", "--set", "curve.area=initial")
    curve = table(tmp_path / "whole_analysis/stress_strain.csv")
    np.testing.assert_allclose(curve["stress_GPa"], 0.9 * pulls.stress(curve["strain"]), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("name", "grips"), [("analyze_fracture", False), ("analyze_particle", True)])
def test_configs_that_ship(tmp_path, capsys, name, grips):
    path = pulls.write(tmp_path / "run.h5md", strains=np.linspace(0.0, 0.5, 11), grips=grips)
    analyze(REPOSITORY / f"configs/{name}.yaml", *FAST, "--set", f"trajectory={path}")
    assert ("published 45.04" in capsys.readouterr().out) is not grips
    assert (tmp_path / "run_analysis/frames.csv").exists()


def test_compression(tmp_path):
    path = pulls.write(tmp_path / "run.h5md", strains=np.linspace(0.0, -0.1, 6))
    analyze(path, "--set", "output.export=null", "--set", "figures.strains=[-0.1]")
    curve = table(tmp_path / "run_analysis/stress_strain.csv")
    np.testing.assert_allclose(curve["strain"][-1], 0.1)
    assert table(tmp_path / "run_analysis/modulus.csv")["slope_GPa"][0] == pytest.approx(45.0)


def test_a_config_with_published_points_in_a_file(run, capsys):
    (run.parent / "points.csv").write_text("strain, stress (GPa)\n0.135, 5.0\n\n0.5, 1.75\n")
    config = run.parent / "analysis.yaml"
    config.write_text(
        "trajectory: run.h5md\nparts: [curve]\npublished: {file: points.csv, modulus_GPa: 45.04, label: earlier}\n"
        "output: {figures: [png]}\n"
    )
    analyze(config)
    assert "earlier 45.04" in capsys.readouterr().out
    assert (run.parent / "run_analysis/stress_strain.png").exists()


def test_stress_of_regions_is_that_of_the_run(tmp_path):
    """A short pull of argon by the engine: the regions' mean is the stress of the cell, where a frame has virials."""
    stages = {
        "hold": {"integrator": "nvt_nose_hoover", "steps": 20},
        "pull": {
            "integrator": "npt_nose_hoover",
            "steps": 60,
            "deform": "cell",
            "deform_axis": "z",
            "strain_rate_per_ps": 0.05,
            "barostat_axes": ["x", "y"],
            "pressure_GPa": 0.0,
        },
    }
    config = runs.prepare(
        tmp_path,
        stages=stages,
        md__steps=20,
        md__timestep_fs=2.0,
        output__position_every=10,
        output__velocity_every=20,
        output__virial_every=20,
    )
    runs.run(config)
    with TrajectoryReader(tmp_path / "run.h5md") as reader:
        assert reader.provenance()[0]["virial_partition"] == "half of the term of each pair to each of its atoms"
    parts = [
        "--set",
        "parts=[curve, stress]",
        "--set",
        "stress.bins=[1, 1, 3]",
        "--set",
        "curve.fit_window=[0.001, 0.005]",
    ]
    analyze(tmp_path / "run.h5md", *FAST, *parts)
    folder = tmp_path / "run_analysis"
    found = datasets(folder / "analysis.h5")["regions/stress"]
    frames, curve = (table(folder / f"{name}.csv") for name in ("frames", "stress_strain"))
    assert frames["strain"][0] == 0 and frames["strain"][-1] == pytest.approx(0.006, rel=1e-9)
    assert frames["step"].tolist() == [20, 30, 40, 50, 60, 70, 80]
    has_virials = (frames["step"] - 20) % 20 == 0
    assert np.isfinite(found[has_virials]).all() and np.isnan(found[~has_virials]).all()
    mean = found.mean(axis=(1, 2, 3))[has_virials]
    at = np.searchsorted(curve["strain"], frames["strain"][has_virials] - 1e-9)
    assert mean[0, 2, 2] == pytest.approx(curve["stress_GPa"][0], rel=1e-9)
    # The stress of a step is that before the cell is deformed, its virials are those after: a strain of 1e-4 apart.
    np.testing.assert_allclose(mean[:, 2, 2], curve["stress_GPa"][at], atol=5e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["curve.fit_window=[0.02, 0.9]"],
            r"curve.fit_window = \[0.02, 0.9\]: must be inside the curve, strain 0 to 0.4",
        ),
        (["curve.fit_window=[0.08, 0.02]"], r"curve.fit_window = .*: must have low < high"),
        (["curve.stress=grip"], "curve.particle_radius_A = null .*: is required for curve.stress: grip"),
        (
            ["curve.stress=grip", "curve.particle_radius_A=9"],
            "= no grip_force: a stage of its run must deform the atoms by grips",
        ),
        (["curve.particle_radius_A=9", "curve.area=initial"], "curve.area = initial .*: is not for a particle"),
        (["figures.strains=[0.1, 0.7]"], "figures.strains = 0.7: must be among the strains of the frames, 0 to 0.4"),
        (["figures.position=1.5"], "figures.position = 1.5 .*: must be a fraction of the cell"),
        (["pull.stage=melt"], "pull.stage = melt: must be a stage of the run, equilibrate, pull"),
        (["pull.stages=melt"], "pull.stages = melt .*: unknown key; did you mean pull.stage"),
        (["voids.spacing_A=4"], r"voids.spacing_A = 4 .*: must be at most voids.radius_A \(2.5\)"),
        (["bonds.lengths_A=[[Si, Si, 2.8]]"], r"bonds.lengths_A = no Li-Li: must have a length for each pair"),
        (
            ["bonds.lengths_A=[[Ge, Si, 2.8]]"],
            r"bonds.lengths_A = Ge: must be among the elements of the trajectory, Li, Si",
        ),
        (["bonds.lengths_A=[Si, 2.8]"], r"bonds.lengths_A = .*: must be a list of \[element, element, length\]"),
        (["parts=[stress]"], "= no frame with virials and velocities: the stress of regions needs both"),
        (["parts=[strains]"], "parts = .*: must be a list of curve, strain, bonds, voids, stress"),
        (["trajectory=absent.h5md"], "trajectory = absent.h5md .*: must be a file"),
    ],
)
def test_what_cannot_be_analysed(run, changes, message, capsys):
    arguments = [text for change in changes for text in ("--set", change)]
    analyze(run, *FAST, *arguments, code=1)
    error = capsys.readouterr().err
    assert error.startswith(("ConfigError: ", "OutputError: ")) and error.count("\n") == 1
    assert re.search(message, error)
    folder = run.with_name("run_analysis")
    assert not folder.exists() or not list(folder.iterdir()), "a failed analysis leaves nothing that looks whole"


def test_observables_of_one_stage(run, capsys):
    """Without the tensile test, pull.stage still says which frames."""
    observe = ["--set", "parts=null", "--set", "observe=[{name: msd, options: {lags: 2, drift: none}}]", "--overwrite"]
    for stage, frames in ((None, 11), ("pull", 9), ("equilibrate", 2)):
        chosen = [] if stage is None else ["--set", f"pull.stage={stage}"]
        analyze(run, *FAST, *observe, *chosen)
        assert f" atoms: {frames} frames" in capsys.readouterr().out
        assert table(run.with_name("run_analysis") / "observed_msd.csv")["pairs"][0] == frames
    for change, message in (
        ("pull.stage=melt", "pull.stage = melt: must be a stage"),
        ("pull.axis=x", "pull.axis = x"),
    ):
        analyze(run, *FAST, *observe, "--set", change, code=1)
        assert message in capsys.readouterr().err


def test_trajectories_that_are_no_pull(tmp_path, capsys):
    path = pulls.write(tmp_path / "one.h5md", strains=np.zeros(1))
    analyze(path, *FAST, code=1)
    assert "= 1 row of stress in stage pull: must be at least 2" in capsys.readouterr().err
    path = pulls.write(tmp_path / "rest.h5md", config="md: {deform: null}\n")
    analyze(path, *FAST, code=1)
    assert "pull.axis = null: must be x, y or z where no stage of the run deforms" in capsys.readouterr().err
    path = pulls.write(tmp_path / "none.h5md", strains=np.zeros(0), before=1)
    analyze(path, *FAST, code=1)
    assert "none.h5md = no frame of stage pull yet: must have at least one" in capsys.readouterr().err
    (tmp_path / "text.h5md").write_text("no HDF5")
    analyze(tmp_path / "text.h5md", code=1)
    assert capsys.readouterr().err.startswith("OutputError: ")


def test_outputs_that_are_there_stay(run, capsys):
    analyze(run, *FAST)
    written = (run.with_name("run_analysis") / "frames.csv").read_bytes()
    analyze(run, *FAST, "--set", "strain.cutoff_A=4", code=1)
    assert "= exists: hpcpot does not overwrite by itself; use --overwrite" in capsys.readouterr().err
    assert (run.with_name("run_analysis") / "frames.csv").read_bytes() == written
    analyze(run, *FAST, "--overwrite", "--set", "curve.fit_window=[0.1, 3]", code=1)
    assert (run.with_name("run_analysis") / "frames.csv").read_bytes() == written, "also when the new analysis fails"
    (run.with_name("run_analysis") / "notes.txt").write_text("mine")
    analyze(run, "--overwrite", "--set", "output.figures=null", "--set", "figures.strains=[0.1]")
    names = {path.name for path in run.with_name("run_analysis").iterdir()}
    assert "notes.txt" in names and {name for name in names if name.startswith("atoms")} == {"atoms_400.extxyz"}


def test_a_folder_that_cannot_be_made(run, capsys):
    (run.parent / "file").write_text("")
    analyze(run, *FAST, "--set", f"output.folder={run.parent / 'file' / 'below'}", code=1)
    assert "= cannot be made (Not a directory)" in capsys.readouterr().err


def test_without_matplotlib(run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    analyze(run, code=1)
    error = capsys.readouterr().err
    assert error.startswith("DependencyError: output.figures = no matplotlib") and "output.figures: null" in error
    analyze(run, *FAST)


def test_trajectories_of_other_programs(run, capsys):
    """The tables of a trajectory of hpcpot are those of its frames as extended XYZ, and as a dump without times."""
    observe, folder = ("--observe", "rdf,msd", *FAST), run.parent
    analyze(run, *observe)
    assert cli.main(["convert", str(run), "-o", str(folder / "x.extxyz")]) == 0
    assert cli.main(["convert", str(run), "-o", str(folder / "y.lammpstrj"), "--unwrapped"]) == 0
    with TrajectoryReader(run) as reader:
        interval = np.diff(reader.times())[0]
    analyze(folder / "x.extxyz", *observe)
    analyze(folder / "y.lammpstrj", *observe, "--frame-fs", str(interval))
    for name, tolerance in (("observed_rdf.csv", 1e-9), ("observed_msd.csv", 1e-6)):
        first, *others = (table(folder / f"{stem}_analysis" / name) for stem in ("run", "x", "y"))
        for other in others:
            assert other.keys() == first.keys()
            for key in first:
                if "error" not in key and "count" not in key:
                    np.testing.assert_allclose(
                        other[key], first[key], atol=tolerance, rtol=1e-6, err_msg=f"{name} {key}"
                    )
    capsys.readouterr()
    for words, told in (
        (
            ("x.extxyz",),
            "parts = ['curve', 'strain', 'bonds', 'voids'] (defaults): needs what only runs of hpcpot md tell",
        ),
        (("y.lammpstrj", "--observe", "rdf"), "frames.interval_fs = null: y.lammpstrj does not say times"),
        (
            ("x.extxyz", "--observe", "rdf", "--set", "pull.stage=a"),
            "pull.stage = a (--set): is a stage of a run of hpcpot",
        ),
        (("x.extxyz", "--observe", "rdg"), "(--observe): must name one of strain, bonds"),
        (
            ("run.h5md", "--observe", "rdf", "--frame-fs", "2"),
            "frames.interval_fs = 2 (--frame-fs): is for trajectories of",
        ),
        (("run.h5md", "--set", "parts=null"), "observe = null (defaults): is required with parts: null"),
    ):
        analyze(folder / words[0], *words[1:], "--overwrite", code=1)
        assert told in capsys.readouterr().err
