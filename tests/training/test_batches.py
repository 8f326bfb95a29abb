"""Which frames a step sees."""

from collections import Counter

import numpy as np
import pytest
from labelled import structures

from hpcpot.training.batches import BatchSampler, Systems, frames_in_batch, systems


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
