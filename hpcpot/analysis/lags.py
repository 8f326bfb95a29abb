"""Products of the vectors of atoms in pairs of frames, averaged over all pairs a lag apart, up to a longest lag."""

from __future__ import annotations

from copy import copy, deepcopy
from typing import NamedTuple

import numpy as np

from hpcpot.analysis.blocks import Blocks
from hpcpot.analysis.observable import Arrays, Frame, joined, part

BATCH = 16
"""Frames that are multiplied with those before them at once, as matrices: so each of those is read once for all."""
SAME = 0.001
"""fs; times, and lags, that differ by less are one, as they have round-off."""


class Kept(NamedTuple):
    """Frames that are kept to be paired with others.

    Attributes:
        numbers: (k,) int64, in the order of sampling. steps: (k,) int64. times: (k,) float64, fs.
        vectors: (k, 3, n) float64, atoms ordered by group.
    """

    numbers: np.ndarray
    steps: np.ndarray
    times: np.ndarray
    vectors: np.ndarray

    @classmethod
    def room(cls, count: int, n: int) -> Kept:
        """Room for so many frames, none of which is there yet."""
        return cls(*(np.full(count, -1, kind) for kind in (np.int64, np.int64, float)), np.zeros((count, 3, n)))

    def rows(self, which: slice | np.ndarray) -> Kept:
        return Kept(*(values[which] for values in self))

    def in_order(self) -> Kept:
        """Frames that are there, in order."""
        return self.rows(np.argsort(self.numbers, kind="stable")[(self.numbers < 0).sum() :])


