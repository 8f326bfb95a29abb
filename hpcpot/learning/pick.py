"""Which explored frames are labelled: classes by system, what speaks against a candidate, and the choice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from hpcpot.dataset.dataset import frame_key, from_frames
from hpcpot.descriptors.descriptor import of_frames
from hpcpot.descriptors.soap.power_spectrum import Soap
from hpcpot.errors import DataError
from hpcpot.farm.results import Results
from hpcpot.learning.boxes import BoxLimits, why_bad
from hpcpot.learning.levels import (
    ACCURATE,
    CANDIDATE,
    AdaptiveLevels,
    Class,
    Levels,
    choose,
    classify,
    number_to_label,
    shuffled,
)
from hpcpot.selection.farthest import central, farthest
from hpcpot.storage.content import content_key


@dataclass(frozen=True)
class Rule:
    """How frames are chosen.

    Attributes:
        levels: by system. most: frames of a system. hard, soft: accurate ratios, see levels.number_to_label.
        limits: of cells and distances. distinct: SOAP distance, 0: only equal frames.
        by_distance: the farthest from one another instead of random ones. seed: whole numbers of run and iteration.
    """

    levels: Mapping[str, Levels | AdaptiveLevels]
    most: int
    hard: float
    soft: float | None
    limits: BoxLimits
    distinct: float
    by_distance: bool
    seed: tuple[int, ...]


@dataclass
class Explored:
    """The judged frames of one system, run after run.

    Attributes:
        deviations, virials: (n,) float64. frames: by row, those that were kept. sources: (n,) run and step of each.
        runs: key of each row's run. ended: runs that ended early.
    """

    deviations: np.ndarray
    virials: np.ndarray
    frames: dict[int, Atoms]
    sources: list[str]
    runs: list[str]
    ended: int = 0


@dataclass
class Picked:
    """What came of one system.

    Attributes:
        counts: frames of each `Class`. asked: frames that the rule asks for. frames, keys, sources, runs: taken,
        with the key of their content. dropped: reason -> how many. undefined: sources of frames without a deviation.
        ended: runs that ended early.
    """

    counts: dict[int, int]
    asked: int
    frames: list[Atoms] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    dropped: Counter = field(default_factory=Counter)
    undefined: list[str] = field(default_factory=list)
    ended: int = 0

    @property
    def accurate(self) -> float:
        """Share of accurate frames; NaN without frames."""
        total = sum(self.counts.values())
        return self.counts[ACCURATE] / total if total else np.nan


def by_system(results: Results, keys: Sequence[str], systems: Sequence[str]) -> dict[str, Explored]:
    """The frames of all runs that are done, in the order of the runs."""
    rows = {key: row for row, key in enumerate(results.keys())}
    labels = dict(zip(results.keys(), results.labels(), strict=True))
    columns = {name: results.read(name) for name in results.columns}
    explored: dict[str, Explored] = {name: Explored(np.zeros(0), np.zeros(0), {}, [], []) for name in systems}
    parts: dict[str, list[np.ndarray]] = {name: [np.zeros((0, 2))] for name in systems}
    for key in (key for key in keys if key in rows):
        values = {name: column[rows[key]] for name, column in columns.items()}
        of = explored[values["system"]]
        before, n = len(of.runs), len(values["species"])
        for place, k in enumerate(values["kept"]):
            positions = values["positions"][place * n : (place + 1) * n]
            atoms = Atoms(values["species"], positions, cell=values["cells"][place], pbc=values["periodic"])
            of.frames[before + int(k)] = atoms
        parts[values["system"]].append(np.column_stack([values["deviation"], values["virial_deviation"]]))
        of.sources += [f"{labels[key]}, step {step}" for step in values["step"]]
        of.runs += [key] * len(values["step"])
        of.ended += bool(values["ended"])
    for name, of in explored.items():
        of.deviations, of.virials = np.concatenate(parts[name]).T
    return explored


def pick(
    explored: Mapping[str, Explored], rule: Rule, elements: Sequence[str], known: Mapping[str, str]
) -> dict[str, Picked]:
    """Choose frames of each system.

    Args:
        elements: of all systems. known: key of a structure -> why it is not labelled again.
    """
    likeness = Likeness(elements, rule.distinct)
    taken: set[str] = set()
    picked = {}
    for number, (system, of) in enumerate(explored.items()):
        classes = classify(of.deviations, of.virials, rule.levels[system])
        hard = np.inf if of.ended else rule.hard  # frames say little of models that break between them
        n = number_to_label(classes, rule.most, hard, None if of.ended else rule.soft)
        result = Picked({kind: int(np.count_nonzero(classes == kind)) for kind in Class}, n)
        result.ended = of.ended
        result.undefined = [of.sources[k] for k in np.flatnonzero(np.isnan(of.deviations))]
        candidates = np.flatnonzero(classes == CANDIDATE)

        def why_not(row: int, of: Explored = of, system: str = system) -> str | None:
            atoms = of.frames[row]
            key = frame_key(atoms)
            reason = why_bad(atoms, rule.limits) or known.get(key) or likeness.refuses(atoms, key, key in taken)
            if reason is None:
                taken.add(key)
            return reason

        order = spread(of, candidates, likeness) if rule.by_distance else shuffled(candidates, (*rule.seed, number))
        choice = choose(order, n, why_not)
        for row in choice.rows:
            result.frames.append(of.frames[row])
            result.keys.append(frame_key(of.frames[row]))
            result.sources.append(of.sources[row])
            result.runs.append(of.runs[row])
        result.dropped.update(kind_of(reason) for reason in choice.dropped.values())
        picked[system] = result
    return picked


def kind_of(reason: str) -> str:
    """The reason of a drop without its numbers, to be counted."""
    return "close atoms" if "Å" in reason else reason.split(" ")[0] if "_ratio" in reason else reason


class Likeness:
    """Tells whether a frame is like one that was taken before."""

    ALIKE = "like another"

    def __init__(self, elements: Sequence[str], distinct: float):
        self._soap, self._distinct = Soap(tuple(elements)), distinct
        self._taken: list[np.ndarray] = []

    def refuses(self, atoms: Atoms, key: str, is_taken: bool) -> str | None:
        """What speaks against a frame, which is else remembered as taken."""
        if is_taken:
            return self.ALIKE
        if self._distinct == 0.0:
            return None
        try:
            vector = self.vectors([atoms])[0]
        except DataError:  # no neighbours: like nothing
            return None
        if any(np.linalg.norm(vector - other) <= self._distinct for other in self._taken):
            return self.ALIKE
        self._taken.append(vector)
        return None

    def vectors(self, frames: Sequence[Atoms]) -> np.ndarray:
        """Mean SOAP vectors of length 1, (frames, size).

        Raises:
            DataError: a frame without neighbours.
        """
        return of_frames(from_frames(frames, self._soap.elements), self._soap)


def spread(of: Explored, candidates: np.ndarray, likeness: Likeness) -> Iterator[int]:
    """The candidates in the order of farthest points."""
    if not len(candidates):
        return iter(())
    vectors = likeness.vectors([of.frames[row] for row in candidates])
    return iter(candidates[farthest(vectors, central(vectors)).order])


def split_runs(runs: Sequence[str], fraction: float, seed: int) -> np.ndarray:
    """Which frames are held out, (n,) bool: all or none of a run, about this fraction of the runs.

    A run's key alone decides, so that it is on the same side in every call.
    """

    def share(run: str) -> float:
        return int(content_key(seed, run)[:8], 16) / 16**8

    return np.array([share(run) < fraction for run in runs], bool)
