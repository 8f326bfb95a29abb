import csv
import subprocess
import sys

import ase.io
import numpy as np
import pytest

from hpcpot.commands.campaigns import add_arguments, run
from hpcpot.errors import OutputError
from hpcpot.farm.item import Failure
from hpcpot.farm.results import Column, Store

COLUMNS = {
    "energy": Column((), unit="eV"),
    "status": Column((), "str"),
    "species": Column((None,), "int32"),
    "positions": Column((None, 3), unit="Angstrom"),
    "cell": Column((3, 3), unit="Angstrom"),
    "periodic": Column((3,), "bool"),
    "forces": Column((None, 3), unit="eV Angstrom-1"),
    "path": Column((None, None, 3)),
}


def structure(x):
    n = 1 + x % 3
    return {
        "energy": -1.5 * x,
        "status": "converged",
        "species": np.full(n, 14),
        "positions": np.arange(3.0 * n).reshape(n, 3),
        "cell": np.eye(3) * (10 + x),
        "periodic": np.array([True, True, False]),
        "forces": np.full((n, 3), 0.25 * x),
        "path": np.zeros((2, n, 3)),
    }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "relaxed.h5"
    with Store(
        path,
        kind="relax",
        columns=COLUMNS,
        identity={"potential": "abc123"},
        provenance={"date": "2024-01-02", "command": "hpcpot relax x.yaml"},
        expected_rows=9,
    ) as store:
        store.begin(12, 12)
        store.append([(f"key{x}", f"cells.extxyz:{x}", structure(x)) for x in range(6)])
        store.append(
            [
                ("bad1", "cells.extxyz:6", Failure("StructureError", "volume 0", "node1", "")),
                ("bad2", "cells.extxyz:7", Failure("StructureError", "NaN", "node2", "")),
                ("bad3", "cells.extxyz:8", Failure("WorkerDied", "was killed by SIGSEGV", "node2", "")),
            ]
        )
    return path


def command(*arguments):
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(argument) for argument in arguments]))


def test_state(file, capsys):
    assert command(file) == 0
    text = capsys.readouterr().out
    assert f"{file}: hpcpot relax, 1 run\ndone 6, failed 3, missing 3\n" in text
    assert "positions float64 (*, 3) Angstrom" in text and "potential: abc123" in text
    assert "last command: hpcpot relax x.yaml" in text
    assert "2 x StructureError\n  cells.extxyz:6: volume 0 (on node1)\n  ... and 1 more; --failed lists them" in text
    assert "1 x WorkerDied\n  cells.extxyz:8: was killed by SIGSEGV (on node2)" in text


def test_settings_in_words(tmp_path, capsys):
    """As relax and onsite store them; a text that is no value of Python is left as it is."""
    task = (
        "Options(minimizer='lbfgs', moves=Options(potim=0.4, rise=1e-09), cell='full', keep_path=False)\n"
        "precision: float64, kernels: cpu\n"
        "regions: {'alloy': ['right-15', 'right-5'], 'interface': None}\n"
        "note: {curly"
    )
    path = tmp_path / "r.h5"
    with Store(path, kind="relax", columns=COLUMNS, identity={"task": task}, provenance={}, expected_rows=1) as store:
        store.append([("bad", "", Failure("StructureError", "volume 0", "node1", ""))])
    command(path)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("task: ")]
    assert lines == [
        "task: minimizer = lbfgs, moves.potim = 0.4, moves.rise = 1e-09, cell = full, keep_path = false",
        "task: precision: float64, kernels: cpu",
        "task: regions: alloy = [right-15, right-5], interface = none",
        "task: note: {curly",
    ]


def test_all_failures(file, capsys):
    command(file, "--failed")
    text = capsys.readouterr().out
    assert "cells.extxyz:7: NaN (on node2)" in text and "more; --failed" not in text


def test_csv(file, capsys):
    command(file, "--export", "csv")
    output = file.with_suffix(".csv")
    told = capsys.readouterr().out
    left_out = "left out, as their shape differs from row to row: species, positions, forces, path"
    assert told == f"{output}: 6 rows; {left_out}\n"
    with open(output) as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6 and rows[4]["label"] == "cells.extxyz:4" and float(rows[4]["energy"]) == -6.0
    assert rows[2]["status"] == "converged" and float(rows[2]["cell_1_1"]) == 12.0 and rows[0]["periodic_2"] == "False"


