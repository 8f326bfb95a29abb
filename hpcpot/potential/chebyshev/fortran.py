"""Sequential Fortran files, the two forms in which aenet keeps a network: unformatted records and list-directed text.

Both readers take the values of a file in order; they differ only in the bytes.
"""

from __future__ import annotations

import numpy as np


class Records:
    """Unformatted records, as gfortran and ifort write them: each between two int32 lengths, little-endian."""

    def __init__(self, content: bytes):
        self.content = content
        self.position = 0
        self.number = 0

    def _next(self, name: str, size: int) -> bytes:
        self.number += 1
        start = self.position + 4
        end = start + size + 4
        first, last = self.content[self.position : start], self.content[start + size : end]
        length = int.from_bytes(first, "little", signed=True)
        if end > len(self.content) and (length == size or len(first) < 4):
            raise ValueError(f"record {self.number} ({name}): the file ends at byte {len(self.content)}")
        if length != size or last != first:
            raise ValueError(f"record {self.number} ({name}): {size} bytes expected, {length} found")
        self.position = end
        return self.content[start : start + size]

    def integers(self, name: str, count: int = 1) -> np.ndarray:
        """(count,) int64 from int32."""
        return np.frombuffer(self._next(name, 4 * count), "<i4").astype(np.int64)

    def numbers(self, name: str, count: int = 1) -> np.ndarray:
        """(count,) float64."""
        return np.frombuffer(self._next(name, 8 * count), "<f8").astype(np.float64)

    def logical(self, name: str) -> bool:
        """LOGICAL(4): any non-zero value is true (gfortran writes 1, ifort -1)."""
        return bool(self.integers(name)[0])

    def text(self, name: str, width: int) -> str:
        """CHARACTER(width), without the blanks around it."""
        return self._next(name, width).decode("utf-8", "replace").strip()

    def species(self, name: str, count: int = 1) -> tuple[str, ...]:
        """`count` names, CHARACTER(2)."""
        names = self._next(name, 2 * count).decode("ascii")
        return tuple(names[2 * k : 2 * k + 2].strip() for k in range(count))

    def at_end(self) -> bool:
        return self.position == len(self.content)


class Lines:
    """List-directed text, as aenet-PyTorch writes it: one record a line; numbers may be wrapped."""

    def __init__(self, content: str):
        self.lines = content.splitlines()
        self.position = 0
        self.number = 0

    def _line(self, name: str) -> str:
        if self.position >= len(self.lines):
            raise ValueError(f"record {self.number} ({name}): the file ends at line {len(self.lines)}")
        self.position += 1
        return self.lines[self.position - 1]

    def _words(self, name: str, count: int) -> list[str]:
        """Words of as many lines as it takes to have `count`."""
        self.number += 1
        words: list[str] = []
        while len(words) < count:
            words += self._line(name).split()
        if len(words) > count:
            raise ValueError(f"record {self.number} ({name}), line {self.position}: {count} values expected")
        return words

    def integers(self, name: str, count: int = 1) -> np.ndarray:
        """(count,) int64."""
        return np.array([int(word) for word in self._words(name, count)], np.int64)

    def numbers(self, name: str, count: int = 1) -> np.ndarray:
        """(count,) float64."""
        return np.array([float(word) for word in self._words(name, count)], np.float64)

    def logical(self, name: str) -> bool:
        """True, T, .true. or False, F, .false."""
        word = self._words(name, 1)[0].lower().lstrip(".")
        if word[:1] not in ("t", "f"):
            raise ValueError(f"record {self.number} ({name}), line {self.position}: True or False expected")
        return word.startswith("t")

    def text(self, name: str, width: int) -> str:
        """One line, without the blanks around it."""
        self.number += 1
        return self._line(name).strip()

    def species(self, name: str, count: int = 1) -> tuple[str, ...]:
        """`count` names."""
        return tuple(self._words(name, count))

    def at_end(self) -> bool:
        return not any(line.strip() for line in self.lines[self.position :])
