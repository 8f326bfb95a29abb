"""Differences between two sets of labels of the same structures, and the constants by which their energies differ.

Two programs, or two settings of one, count energies from other zeros: a constant to each element, which is no error of
either. It is fitted to frames of which the two should agree but for it, such as bulk crystals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from ase.data import atomic_numbers
from ase.formula import Formula

from hpcpot.dataset.checks import agree
from hpcpot.dataset.dataset import DataSet
from hpcpot.dataset.files import of_present_elements
from hpcpot.dataset.measures import element_energies, spanned
from hpcpot.errors import DataError
from hpcpot.notices import notice
from hpcpot.wording import plural

SAME = 1.0e-4
"""Å, by which coordinates and cells of the same structure differ at most: that of the last digits of files."""
NAMED = 5
"""Frames without a counterpart that are named."""


@dataclass(frozen=True)
class Constants:
    """One energy to each element.

    Attributes:
        elements: symbols. values: (elements,) eV. frames: that they were fitted to.
        left: eV/atom, mean absolute energy that they leave on these.
    """

    elements: tuple[str, ...]
    values: np.ndarray
    frames: int
    left: float

    def taken_off(self, dataset: DataSet) -> DataSet:
        """The data set with its energies less the constants of its atoms."""
        return replace(
            dataset, energies=dataset.energies - dataset.with_elements(self.elements).counts @ self.values, raw=None
        )

    def __str__(self) -> str:
        return ", ".join(f"{symbol} {value:+.6f}" for symbol, value in zip(self.elements, self.values, strict=True))


def shared(dataset: DataSet, other: DataSet, name: str) -> tuple[DataSet, DataSet]:
    """The frames whose structures both have, with the labels of the one and those of the other.

    Args:
        name: of the other, for messages.
    Raises:
        DataError: no structure in common, or one with two labels in the other.
    """
    partners = counterparts(dataset, other, name)
    _say_alone(dataset, other, partners, name)
    rows = np.flatnonzero(partners >= 0)
    if not len(rows):
        raise DataError(
            f"{name} = no structure of the data: elements, positions, cell and boundaries must be those of a frame to "
            f"{SAME:g} Å, atoms in the same order; label these very frames."
        )
    return of_present_elements(dataset.select(rows)), of_present_elements(other.select(partners[rows]))


def minus(dataset: DataSet, other: DataSet) -> DataSet:
    """The frames of `shared` with the labels of one less those of the other; a label that one lacks is missing."""
    return replace(
        dataset,
        energies=dataset.energies - other.energies,
        forces=dataset.forces - other.forces,
        virials=dataset.virials - other.virials,
        raw=None,
    )


def counterparts(dataset: DataSet, other: DataSet, name: str) -> np.ndarray:
    """(n,) int, for each frame the row of the same structure in another data set; -1 where there is none.

    Raises:
        DataError: see `shared`.
    """
    from scipy.spatial import cKDTree  # late: takes 0.4 s

    partners = np.full(len(dataset), -1)
    theirs = _by_kind(other)
    for kind, rows in _by_kind(dataset).items():
        if kind not in theirs:
            continue
        candidates = theirs[kind]
        tree, whole = cKDTree(_points(other, candidates)), _coordinates(other, candidates)
        near = tree.query_ball_point(_points(dataset, rows), SAME, p=np.inf)
        for row, mine, members in zip(rows, _coordinates(dataset, rows), near, strict=True):
            same = [k for k in members if np.abs(whole[k] - mine).max() <= SAME]
            if not same:
                continue
            partners[row] = candidates[same[0]]
            for k in same[1:]:
                if not agree(other, candidates[same[0]], candidates[k]):
                    raise DataError(
                        f"{name}: frames {other.sources[candidates[same[0]]]} and {other.sources[candidates[k]]} = one "
                        "structure with two labels: must have one; leave one out (hpcpot dataset --drop)."
                    )
    return partners


def constants(dataset: DataSet, patterns: Sequence[str], option: str) -> Constants:
    """The energy of each element that the frames of some groups have, by least absolute deviations.

    Args:
        patterns: names of groups, or patterns of them. option: what the user gave them by.
    Raises:
        DataError: no such group, none of its frames has an energy, or they do not tell the energies of all elements apart.
    """
    given = f"{option} = {','.join(patterns)}"
    groups = [str(group) for group in np.unique(dataset.groups)]
    for pattern in patterns:
        if not any(fnmatchcase(group, pattern) for group in groups):
            raise DataError(f"{given}: no group of {pattern}: must be of {', '.join(groups)}.")
    is_meant = [any(fnmatchcase(str(group), pattern) for pattern in patterns) for group in dataset.groups]
    rows = np.flatnonzero(is_meant & np.isfinite(dataset.energies))
    if not len(rows):
        raise DataError(f"{given}: no frame that has an energy in both: at least one is required; name other groups.")
    part = dataset.select(rows)
    if len(spanned(part.counts / part.sizes[:, None])) < len(part.elements):
        raise DataError(
            f"{given}: {plural(len(part), 'frame')} of {_compositions(part)}: must tell the energies of "
            f"{', '.join(part.elements)} apart; name groups with other compositions, such as crystals of each element."
        )
    values, residuals = element_energies(part)
    return Constants(part.elements, values, len(part), float(np.abs(residuals).mean()))


def _say_alone(dataset: DataSet, other: DataSet, partners: np.ndarray, name: str) -> None:
    """Say which frames have no counterpart, and how many of the other have none."""
    alone = np.flatnonzero(partners < 0)
    if len(alone):
        lines = [f"  {dataset.sources[k]}: {_nearest(dataset, k, other)}" for k in alone[:NAMED]]
        if len(alone) > NAMED:
            lines.append(f"  and {len(alone) - NAMED} more")
        notice(
            f"{len(alone)} of {plural(len(dataset), 'frame')}",
            f"not in {name}, so left out of the difference:\n" + "\n".join(lines),
        )
    unused = len(other) - len(np.unique(partners[partners >= 0]))
    if unused:
        notice(f"{name}: {unused} of {plural(len(other), 'frame')}", "not used: no such structure in the data")


def _nearest(dataset: DataSet, k: int, other: DataSet) -> str:
    """Say how far the nearest frame of the same atoms is from frame k."""
    part = dataset.select([k])
    (kind,) = _by_kind(part)
    rows = _by_kind(other).get(kind)
    if rows is None:
        formula = Formula.from_list([part.elements[t] for t in part.species]).format("hill")
        return f"no frame with the atoms of {formula} in this order and these periodic axes"
    apart = np.abs(_coordinates(other, rows) - _coordinates(part, np.array([0])))
    best = int(np.argmin(apart.max(axis=1)))
    cell, positions = apart[best, :9].max(), apart[best, 9:].max()
    return f"nearest is {other.sources[rows[best]]}, positions up to {positions:.2g} Å and cell up to {cell:.2g} Å off"


def _by_kind(dataset: DataSet) -> dict[bytes, np.ndarray]:
    """Rows of frames with the same elements in the same order and the same periodic axes."""
    numbers = np.array([atomic_numbers[symbol] for symbol in dataset.elements], np.uint8)[dataset.species]
    kinds: dict[bytes, list[int]] = {}
    for k in range(len(dataset)):
        atoms = numbers[dataset.first[k] : dataset.first[k + 1]]
        kinds.setdefault(dataset.periodic[k].tobytes() + atoms.tobytes(), []).append(k)
    return {kind: np.array(rows) for kind, rows in kinds.items()}


def _coordinates(dataset: DataSet, rows: np.ndarray) -> np.ndarray:
    """(rows, 9 + 3 atoms) Å, cell and positions of frames of one size."""
    part = dataset.select(rows)
    return np.hstack([part.cells.reshape(len(rows), 9), part.positions.reshape(len(rows), -1)])


def _points(dataset: DataSet, rows: np.ndarray) -> np.ndarray:
    """(rows, 15) Å: cell, first and mean position, none of which differs by more than a coordinate does."""
    whole = _coordinates(dataset, rows)
    return np.hstack([whole[:, :12], whole[:, 9:].reshape(len(rows), -1, 3).mean(axis=1)])


def _compositions(dataset: DataSet) -> str:
    counts = np.unique(dataset.counts, axis=0)
    names = ["".join(f"{e}{n}" for e, n in zip(dataset.elements, row, strict=True) if n) for row in counts[:3]]
    return ", ".join(names) + (f" and {len(counts) - 3} more" if len(counts) > 3 else "")
