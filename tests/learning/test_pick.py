"""Which frames are labelled: by class, system after system, and what is passed over."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from hpcpot.dataset.dataset import frame_key
from hpcpot.learning.boxes import BoxLimits
from hpcpot.learning.levels import ACCURATE, CANDIDATE, FAILED, Levels
from hpcpot.learning.pick import Explored, Rule, pick, split_runs


def silicon(seed: int, by: float = 0.2) -> Atoms:
    atoms = bulk("Si", cubic=True)
    atoms.rattle(by, seed=seed)
    return atoms


def explored(frames: list[Atoms], deviations: list[float]) -> Explored:
    n = len(frames)
    return Explored(
        np.array(deviations), np.zeros(n), dict(enumerate(frames)), [f"run 0, step {k}" for k in range(n)], ["run"] * n
    )


def rule(**changes) -> Rule:
    given = {
        "levels": {"a": Levels(0.1, 0.5), "b": Levels(0.1, 0.5)},
        "most": 3,
        "hard": 0.95,
        "soft": None,
        "limits": BoxLimits(),
        "distinct": 0.0,
        "by_distance": False,
        "seed": (1, 2),
    }
    return Rule(**given | changes)


def test_the_next_candidate_takes_the_place_of_a_dropped_one():
    frames = [silicon(k) for k in range(8)]
    close = silicon(9)
    close.positions[1] = close.positions[0] + [0.5, 0, 0]
    frames[2], frames[5] = close, frames[4].copy()
    found = explored(frames, [0.2, 0.01, 0.3, np.nan, 0.2, 0.2, 0.9, 0.2])
    chosen = rule(limits=BoxLimits(minimum_distance=1.0), most=4)
    result = pick({"a": found}, chosen, ["Si"], {frame_key(frames[7]): "labelled before"})["a"]
    assert result.counts == {ACCURATE: 1, CANDIDATE: 5, FAILED: 2} and result.accurate == 1 / 8
    assert result.asked == 4 and result.undefined == ["run 0, step 3"]
    assert dict(result.dropped) == {"close atoms": 1, "labelled before": 1, "like another": 1}
    taken = {int(source.split()[-1]) for source in result.sources}
    assert 0 in taken and len(taken & {4, 5}) == 1 and len(taken) == 2
    assert result.keys == [frame_key(atoms) for atoms in result.frames]
    again = pick({"a": found}, chosen, ["Si"], {frame_key(frames[7]): "labelled before"})["a"]
    assert again.sources == result.sources


def test_near_duplicates_of_another_system_are_passed_over():
    first, other = silicon(0), silicon(1)
    near = first.copy()
    near.positions += 1e-5 * np.sin(np.arange(24).reshape(8, 3))
    systems = {"a": explored([first], [0.2]), "b": explored([near, other], [0.2, 0.2])}
    found = pick(systems, rule(distinct=0.01), ["Si"], {})
    assert found["a"].sources == ["run 0, step 0"] and found["b"].sources == ["run 0, step 1"]
    assert dict(found["b"].dropped) == {"like another": 1}
    found = pick(systems, rule(distinct=0.0), ["Si"], {})
    assert len(found["b"].sources) == 2


def test_farthest_candidates_come_first():
    """Six frames alike and one apart: of two that are taken one is the one apart."""
    frames = [silicon(k, 0.02) for k in range(6)] + [silicon(7, 0.6)]
    found = pick({"a": explored(frames, [0.2] * 7)}, rule(most=2, by_distance=True), ["Si"], {})["a"]
    assert "run 0, step 6" in found.sources


def test_runs_are_held_out_whole_and_the_same_in_every_call():
    runs = [f"run {k // 5}" for k in range(500)]
    held_out = split_runs(runs, 0.2, 3)
    assert all(len(set(held_out[5 * k : 5 * k + 5])) == 1 for k in range(100))
    assert 0.1 < held_out.mean() < 0.3
    np.testing.assert_array_equal(split_runs(runs[:50], 0.2, 3), held_out[:50])
    assert (split_runs(runs, 0.2, 4) != held_out).any()
    assert not split_runs(runs, 0.0, 3).any()


@pytest.mark.parametrize(("soft", "wanted"), [(None, 6), (0.2, 4)])
def test_fewer_where_much_is_accurate(soft, wanted):
    found = explored([silicon(k) for k in range(10)], [0.01] * 4 + [0.2] * 6)
    assert pick({"a": found}, rule(most=6, hard=0.9, soft=soft), ["Si"], {})["a"].asked == wanted


def test_where_runs_ended_early_candidates_are_labelled_however_much_is_accurate():
    found = explored([silicon(k) for k in range(10)], [0.01] * 8 + [0.2] * 2)
    assert pick({"a": found}, rule(hard=0.7), ["Si"], {})["a"].asked == 0
    found.ended = 1
    assert pick({"a": found}, rule(hard=0.7), ["Si"], {})["a"].asked == 2
