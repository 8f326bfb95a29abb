"""The range of a training set, by hand; through training and convert into model files, which stay the same models."""

from __future__ import annotations

from pathlib import Path

import ase
import h5py
import numpy as np
import pytest
import systems
import trainings
from ase.calculators.singlepoint import SinglePointCalculator

from hpcpot.cli import main
from hpcpot.dataset import hdf5
from hpcpot.dataset.dataset import DataSet, from_frames
from hpcpot.dataset.trained import trained_range
from hpcpot.errors import DataError
from hpcpot.potential import files
from hpcpot.potential.range import CLOSER, DEEPER

SI3 = [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.5, 0.0]]


def frame(symbols: str, positions: list, side: float, energy: float, force: float) -> ase.Atoms:
    atoms = ase.Atoms(symbols, positions, cell=[side] * 3, pbc=True)
    forces = np.zeros((len(atoms), 3))
    forces[0, 2], forces[1, 2] = force, -force
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    return atoms


def by_hand() -> DataSet:
    """Si at -5 eV (three frames of Si3, one of them 0.2 eV/atom above), Li at -2 eV.

    Shortest: Li-Si 1.5 Å in LiSi; Si-Si 2.0 Å; no two Li within 5 Å, their images being 6 Å apart.
    """
    return from_frames(
        [
            frame("LiSi", [[0, 0, 0], [5.5, 0.0, np.sqrt(2.0)]], 6.0, -7.0, 0.5),  # by the image at -0.5, √2: 1.5 Å
            frame("Si3", SI3, 8.0, -15.0, 1.0),
            frame("Si3", SI3, 8.5, -15.0, 1.0),
            frame("Si3", SI3, 8.2, -14.4, 3.0),
        ],
        ("Li", "Si"),
        "hand",
    )


def test_a_range_by_hand():
    trained = trained_range(by_hand(), ("Li", "Si"), 5.0, "hand.h5", (300.0, 900.0))
    np.testing.assert_allclose(trained.shortest, [[np.inf, 1.5], [1.5, 2.0]])
    np.testing.assert_allclose(trained.shares, [[0.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(trained.densities, [3 / 8.5**3, 2 / 6.0**3])
    np.testing.assert_allclose(trained.references, [-2.0, -5.0], atol=2e-3)
    np.testing.assert_allclose(trained.residuals, [0.0, 0.2], atol=2e-3)
    assert trained.forces == [3.0] and trained.frames == 4 and trained.temperatures.tolist() == [300.0, 900.0]
    assert trained.lines() == {
        "trained on": "4 frames, hand.h5; Li 0 to 50 %, Si 50 to 100 %; 108.00 to 204.71 Å³/atom; forces up to 3 eV/Å; "
        "300 to 900 K",
        "shortest": "Li-Li none, Li-Si 1.500, Si-Si 2.000 Å",
    }


def test_elements_of_the_model_that_no_frame_has():
    trained = trained_range(by_hand(), ("C", "Si", "Li"), 5.0, "hand.h5")
    np.testing.assert_allclose(trained.shortest[0], np.inf)
    np.testing.assert_allclose(trained.shortest[1:, 1:], [[2.0, 1.5], [1.5, np.inf]])
    np.testing.assert_allclose(trained.shares, [[0.0, 0.0], [0.5, 1.0], [0.0, 0.5]])
    with pytest.raises(DataError, match="must be one of Si"):
        trained_range(by_hand(), ("Si",), 5.0, "hand.h5")


def test_energies_far_below_any_that_was_trained():
    trained = trained_range(by_hand(), ("Li", "Si"), 5.0, "hand.h5")
    lowest = -5.0 - DEEPER
    assert trained.too_deep(np.array([0, 2]), 2 * (lowest + 0.05)) == ""
    assert "2 eV/atom below any that was trained" in trained.too_deep(np.array([0, 2]), 2 * -7.0)
    assert trained.too_deep(np.array([3, 1]), -1e6) == ""  # 75 % Li: nothing is known
    assert trained.composition(np.array([3, 1])) == "75 % Li, trained with 0 to 50 %, 25 % Si, trained with 50 to 100 %"
    assert trained.composition(np.array([1, 1])) == ""


def test_energies_of_one_composition_say_nothing_of_another():
    """Of LiSi alone a fit cannot tell Li from Si; of Li in Si it would be off by eV."""
    data = by_hand().select([0])
    trained = trained_range(data, ("Li", "Si"), 5.0, "hand.h5")
    assert "below any" in trained.too_deep(np.array([2, 2]), -4 * 5.0)
    assert trained.too_deep(np.array([1, 3]), -4 * 9.0) == ""


def test_frames_without_energies_forces_or_a_cell():
    atoms = ase.Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]])
    atoms.calc = SinglePointCalculator(atoms, forces=np.zeros((2, 3)))
    trained = trained_range(from_frames([atoms], ("Si",), "bare"), ("Si",), 5.0, "bare.xyz")
    assert trained.densities is None and trained.residuals is None and trained.shortest == [[pytest.approx(2.2)]]
    assert trained.too_deep(np.array([2]), -1e6) == ""


