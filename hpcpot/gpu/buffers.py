"""Device memory that is kept from call to call, so that nothing is allocated in a step."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcpot.errors import ConfigError

SPARE = 8
"""A new array has room for one part in so many over what is asked for, so that it rarely has to grow."""


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
            self._held[name] = held = self._allocated(name, size + size // SPARE, np.dtype(dtype))
            self.grown += 1
        return held[:size].reshape(shape)

    def _allocated(self, name: str, size: int, dtype: np.dtype) -> Any:
        try:
            return self._xp.empty(size, dtype)
        except MemoryError as error:  # CuPy's is one, too
            raise ConfigError(
                f"GPU memory = {size * dtype.itemsize / 1e6:.0f} MB for {name}: cannot be had beside "
                f"{self.nbytes / 1e6:.0f} MB held already; free the GPU of other programs, use more GPUs, or a smaller "
                "neighbors.skin_A."
            ) from error

    @property
    def nbytes(self) -> int:
        return sum(held.nbytes for held in self._held.values() if held is not None)
