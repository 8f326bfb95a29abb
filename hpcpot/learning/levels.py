"""Classes of explored frames by the deviation of a committee, how many to label, and which.

Source: dpgen 0.14.0, generator/run.py (`_select_by_model_devi_standard`, `_select_by_model_devi_adaptive_trust_low`,
`_make_fp_vasp_inner`); Zhang et al., Phys. Rev. Materials 3, 023804 (2019).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np


class Class(IntEnum):
    """What a frame is to the committee: known, worth labelling, or too far from what it was trained on."""

    ACCURATE = 0
    CANDIDATE = 1
    FAILED = 2


ACCURATE, CANDIDATE, FAILED = Class

NAMES = {kind: kind.name.lower() for kind in Class}
"""Classes -> accurate, candidate, failed: the names of their counts."""


@dataclass(frozen=True)
class Levels:
    """Fixed levels: low <= deviation < high makes a candidate, deviation >= high a failed frame.

    Attributes:
        force_low, force_high: of the largest deviation of a force, eV/Å; without unit if it is relative.
        virial_low, virial_high: of the largest deviation of the virial of an atom, eV; infinite: not looked at.
        failed_first: a frame that is a candidate by one deviation and failed by the other is failed; else a candidate,
            as in DP-GEN's `run`.
    """

    force_low: float
    force_high: float
    virial_low: float = np.inf
    virial_high: float = np.inf
    failed_first: bool = True


@dataclass(frozen=True)
class AdaptiveLevels:
    """Lower levels that follow from how many candidates there shall be; deviation > high makes a failed frame.

    Attributes:
        force_high, virial_high: as in `Levels`.
        force_count, virial_count: the frames of the largest deviations that are candidates, failed ones left out.
        force_percent, virial_percent: as many in percent of the frames that are not failed; the larger number counts.
    """

    force_high: float
    virial_high: float = np.inf
    force_count: int = 10
    force_percent: float = 0.0
    virial_count: int = 0
    virial_percent: float = 0.0


def classify(force_max: np.ndarray, virial_max: np.ndarray | None, levels: Levels | AdaptiveLevels) -> np.ndarray:
    """Class of each frame; a deviation that is NaN makes a failed frame.

    Of equal deviations on the edge of adaptive levels the later frames are candidates.

    Args:
        force_max: (n,) float64, largest deviation of a force in the frame, in the unit of the levels.
        virial_max: (n,) float64, that of the virial per atom; None: the virial is not looked at.
    Returns:
        (n,) int8 of `Class`.
    """
    force, virial = _deviations(force_max, virial_max)
    if isinstance(levels, AdaptiveLevels):
        failed = _failed(force, virial, levels)
        candidate = np.zeros(len(force), bool)
        for rows in _largest(force, virial, levels):
            candidate[rows] = True
        return np.where(failed, FAILED, np.where(candidate, CANDIDATE, ACCURATE)).astype(np.int8)
    unknown = np.isnan(force) | np.isnan(virial)
    failed = (force >= levels.force_high) | (virial >= levels.virial_high)
    candidate = (force >= levels.force_low) & (force < levels.force_high)
    candidate |= (virial >= levels.virial_low) & (virial < levels.virial_high)
    classes = np.where(candidate, CANDIDATE, ACCURATE)
    return np.where(unknown | (failed & (levels.failed_first | ~candidate)), FAILED, classes).astype(np.int8)


def _deviations(force_max: np.ndarray, virial_max: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    force = np.asarray(force_max, np.float64)
    return force, np.full(len(force), -np.inf) if virial_max is None else np.asarray(virial_max, np.float64)


def _failed(force: np.ndarray, virial: np.ndarray, levels: AdaptiveLevels) -> np.ndarray:
    return ~((force <= levels.force_high) & (virial <= levels.virial_high))


def _largest(force: np.ndarray, virial: np.ndarray, levels: AdaptiveLevels) -> Iterator[np.ndarray]:
    """Rows of the largest deviations of the force, then of the virial, among the frames that are not failed."""
    rows = np.flatnonzero(~_failed(force, virial, levels))
    for values, count, percent in (
        (force, levels.force_count, levels.force_percent),
        (virial, levels.virial_count, levels.virial_percent),
    ):
        looked_at = not np.isneginf(values).all()
        number = max(count, int(percent * 0.01 * len(rows))) if looked_at else 0
        yield rows[np.argsort(values[rows], kind="stable")][max(len(rows) - number, 0) :]


def number_to_label(classes: np.ndarray, most: int, hard: float = 1.0, soft: float | None = None) -> int:
    """How many frames of a system are labelled, by its accurate ratio r = accurate / all.

    n = most where r < soft; most (r - hard) / (soft - hard), rounded down, where soft <= r < hard; else 0; never more
    than there are candidates.

    Args:
        classes: (n,) of `Class`, of all frames of the system.
        most: largest number. hard, soft: accurate ratios, soft <= hard; soft None: equal to hard.
    """
    classes = np.asarray(classes)
    if not len(classes):
        return 0
    soft = hard if soft is None else soft
    ratio = np.count_nonzero(classes == ACCURATE) / len(classes)
    if soft <= ratio < hard:
        most = int(most * (ratio - hard) / (soft - hard))
    elif ratio >= hard:
        most = 0
    return min(most, int(np.count_nonzero(classes == CANDIDATE)))


@dataclass
class Taken:
    """What was taken of the candidates.

    Attributes:
        rows: in the order of the choice. dropped: row -> why it was passed over.
    """

    rows: list[int] = field(default_factory=list)
    dropped: dict[int, str] = field(default_factory=dict)


def shuffled(rows: np.ndarray | Sequence[int], seed: Sequence[int]) -> np.ndarray:
    """The rows in a random order that depends on the seed and on nothing else: (n,) int64.

    Args:
        seed: whole numbers >= 0, for instance of the run, its iteration and the system.
    """
    return np.random.default_rng(list(seed)).permutation(np.asarray(rows, np.int64))


def choose(order: Iterable[int], count: int, why_not: Callable[[int], str | None]) -> Taken:
    """The first `count` rows of an order that nothing speaks against; the next one comes in place of a dropped one.

    Args:
        order: rows of the candidates. why_not: what speaks against a row, or None; asked only of rows that are reached.
    """
    choice = Taken()
    for row in map(int, order):
        if len(choice.rows) >= count:
            break
        reason = why_not(row)
        if reason is None:
            choice.rows.append(row)
        else:
            choice.dropped[row] = reason
    return choice
