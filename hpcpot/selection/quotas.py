"""How many of each kind a subset may have."""

from __future__ import annotations

import numpy as np

from hpcpot.errors import DataError


class Quotas:
    """What may still be chosen: nothing twice, and of each kind no more than its quota.

    Args:
        kinds: (n,) int64, kind of each thing. most: (kinds,) int64, quota of each kind.
    Attributes:
        is_open: (n,) bool, what may be chosen now.
    """

    def __init__(self, kinds: np.ndarray, most: np.ndarray):
        self._kinds, self._left = np.asarray(kinds, np.int64), np.array(most, np.int64)
        self._chosen = np.zeros(len(self._kinds), bool)
        self.is_open = self._left[self._kinds] > 0

    @classmethod
    def none(cls, count: int) -> Quotas:
        """No quotas: so many things, all of which may be chosen."""
        return cls(np.zeros(count, np.int64), np.array([count]))

    @property
    def room(self) -> int:
        """How many may still be chosen."""
        left = np.bincount(self._kinds[~self._chosen], minlength=len(self._left))
        return int(np.minimum(left, self._left).sum())

    def require(self, count: int, method: str) -> None:
        """Refuse to choose more than there are.

        Raises:
            DataError: see above.
        """
        if not 1 <= count <= self.room:
            raise DataError(
                f"count of {method} = {count}: must be 1 to {self.room}, the number of vectors, or of those within quotas; "
                "correct it."
            )

    def take(self, row: int) -> None:
        """Choose one that is open."""
        kind = self._kinds[row]
        self._left[kind] -= 1
        self._chosen[row] = True
        self.is_open[row] = False
        if self._left[kind] == 0:
            self.is_open[self._kinds == kind] = False
