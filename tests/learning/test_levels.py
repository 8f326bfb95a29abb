"""Classes and choices against those of dpgen 0.14.0 on the same deviations (tests/data/dpgen)."""

import json

import numpy as np
import pytest
from repository import DATA

from hpcpot.learning.levels import (
    ACCURATE,
    CANDIDATE,
    FAILED,
    AdaptiveLevels,
    Levels,
    choose,
    classify,
    number_to_label,
    shuffled,
)

SELECTION = json.loads((DATA / "dpgen/selection.json").read_text())
ITERATION = json.loads((DATA / "dpgen/iteration.json").read_text())
STEPS, VIRIAL, FORCE = np.array(SELECTION["rows_step_maxv_maxf"]).T
NAMES = {"accurate": ACCURATE, "candidate": CANDIDATE, "failed": FAILED}
FORCE_ONLY = Levels(0.15, 0.35)
WITH_VIRIAL = "with_virial(v 0.02,0.05)"
ADAPTIVE = "adaptive(f_hi .35,numb_f 3,v_hi .05,numb_v 2)"


def by_name(steps, classes):
    return {name: steps[classes == value].tolist() for name, value in NAMES.items()}


def golden(entry):
    return {name: SELECTION[entry][name] for name in NAMES}


@pytest.mark.parametrize(
    "entry, levels, skip",
    [
        ("force_only(v 1e10,1e10)", FORCE_ONLY, 0),
        ("force_only_skip_25", FORCE_ONLY, 25),
        (WITH_VIRIAL, Levels(0.15, 0.35, 0.02, 0.05, failed_first=False), 0),
        (ADAPTIVE, AdaptiveLevels(0.35, 0.05, force_count=3, virial_count=2), 0),
    ],
)
def test_classes_are_those_of_dpgen(entry, levels, skip):
    rows = skip <= STEPS
    assert by_name(STEPS[rows], classify(FORCE[rows], VIRIAL[rows], levels)) == golden(entry)


def test_failed_wins_where_dpgen_makes_a_candidate():
    classes = by_name(STEPS, classify(FORCE, VIRIAL, Levels(0.15, 0.35, 0.02, 0.05)))
    moved = {70, 90}  # failed by the force with the virial in its window, and the other way round
    expected = golden(WITH_VIRIAL)
    assert set(classes["candidate"]) == set(expected["candidate"]) - moved
    assert set(classes["failed"]) == set(expected["failed"]) | moved
    assert classes["accurate"] == expected["accurate"]


def test_adaptive_levels_take_the_larger_of_count_and_percent():
    force = np.linspace(0.01, 0.2, 20)
    for count, percent, expected in ((3, 0, 3), (3, 50, 10), (3, 19, 3), (100, 0, 20), (0, 0, 0)):
        classes = classify(force, None, AdaptiveLevels(0.5, force_count=count, force_percent=percent))
        assert np.count_nonzero(classes == CANDIDATE) == expected
        assert (classes[20 - expected :] == CANDIDATE).all()


@pytest.mark.parametrize("levels", [FORCE_ONLY, Levels(0.15, 0.35, failed_first=False), AdaptiveLevels(0.35, 0.1)])
def test_what_is_no_number_is_failed(levels):
    force, virial = np.array([np.nan, 0.01, 0.01, np.inf]), np.array([0.0, np.nan, 0.0, 0.0])
    classes = classify(force, virial, levels)
    assert classes.dtype == np.int8
    assert classes[[0, 1, 3]].tolist() == [FAILED] * 3 and classes[2] != FAILED


def test_without_frames():
    assert classify(np.empty(0), None, FORCE_ONLY).shape == classify(np.empty(0), None, AdaptiveLevels(1)).shape == (0,)
    assert number_to_label(np.empty(0), 5) == 0


@pytest.mark.parametrize("ratio, expected", SELECTION["decay_fp_task_max_100_soft_.5_hard_.9"].items())
def test_number_to_label_is_that_of_dpgen(ratio, expected):
    accurate = round(float(ratio) * 1000)
    classes = np.repeat([ACCURATE, CANDIDATE], [accurate, 1000 - accurate])
    assert number_to_label(classes, 100, 0.9, 0.5) == expected


def test_number_to_label_without_decay():
    classes = np.repeat([ACCURATE, CANDIDATE, FAILED], [90, 7, 3])
    assert number_to_label(classes, 100) == 7
    assert number_to_label(classes, 5) == 5
    assert number_to_label(classes, 5, 0.9) == 0


def tasks(system):
    """Task and step of each explored frame of a system, and its force deviations, initial frames left out."""
    rows = [
        (name, int(row[0]), row[4])
        for name, rows in ITERATION["tasks"].items()
        if name.startswith(f"task.{system}.")
        for row in rows
        if row[0] >= ITERATION["param"]["model_devi_skip"]
    ]
    return [row[:2] for row in rows], np.array([row[2] for row in rows])


@pytest.mark.parametrize("system", ["000", "001"])
def test_an_iteration_is_that_of_dpgen(system):
    param = ITERATION["param"]
    frames, force = tasks(system)
    classes = classify(force, None, Levels(param["model_devi_f_trust_lo"], param["model_devi_f_trust_hi"]))
    for entry, name in (("candidate", "candidate"), ("rest_accurate", "accurate"), ("rest_failed", "failed")):
        chosen = {frames[k] for k in np.flatnonzero(classes == NAMES[name])}
        assert chosen == {tuple(frame) for frame in ITERATION[entry][system]}
        line = next(line for line in ITERATION["log"] if line.startswith(f"system {system} {name} "))
        assert [int(word) for word in line.split() if word.isdigit()][1:] == [len(chosen), len(frames)]
    line = next(line for line in ITERATION["log"] if line.startswith(f"system {system} accurate_ratio"))
    hard, soft = param["fp_accurate_threshold"], param["fp_accurate_soft_threshold"]
    count = number_to_label(classes, param["fp_task_max"], hard, soft)
    assert count == int(line.split()[-1]) == 5

    bad = {row for row, (_, step) in enumerate(frames) if step == 50}
    order = shuffled(np.flatnonzero(classes == CANDIDATE), (1, 0, int(system)))
    choice = choose(order, count, lambda row: "length_ratio" if row in bad else None)
    assert len(choice.rows) == count  # dpgen labels 4 of system 000: it leaves the place of a bad box empty
    assert not bad & set(choice.rows) and set(choice.dropped) <= bad
    assert choice.rows + list(choice.dropped) != sorted(choice.rows + list(choice.dropped))


def test_the_next_candidate_replaces_a_dropped_one():
    asked = []

    def why_not(row):
        asked.append(row)
        return "odd" if row % 2 else None

    choice = choose([4, 1, 6, 3, 8, 10], 3, why_not)
    assert choice.rows == [4, 6, 8] and choice.dropped == {1: "odd", 3: "odd"}
    assert asked == [4, 1, 6, 3, 8]  # none beyond what is needed: a reason may cost a calculation
    assert choose([1, 3], 3, why_not).rows == [] and choose([2], 0, why_not).rows == []


def test_the_order_depends_on_the_seed_alone():
    rows = np.arange(100, 150)
    first = shuffled(rows, (1, 2, 3))
    assert sorted(first) == rows.tolist() and np.array_equal(first, shuffled(rows, (1, 2, 3)))
    assert not np.array_equal(first, shuffled(rows, (1, 2, 4)))
