"""Corrections of labels: sums, what they are taken apart by, and structures of which they say nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import labelled
import numpy as np
import pytest
import systems

from hpcpot.dataset.predict import predict
from hpcpot.errors import ConfigError, DataError
from hpcpot.labelling.correction import Correction
from hpcpot.notices import InputNotice
from hpcpot.potential import files
from hpcpot.potential.blocks import BlockPotential
from hpcpot.potential.range import TrainedRange
from hpcpot.training.moment_tensor import grade, sites

MODEL = systems.moment_tensor(level=6)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A correction that was trained down to 2 Å."""
    trained = TrainedRange(("Li", "Si"), "hand.h5", 3, 4.5, np.full((2, 2), 2.0))
    files.save(MODEL, tmp_path / "small.h5", {}, trained=trained)
    return tmp_path / "small.h5"


def test_a_label_is_the_sum_and_the_raw_one_stays(file: Path) -> None:
    data = labelled.dataset(6)
    data = replace(data, virials=np.where(np.arange(6)[:, None, None] == 1, np.nan, data.virials))
    correction = Correction.read(file)
    corrected, own = correction.added(data), predict(data, BlockPotential(MODEL))
    for name in ("energies", "forces", "virials"):
        np.testing.assert_array_equal(getattr(corrected.raw, name), getattr(data, name))
        np.testing.assert_array_equal(getattr(corrected, name), getattr(data, name) + getattr(own, name))
    assert np.isnan(corrected.virials[1]).all() and not np.isnan(corrected.virials[0]).any()
    assert corrected.sources[2] == f"made:2 + small {files.fingerprint(MODEL)[:12]}"
    assert correction.identity == f"small.h5, fingerprint {files.fingerprint(MODEL)}"
    labelled.assert_same(corrected, data, but=("energies", "forces", "virials", "sources"))
    assert Correction.read(None) is None


def test_a_frame_closer_than_trained_keeps_its_labels_and_is_told(file: Path) -> None:
    data = labelled.dataset(3)
    close = data.positions.copy()
    close[1] = close[0] + [1.9, 0.0, 0.0]
    data = replace(data, positions=close)
    with pytest.warns(InputNotice, match="frame made:0: .* Å apart, .* was trained down to 2.00 Å = not corrected: "):
        corrected = Correction.read(file).added(data)
    own = predict(data.select([1, 2]), BlockPotential(MODEL))
    labelled.assert_same(corrected.select([0]), data.select([0]))
    np.testing.assert_array_equal(corrected.energies[1:], data.energies[1:] + own.energies)
    np.testing.assert_array_equal(corrected.forces[8:], data.forces[8:] + own.forces)
    np.testing.assert_array_equal(corrected.virials[1:], data.virials[1:] + own.virials)
    np.testing.assert_array_equal(corrected.raw.energies, data.energies)


def test_a_frame_that_the_correction_extrapolates_to_keeps_its_labels(tmp_path: Path) -> None:
    """Its grade decides where a potential has one, not distances."""
    data = labelled.dataset(6)
    model = systems.moment_tensor(level=6)
    active = grade.select(model, sites.prepare(data.with_elements(model.elements), model.cutoff)).rows
    files.save(replace(model, active=active), tmp_path / "graded.h5", {})
    squeezed = data.cells.copy()
    squeezed[0] *= 0.6
    positions = data.positions.copy()
    positions[:8] *= 0.6
    with pytest.warns(InputNotice, match=r"frame made:0: extrapolation grade \d.*, above 10 = not corrected: "):
        corrected = Correction.read(tmp_path / "graded.h5").added(replace(data, cells=squeezed, positions=positions))
    assert [" + graded" in source for source in corrected.sources] == [False] + [True] * 5
    np.testing.assert_array_equal(corrected.forces[:8], data.forces[:8])


def test_labels_are_corrected_once(file: Path) -> None:
    with pytest.raises(
        DataError, match="--correct = .*small.h5: the labels were corrected before: must be those of a calc"
    ):
        Correction.read(file, "--correct").added(labelled.with_raw(labelled.dataset(2)))


def test_an_element_that_it_does_not_know_is_refused(tmp_path: Path) -> None:
    files.save(systems.moment_tensor(level=6, elements=("Si",)), tmp_path / "si.h5", {})
    correction = Correction.read(tmp_path / "si.h5")
    with pytest.raises(ConfigError, match=r"calculator.correction = .*si.h5: knows Si, and a.cif has Li, O: must know"):
        correction.refuse_unknown({"Li", "Si", "O"}, "a.cif")
    with pytest.raises(DataError, match="= Li: must be one of Si"):
        correction.added(labelled.dataset(2))


def test_a_correction_without_a_range_is_told(tmp_path: Path) -> None:
    files.save(labelled.MODEL, tmp_path / "dp.h5", {})
    with pytest.warns(InputNotice, match="calculator.correction: .*dp.h5 = does not say what it was trained on"):
        Correction.read(tmp_path / "dp.h5")
