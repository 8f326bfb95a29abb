"""Which frames a step sees."""

from collections import Counter

import numpy as np
import pytest
from labelled import structures

from hpcpot.dataset.dataset import join
from hpcpot.training.batches import BatchSampler, Systems, frames_in_batch, numbered, probabilities, systems
from hpcpot.training.blocks import blocks


@pytest.mark.parametrize(
    ("rule", "atoms", "frames"),
    [("auto", 8, 4), ("auto", 33, 1), ("auto:100", 8, 13), ("max:20", 8, 2), ("max:4", 8, 1), (3, 8, 3)],
)
def test_frames_in_a_batch(rule, atoms, frames):
    assert frames_in_batch(rule, atoms) == frames


def test_systems_are_groups_of_one_composition():
    data = structures(12)
    found = systems(data, "auto")
    assert sorted(np.concatenate(found.frames)) == list(range(12))
    for frames, size, name in zip(found.frames, found.batch_sizes, found.names, strict=True):
        assert len(set(data.groups[frames])) == len(np.unique(data.counts[frames], axis=0)) == 1
        n_li, n_si = data.counts[frames[0]]
        assert name == f"{data.groups[frames[0]]} Li{n_li}Si{n_si}"
        assert size == 32 // (n_li + n_si)


def test_each_pass_over_a_system_sees_every_frame_once():
    sampler = BatchSampler(Systems([np.arange(6), np.arange(6, 10)], [2, 2], ["a", "b"]), "prob_uniform", 3)
    seen = {0: [], 1: []}
    for _ in range(60):
        rows = sampler.next()
        kinds = {int(k >= 6) for k in rows}
        assert len(kinds) == 1
        seen[kinds.pop()] += rows.tolist()
    for start, rows in seen.items():
        n = 4 if start else 6
        for k in range(len(rows) // n):
            assert len(set(rows[k * n : (k + 1) * n])) == n


def test_systems_are_drawn_by_their_number_of_batches_or_evenly():
    parts = Systems([np.arange(30), np.arange(30, 40)], [1, 1], ["a", "b"])
    assert BatchSampler(parts, "prob_sys_size", 0).probabilities.tolist() == [0.75, 0.25]
    assert BatchSampler(parts, "prob_uniform", 0).probabilities.tolist() == [0.5, 0.5]
    counts = Counter(int(sampler_row[0] >= 30) for sampler_row in _drawn(BatchSampler(parts, "prob_sys_size", 0), 2000))
    assert counts[0] / 2000 == pytest.approx(0.75, abs=0.04)


def test_a_sampler_goes_on_from_its_state():
    parts = Systems([np.arange(7), np.arange(7, 12)], [2, 3], ["a", "b"])
    one, other = BatchSampler(parts, "prob_sys_size", 1), BatchSampler(parts, "prob_sys_size", 9)
    _drawn(one, 17)
    other.state = one.state
    assert [r.tolist() for r in _drawn(one, 20)] == [r.tolist() for r in _drawn(other, 20)]


def _drawn(sampler, n):
    return [sampler.next() for _ in range(n)]


def four_systems(mixed=0):
    """Entries 0, 1, 1 and 2 of data.files, with 6, 4, 2 and 8 frames in batches of 2."""
    first = np.cumsum([0, 6, 4, 2, 8])
    frames = [np.arange(first[k], first[k + 1]) for k in range(4)]
    return Systems(frames, [2] * 4, list("abcd"), [0, 1, 1, 2], mixed)


@pytest.mark.parametrize(
    ("style", "shares"),
    [
        ("prob_uniform", [1 / 4] * 4),
        ("prob_sys_size", [3 / 10, 2 / 10, 1 / 10, 4 / 10]),
        ("prob_sys_size;0:1:0.25;1:3:0.75", [0.25, 0.75 * 2 / 7, 0.75 * 1 / 7, 0.75 * 4 / 7]),
        ("prob_sys_size;0:2:1;2:3:3;", [1 / 4 * 3 / 6, 1 / 4 * 2 / 6, 1 / 4 * 1 / 6, 3 / 4]),
        ("prob_sys_size;1:2:5", [0, 2 / 3, 1 / 3, 0]),
    ],
)
def test_probabilities_of_deepmd_kit(style, shares):
    np.testing.assert_allclose(probabilities(four_systems(), style), shares, rtol=1e-14)


@pytest.mark.parametrize(
    "style", ["prob_size", "prob_sys_size;", "prob_sys_size;0:1", "prob_sys_size;1:1:1", "prob_sys_size;0:1:-1"]
)
def test_blocks_that_are_none(style):
    with pytest.raises(ValueError, match=style):
        blocks(style)


def test_a_mixed_batch_is_of_all_systems():
    systems = four_systems(mixed=7)
    assert systems.n_batches == 3 and four_systems().n_batches == 10
    sampler = BatchSampler(systems, "prob_uniform", 1)
    drawn = [sampler.next() for _ in range(400)]
    assert {len(rows) for rows in drawn} == {7}
    counts = np.bincount(np.concatenate(drawn), minlength=20)
    expected = np.repeat([700 / 6, 700 / 4, 700 / 2, 700 / 8], [6, 4, 2, 8])
    assert (abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_entries_have_batches_of_their_own():
    data = join([numbered(structures(12), 0), numbered(structures(12), 1)])
    found = systems(data, [3, 5])
    assert {(k, size) for k, size in zip(found.entries, found.batch_sizes, strict=True)} == {(0, 3), (1, 5)}
    assert all((rows < 12).all() == (k == 0) for rows, k in zip(found.frames, found.entries, strict=True))
