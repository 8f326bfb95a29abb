"""Trees of DP-GEN: names against a tree of dpgen 0.14.0 (tests/data/dpgen/tree.txt), what is written read again, damage."""

import json
import os
import re
import warnings

import numpy as np
import pytest
from ase import Atoms
from repository import DATA

from hpcpot.dataset import dataset, files
from hpcpot.errors import DataError, OutputError
from hpcpot.learning import dpgen_tree
from hpcpot.learning.dpgen_tree import TreeIteration, TreeRun
from hpcpot.learning.levels import ACCURATE, CANDIDATE, FAILED, Levels, classify
from hpcpot.notices import InputNotice
from hpcpot.structure import files as structure_files

ELEMENTS = ("Li", "Si")
ITERATION = json.loads((DATA / "dpgen/iteration.json").read_text())
NAMES = {line.split(" ")[0] for line in (DATA / "dpgen/tree.txt").read_text().splitlines() if line[0] != "#"}


def atoms(system: int, seed: int = 0) -> Atoms:
    """Li2Si6, or Li2 in system 1, as in the golden tree."""
    points = np.random.default_rng(seed).random((8, 3)) * 0.5 + np.indices((2, 2, 2)).reshape(3, 8).T * 2.5
    return Atoms(["Si", "Li", "Si", "Si", "Li", "Si", "Si", "Si"], points, cell=[5.5, 6, 6.5], pbc=True)[
        slice(None) if system == 0 else [1, 4]
    ]


def labelled(system: int, count: int):
    def frame(k: int) -> dataset.Labelled:
        structure = atoms(system, k)
        forces = np.random.default_rng(k).normal(size=(len(structure), 3))
        symbols = structure.get_chemical_symbols()
        cell = structure.cell.array
        return dataset.Labelled(
            symbols, structure.positions, cell, structure.pbc, -k, forces, np.eye(3) * k, "g", f"f:{k}"
        )

    return dataset.build(map(frame, range(count)), ELEMENTS)


@pytest.fixture
def iteration() -> TreeIteration:
    """The golden iteration: its rows, classes and numbers of labels."""
    explored, classes = [], {}
    for name, rows in ITERATION["tasks"].items():
        system, number = map(int, name.split(".")[1:])
        values = np.array(rows)
        kinds = classify(values[:, 4], None, Levels(0.15, 0.35))
        steps = values[:, 0].astype(int)
        classes |= {(name, int(s)): int(kind) for s, kind in zip(steps, kinds, strict=True) if s >= 10}
        frames = {int(s): atoms(system, int(s)) for s in steps[kinds == CANDIDATE]}
        job = {"ensemble": "npt", "press": 1.0, "temps": 300, "model_devi_dt": 0.002}
        explored.append(TreeRun(system, number, job, steps, values[:, 1:], frames))
    chosen = {int(s): [tuple(frame) for frame in ITERATION["candidate"][s][:5]] for s in ("000", "001")}
    return TreeIteration(0, tuple(explored), classes, {0: labelled(0, 4), 1: labelled(1, 5)}, chosen)


@pytest.fixture
def tree(iteration, tmp_path):
    dpgen_tree.write(tmp_path / "tree", [iteration], ELEMENTS)
    return tmp_path / "tree"


def names(root):
    """Files and links below a folder; numbers of steps as x, since the golden list has step 0 only."""
    paths = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    return {re.sub(r"\d+\.lammpstrj", "x.lammpstrj", path) for path in paths}


def test_names_are_those_of_dpgen(tree):
    written = names(tree) - {"record.dpgen"}
    golden = {name.replace("traj/0.", "traj/x.") for name in NAMES}
    repeated = {re.sub(r"task\.(\d+)\.\d+", r"task.\1.000000", name) for name in written}
    # virial.npy is of a calculator that gives one, "custom" had none
    assert repeated - {f"iter.000000/02.fp/data.{x}/set.000/virial.npy" for x in ("000/Li2Si6", "001/Li2Si0")} <= golden
    assert {name for name in golden if re.search(r"02\.fp/(data.*(npy|type.*raw)|\w+\.shuffled.*)$", name)} <= written
    link = tree / "iter.000000/02.fp/task.000.000000/conf.dump"
    assert os.readlink(link) == "../../01.model_devi/task.000.000000/traj/10.lammpstrj"
    assert link.is_file() and (link.parent / "job.json").is_file()
    assert (tree / "record.dpgen").read_text() == "".join(f"0 {stage}\n" for stage in range(9))


