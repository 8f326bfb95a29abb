"""Differences of labels: frames matched by content, constants of elements, and what cannot be compared."""

from dataclasses import replace

import labelled
import numpy as np
import pytest

from hpcpot.dataset.dataset import DataSet, join
from hpcpot.dataset.difference import constants, counterparts, minus, shared
from hpcpot.errors import DataError
from hpcpot.notices import InputNotice


def shaken(data: DataSet, size: float) -> DataSet:
    """The frames with their first atom moved."""
    moved = data.positions.copy()
    moved[data.first[:-1], 0] += size
    return replace(data, positions=moved)


def test_frames_are_matched_by_content_in_any_order() -> None:
    data = labelled.dataset(8)
    order = np.random.default_rng(1).permutation(8)
    other = shaken(data.select(order).with_elements(("Si", "Li")), 5e-5)
    partners = counterparts(data, other, "other.h5")
    np.testing.assert_array_equal(order[partners], np.arange(8))
    difference = minus(*shared(data, other, "other.h5"))
    np.testing.assert_allclose(difference.energies, 0.0, atol=1e-12)
    np.testing.assert_allclose(difference.forces, 0.0, atol=1e-12)
    labelled.assert_same(difference, data, but=("energies", "forces", "virials"))


def test_a_label_that_one_lacks_is_missing() -> None:
    data = labelled.dataset(4)
    bare = np.isin(data.frame_of, [1])
    other = replace(data, virials=np.full((4, 3, 3), np.nan), forces=np.where(bare[:, None], np.nan, data.forces))
    difference = minus(*shared(data, other, "other.h5"))
    assert np.isnan(difference.virials).all()
    np.testing.assert_array_equal(np.isnan(difference.forces).any(axis=1), bare)
    assert not np.isnan(difference.energies).any()


def test_frames_without_a_counterpart_are_named() -> None:
    data = labelled.dataset(8)
    strained = replace(data, cells=data.cells * np.where(np.arange(8) == 2, 1.01, 1.0)[:, None, None])
    moved = shaken(strained.select([0, 2, 3]), 0.01)
    other = join([moved, strained.select([1, 4])])
    with pytest.warns(InputNotice) as notes:
        difference = minus(*shared(data, other, "other.h5"))
    assert list(difference.sources) == ["made:1", "made:4"]
    text = "\n".join(str(note.message) for note in notes)
    assert "6 of 8 frames = not in other.h5, so left out of the difference" in text
    assert "made:0: nearest is made:0, positions up to 0.01 Å and cell up to 0 Å off" in text
    assert "made:2: nearest is made:2, positions up to 0.01 Å and cell up to 0.05" in text
    assert "made:6: no frame with the atoms of" in text and "and 1 more" in text
    assert "other.h5: 3 of 5 frames = not used" in text


def test_one_structure_with_two_labels_is_refused() -> None:
    data = labelled.dataset(2)
    same = data.select([0, 1, 0])
    assert list(counterparts(data, same, "other.h5")) == [0, 1]
    other = replace(same, energies=same.energies + np.array([0, 0, 1]), sources=np.array(["a:0", "a:1", "a:2"]))
    with pytest.raises(DataError, match="other.h5: frames a:0 and a:2 = one structure with two labels: must have one"):
        counterparts(data, other, "other.h5")


def test_the_same_frame_twice_is_compared_twice() -> None:
    data = labelled.dataset(3)
    twice = data.select([0, 1, 2, 1])
    np.testing.assert_allclose(minus(*shared(twice, data, "other.h5")).energies, 0.0, atol=1e-12)


def test_nothing_in_common_is_refused() -> None:
    data = labelled.dataset(4)
    with pytest.warns(InputNotice), pytest.raises(DataError, match="other.h5 = no structure of the data"):
        shared(data, shaken(data, 0.1), "other.h5")


def test_constants_are_those_of_the_elements_whatever_a_few_frames_say() -> None:
    data = labelled.structures(12)
    noise = 1e-4 * np.random.default_rng(0).normal(size=12) * data.sizes
    wrong = np.where(np.arange(12) == 4, 50.0, 0.0)
    shifted = replace(data, energies=data.counts @ [0.3, -1.7] + noise + wrong)
    fit = constants(shifted, ["*"], "--constants")
    np.testing.assert_allclose(fit.values, [0.3, -1.7], atol=2e-3)
    np.testing.assert_allclose(fit.taken_off(shifted).energies, noise + wrong, atol=0.03)
    assert fit.elements == ("Li", "Si") and fit.frames == 12


def test_constants_that_cannot_be_told_are_refused() -> None:
    data = replace(labelled.structures(4), energies=np.zeros(4))
    with pytest.raises(DataError, match="--constants = bulk: no group of bulk: must be of cold, hot"):
        constants(data, ["bulk"], "--constants")
    with pytest.raises(DataError, match="must tell the energies of Li, Si apart; name groups with other compositions"):
        constants(data.select([0]), ["hot"], "--constants")
    with pytest.raises(DataError, match="--constants = hot: no frame that has an energy in both"):
        constants(replace(data, energies=np.full(4, np.nan)), ["hot"], "--constants")
