"""Constants between groups of one composition are found, and what structures explain is not called one."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hpcpot.dataset import references
from hpcpot.dataset.checks import Bounds, check, shifted_references
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.files import load


@cache
def shipped() -> DataSet:
    """Crystals, melts, glasses and defects of Si, one teacher's labels; Li15Si4 hot and strained."""
    data = load(["lisi_training"])
    return data.select(np.flatnonzero(np.isin(data.groups, ("si64_hot", "si64_melt", "si_vacancy", "li54", "li15si4"))))


def halves(delta: float) -> DataSet:
    """The frames of each group in two, the energies of one a constant off, eV/atom."""
    data, rng = shipped(), np.random.default_rng(0)
    other = np.zeros(len(data), bool)
    for group in np.unique(data.groups):
        rows = rng.permutation(np.flatnonzero(data.groups == group))
        other[rows[: len(rows) // 2]] = True
    groups = np.where(other, np.char.add(data.groups, " B"), data.groups)
    return replace(data, groups=groups, energies=data.energies + np.where(other, delta * data.sizes, 0.0))


def flagged(data: DataSet) -> dict[tuple[str, str], references.Shift]:
    return {(shift.name, shift.other): shift for shift in references.shifts(data) if shift.is_significant}


def test_crystals_and_melts_of_one_calculator_are_no_doubt() -> None:
    compared = references.shifts(shipped())
    assert {("si64_melt", "si64_hot"), ("si64_hot", "si64_melt")} & {(one.name, one.other) for one in compared}
    assert not flagged(shipped()) and not flagged(halves(0.0))


@pytest.mark.parametrize(("delta", "least"), [(0.1, 3), (-0.1, 3), (1.1, 5)])
def test_two_settings(delta, least) -> None:
    own = {
        pair: shift for pair, shift in flagged(halves(delta)).items() if pair[0].rstrip(" B") == pair[1].rstrip(" B")
    }
    assert len(own) >= least
    for (name, _), shift in own.items():
        assert shift.value * (1 if name.endswith(" B") else -1) == pytest.approx(delta, abs=max(0.02, 4 * shift.error))


def test_a_small_shift_among_still_structures() -> None:
    found = flagged(halves(0.02))
    assert ("li54 B", "li54") in found or ("li54", "li54 B") in found


def test_what_is_said() -> None:
    data = halves(1.1)
    data = data.select(np.flatnonzero(np.char.startswith(data.groups, "li54")))
    (text,) = {finding.text for finding in shifted_references(data, Bounds())}
    assert "eV/atom off those of li54" in text and text.startswith(("energies +1.1", "energies -1.1"))
    assert not [
        finding for finding in check(data, Bounds()) if finding.name == "shifted references" and finding.is_error
    ]


def test_files_of_one_group() -> None:
    data = halves(1.1)
    files = np.where(np.char.endswith(data.groups, " B"), "b.extxyz", "a.extxyz")
    sources = np.array([f"{file}:{k}" for k, file in enumerate(files)])
    joined = replace(data, groups=np.char.replace(data.groups, " B", ""), sources=sources)
    assert any("(b.extxyz)" in name + other and "(a.extxyz)" in name + other for name, other in flagged(joined))


@pytest.mark.parametrize(("delta", "share"), [(0.1, 0.5), (-0.3, 0.2), (1.1, 0.15)])
def test_two_settings_in_one_group_of_one_file(delta, share) -> None:
    data, rng = shipped(), np.random.default_rng(1)
    data = data.select(np.flatnonzero(data.groups == "si64_hot"))
    other = np.zeros(len(data), bool)
    other[rng.permutation(len(data))[: int(share * len(data))]] = True
    mixed = replace(data, energies=data.energies + np.where(other, delta * data.sizes, 0.0))
    (shift,) = references.mixtures(mixed)
    assert set(shift.rows) in (set(np.flatnonzero(other)), set(np.flatnonzero(~other)))
    assert abs(shift.value) == pytest.approx(abs(delta), abs=0.01)
    texts = {finding.text for finding in shifted_references(mixed, Bounds())}
    assert any("two settings of the calculations in one group?" in text for text in texts)


@pytest.mark.parametrize(
    ("group", "delta"), [("li54", 0.02), ("si64_hot", -0.02), ("li15si4", 0.02), ("si_vacancy", 0.05)]
)
def test_a_small_constant_of_half_the_frames(group, delta) -> None:
    data, rng = shipped(), np.random.default_rng(2)
    data = data.select(np.flatnonzero(data.groups == group))
    other = np.zeros(len(data), bool)
    other[rng.permutation(len(data))[: len(data) // 2]] = True
    (shift,) = references.mixtures(replace(data, energies=data.energies + np.where(other, delta * data.sizes, 0.0)))
    assert set(shift.rows) in (set(np.flatnonzero(other)), set(np.flatnonzero(~other)))
    assert abs(shift.value) == pytest.approx(abs(delta), abs=0.01)


@pytest.mark.parametrize(("delta", "is_told"), [(0.02, False), (0.3, True)])
def test_few_frames_need_a_larger_constant(delta, is_told) -> None:
    data = shipped()
    data = data.select(np.flatnonzero(data.groups == "li54")[:6])
    mixed = replace(data, energies=data.energies + np.where(np.arange(6) % 2, delta, 0.0) * data.sizes)
    assert bool(references.mixtures(mixed)) == is_told


def test_kinds_of_structures_in_one_group_are_no_settings() -> None:
    data = load(["lisi_training"])
    for names in (("li54", "li_fcc_cold"), ("si_removal", "si_divacancy"), ("surface_li", "li_cold")):
        joined = data.select(np.flatnonzero(np.isin(data.groups, names)))
        assert references.mixtures(replace(joined, groups=np.full(len(joined), "one"))) == []


def test_one_setting_is_not_two() -> None:
    assert references.mixtures(shipped()) == [] and references.mixtures(halves(0.3)) == []


def test_nothing_to_compare() -> None:
    alone = shipped().select(np.flatnonzero(shipped().groups == "li54"))
    assert references.shifts(alone) == [] and references.shifts(alone.select([0])) == []
    assert references.shifts(replace(alone, energies=np.full(len(alone), np.nan))) == []
    assert references.mixtures(alone.select([0])) == []
