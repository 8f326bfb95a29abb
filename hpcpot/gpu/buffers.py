"""Device memory that is kept from call to call, so that nothing is allocated in a step."""

from __future__ import annotations

from typing import Any

import numpy as np


class Buffers:
    """Arrays by name.

    Attributes:
        grown: how often one had to be allocated anew; graphs captured before then are void.
    """

    def __init__(self, xp: Any):
        self._xp = xp
        self._held: dict[str, Any] = {}
        self.grown = 0

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """An array of that shape, contiguous, with whatever it held before."""
        size = int(np.prod(shape, dtype=np.int64))
        held = self._held.get(name)
        if held is None or held.size < size or held.dtype != dtype:
            self._held[name] = held = None
            self._held[name] = held = self._xp.empty(size + size // 8, dtype)
            self.grown += 1
        return held[:size].reshape(shape)

    @property
    def nbytes(self) -> int:
        return sum(held.nbytes for held in self._held.values())