class LagSums:
    """Sums over pairs of frames by their lag in time: x(t) x(t'), or (x(t') - x(t))^2, summed over the atoms of a group.

    A frame is paired with itself and with those before it, `longest` of them at most, which are kept: all origins count, and
    memory does not grow with the run. Frames need not be evenly spaced; different ones at one time, as of a minimiser, are not
    paired with each other.

    Args:
        first: reference frame; the part of a trajectory that begins with it has nothing before it.
        groups: (n,) int, the group of each atom, 0 .. . longest: lag in frames.
        is_difference: squares of differences, else products.
    """

    def __init__(self, first: Frame, groups: np.ndarray, longest: int, is_difference: bool):
        self._first, self._longest, self._is_difference = first.step, longest, is_difference
        self._order = np.argsort(groups, kind="stable")
        self._bounds = np.searchsorted(groups[self._order], np.arange(groups.max(initial=-1) + 2))
        self._lags, self._blocks = np.zeros(0), Blocks(first.step)
        # A ring; batches begin at multiples of BATCH, so that each lies in it as one piece.
        self._ring = Kept.room((-(-longest // BATCH) + 1) * BATCH, len(groups))
        self._head = Kept.room(0, len(groups))  # the first frames of a part with frames before it, for `merge`
        self._count = self._done = 0

    def add(self, frame: Frame, vectors: np.ndarray) -> None:
        """Add a frame. Args: vectors: (n, 3) float64."""
        if self._count == 0 and frame.step != self._first:
            self._head = Kept.room(self._longest, len(self._order))
        ordered = vectors[self._order].T
        for kept, place in ((self._ring, self._count % len(self._ring.steps)), (self._head, self._count)):
            if place < len(kept.steps):
                kept.numbers[place], kept.steps[place] = self._count, frame.step
                kept.times[place], kept.vectors[place] = frame.time, ordered
        self._count += 1
        if self._count % BATCH == 0:
            self._flush()

    def merge(self, other: LagSums) -> None:
        """Add the pairs of later frames, and those of these frames and later ones; the other one is used up."""
        self._flush()
        other._flush()
        if not other._count:
            return
        if not self._count:
            self.__dict__.update(other.__dict__)
            return
        earlier, later = self._ring.in_order(), other._ring.in_order()
        heading = other._head.in_order()
        heading = heading._replace(numbers=heading.numbers + self._count)
        self._add_pairs(earlier, heading)
        self._widen(other._lags)
        other._widen(self._lags)
        self._blocks.merge(other._blocks)
        self._head = _joined(self._head.in_order(), heading, len(self._head.steps), from_start=True)
        later = later._replace(numbers=later.numbers + self._count)
        self._count = self._done = self._count + other._count
        latest = _joined(earlier, later, self._longest, from_start=False)
        self._ring = Kept.room(len(self._ring.steps), len(self._order))
        for values, row in zip(self._ring, latest, strict=True):
            values[latest.numbers % len(self._ring.steps)] = row

    def totals(self) -> tuple[np.ndarray, Blocks]:
        """Lags, (lags,) float64, fs, ascending; sums by block: sums (lags, groups, 3) and pairs of frames (lags,)."""
        whole = copy(self)
        whole._blocks = deepcopy(self._blocks)
        whole._flush()
        return whole._lags, whole._blocks

    def state(self) -> Arrays:
        numbers = {"lags": self._lags.copy(), "counts": np.array([self._count, self._done, len(self._head.steps)])}
        frames = {name: self._frames(name).in_order()._asdict() for name in ("ring", "head")}
        return numbers | joined(blocks=self._blocks.state(), **frames)

    def restore(self, arrays: Arrays) -> None:
        self._lags = np.array(arrays["lags"])
        self._count, self._done, heading = map(int, arrays["counts"])
        self._blocks.restore(part(arrays, "blocks"))
        self._head = Kept.room(heading, len(self._order))
        for name in ("ring", "head"):
            frames, saved = self._frames(name), Kept(**part(arrays, name))
            for values, row in zip(frames, saved, strict=True):
                values[saved.numbers % max(len(frames.steps), 1)] = row

    def _frames(self, name: str) -> Kept:
        return self._ring if name == "ring" else self._head

    def _flush(self) -> None:
        """Pair the latest frames with those before them and with each other."""
        if self._done < self._count:
            begin = self._done % len(self._ring.steps)
            self._add_pairs(self._ring, self._ring.rows(slice(begin, begin + self._count - self._done)))
            self._done = self._count

    def _add_pairs(self, earlier: Kept, later: Kept) -> None:
        """Add pairs whose frames are 0 to `longest` apart."""
        groups = len(self._bounds) - 1
        apart = later.numbers[:, None] - earlier.numbers
        counted = (apart >= 0) & (apart <= self._longest) & (earlier.numbers >= 0)
        sums = np.empty((groups, 3, len(later.steps), len(earlier.steps)))
        for group in range(groups):
            atoms = slice(self._bounds[group], self._bounds[group + 1])
            for axis in range(3):
                a, b = earlier.vectors[:, axis, atoms], later.vectors[:, axis, atoms]
                np.matmul(b, a.T, out=sums[group, axis])
                if self._is_difference:
                    squares = np.einsum("kn,kn->k", a, a) + np.einsum("kn,kn->k", b, b)[:, None]
                    sums[group, axis] = squares - 2.0 * sums[group, axis]
        lags = later.times[:, None] - earlier.times
        counted &= (lags > SAME) | (apart == 0)
        self._widen(lags[counted])
        for j, step in enumerate(later.steps):
            places = _places(lags[j, counted[j]], self._lags)
            row, pairs = np.zeros((len(self._lags), groups, 3)), np.zeros(len(self._lags), np.int64)
            np.add.at(row, places, sums[:, :, j, counted[j]].transpose(2, 0, 1))
            np.add.at(pairs, places, 1)
            self._blocks.add(int(step), sums=row, pairs=pairs)

    def _widen(self, more: np.ndarray) -> None:
        """Make room for further lags. Of those that are one, the least stands for all, in whatever order they come."""
        lags = np.union1d(self._lags, more)
        lags = lags[np.diff(lags, prepend=-np.inf) > SAME]
        if len(lags) > len(self._lags):
            places = _places(self._lags, lags)
            for name, values in self._blocks.sums.items():
                self._blocks.sums[name] = np.zeros((len(values), len(lags), *values.shape[2:]), values.dtype)
                self._blocks.sums[name][:, places] = values
        self._lags = lags


def _places(lags: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Rows of lags among those that stand for them."""
    return np.searchsorted(among, lags - SAME)


def _joined(before: Kept, after: Kept, count: int, from_start: bool) -> Kept:
    """Join frames and keep so many of them, from the start or the end, in rooms of that number."""
    which = slice(0, count) if from_start else slice(max(len(before.steps) + len(after.steps) - count, 0), None)
    pairs = zip(before, after, strict=True)
    frames = Kept(*(np.concatenate(pair)[which] for pair in pairs))
    if not from_start or len(frames.steps) == count:
        return frames
    rooms = Kept.room(count, frames.vectors.shape[2])
    for values, row in zip(rooms, frames, strict=True):
        values[: len(row)] = row
    return rooms