def test_a_training_keeps_the_range_of_its_frames(tmp_path: Path):
    hdf5.write(by_hand(), tmp_path / "hand.h5", {})
    keys = {"files": ["hand.h5"], "validation_fraction": 0.0, "temperatures_K": [900.0, 300.0]}
    sections = {"data": keys, "training": {"steps": 2}, "moment_tensor": {"level": 2, "cutoff_A": 5.0}}
    assert trainings.train(tmp_path, "moment_tensor", **sections) == 0
    model, trained = files.load_with_range(tmp_path / "model.h5")
    assert model.min_distance == pytest.approx(0.99 * 1.5)
    np.testing.assert_allclose(trained.shortest, [[np.inf, 1.5], [1.5, 2.0]])
    assert trained.origin == "hand.h5" and trained.temperatures.tolist() == [300.0, 900.0]
    np.testing.assert_allclose(trained.limits, [[5.0, CLOSER * 1.5], [CLOSER * 1.5, CLOSER * 2.0]])


def test_convert_adds_the_range_to_a_model_which_stays_the_same(tmp_path: Path, capsys):
    hdf5.write(by_hand(), tmp_path / "hand.h5", {})
    model, path, more = systems.deep_potential(), tmp_path / "model.h5", tmp_path / "more.h5"
    files.save(model, path, {"commit": "abc"})
    assert files.load_with_range(path)[1].is_assumed
    options = ["--training-data", str(tmp_path / "hand.h5"), "--trained-temperatures", "900,300"]
    assert main(["convert", str(path), "-o", str(more), *options]) == 0
    assert "shortest     Li-Li none, Li-Si 1.500, Si-Si 2.000 Å" in capsys.readouterr().out
    again, trained = files.load_with_range(more)
    assert files.fingerprint(again) == files.fingerprint(model) and files.provenance(more) == {"commit": "abc"}
    assert trained.frames == 4 and trained.temperatures.tolist() == [300.0, 900.0]
    with h5py.File(path) as a, h5py.File(more) as b:
        assert dict(a.attrs)["hash"] == dict(b.attrs)["hash"] and set(b) - set(a) == {"trained"}
    assert main(["convert", str(more), "-o", str(tmp_path / "kept.h5")]) == 0
    np.testing.assert_array_equal(files.load_with_range(tmp_path / "kept.h5")[1].shortest, trained.shortest)


@pytest.mark.parametrize("text", ["warm", "-3", "nan", "300;500", ""])
def test_temperatures_that_are_none(text, tmp_path: Path, capsys):
    hdf5.write(by_hand(), tmp_path / "hand.h5", {})
    files.save(systems.deep_potential(), tmp_path / "model.h5", {})
    line = ["convert", str(tmp_path / "model.h5"), "-o", str(tmp_path / "x.h5"), f"--trained-temperatures={text}"]
    assert main([*line, "--training-data", str(tmp_path / "hand.h5")]) == 1
    assert f"--trained-temperatures = {text}: must be temperatures in K" in capsys.readouterr().err
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            ["model.h5", "-o", "x.h5", "--trained-temperatures", "300"],
            "has no effect on a model without --training-data: give both",
        ),
        (["model.h5", "-o", "x.mtp", "--training-data", "hand.h5"], "has no effect on x.mtp: an .h5 file keeps it"),
        (["hand.h5", "-o", "x.h5", "--training-data", "hand.h5"], "has no effect on data"),
    ],
)
def test_options_without_effect_are_refused(line, message, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hdf5.write(by_hand(), Path("hand.h5"), {})
    files.save(systems.deep_potential(), Path("model.h5"), {})
    assert main(["convert", *line]) == 1
    assert message in capsys.readouterr().err and not Path(line[2]).exists()


def test_deepmd_kit_says_one_distance_for_all_pairs(tmp_path: Path):
    assert main(["convert", "lisi_mtp", "-o", str(tmp_path / "p.mtp")]) == 0
    trained = files.load_with_range(tmp_path / "p.mtp", elements=["Li", "Si"])[1]
    np.testing.assert_allclose(trained.shortest, files.load("lisi_mtp").min_distance)
    assert "min_dist of MLIP" in trained.origin
    line = ["convert", "lisi_dp_0", "-o", str(tmp_path / "p.dp"), "--shortest-distance-A", "1.25"]
    assert main(line) == 0
    trained = files.load_with_range(tmp_path / "p.dp")[1]
    np.testing.assert_allclose(trained.shortest, 1.25)
    files.save(files.load("lisi_dp_0"), tmp_path / "silent.h5", {})
    assert main(["convert", str(tmp_path / "silent.h5"), "-o", str(tmp_path / "silent.dp")]) == 0
    assert files.load_with_range(tmp_path / "silent.dp")[
        1
    ].is_assumed  # 1 Å is there for dp compress, and is no knowledge
    assert trained.lines() == {
        "trained on": "min_nbor_dist of DeePMD-kit, the shortest distance of its training set",
        "shortest": "1.250 Å, of any two atoms",
    }
