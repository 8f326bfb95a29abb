"""Device memory that is kept between calls, so that no step allocates."""

from __future__ import annotations

from typing import Any

import numpy as np

from hpcpot.errors import ConfigError

SPARE = 8
"""A new array is larger than asked for by one part in so many, so that it rarely has to grow."""


class Buffers:
    """Arrays by name.

    Attributes:
        grown: number of allocations; graphs captured before the last one are void.
    """

    def __init__(self, xp: Any):
        self._xp = xp
        self._arrays: dict[str, Any] = {}
        self.grown = 0

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
        """A contiguous array of that shape, its contents undefined or those of the last use."""
        size = int(np.prod(shape, dtype=np.int64))
        buffer = self._arrays.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            self._arrays[name] = buffer = None
            self._arrays[name] = buffer = self._allocated(name, size + size // SPARE, np.dtype(dtype))
            self.grown += 1
        return buffer[:size].reshape(shape)

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
        return sum(buffer.nbytes for buffer in self._arrays.values() if buffer is not None)
