"""Stages and their rungs in order, and by what a stage ends."""

import numpy as np
import pytest

from hpcpot.learning.schedule import Ends, present, units, why_ended

ORDER = units({"cold": 2, "hot": 1})


def row(stage: str, rung: int, ended: str = "") -> dict:
    return {"stage": stage, "rung": rung, "ended": ended}


@pytest.mark.parametrize(
    ("rows", "unit", "done"),
    [
        ([], ("cold", 0), 0),
        ([row("cold", 0)], ("cold", 0), 1),
        ([row("cold", 0), row("cold", 0, "accurate")], ("cold", 1), 0),
        ([row("cold", 0, "accurate"), row("cold", 1)], ("cold", 1), 1),
        ([row("cold", 1, "flat")], ("hot", 0), 0),
        ([row("hot", 0, "flat")], None, 0),
    ],
)
def test_what_comes_next(rows, unit, done):
    assert present(rows, ORDER) == (unit, done)


def test_a_stage_that_the_config_lacks():
    with pytest.raises(KeyError, match="tepid"):
        present([row("tepid", 0)], ORDER)


@pytest.mark.parametrize(
    ("accurate", "chosen", "candidates", "errors", "words"),
    [
        ({"a": 0.96, "b": 0.95}, 3, 5, [1.0], "accurate: 95.0 % of the frames of b"),
        ({"a": 0.96, "b": 0.94}, 3, 5, [1.0], ""),
        ({"a": 0.5}, 0, 0, [1.0], "no candidates: 50.0 % of the frames of a are accurate, the others failed"),
        ({"a": 0.5}, 0, 7, [1.0], "none of 7 candidates is labelled"),
        ({"a": 0.5}, 3, 7, [1.0, 0.96, 0.95], "flat: the error of forces fell by less than 5 % 2 times in turn"),
        ({"a": 0.5}, 3, 7, [0.9, 0.96, 0.97], "flat"),
        ({"a": 0.5}, 3, 7, [1.0, 0.9, 0.89], ""),
        ({"a": 0.5}, 3, 7, [1.0, np.nan, 1.0], ""),
        ({"a": 0.5}, 3, 7, [1.0, 0.9, 0.8, 0.7], "4 iterations, the most that are allowed; 50.0 % of a are accurate"),
    ],
)
def test_why_a_stage_ends(accurate, chosen, candidates, errors, words):
    text = why_ended(accurate, 0, chosen, candidates, errors, Ends(0.95, 0.05, 2, 4))
    assert text.startswith(words) and bool(text) == bool(words)


def test_flatness_is_not_looked_at_unless_asked_for():
    assert why_ended({"a": 0.5}, 0, 3, 7, [1.0, 1.0, 1.0], Ends(0.95, None, 2, 4)) == ""


def test_models_that_break_are_not_accurate():
    ends = Ends(0.95, None, 2, 4)
    assert why_ended({"a": 0.99}, 1, 3, 7, [1.0], ends) == ""
    assert why_ended({"a": 0.99}, 2, 0, 0, [1.0], ends).endswith("the others failed; 2 runs ended early")
