"""The learning curve's file."""

import pytest

from hpcpot.errors import OutputError
from hpcpot.training import curve
from hpcpot.training.loss import BatchErrors


def row(step):
    return curve.row(step, BatchErrors(), None, 1e-3, 2.0)


def test_rows_after_the_last_step_are_dropped_and_a_cut_one_too(tmp_path):
    path = tmp_path / "curve.csv"
    first = curve.LearningCurve(path, None)
    for step in (10, 20, 30):
        first.add(row(step))
    path.write_text(path.read_text() + "40,1.0")
    assert [r["step"] for r in curve.read(path)] == [10, 20, 30]
    curve.LearningCurve(path, 20).add(row(25))
    assert [r["step"] for r in curve.read(path)] == [10, 20, 25]
    curve.LearningCurve(path, None)
    assert curve.read(path) == []


def test_another_file_is_refused(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(OutputError, match="no learning curve: must have the columns step, loss_training"):
        curve.read(tmp_path / "other.csv")
