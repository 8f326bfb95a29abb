"""Frames of relaxation paths as labelled data: the published rule, whole paths in one part of a split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from hpcpot import cli
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import build
from hpcpot.dataset.split import path_of, split
from hpcpot.errors import DataError
from hpcpot.farm.results import Results, Store
from hpcpot.relaxation import compute, paths
from hpcpot.relaxation.engine import CONVERGED, NOT_CONVERGED, Relaxed, Snapshot

COLUMNS = compute.COLUMNS | compute.PATH


def path_row(shifts: list[float], status: str = CONVERGED) -> dict:
    """A path of silicon whose first atom is so far, Å, from its place at each step."""
    atoms = bulk("Si", "diamond", 5.43, cubic=True)
    steps = []
    for k, shift in enumerate(shifts):
        positions = atoms.positions + np.eye(8, 3) * shift
        stress = np.diag([0.01, 0.02, 0.03]) * k
        steps.append(Snapshot(positions, atoms.cell.array, -40.0 - k, np.full((8, 3), 0.1 * k), stress))
    ended = Relaxed(status, len(steps) - 1, steps[0], steps[-1], 0.0, 0.0, 0, steps)
    return compute.row(atoms, ended)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two paths that converged, of 11 steps, and one that did not."""
    path = tmp_path / "relaxed.h5"
    rows = {
        "Si:0": path_row([1.2] * 5 + [0.6] * 5 + [0.0]),
        "Si:1": path_row([0.5] * 11),
        "Si:2": path_row([0.5, 0.0], NOT_CONVERGED),
    }
    with Store(
        path, kind="relax", columns=COLUMNS, identity={"potential": "abc"}, provenance={}, expected_rows=3
    ) as store:
        store.begin(3, 3)
        store.append([(f"key{label}", label, row) for label, row in rows.items()])
    return path


def test_one_of_five_steps_that_differs_from_the_one_before(file: Path) -> None:
    with Results(file) as results:
        taken = list(paths.frames(results))
        every_fifth = [frame.source for frame in paths.frames(results, site_tolerance=0.0)]
        all_steps = [frame.source for frame in paths.frames(results, every=1, site_tolerance=0.0)]
    assert [frame.source for frame in taken] == ["Si:0:0", "Si:0:5", "Si:0:10", "Si:1:0"]
    assert every_fifth == [f"Si:{k}:{step}" for k in (0, 1) for step in (0, 5, 10)] and len(all_steps) == 22
    middle = taken[1]
    assert middle.group == "Si" and middle.energy == -45.0
    np.testing.assert_allclose(middle.forces, 0.5, rtol=1e-6)
    np.testing.assert_allclose(middle.virial, -(5.43**3) * np.diag([0.05, 0.1, 0.15]), rtol=1e-5)


def test_the_command(file: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["results", str(file), "--export", "dataset"]) == 0
    output = file.with_name("relaxed_paths.h5")
    assert "4 frames of 2 paths, one of 5 steps, site tolerance 0.05" in capsys.readouterr().out
    assert hdf5.read(output).sources.tolist() == ["Si:0:0", "Si:0:5", "Si:0:10", "Si:1:0"]
    given = ["results", str(file), "--export", "dataset", "--every", "1", "--site-tolerance", "0", "--overwrite"]
    assert cli.main(given) == 0 and len(hdf5.read(output)) == 22
    parts = ["dataset", str(output), "--split", "0.5,0.5", "--whole-paths", "-o", str(file.with_name("si.h5"))]
    cli.main(parts)
    halves = [
        {path_of(source) for source in hdf5.read(file.with_name(f"si_{part}.h5")).sources} for part in ("train", "test")
    ]
    assert [len(half) for half in halves] == [1, 1] and halves[0] != halves[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--export", "csv", "--every", "2"], "--every = 2: is for --export dataset"),
        (["--export", "dataset", "--every", "0"], "--every = 0: must be at least 1"),
        (["--export", "dataset", "--site-tolerance", "-1"], "--site-tolerance = -1: must be at least 0"),
    ],
)
def test_wrong_options(file: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["results", str(file), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_whole_paths_without_a_split(file: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["dataset", "lisi_training", "--whole-paths"]) == 1
    assert "--whole-paths = without --split" in capsys.readouterr().err


def test_results_without_paths(tmp_path: Path) -> None:
    path = tmp_path / "relaxed.h5"
    row = {name: value for name, value in path_row([0.0]).items() if name in compute.COLUMNS}
    with Store(path, kind="relax", columns=compute.COLUMNS, identity={}, provenance={}, expected_rows=1) as store:
        store.append([("key", "Si:0", row)])
    with (
        Results(path) as results,
        pytest.raises(DataError, match="results without path_positions: .* output.keep_path"),
    ):
        next(paths.frames(results))


def test_a_split_by_paths_is_seeded_and_whole() -> None:
    sources = [f"Si:{k}:{step}" for k in range(20) for step in range(3)]
    atoms = bulk("Si")
    frames = [
        paths.Labelled(atoms.symbols, atoms.positions, atoms.cell.array, atoms.pbc, -10.0, None, None, "Si", source)
        for source in sources
    ]
    data = build(frames)
    parts = split(data, (0.8, 0.1, 0.1), 1, whole_paths=True)
    assert [len(rows) for rows in parts] == [48, 6, 6] and sorted(np.concatenate(parts)) == list(range(60))
    names = [{path_of(data.sources[row]) for row in rows} for rows in parts]
    assert not names[0] & names[1] and not names[1] & names[2] and not names[0] & names[2]
