"""Sums over blocks of successive frames, from which means and everything made of them have an error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hpcpot.analysis.observable import Arrays

MOST = 16
"""Blocks, at most; as soon as there were more, each becomes half of one twice as long. A long run has 9 to 16."""


class Blocks:
    """Sums by block and name. A block is a span of steps, so it does not depend on how frames are shared out.

    Args:
        first: step of the reference frame, where the first block begins.
    """

    def __init__(self, first: int):
        self._first, self._width = first, 1
        self.sums: Arrays = {}

    def __len__(self) -> int:
        return max(map(len, self.sums.values()), default=0)

    def add(self, step: int, **values: np.ndarray | float) -> None:
        """Add values of a frame, each of a shape that stays the same."""
        block = self._block(step)
        for name, value in values.items():
            if name not in self.sums:
                self.sums[name] = np.zeros((max(len(self), block + 1), *np.shape(value)), np.asarray(value).dtype)
            self.sums[name][block] += value

    def merge(self, other: Blocks) -> None:
        """Add the sums of later frames; the other one is used up."""
        while self._width < other._width:
            self._double()
        while other._width < self._width:
            other._double()
        count = max(len(self), len(other))
        self._grow(count)
        for name, values in other.sums.items():
            mine = self.sums.setdefault(name, np.zeros((count, *values.shape[1:]), values.dtype))
            mine[: len(values)] += values

    def total(self) -> Arrays:
        """Sums over all frames, by name."""
        return {name: values.sum(axis=0) for name, values in self.sums.items()}

    def jackknife(self, function: Callable[[Arrays], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """A function of the sums over all frames, and its standard error by leaving out a block at a time.

        error^2 = (B - 1) / B sum_b (f_(-b) - mean f_(-b))^2 over the B blocks that hold frames; nan with fewer than two.

        Args:
            function: of the sums by name.
        Source: Efron and Stein, Ann. Statist. 9, 586 (1981).
        """
        whole = self.total()
        value = np.asarray(function(whole), float)
        held = [b for b in range(len(self)) if any(values[b].any() for values in self.sums.values())]
        if len(held) < 2:
            return value, np.full_like(value, np.nan)
        left_out = [function({name: whole[name] - values[b] for name, values in self.sums.items()}) for b in held]
        return value, np.sqrt((len(held) - 1) * np.var(np.asarray(left_out, float), axis=0))

    def state(self) -> Arrays:
        return {"width": np.array(self._width)} | {f"sum {name}": values.copy() for name, values in self.sums.items()}

    def restore(self, arrays: Arrays) -> None:
        self._width = int(arrays["width"])
        self.sums = {
            name.removeprefix("sum "): np.array(values) for name, values in arrays.items() if name.startswith("sum ")
        }

    def _block(self, step: int) -> int:
        """Block of a step, after making room for it."""
        while (step - self._first) // self._width >= MOST:
            self._double()
        block = (step - self._first) // self._width
        self._grow(block + 1)
        return block

    def _grow(self, count: int) -> None:
        for name, values in self.sums.items():
            missing = count - len(values)
            if missing > 0:
                self.sums[name] = np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])

    def _double(self) -> None:
        self._width *= 2
        for name, values in self.sums.items():
            even = np.concatenate([values, np.zeros((len(values) % 2, *values.shape[1:]), values.dtype)])
            self.sums[name] = even[0::2] + even[1::2]