def test_what_is_written_is_read(tree, iteration):
    (again,) = dpgen_tree.read(tree, ELEMENTS)
    assert again.classes == iteration.classes
    assert again.counts() == {
        int(s): {
            CANDIDATE: len(ITERATION["candidate"][s]),
            ACCURATE: len(ITERATION["rest_accurate"][s]),
            FAILED: len(ITERATION["rest_failed"][s]),
        }
        for s in ("000", "001")
    }
    for run, before in zip(again.explored, iteration.explored, strict=True):
        assert (run.name, run.job) == (before.name, before.job)
        assert np.array_equal(run.steps, before.steps) and np.allclose(run.deviations, before.deviations, rtol=1e-6)
    for system, labels in iteration.labels.items():
        order = np.lexsort((labels.species, labels.frame_of))
        assert np.array_equal(again.labels[system].positions, labels.positions[order])
        assert np.array_equal(again.labels[system].forces, labels.forces[order])
        assert np.array_equal(again.labels[system].virials, labels.virials)
        assert again.labels[system].elements == ELEMENTS


def test_types_of_frames_count_in_the_type_map(tree):
    folder = tree / "iter.000000/01.model_devi/task.001.000000/traj"
    line = (folder / "10.lammpstrj").read_text().splitlines()[-1]
    assert line.split()[1:3] == ["1", "Li"]
    read = structure_files.read(folder / "10.lammpstrj", elements=ELEMENTS)
    assert np.allclose(read.get_positions(wrap=True), atoms(1, 10).get_positions(wrap=True))
    with pytest.raises(DataError, match=r"element of frame 0 .* = Si: must be one of Li"):
        dpgen_tree.read(tree, ("Li",))
    assert dpgen_tree.read(tree, ("Si", "Li"))[0].labels[1].elements == ("Si", "Li")


def test_a_data_set_is_read_of_a_tree(tree):
    read = files.load([tree])
    assert len(read) == 9
    assert len(files.load([tree / "iter.000000/02.fp"])) == 9


def test_nothing_is_overwritten(tree, iteration):
    with pytest.raises(OutputError, match="remove the folder"):
        dpgen_tree.write(tree, [iteration], ELEMENTS)


HEAD = "#       step         max_devi_v         min_devi_v         avg_devi_v         max_devi_f         min_devi_f\n"


def deviations(tmp_path, text):
    (tmp_path / "model_devi.out").write_text(text)
    return dpgen_tree.read_deviations(tmp_path / "model_devi.out")


@pytest.mark.parametrize("more", ["", " 0.001", " 0.001 0.1 0.2 0.3"])
def test_columns_behind_the_seventh_are_not_read(tmp_path, more):
    text = HEAD + f"0 1 2 3 4 5 6{more}\n10 nan 2 3 nan 5 6{more}\n"
    steps, values = deviations(tmp_path, text)
    assert steps.tolist() == [0, 10] and values.shape == (2, 6)
    assert np.isnan(values[1, [0, 3]]).all() and classify(values[:, 3], values[:, 0], Levels(0.1, 9))[1] == FAILED


def test_of_a_repeated_step_the_last_row_counts(tmp_path):
    steps, values = deviations(tmp_path, "0 0 0 0 0.9 0 0\n10 0 0 0 0.1 0 0\n0 0 0 0 0.2 0 0\n")
    assert steps.tolist() == [0, 10] and values[:, 3].tolist() == [0.2, 0.1]


@pytest.mark.parametrize("text", ["", HEAD])
def test_a_run_that_left_nothing(tmp_path, text):
    with pytest.warns(InputNotice, match="the run left no frame"):
        steps, values = deviations(tmp_path, text)
    assert steps.shape == (0,) and values.shape == (0, 6)


