"""Splits: whole, seeded, each group in each part."""

from dataclasses import replace

import labelled
import numpy as np
import pytest

from hpcpot.dataset.dataset import join
from hpcpot.dataset.split import split
from hpcpot.errors import DataError


def groups(counts: dict[str, int]):
    one = labelled.structures(1)
    return join([replace(one, groups=np.array([name])) for name, count in counts.items() for _ in range(count)])


def test_each_frame_once_and_each_group_in_each_part() -> None:
    data = groups({"a": 50, "b": 3, "c": 17})
    parts = split(data, (0.8, 0.1, 0.1), seed=1)
    assert sorted(np.concatenate(parts)) == list(range(70))
    assert all((np.diff(rows) > 0).all() for rows in parts)
    assert [set(data.groups[rows]) for rows in parts] == [{"a", "b", "c"}] * 3
    assert [(data.groups[rows] == "a").sum() for rows in parts] == [40, 5, 5]


def test_seeded_and_independent_of_other_groups() -> None:
    alone, both = groups({"a": 40}), groups({"a": 40, "b": 9})
    first = split(alone, (0.9, 0.1), seed=3)
    np.testing.assert_array_equal(first[1], split(alone, (0.9, 0.1), seed=3)[1])
    assert (first[1] != split(alone, (0.9, 0.1), seed=4)[1]).any()
    chosen = split(both, (0.9, 0.1), seed=3)[1]
    np.testing.assert_array_equal(chosen[chosen < 40], first[1])


def test_a_single_frame_goes_to_training() -> None:
    parts = split(groups({"a": 1, "b": 10}), (0.9, 0.1), seed=1)
    assert 0 in parts[0] and len(parts[1]) == 1


def test_no_empty_part() -> None:
    with pytest.raises(DataError, match=r"split = \[2, 0\] frames of 2: no part may be empty; .* --group NAME"):
        split(groups({"a": 1, "b": 1}), (0.9, 0.1), seed=1)


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (1.2, -0.2)])
def test_fractions_that_are_none(fractions) -> None:
    with pytest.raises(DataError, match="must be numbers > 0 of sum 1"):
        split(groups({"a": 5}), fractions, seed=1)