@pytest.mark.parametrize(("kind", "suffix"), [("cif", ".cif"), ("poscar", ".vasp")])
def test_a_file_of_each_structure(file, capsys, kind, suffix):
    command(file, "--export", kind)
    folder = file.with_name(f"relaxed_{kind}")
    assert capsys.readouterr().out == f"{folder}: 6 structures\n"
    assert sorted(path.name for path in folder.iterdir()) == [f"cells_{x}{suffix}" for x in range(6)]
    for x in range(6):
        atoms = ase.io.read(folder / f"cells_{x}{suffix}")
        np.testing.assert_allclose(atoms.cell.array, structure(x)["cell"])
        np.testing.assert_allclose(atoms.positions, structure(x)["positions"], atol=1e-8)
    with pytest.raises(OutputError, match="a folder with files: hpcpot does not overwrite by itself"):
        command(file, "--export", kind)
    command(file, "--export", kind, "--overwrite")


def test_a_single_structure_is_a_file(tmp_path, capsys):
    path = tmp_path / "one.h5"
    with Store(path, kind="relax", columns=COLUMNS, identity={}, provenance={}, expected_rows=1) as store:
        store.append([("key1", "Si.cif", structure(1))])
    command(path, "--export", "cif")
    assert len(ase.io.read(tmp_path / "one.cif")) == 2


def test_stress_is_exported_as_ase_has_it(tmp_path):
    path, stress = tmp_path / "s.h5", np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    columns = COLUMNS | {"stress": Column((3, 3), unit="eV Angstrom-3")}
    with Store(path, kind="relax", columns=columns, identity={}, provenance={}, expected_rows=1) as store:
        store.append([("key1", "Si.cif", structure(1) | {"stress": stress})])
    command(path, "--export", "extxyz")
    np.testing.assert_array_equal(ase.io.read(tmp_path / "s.extxyz").get_stress(), [1, 2, 3, 4, 5, 6])


def test_csv_of_failures_alone(tmp_path, capsys):
    path = tmp_path / "failed.h5"
    with Store(path, kind="relax", columns=COLUMNS, identity={}, provenance={}, expected_rows=1) as store:
        store.append([("bad", "", Failure("StructureError", "volume 0", "node1", ""))])
    command(path, "--export", "csv")
    assert "failed.csv: 0 rows" in capsys.readouterr().out
    lines = path.with_suffix(".csv").read_text().splitlines()
    assert len(lines) == 1 and lines[0].startswith("key,label,energy,status,cell_0_0,")


@pytest.mark.parametrize("kind", ["csv", "extxyz"])
def test_export_that_cannot_be_written(file, kind):
    """Nothing half-written stays."""
    before = set(file.parent.iterdir())
    with pytest.raises(OutputError, match=rf"absent/out.{kind} = not writable: its folder must exist"):
        command(file, "--export", kind, "-o", file.parent / "absent" / f"out.{kind}")
    (file.parent / f"folder.{kind}").mkdir()
    with pytest.raises(OutputError, match="exists: .*; remove the folder, or choose another path"):
        command(file, "--export", kind, "--overwrite", "-o", file.parent / f"folder.{kind}")
    assert set(file.parent.iterdir()) - before == {file.parent / f"folder.{kind}"}


def test_extxyz(file, capsys):
    command(file, "--export", "extxyz", "-o", file.with_name("out.extxyz"))
    assert capsys.readouterr().out.endswith("6 frames; left out, as they are of neither atom nor frame: path\n")
    frames = ase.io.read(file.with_name("out.extxyz"), index=":")
    assert [len(atoms) for atoms in frames] == [1, 2, 3, 1, 2, 3]
    last = frames[-1]
    assert last.symbols[0] == "Si" and last.cell[0, 0] == 15.0 and last.pbc.tolist() == [True, True, False]
    np.testing.assert_allclose(last.get_forces(), 1.25)
    assert last.get_potential_energy() == -7.5 and last.info["label"] == "cells.extxyz:5"


def test_an_export_replaces_nothing_by_itself(file):
    file.with_suffix(".csv").write_text("mine")
    with pytest.raises(OutputError, match="relaxed.csv = exists: .*use --overwrite"):
        command(file, "--export", "csv")
    command(file, "--export", "csv", "--overwrite")
    assert file.with_suffix(".csv").read_text().startswith("key,label,energy")


def test_extxyz_needs_structures(tmp_path):
    path = tmp_path / "onsite.h5"
    with Store(path, kind="onsite", columns={"energy": Column()}, identity={}, provenance={}, expected_rows=1) as store:
        store.append([("a", "", {"energy": 1.0})])
    message = "onsite.h5 = no column positions: extxyz needs positions, cell, species; export it as"
    with pytest.raises(OutputError, match=message):
        command(path, "--export", "extxyz")


def test_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hpcpot", "results", "absent.h5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and done.stderr.startswith("OutputError: absent.h5 = cannot read it")