def test_a_row_that_was_cut_off(tmp_path):
    with pytest.warns(InputNotice, match="its last row = cut off: not read"):
        steps, _ = deviations(tmp_path, "0 0 0 0 0.9 0 0\n10 0 0 0 0.1 0 0\n20 0 0")
    assert steps.tolist() == [0, 10]


@pytest.mark.parametrize(
    "text, message",
    [
        ("0 1 2 3 4 5\n", r"row 0 = 6 values: must be 7, step max_devi_v"),
        ("0 1 2 3 4 5 6\n10 1 2 3 4 5\n20 1 2 3 4 5 6\n", r"row 1 = 6 values: must be 7"),
        ("0 1 2 3 four 5 6\n", r"= four: must be a number"),
        ("0.5 1 2 3 4 5 6\n", r"steps that are not whole numbers"),
        ("nan 1 2 3 4 5 6\n", r"steps that are not whole numbers"),
    ],
)
def test_damaged_deviations(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        deviations(tmp_path, text)


@pytest.mark.parametrize(
    "text, finished", [("", (-1, 8)), ("0 0\n0 1\n", (0, 1)), ("0 8\n\n1 0\n\n", (1, 0)), ("3 8", (3, 8))]
)
def test_record(tmp_path, text, finished):
    (tmp_path / "record.dpgen").write_text(text)
    assert dpgen_tree.read_record(tmp_path / "record.dpgen") == finished


@pytest.mark.parametrize(
    "text, message",
    [
        ("0\n", "line 1 = 0: must be an iteration and a stage"),
        ("0 8\nx 1\n", "line 2 = x: must be a whole number"),
        ("0 9\n", "must be an iteration >= 0 and a stage 0 to 8"),
        ("-1 2\n", "must be an iteration >= 0 and a stage 0 to 8"),
    ],
)
def test_damaged_records(tmp_path, text, message):
    (tmp_path / "record.dpgen").write_text(text)
    with pytest.raises(DataError, match=message):
        dpgen_tree.read(tmp_path, ELEMENTS)


def test_a_tree_that_is_not_whole(tree):
    (tree / "record.dpgen").write_text("2 3\n")
    with pytest.raises(
        DataError, match=r"iteration 2, stage 3: iter\.000001 must be there, and 1 folders iter\.\* are"
    ):
        dpgen_tree.read(tree, ELEMENTS)
    (tree / "record.dpgen").write_text("0 3\n")
    assert dpgen_tree.read(tree, ELEMENTS) == []
    (tree / "record.dpgen").unlink()
    with pytest.raises(DataError, match=r"record\.dpgen = cannot be opened"):
        dpgen_tree.read(tree, ELEMENTS)


def test_damage_inside_an_iteration(tree):
    folder = tree / "iter.000000"
    (folder / "01.model_devi/task.000.000001/model_devi.out").unlink()
    with pytest.warns(InputNotice, match="no such file: the run left no frame"):
        dpgen_tree.read(tree, ELEMENTS)
    (folder / "01.model_devi/task.000.000002/job.json").write_text("[1]")
    with (
        pytest.raises(DataError, match=r"task\.000\.000002/job\.json = cannot be read as job\.json"),
        pytest.warns(InputNotice),
    ):
        dpgen_tree.read(tree, ELEMENTS)
    (folder / "01.model_devi/task.000.000002/job.json").unlink()
    for text, message in (
        ("iter.000000/01.model_devi/task.000.000009 10\n", r"= task\.000\.000009: must be a folder in 01\.model_devi"),
        ("somewhere 10\n", r"line 1 = somewhere 10: must be a path to task\.SSS\.TTTTTT and a step"),
        ("task.000.000001\n", r"line 1 = task\.000\.000001: must be a path"),
        ("task.000.000001 ten\n", r"= ten: must be a whole number"),
    ):
        (folder / "02.fp/candidate.shuffled.000.out").write_text(text)
        with pytest.raises(DataError, match=message), warnings.catch_warnings():
            warnings.simplefilter("ignore", InputNotice)
            dpgen_tree.read(tree, ELEMENTS)
